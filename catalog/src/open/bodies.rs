//! Fetches the rows of live chunks from the log. Only their frames are read: memory at start is bounded by what the
//! real-time tier held before, and damage elsewhere does not matter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::catalog::Parts;
use crate::log::{LogReader, LoggedCommit, Segments, decode_payload};
use crate::model::{Chunk, ChunkId, Oid};
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

/// Chunks whose rows are known to be gone.
pub(crate) type LostChunks = BTreeSet<(Oid, ChunkId)>;

/// Reads the frames in which the live chunks lie, but for those that are lost.
pub(super) fn fetch(
    head: &mut Head,
    segments: &Arc<Segments>,
    log_id: Uuid,
    parts: &Parts,
    lost: &LostChunks,
) -> Result<()> {
    let mut wanted = wanted(head, lost);
    let mut batches: BTreeMap<Oid, Batch> = BTreeMap::new();
    let mut reader = LogReader::from_position(Arc::clone(segments), log_id, 0);
    while let Some((position, mut missing)) = wanted.pop_first() {
        let commits = commits_at(&mut reader, position)?;
        for commit in commits.ok_or_else(|| bodies_are_missing(missing, position, segments))? {
            missing -= take_bodies(head, commit, lost, &mut batches);
        }
        if missing > 0 {
            return Err(bodies_are_missing(missing, position, segments));
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

/// Reads the rows of some chunks, which may be of several tables.
pub(crate) fn read(segments: &Arc<Segments>, log_id: Uuid, chunks: &[Arc<Chunk>]) -> Result<Vec<ArrivingChunk>> {
    let mut wanted: BTreeMap<u64, BTreeMap<(Oid, ChunkId), &Arc<Chunk>>> = BTreeMap::new();
    for chunk in chunks {
        wanted.entry(chunk.log_position).or_default().insert((chunk.table, chunk.id), chunk);
    }
    let mut reader = LogReader::from_position(Arc::clone(segments), log_id, 0);
    let mut arriving = Vec::with_capacity(chunks.len());
    for (position, mut missing) in wanted {
        for commit in
            commits_at(&mut reader, position)?.ok_or_else(|| bodies_are_missing(missing.len(), position, segments))?
        {
            for (table, ordinal, body) in commit.bodies {
                if let Some(chunk) = missing.remove(&(table, ChunkId { seq: commit.seq, ordinal })) {
                    let body = Bytes::copy_from_slice(&body);
                    arriving.push(ArrivingChunk { chunk: Arc::clone(chunk), body, decoded: None });
                }
            }
        }
        if !missing.is_empty() {
            return Err(bodies_are_missing(missing.len(), position, segments));
        }
    }
    Ok(arriving)
}

/// The commits of the frame that begins there; `None` if none does.
fn commits_at(reader: &mut LogReader, position: u64) -> Result<Option<Vec<LoggedCommit>>> {
    reader.seek(position);
    let frame = match reader.next()? {
        Ok(frame) if frame.position == position => frame,
        Ok(_) | Err(_) => return Ok(None),
    };
    let commits = decode_payload(&frame.payload).map_err(|error| Error::Corrupt {
        what: format!("log frame at position {}", frame.position),
        detail: error.to_string(),
    })?;
    Ok(Some(commits))
}

/// How many bodies are wanted of which frame.
fn wanted(head: &Head, lost: &LostChunks) -> BTreeMap<u64, usize> {
    let mut wanted = BTreeMap::new();
    for (table, contents) in &head.contents {
        for chunk in contents.chunks().filter(|chunk| !lost.contains(&(*table, chunk.id))) {
            *wanted.entry(chunk.log_position).or_default() += 1;
        }
    }
    wanted
}

/// Takes the bodies of live chunks out of a commit and returns how many there were.
fn take_bodies(head: &Head, commit: LoggedCommit, lost: &LostChunks, batches: &mut BTreeMap<Oid, Batch>) -> usize {
    let mut taken = 0;
    for (table, ordinal, body) in commit.bodies {
        let id = ChunkId { seq: commit.seq, ordinal };
        let Some(chunk) = head.contents(table).and_then(|contents| contents.chunks.get(&id)) else { continue };
        if lost.contains(&(table, id)) {
            continue;
        }
        let batch = batches.entry(table).or_default();
        batch.bytes += body.len();
        // A copy, so that one small chunk does not keep a large frame in memory.
        let body = Bytes::copy_from_slice(&body);
        batch.arriving.push(ArrivingChunk { chunk: Arc::clone(chunk), body, decoded: None });
        taken += 1;
    }
    taken
}

fn bodies_are_missing(missing: usize, position: u64, segments: &Segments) -> Error {
    Error::Corrupt {
        what: format!("log in {}", segments.folder.display()),
        detail: format!(
            "the rows of {missing} chunks are not at position {position}; restore the log files, or see with \
             \"peristyle repair\" what would be lost without them"
        ),
    }
}
