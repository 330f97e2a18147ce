//! States of the past: what is said where one cannot be read.

use bytes::BytesMut;
use peristyle_catalog::Head;
use peristyle_catalog::model::{Seq, TimestampMicros};

use crate::error::{SqlError, SqlState};
use crate::values::write_timestamptz;

/// 72000: nothing is kept of a state that is as old.
pub(crate) fn too_old(head: &Head) -> SqlError {
    let oldest = head.commits().next().unwrap_or((head.seq(), head.at()));
    gone(oldest)
}

/// The words for a state of which nothing is kept.
pub(crate) fn gone((seq, at): (Seq, TimestampMicros)) -> SqlError {
    SqlError::new(SqlState::SNAPSHOT_TOO_OLD, "the state that was asked for is not kept any more")
        .detail(format!("The oldest that can be read is that of snapshot {} of {}.", seq.0, in_utc(at)))
        .hint(
            "The settings history_seconds, history_bytes_max, history_log_bytes_max and history_rows_max say how long; \
             system.snapshots lists what there is.",
        )
}

fn in_utc(at: TimestampMicros) -> String {
    let mut text = BytesMut::new();
    write_timestamptz(at.0, 0, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// 22023: a number that is no commit's, or not yet.
pub(crate) fn no_such_snapshot(number: i64, head: &Head) -> SqlError {
    SqlError::new(SqlState::INVALID_PARAMETER_VALUE, format!("snapshot {number} does not exist"))
        .detail(format!("The newest that the transaction sees is {}.", head.seq().0))
}
