use std::sync::atomic::{AtomicU64, Ordering};

/// What one scan did, for `EXPLAIN ANALYZE`; shared by all its streams.
#[derive(Debug, Default)]
pub struct ScanMetrics {
    objects_opened: AtomicU64,
    requests: AtomicU64,
    bytes_read: AtomicU64,
    row_groups_read: AtomicU64,
}

/// [`ScanMetrics`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanValues {
    /// Reads of a partition (or of some of its row groups) that asked the store for anything.
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
            objects_opened: self.objects_opened.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            row_groups_read: self.row_groups_read.load(Ordering::Relaxed),
        }
    }

    pub(super) fn opened(&self) {
        self.objects_opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self, bytes: u64) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn row_groups(&self, count: usize) {
        self.row_groups_read.fetch_add(count as u64, Ordering::Relaxed);
    }
}
