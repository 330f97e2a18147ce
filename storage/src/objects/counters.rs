use std::sync::atomic::{AtomicU64, Ordering};

/// What was asked of the store since it was opened.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) gets: AtomicU64,
    pub(super) bytes_read: AtomicU64,
    pub(super) puts: AtomicU64,
    pub(super) bytes_written: AtomicU64,
    pub(super) deletes: AtomicU64,
}

/// [`Counters`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CounterValues {
    /// Reads of an object or of ranges of one.
    pub gets: u64,
    pub bytes_read: u64,
    /// Objects and parts of objects written.
    pub puts: u64,
    pub bytes_written: u64,
    pub deletes: u64,
}

impl Counters {
    pub(super) fn read(&self, bytes: u64) {
        self.gets.fetch_add(1, Ordering::Relaxed);
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn wrote(&self, bytes: u64) {
        self.puts.fetch_add(1, Ordering::Relaxed);
        self.bytes_written.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn deleted(&self) {
        self.deletes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn values(&self) -> CounterValues {
        CounterValues {
            gets: self.gets.load(Ordering::Relaxed),
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            puts: self.puts.load(Ordering::Relaxed),
            bytes_written: self.bytes_written.load(Ordering::Relaxed),
            deletes: self.deletes.load(Ordering::Relaxed),
        }
    }
}
