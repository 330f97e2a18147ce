//! Which rows of which partitions and chunks a statement takes away.

use std::collections::BTreeMap;
use std::sync::Arc;

use peristyle_catalog::model::{Chunk, ChunkId, Partition, PartitionId};
use peristyle_storage::merge::{Removed, RowSet};

use crate::row_locks::Rows;
use crate::scan::{AddressBook, RowSource, SourceId};

/// Rows that one part of a statement takes away, by their addresses.
#[derive(Default)]
pub(super) struct Touched {
    /// By the source's number.
    rows: BTreeMap<usize, RowSet>,
    /// Partitions and chunks that go without having been read.
    whole: Vec<RowSource>,
}

/// Rows of one table that are gone, by what holds them.
#[derive(Default)]
pub(super) struct Gone(BTreeMap<SourceId, Lost>);

struct Lost {
    from: RowSource,
    /// `None` is all of them.
    rows: Option<RowSet>,
}

/// The same by what it means for each partition and chunk.
#[derive(Default)]
pub(super) struct Losses {
    /// All of these go.
    pub(super) partitions: Vec<PartitionId>,
    pub(super) chunks: Vec<ChunkId>,
    /// Those of them that were read to their last row.
    pub(super) read_partitions: Vec<Arc<Partition>>,
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

    /// Takes all rows of a partition or chunk away; returns how many.
    pub(super) fn take_whole(&mut self, source: RowSource) -> u64 {
        let rows = source.rows();
        self.whole.push(source);
        rows
    }

    /// The rows by what holds them; `sources` are what the addresses number.
    pub(super) fn by_source<'a>(&'a self, sources: &'a [RowSource]) -> impl Iterator<Item = (&'a RowSource, Rows)> {
        let read = self.rows.iter().map(|(number, rows)| (&sources[*number], Rows::These(rows.clone())));
        self.whole.iter().map(|source| (source, Rows::All)).chain(read)
    }

    /// Adds them to what is gone; `sources` are what the addresses number.
    pub(super) fn add_to(self, gone: &mut Gone, sources: &[RowSource]) {
        for source in self.whole {
            gone.add(source, None);
        }
        for (number, rows) in self.rows {
            gone.add(sources[number].clone(), Some(rows));
        }
    }
}

impl Gone {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, source: SourceId, position: u64) -> bool {
        let lost = self.0.get(&source);
        lost.is_some_and(|lost| lost.rows.as_ref().is_none_or(|rows| rows.contains(position)))
    }

    fn add(&mut self, from: RowSource, rows: Option<RowSet>) {
        let lost = self.0.entry(from.id()).or_insert_with(|| Lost { from, rows: Some(RowSet::default()) });
        match (&mut lost.rows, rows) {
            (Some(known), Some(rows)) if known.is_empty() => *known = rows,
            (Some(known), Some(rows)) => known.add_all(&rows),
            (known, None) => *known = None,
            (None, Some(_)) => {}
        }
    }

    /// Sorts what goes and what stays.
    pub(super) fn losses(self) -> Losses {
        let mut losses = Losses::default();
        for Lost { from, rows } in self.0.into_values() {
            match (from, rows) {
                (RowSource::Partition(partition), Some(rows)) if rows.len() < partition.rows => {
                    losses.partitions.push(partition.id);
                    losses.removed.partitions.insert(partition.id, rows);
                    losses.kept_partitions.push(partition);
                }
                (RowSource::Chunk(chunk), Some(rows)) if rows.len() < chunk.rows => {
                    losses.chunks.push(chunk.id);
                    losses.removed.chunks.insert(chunk.id, rows);
                    losses.kept_chunks.push(chunk);
                }
                (RowSource::Partition(partition), rows) => {
                    losses.partitions.push(partition.id);
                    losses.read_partitions.extend(rows.map(|_| partition));
                }
                (RowSource::Chunk(chunk), _) => losses.chunks.push(chunk.id),
            }
        }
        losses
    }
}
