//! `COPY … TO STDOUT`.

use std::sync::Arc;

use crate::error::SqlError;
use crate::outcome::Outcome;
use crate::parse::CopyStatement;
use crate::scope::Scope;

pub(crate) async fn run(_scope: Arc<Scope>, _copy: &CopyStatement) -> Result<Outcome, SqlError> {
    Err(SqlError::unsupported("COPY TO is not supported yet"))
}
