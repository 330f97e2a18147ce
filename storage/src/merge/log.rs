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

/// When a table was merged last, and how often, since the server was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    pub last: Option<TimestampMicros>,
    pub count: u64,
}

/// The same by who wanted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// VACUUM, whether there was something to do or not.
    pub asked: Times,
    pub background: Times,
}

/// What was merged.
#[derive(Debug, Default)]
pub struct MergeLog(Mutex<Merged>);

#[derive(Debug, Default)]
struct Merged {
    newest: VecDeque<MergeRecord>,
    totals: BTreeMap<Oid, MergeTotals>,
    upkeep: BTreeMap<Oid, Upkeep>,
}

impl Times {
    fn add(&mut self, at: TimestampMicros) {
        self.last = Some(at);
        self.count += 1;
    }
}

impl MergeLog {
    /// Totals of tables that are gone for good are forgotten.
    pub(super) fn add(&self, mut record: MergeRecord, is_there: impl Fn(Oid) -> bool) {
        let mut merged = self.0.lock();
        merged.totals.retain(|table, _| is_there(*table));
        merged.upkeep.retain(|table, _| is_there(*table));
        let totals = merged.totals.entry(record.table).or_default();
        totals.add(&record);
        record.totals = *totals;
        if merged.newest.len() == MERGES_REMEMBERED_MAX {
            merged.newest.pop_front();
        }
        merged.newest.push_back(record);
    }

    /// Takes note of a VACUUM.
    pub fn asked(&self, table: Oid, at: TimestampMicros) {
        self.0.lock().upkeep.entry(table).or_default().asked.add(at);
    }

    /// Takes note of a merge in the background.
    pub fn background(&self, table: Oid, at: TimestampMicros) {
        self.0.lock().upkeep.entry(table).or_default().background.add(at);
    }

    /// Of every table that was vacuumed or merged in the background.
    pub fn upkeep(&self) -> BTreeMap<Oid, Upkeep> {
        self.0.lock().upkeep.clone()
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
