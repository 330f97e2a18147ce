//! Chunks that only a state of the past sees: their rows are read back from the log, some at a time, and count in the
//! statement's memory until they were handed on.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool};
use futures::stream::{self, BoxStream, StreamExt};
use peristyle_catalog::model::Chunk;

use super::exec::Reader;

/// Encoded bytes of the chunks that are read at once.
const PIECE_BYTES_MAX: u64 = 8 << 20;

/// Chunks in the order of the log, cut into pieces. Those of one frame stay together as far as that goes.
pub(super) fn pieces(chunks: &[Arc<Chunk>]) -> Vec<Vec<Arc<Chunk>>> {
    let mut pieces: Vec<Vec<Arc<Chunk>>> = Vec::new();
    let mut bytes = 0;
    for chunk in chunks {
        bytes += chunk.bytes;
        match pieces.last_mut() {
            Some(piece) if bytes <= PIECE_BYTES_MAX => piece.push(Arc::clone(chunk)),
            _ => {
                bytes = chunk.bytes;
                pieces.push(vec![Arc::clone(chunk)]);
            }
        }
    }
    pieces
}

/// The rows of one piece.
pub(super) async fn read(
    reader: &Reader,
    chunks: Vec<Arc<Chunk>>,
    memory: &Arc<dyn MemoryPool>,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let encoded: u64 = chunks.iter().map(|chunk| chunk.bytes).sum();
    let held = MemoryConsumer::new("chunks of a state of the past").register(memory);
    held.try_grow(usize::try_from(encoded).unwrap_or(usize::MAX))?;
    let rows = reader.catalog.rows_in_log(reader.as_of(), chunks).await;
    let rows = rows.map_err(|error| reader.failure_or(|| DataFusionError::External(Box::new(error))))?;
    held.try_resize(usize::try_from(rows.bytes()).unwrap_or(usize::MAX))?;
    let batches = reader.read_rows(&rows)?;
    Ok(stream::iter(batches)
        .map(move |batch| {
            let _until_the_last = &held;
            Ok(batch)
        })
        .boxed())
}

#[cfg(test)]
mod tests {
    use peristyle_catalog::model::{ChunkId, KeyRange, Layout, LayoutId, Oid, Seq, TimestampMicros};

    use super::*;

    fn chunk(seq: u64, bytes: u64) -> Arc<Chunk> {
        Arc::new(Chunk {
            id: ChunkId { seq: Seq(seq), ordinal: 0 },
            table: Oid(1),
            layout: Arc::new(Layout { id: LayoutId(1), columns: Vec::new() }),
            rows: 1,
            bytes,
            key: KeyRange::default(),
            log_position: seq,
            at: TimestampMicros(0),
        })
    }

    #[test]
    fn pieces_are_bounded_and_hold_every_chunk_in_order() {
        let sizes = [PIECE_BYTES_MAX - 2, 1, 1, 1, 2 * PIECE_BYTES_MAX, 1];
        let chunks: Vec<_> = (1..).zip(sizes).map(|(seq, bytes)| chunk(seq, bytes)).collect();
        let found = pieces(&chunks);
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1, 1, 1], "a large one is alone");
        assert_eq!(found.concat(), chunks);
        assert!(pieces(&[]).is_empty());
    }
}
