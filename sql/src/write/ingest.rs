//! Ids of loads: a load whose id was committed before commits nothing and succeeds.

use peristyle_catalog::model::IngestId;

use crate::error::{SqlError, SqlState};
use crate::scope::Scope;

/// The session's setting that gives statements an id.
pub(crate) const SETTING: &str = "ingest_id";
/// Longest id, in bytes.
const ID_BYTES_MAX: usize = 1024;

/// The id that a statement's rows are committed under: its own, else the session's.
pub(super) fn ingest_id(scope: &Scope, own: Option<&str>) -> Result<Option<IngestId>, SqlError> {
    let id = match own {
        Some(own) => own,
        None => scope.settings.get(SETTING)?,
    };
    if own.is_none() && id.is_empty() {
        return Ok(None);
    }
    if id.is_empty() || id.len() > ID_BYTES_MAX {
        let message = format!("an ingest id has 1 to {ID_BYTES_MAX} bytes");
        return Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message));
    }
    Ok(Some(IngestId(id.to_owned())))
}

/// Whether the id was committed before; the client is told.
pub(super) fn is_replay(scope: &Scope, id: &IngestId) -> bool {
    let is_known = scope.view.is_ingested(id);
    if is_known {
        scope.notice(
            SqlState::SUCCESSFUL_COMPLETION,
            format!("ingest id \"{}\" was committed before, nothing is written", id.0),
        );
    }
    is_known
}
