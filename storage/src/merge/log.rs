//! The merges since the server was started, the newest of them: the source of `system.merges`.

use std::collections::{BTreeMap, VecDeque};

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
    /// How much of it nobody merged before: as it came through the log or as loads wrote it.
    pub bytes_fresh: u64,
    pub bytes_written: u64,
    /// How often the rows were merged, this time included.
    pub level: u8,
    /// The table's merges up to this one.
    pub totals: MergeTotals,
}

/// All merges of one table since the server was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeTotals {
    pub merges: u64,
    pub bytes_read: u64,
    pub bytes_fresh: u64,
    pub bytes_written: u64,
}

impl MergeTotals {
    /// How many bytes were written for each byte that came in: once by the log or a load, the others by merges. `None`
    /// before something that nobody merged before was merged.
    pub fn write_amplification(&self) -> Option<f64> {
        let fresh = self.bytes_fresh as f64;
        (self.bytes_fresh > 0).then(|| (fresh + self.bytes_written as f64) / fresh)
    }

    fn add(&mut self, record: &MergeRecord) {
        self.merges += 1;
        self.bytes_read += record.bytes_read;
        self.bytes_fresh += record.bytes_fresh;
        self.bytes_written += record.bytes_written;
    }
}

/// What was merged.
#[derive(Debug, Default)]
pub struct MergeLog(Mutex<Merged>);

#[derive(Debug, Default)]
struct Merged {
    newest: VecDeque<MergeRecord>,
    totals: BTreeMap<Oid, MergeTotals>,
}

impl MergeLog {
    /// Totals of tables that are gone for good are forgotten.
    pub(super) fn add(&self, mut record: MergeRecord, is_there: impl Fn(Oid) -> bool) {
        let mut merged = self.0.lock();
        merged.totals.retain(|table, _| is_there(*table));
        let totals = merged.totals.entry(record.table).or_default();
        totals.add(&record);
        record.totals = *totals;
        if merged.newest.len() == MERGES_REMEMBERED_MAX {
            merged.newest.pop_front();
        }
        merged.newest.push_back(record);
    }

    /// Oldest first.
    pub fn list(&self) -> Vec<MergeRecord> {
        self.0.lock().newest.iter().cloned().collect()
    }

    /// Of every table that was merged.
    pub fn totals(&self) -> BTreeMap<Oid, MergeTotals> {
        self.0.lock().totals.clone()
    }
}
