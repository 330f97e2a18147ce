//! The merges since the server was started, the newest of them: the source of `system.merges`.

use std::collections::VecDeque;

use parking_lot::Mutex;
use peristyle_catalog::model::{Oid, Seq, TimestampMicros};

/// Merges that are remembered.
const MERGES_REMEMBERED_MAX: usize = 10_000;

/// One merge that was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeRecord {
    pub table: Oid,
    pub started_at: TimestampMicros,
    pub finished_at: TimestampMicros,
    /// The commit.
    pub seq: Seq,
    /// Chunks that it took.
    pub chunks: u64,
    /// Partitions that it took.
    pub partitions: u64,
    /// Partitions that it made.
    pub made: u64,
    pub rows: u64,
    pub bytes_read: u64,
    pub bytes_written: u64,
    /// How often the rows were merged, this time included.
    pub level: u8,
}

/// What was merged.
#[derive(Debug, Default)]
pub struct MergeLog(Mutex<VecDeque<MergeRecord>>);

impl MergeLog {
    pub(super) fn add(&self, record: MergeRecord) {
        let mut records = self.0.lock();
        if records.len() == MERGES_REMEMBERED_MAX {
            records.pop_front();
        }
        records.push_back(record);
    }

    /// Oldest first.
    pub fn list(&self) -> Vec<MergeRecord> {
        self.0.lock().iter().cloned().collect()
    }
}
