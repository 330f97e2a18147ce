//! The engine: what all sessions of a server share.

use std::sync::Arc;

use crate::error::SqlError;
use crate::session::{ConnectOptions, Session};

/// One server's engine over one catalog and one store.
pub struct Engine {}

impl Engine {
    /// A new session; 3D000 for an unknown database, 28000 for an unknown role, 22023 for a bad parameter.
    pub fn connect(self: &Arc<Self>, _options: ConnectOptions) -> Result<Session, SqlError> {
        todo!()
    }
}
