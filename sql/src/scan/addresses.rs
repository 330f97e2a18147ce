//! Where rows lie: a statement that changes rows asks its scan for each row's address, and finds the partition or chunk
//! and the place in it by that number.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use parking_lot::Mutex;
use peristyle_catalog::model::{Chunk, ChunkId, Partition, PartitionId, Seq};

/// Name of the hidden column. No name of a client's holds a control character.
pub(crate) const ADDRESS_COLUMN: &str = "\u{1}address";
/// Whether a column is one that a statement made for itself: no name of a client's begins so.
pub(crate) fn is_hidden(column: &str) -> bool {
    column.starts_with('\u{1}')
}

/// Bits of an address that count the rows of one partition or chunk; those above number these.
const POSITION_BITS: u32 = 40;

/// What holds rows.
#[derive(Clone, Debug)]
pub(crate) enum RowSource {
    Partition(Arc<Partition>),
    Chunk(Arc<Chunk>),
}

/// What holds rows, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SourceId {
    Partition(PartitionId),
    Chunk(ChunkId),
}

impl RowSource {
    pub(crate) fn id(&self) -> SourceId {
        match self {
            RowSource::Partition(partition) => SourceId::Partition(partition.id),
            RowSource::Chunk(chunk) => SourceId::Chunk(chunk.id),
        }
    }

    /// The commit from which on it is visible.
    pub(crate) fn added(&self) -> Seq {
        match self {
            RowSource::Partition(partition) => partition.added,
            RowSource::Chunk(chunk) => chunk.added(),
        }
    }

    /// How many rows it holds.
    pub(crate) fn rows(&self) -> u64 {
        match self {
            RowSource::Partition(partition) => partition.rows,
            RowSource::Chunk(chunk) => chunk.rows,
        }
    }
}

/// The partitions and chunks that one statement's scan reads, each with a number.
#[derive(Debug, Default)]
pub(crate) struct AddressBook {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    sources: Vec<RowSource>,
    partitions: HashMap<PartitionId, i64>,
    chunks: HashMap<ChunkId, i64>,
    /// What the scan leaves out, since all its rows are known to match.
    left_out: HashMap<PartitionId, Arc<Partition>>,
}

impl AddressBook {
    /// Takes note of what a scan is about to read, without what is left out.
    pub(super) fn enter<'a>(&self, partitions: &mut Vec<Arc<Partition>>, chunks: impl Iterator<Item = &'a Arc<Chunk>>) {
        let mut entries = self.entries.lock();
        let entries = &mut *entries;
        partitions.retain(|partition| !entries.left_out.contains_key(&partition.id));
        for partition in partitions {
            let number = entries.sources.len() as i64;
            if let Entry::Vacant(entry) = entries.partitions.entry(partition.id) {
                entry.insert(number);
                entries.sources.push(RowSource::Partition(Arc::clone(partition)));
            }
        }
        for chunk in chunks {
            let number = entries.sources.len() as i64;
            if let Entry::Vacant(entry) = entries.chunks.entry(chunk.id) {
                entry.insert(number);
                entries.sources.push(RowSource::Chunk(Arc::clone(chunk)));
            }
        }
    }

    /// Leaves partitions out of scans to come.
    pub(crate) fn leave_out(&self, partitions: &[Arc<Partition>]) {
        let left_out = partitions.iter().map(|partition| (partition.id, Arc::clone(partition)));
        self.entries.lock().left_out.extend(left_out);
    }

    pub(crate) fn left_out(&self) -> Vec<Arc<Partition>> {
        self.entries.lock().left_out.values().cloned().collect()
    }

    pub(super) fn first_of_partition(&self, id: PartitionId) -> i64 {
        self.entries.lock().partitions.get(&id).map_or(0, |number| number << POSITION_BITS)
    }

    pub(super) fn first_of_chunk(&self, id: ChunkId) -> i64 {
        self.entries.lock().chunks.get(&id).map_or(0, |number| number << POSITION_BITS)
    }

    /// All that scans read, by their numbers.
    pub(crate) fn sources(&self) -> Vec<RowSource> {
        self.entries.lock().sources.clone()
    }

    /// What holds the row of an address, by its id, and the row's position there.
    pub(crate) fn row_at(&self, address: i64) -> Option<(SourceId, u64)> {
        self.source_at(address).map(|(source, position)| (source.id(), position))
    }

    /// What holds the row of an address, and the row's position there.
    pub(crate) fn source_at(&self, address: i64) -> Option<(RowSource, u64)> {
        let (number, position) = AddressBook::place(address);
        self.entries.lock().sources.get(number).map(|source| (source.clone(), position))
    }

    /// The number of a source and the position of a row in it.
    pub(crate) fn place(address: i64) -> (usize, u64) {
        ((address >> POSITION_BITS) as usize, (address & ((1 << POSITION_BITS) - 1)) as u64)
    }
}
