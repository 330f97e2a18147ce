use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use peristyle_catalog::model::PartitionId;

/// What one scan did, for `EXPLAIN ANALYZE`; shared by all its streams.
#[derive(Debug, Default)]
pub struct ScanMetrics {
    /// A partition is read in pieces, of its row groups, and counts once.
    opened: Mutex<BTreeSet<PartitionId>>,
    requests: AtomicU64,
    bytes_read: AtomicU64,
    row_groups_read: AtomicU64,
}

/// [`ScanMetrics`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanValues {
    /// Partitions whose object was read, its footer or rows.
    pub objects_opened: u64,
    /// Requests to the store.
    pub requests: u64,
    pub bytes_read: u64,
    pub row_groups_read: u64,
}

impl ScanMetrics {
    /// The numbers now.
    pub fn values(&self) -> ScanValues {
        ScanValues {
            objects_opened: self.opened().len() as u64,
            requests: self.requests.load(Ordering::Relaxed),
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            row_groups_read: self.row_groups_read.load(Ordering::Relaxed),
        }
    }

    pub(super) fn open(&self, partition: PartitionId) {
        self.opened().insert(partition);
    }

    fn opened(&self) -> MutexGuard<'_, BTreeSet<PartitionId>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read(&self, bytes: u64) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn row_groups(&self, count: usize) {
        self.row_groups_read.fetch_add(count as u64, Ordering::Relaxed);
    }
}
