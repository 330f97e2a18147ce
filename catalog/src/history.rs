//! Reading states of the past: what the newest head keeps of them, and chunks that are only in the log.

use std::sync::Arc;

use crate::model::{Chunk, Seq};
use crate::open::read_bodies;
use crate::shared::{Opened, Shared};
use crate::{Error, Head, RealTimeRows, Result};

/// [`Error::NotInHistory`] if the state of that commit cannot be read.
pub(crate) fn check(newest: &Head, asked: Seq) -> Result<()> {
    let from = newest.history_from();
    if (from..=newest.seq()).contains(&asked) {
        return Ok(());
    }
    let oldest = newest.commits().next().unwrap_or((newest.seq(), newest.at()));
    Err(Error::NotInHistory { asked, oldest, newest: newest.seq() })
}

/// The rows of chunks that are in the log alone.
pub(crate) fn rows_in_log(shared: &Shared, chunks: &[Arc<Chunk>]) -> Result<Arc<dyn RealTimeRows>> {
    let arriving = read_bodies(&shared.segments, shared.folder.id, chunks)?;
    Ok(shared.parts.real_time.append(None, arriving)?)
}

/// Whether the log lacks chunks that states of the past need, as after a restore from the store alone.
pub(crate) fn is_incomplete(opened: &Opened) -> bool {
    let first = opened.segments.first().unwrap_or(opened.end.position);
    let mut needed = opened.head.ended_chunks();
    needed.any(|(_, chunk)| !(first..opened.end.position).contains(&chunk.log_position))
}
