//! `COPY … FROM STDIN`.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::SqlError;
use crate::outcome::Outcome;
use crate::parse::CopyStatement;
use crate::scope::Scope;
use crate::session::SharedTransaction;

/// A COPY that waits for its data. Dropping it discards everything that it wrote.
pub struct CopyIn {
    pub column_count: usize,
    pub binary: bool,
}

impl CopyIn {
    pub async fn write(&mut self, _bytes: Bytes) -> Result<(), SqlError> {
        Ok(())
    }
    pub async fn finish(self) -> Result<String, SqlError> {
        Ok(String::new())
    }
    pub async fn abort(self) {}
}

pub(crate) async fn copy_in(_scope: Arc<Scope>, _transaction: SharedTransaction, _copy: &CopyStatement) -> Result<Outcome, SqlError> {
    Err(SqlError::unsupported("COPY FROM is not supported yet"))
}
