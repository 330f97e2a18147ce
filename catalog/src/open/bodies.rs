//! Fetches the rows of live chunks from the log. Only theirs: memory at start is bounded by what the real-time tier
//! held before.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::catalog::Parts;
use crate::log::{LogReader, LoggedCommit, Segments, decode_payload};
use crate::model::{ChunkId, Oid};
use crate::tier::ArrivingChunk;
use crate::{Error, Head, Result};

/// Bytes of bodies of one table that are handed over at once.
const BATCH_BYTES: usize = 8 << 20;

/// Bodies of one table on their way into memory.
#[derive(Default)]
struct Batch {
    arriving: Vec<ArrivingChunk>,
    bytes: usize,
}

/// Reads the log from the oldest live chunk on.
pub(super) fn fetch(head: &mut Head, segments: &Arc<Segments>, log_id: Uuid, parts: &Parts) -> Result<()> {
    let Some(oldest) = head.oldest_chunk_position() else { return Ok(()) };
    let mut missing: usize = head.contents.values().map(|contents| contents.chunk_count()).sum();
    let mut batches: BTreeMap<Oid, Batch> = BTreeMap::new();
    let mut reader = LogReader::from_position(Arc::clone(segments), log_id, oldest);
    while missing > 0 {
        let Ok(frame) = reader.next()? else { return Err(bodies_are_missing(missing, segments)) };
        let commits = decode_payload(&frame.payload).map_err(|error| Error::Corrupt {
            what: format!("log frame at position {}", frame.position),
            detail: error.to_string(),
        })?;
        for commit in commits {
            missing -= take_bodies(head, commit, &mut batches);
        }
        for (table, batch) in batches.iter_mut().filter(|(_, batch)| batch.bytes >= BATCH_BYTES) {
            head.append_rows(*table, std::mem::take(batch).arriving, &*parts.real_time)?;
        }
    }
    for (table, batch) in batches {
        head.append_rows(table, batch.arriving, &*parts.real_time)?;
    }
    Ok(())
}

/// Takes the bodies of live chunks out of a commit and returns how many there were.
fn take_bodies(head: &Head, commit: LoggedCommit, batches: &mut BTreeMap<Oid, Batch>) -> usize {
    let mut taken = 0;
    for (table, ordinal, body) in commit.bodies {
        let id = ChunkId { seq: commit.seq, ordinal };
        let Some(chunk) = head.contents(table).and_then(|contents| contents.chunks.get(&id)) else { continue };
        let batch = batches.entry(table).or_default();
        batch.bytes += body.len();
        // A copy, so that one small chunk does not keep a large frame in memory.
        let body = Bytes::copy_from_slice(&body);
        batch.arriving.push(ArrivingChunk { chunk: Arc::clone(chunk), body, decoded: None });
        taken += 1;
    }
    taken
}

fn bodies_are_missing(missing: usize, segments: &Segments) -> Error {
    Error::Corrupt {
        what: format!("log in {}", segments.folder.display()),
        detail: format!("the rows of {missing} chunks are not in it; restore the log files"),
    }
}
