//! Reading states of the past: what the newest head keeps of them, and chunks that are only in the log.

use crate::head::TableContents;
use crate::model::{Oid, Seq};
use crate::open::read_bodies;
use crate::shared::{Opened, Shared};
use crate::{Error, Head, Result};

/// [`Error::NotInHistory`] if the state of that commit cannot be read.
pub(crate) fn check(newest: &Head, asked: Seq) -> Result<()> {
    let from = newest.history_from();
    if (from..=newest.seq()).contains(&asked) {
        return Ok(());
    }
    let oldest = newest.commits().next().unwrap_or((newest.seq(), newest.at()));
    Err(Error::NotInHistory { asked, oldest, newest: newest.seq() })
}

/// What a table held, with the rows of chunks that were removed since.
pub(crate) fn contents(shared: &Shared, newest: &Head, table: Oid, seq: Seq) -> Result<Option<TableContents>> {
    let Some((mut contents, ended)) = newest.contents_as_of(table, seq) else { return Ok(None) };
    if !ended.is_empty() {
        let arriving = read_bodies(&shared.segments, shared.folder.id, &ended)?;
        contents.real_time = Some(shared.parts.real_time.append(contents.real_time.as_ref(), arriving)?);
    }
    Ok(Some(contents))
}

/// Whether the log lacks chunks that states of the past need, as after a restore from the store alone.
pub(crate) fn is_incomplete(opened: &Opened) -> bool {
    let first = opened.segments.first().unwrap_or(opened.end.position);
    let mut needed = opened.head.ended_chunks();
    needed.any(|(_, chunk)| !(first..opened.end.position).contains(&chunk.log_position))
}
