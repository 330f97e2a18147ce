//! Which rows of which partitions and chunks a statement takes away.

use std::collections::BTreeMap;
use std::sync::Arc;

use peristyle_catalog::model::{Chunk, ChunkId, Partition, PartitionId};
use peristyle_storage::merge::{Removed, RowSet};

use crate::scan::{AddressBook, RowSource};

/// Rows taken away, by their addresses.
#[derive(Default)]
pub(super) struct Touched {
    /// By the source's number.
    rows: BTreeMap<usize, RowSet>,
    /// Partitions and chunks that go without having been read.
    whole: Vec<RowSource>,
}

/// The same by what it means for each partition and chunk.
#[derive(Default)]
pub(super) struct Losses {
    /// All of these go.
    pub(super) partitions: Vec<PartitionId>,
    pub(super) chunks: Vec<ChunkId>,
    /// Of these rows stay.
    pub(super) kept_partitions: Vec<Arc<Partition>>,
    pub(super) kept_chunks: Vec<Arc<Chunk>>,
    /// What does not stay of them.
    pub(super) removed: Removed,
}

impl Touched {
    /// Takes a row away; false if it was already.
    pub(super) fn take(&mut self, address: i64) -> bool {
        let (source, position) = AddressBook::place(address);
        self.rows.entry(source).or_default().insert(position)
    }

    /// Whether a row was taken away.
    pub(super) fn contains(&self, address: i64) -> bool {
        let (source, position) = AddressBook::place(address);
        self.rows.get(&source).is_some_and(|rows| rows.contains(position))
    }

    /// Takes all rows of a partition or chunk away; returns how many.
    pub(super) fn take_whole(&mut self, source: RowSource) -> u64 {
        let rows = match &source {
            RowSource::Partition(partition) => partition.rows,
            RowSource::Chunk(chunk) => chunk.rows,
        };
        self.whole.push(source);
        rows
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.whole.is_empty()
    }

    /// Sorts what goes and what stays.
    pub(super) fn losses(self, sources: &[RowSource]) -> Losses {
        let mut losses = Losses::default();
        for source in self.whole {
            losses.whole(&source);
        }
        for (number, rows) in self.rows {
            match &sources[number] {
                RowSource::Partition(partition) if rows.len() < partition.rows => {
                    losses.partitions.push(partition.id);
                    losses.removed.partitions.insert(partition.id, rows);
                    losses.kept_partitions.push(Arc::clone(partition));
                }
                RowSource::Chunk(chunk) if rows.len() < chunk.rows => {
                    losses.chunks.push(chunk.id);
                    losses.removed.chunks.insert(chunk.id, rows);
                    losses.kept_chunks.push(Arc::clone(chunk));
                }
                whole => losses.whole(whole),
            }
        }
        losses
    }
}

impl Losses {
    fn whole(&mut self, source: &RowSource) {
        match source {
            RowSource::Partition(partition) => self.partitions.push(partition.id),
            RowSource::Chunk(chunk) => self.chunks.push(chunk.id),
        }
    }
}
