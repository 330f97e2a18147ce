//! Replays the log from where the rows end.

use std::sync::Arc;

use uuid::Uuid;

use super::{Loaded, rebuild};
use crate::index::Applied;
use crate::indexing::Lag;
use crate::log::{LogPoint, LogReader, LoggedCommit, Segments, decode_payload};
use crate::model::Seq;
use crate::records::RawOp;
use crate::{Error, Result};

/// After how many bytes of log a line of trace tells how far the replay is.
const PROGRESS_BYTES: u64 = 256 << 20;
/// Rows that are applied to the index at once.
const LAG_ROWS_MAX: usize = 16_384;

/// Applies every frame that follows, up to that commit if one is given, and returns where it ended.
pub(crate) fn replay(
    loaded: &mut Loaded,
    segments: &Arc<Segments>,
    log_id: Uuid,
    until: Option<Seq>,
) -> Result<LogPoint> {
    let mut reader = LogReader::from_point(Arc::clone(segments), log_id, loaded.applied.point);
    if !reader.reaches()? {
        return Err(log_is_missing(loaded, segments));
    }
    let mut lag = Lag::default();
    let end = replay_frames(loaded, &mut lag, &mut reader, until);
    // After an error too: head and index are of the same commit.
    lag.apply(&loaded.index)?;
    end
}

fn replay_frames(loaded: &mut Loaded, lag: &mut Lag, reader: &mut LogReader, until: Option<Seq>) -> Result<LogPoint> {
    let mut reported = loaded.applied.point.position;
    loop {
        if until.is_some_and(|until| loaded.head.seq >= until) {
            return Ok(loaded.applied.point);
        }
        let frame = match reader.next()? {
            Ok(frame) => frame,
            Err(tail) => return Ok(tail.end),
        };
        let commits = decode_payload(&frame.payload);
        let commits = commits.map_err(|error| corrupt(frame.position, &error.to_string()))?;
        apply_frame(loaded, lag, commits, frame.after).map_err(|detail| corrupt(frame.position, &detail))?;
        if lag.len() > LAG_ROWS_MAX {
            lag.apply(&loaded.index)?;
        }
        if frame.after.position - reported >= PROGRESS_BYTES {
            reported = frame.after.position;
            tracing::info!(position = reported, commit = %loaded.head.seq, "replaying the log");
        }
    }
}

fn apply_frame(
    loaded: &mut Loaded,
    lag: &mut Lag,
    commits: Vec<LoggedCommit>,
    after: LogPoint,
) -> std::result::Result<(), String> {
    let mut ops = Vec::new();
    for commit in commits {
        if commit.seq != loaded.head.seq.next() {
            return Err(format!("commit {} follows commit {}", commit.seq, loaded.head.seq));
        }
        rebuild::apply(&mut loaded.head, &commit.ops)?;
        ops.extend(commit.ops);
    }
    loaded.applied = Applied { seq: loaded.head.seq, point: after };
    let ops: Vec<RawOp> = ops.iter().map(RawOp::detached).collect();
    lag.add(&ops, loaded.applied);
    loaded.unexported.add(ops);
    Ok(())
}

fn log_is_missing(loaded: &Loaded, segments: &Segments) -> Error {
    let Applied { seq, point } = loaded.applied;
    Error::Corrupt {
        what: format!("log in {}", segments.folder.display()),
        detail: format!(
            "its files do not reach position {}, where commit {seq} ends, which is in the catalog already; restore the \
             log files, or see with \"peristyle repair\" what would be lost without them",
            point.position
        ),
    }
}

fn corrupt(position: u64, detail: &str) -> Error {
    Error::Corrupt { what: format!("log frame at position {position}"), detail: detail.to_owned() }
}
