//! `FREEZE`: every load is as visible as any other here, and is so where PostgreSQL allows it: in a table that others do not see
//! before the transaction ends.

use super::Target;
use crate::copy::CopyOptions;
use crate::error::{SqlError, SqlState};
use crate::scope::Scope;
use crate::session::SharedTransaction;

/// Refuses FREEZE where somebody could see rows that he must not.
pub(super) fn check(
    scope: &Scope,
    transaction: &SharedTransaction,
    target: &Target,
    options: &CopyOptions,
) -> Result<(), SqlError> {
    if !options.freeze {
        return Ok(());
    }
    if scope.kept.upgrade().is_some_and(|kept| kept.lock().has_open_portals()) {
        let message = "cannot perform COPY FREEZE because of prior transaction activity";
        return Err(SqlError::new(SqlState::INVALID_TRANSACTION_STATE, message));
    }
    if transaction.lock().as_ref().is_some_and(|transaction| transaction.has_renewed(target.oid())) {
        return Ok(());
    }
    let message =
        "cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction";
    Err(SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message))
}
