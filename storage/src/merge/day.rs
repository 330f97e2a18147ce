//! What a day of small writes costs: the policy's own decisions, on partitions that are numbers only. What a merge
//! writes is as large as what it reads, so compression makes a real day cheaper.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use peristyle_catalog::model::*;
use proptest::prelude::*;
use uuid::Uuid;

use super::{Group, MergeSettings, State, Urgency, pick};
use crate::partition::WriteOptions;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400;
const HOUR: i64 = 3600;
/// The merge looks at a table so often by default; what came meanwhile counts as one chunk.
const TICK: i64 = 5;
/// 2023-11-14, midnight.
const START: i64 = 19_675 * DAY;

/// What is written, all day the same.
#[derive(Clone, Copy, Debug)]
struct Writes {
    /// Commits in a second.
    commits: u64,
    /// Bytes of a commit.
    bytes: u64,
    /// The commits of one tick in so many are late; 0 if none are.
    late_every: u64,
    /// They are of one of so many days before.
    late_days: i64,
    is_keyed: bool,
}

struct Table {
    key: PartitionKey,
    settings: MergeSettings,
    options: WriteOptions,
    chunks: Vec<Arc<Chunk>>,
    partitions: Vec<Arc<Partition>>,
    ingested: u64,
    merged: u64,
    next: u64,
}

impl Table {
    fn new(is_keyed: bool) -> Table {
        let by_hour = PartitionKey::Time { unit: TimeUnit::Hour, column: ColumnId(1) };
        Table {
            key: if is_keyed { by_hour } else { PartitionKey::None },
            settings: MergeSettings::default(),
            options: WriteOptions::new("/nonexistent".into()),
            chunks: Vec::new(),
            partitions: Vec::new(),
            ingested: 0,
            merged: 0,
            next: 0,
        }
    }

    fn write(&mut self, now: i64, time: i64, bytes: u64) {
        self.next += 1;
        self.ingested += bytes;
        self.chunks.push(Arc::new(Chunk {
            id: ChunkId { seq: Seq(self.next), ordinal: 0 },
            table: Oid(16384),
            layout: Arc::new(Layout { id: LayoutId(1), columns: Vec::new() }),
            rows: 1,
            bytes,
            key: key_range(time),
            log_position: 0,
            at: TimestampMicros(now * SECOND),
        }));
    }

    /// Merges until nothing is due.
    fn merge(&mut self, now: i64) {
        while let Some(group) = self.pick(now) {
            let mut places = BTreeMap::<i64, u64>::new();
            let days = group.chunks.iter().map(|chunk| (chunk.key, chunk.bytes));
            for (key, bytes) in days.chain(group.partitions.iter().map(|partition| (partition.key, partition.bytes))) {
                let day = key.time.unwrap().0 / SECOND / DAY;
                *places.entry(if self.key == PartitionKey::None { 0 } else { day }).or_default() += bytes;
            }
            self.merged += group.bytes();
            self.chunks.retain(|chunk| !group.chunks.contains(chunk));
            self.partitions.retain(|partition| !group.partitions.iter().any(|taken| taken.id == partition.id));
            for (day, bytes) in places {
                let partition = self.partition(now, day, bytes, group.level());
                self.partitions.push(partition);
            }
        }
    }

    fn pick(&self, now: i64) -> Option<Group> {
        let state = State {
            key: &self.key,
            chunks: &self.chunks,
            partitions: &self.partitions,
            now: TimestampMicros(now * SECOND),
            urgency: Urgency::Normal,
        };
        pick(&state, &self.settings, &self.options)
    }

    fn partition(&mut self, now: i64, day: i64, bytes: u64, level: u8) -> Arc<Partition> {
        self.next += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.next.to_be_bytes());
        let id = uuid::Builder::from_unix_timestamp_millis(now as u64 * 1000, &random).into_uuid();
        Arc::new(Partition {
            id: PartitionId(Uuid::from_bytes(*id.as_bytes())),
            table: Oid(16384),
            home: Oid(16384),
            layout: Arc::new(Layout { id: LayoutId(1), columns: Vec::new() }),
            remap: Vec::new(),
            rows: 1,
            bytes,
            checksum: None,
            added: Seq(self.next),
            removed: None,
            row_seqs: (Seq(1), Seq(self.next)),
            key: key_range(day * DAY),
            level,
        })
    }

    /// Bytes written by log and merges for each byte that came in.
    fn amplification(&self) -> f64 {
        (self.ingested + self.merged) as f64 / self.ingested as f64
    }
}

fn key_range(time: i64) -> KeyRange {
    KeyRange { time: Some((time * SECOND, time * SECOND)), bucket: None, nulls: false }
}

/// A day of writes and another one after which everything is tidied.
fn day(writes: Writes) -> Table {
    let mut table = Table::new(writes.is_keyed);
    let commits = writes.commits * TICK as u64;
    // The policy's limit of chunks is one of commits.
    table.settings.chunks_max = (table.settings.chunks_max as u64).div_ceil(commits) as usize;
    for tick in 0..(DAY / TICK) as u64 {
        let now = START + tick as i64 * TICK;
        let is_late = writes.late_every > 0 && tick.is_multiple_of(writes.late_every);
        let days_ago = if is_late { 1 + (tick / writes.late_every) as i64 % writes.late_days } else { 0 };
        table.write(now, now - days_ago * DAY, writes.bytes * commits);
        table.merge(now);
    }
    for hour in 1..=24 {
        table.merge(START + DAY + hour * HOUR);
    }
    table
}

fn check(writes: Writes) -> f64 {
    let table = day(writes);
    let amplification = table.amplification();
    assert!(amplification < 4.0, "{amplification} for {writes:?}");
    assert!(table.chunks.is_empty());
    let small = |partition: &&Arc<Partition>| partition.bytes < table.options.partition_min_bytes as u64;
    let days = if writes.is_keyed && writes.late_every > 0 { 1 + writes.late_days as usize } else { 1 };
    let left = table.partitions.iter().filter(small).count();
    assert!(left <= 4 * days, "{left} small partitions of {days} days are left");
    amplification
}

#[test]
fn a_day_of_small_writes_is_written_less_than_four_times() {
    for is_keyed in [true, false] {
        for (commits, bytes) in [(1, 300), (1, 5000), (20, 300), (1000, 120), (10_000, 200)] {
            for (late_every, late_days) in [(0, 1), (100, 30), (3, 7)] {
                let writes = Writes { commits, bytes, late_every, late_days, is_keyed };
                println!("{:.2} times for {writes:?}", check(writes));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn any_day_is_written_less_than_four_times(
        commits in 1..2000_u64,
        bytes in 80..20_000_u64,
        late_every in 0..1000_u64,
        late_days in 1..30_i64,
        is_keyed: bool,
    ) {
        check(Writes { commits, bytes, late_every, late_days, is_keyed });
    }
}
