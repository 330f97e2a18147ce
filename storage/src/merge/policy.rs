//! Which chunks or partitions of a table to merge next.
//!
//! Chunks go together as soon as there are enough of them by bytes, number or age. Partitions are size-tiered: those
//! of one coarse unit of the partition key and one class of sizes go together once there are `partitions_fan_in` of
//! them, so each row is rewritten about log(size / smallest) times; `levels_max` bounds that whatever the sizes.

use std::collections::BTreeMap;
use std::sync::Arc;

use peristyle_catalog::model::{Chunk, Partition, PartitionKey, TimestampMicros};

use super::MergeSettings;
use crate::partition::{KeyRule, WriteOptions};

const MICROS_PER_SECOND: i64 = 1_000_000;

/// What one merge takes: either chunks or partitions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    pub chunks: Vec<Arc<Chunk>>,
    pub partitions: Vec<Arc<Partition>>,
}

/// Whether memory or the log is at its limit, so that chunks must go whatever their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    Normal,
    MakeRoom,
}

/// The state of one table, oldest chunks first.
pub struct State<'a> {
    pub key: &'a PartitionKey,
    pub chunks: &'a [Arc<Chunk>],
    pub partitions: &'a [Arc<Partition>],
    pub now: TimestampMicros,
    pub urgency: Urgency,
}

impl Group {
    /// The level of what the merge writes.
    pub fn level(&self) -> u8 {
        self.partitions.iter().map(|partition| partition.level).max().unwrap_or(0).saturating_add(1)
    }

    /// Bytes to read.
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.bytes).chain(self.partitions.iter().map(|partition| partition.bytes)).sum()
    }
}

/// The next group; `None` if the table is well as it is. Chunks come first: they hold memory and log.
pub fn pick(state: &State<'_>, settings: &MergeSettings, options: &WriteOptions) -> Option<Group> {
    if are_chunks_due(state, settings) {
        let sizes = state.chunks.iter().map(|chunk| chunk.bytes);
        let chunks = state.chunks[..within_limits(sizes, settings)].to_vec();
        return Some(Group { chunks, partitions: Vec::new() });
    }
    pick_partitions(state, settings, options)
}

fn are_chunks_due(state: &State<'_>, settings: &MergeSettings) -> bool {
    let Some(oldest) = state.chunks.iter().map(|chunk| chunk.at).min() else { return false };
    let age_micros = state.now.0.saturating_sub(oldest.0);
    let age_limit = i64::try_from(settings.chunk_age_seconds).unwrap_or(i64::MAX).saturating_mul(MICROS_PER_SECOND);
    state.urgency == Urgency::MakeRoom
        || state.chunks.len() >= settings.chunks_max
        || state.chunks.iter().map(|chunk| chunk.bytes).sum::<u64>() >= settings.chunks_bytes
        || age_micros >= age_limit
}

/// How many of the first fit into one merge; at least one.
pub(super) fn within_limits(sizes: impl Iterator<Item = u64>, settings: &MergeSettings) -> usize {
    let mut total = 0_u64;
    let fitting = sizes.take(settings.group_max).take_while(|bytes| {
        total = total.saturating_add(*bytes);
        total <= settings.group_bytes_max
    });
    fitting.count().max(1)
}

fn pick_partitions(state: &State<'_>, settings: &MergeSettings, options: &WriteOptions) -> Option<Group> {
    let full = full_bytes(state.key, options);
    let mut classes = BTreeMap::<(Place, u32), Vec<&Arc<Partition>>>::new();
    for partition in state.partitions {
        let is_small = partition.bytes < full && partition.level < settings.levels_max;
        if let Some(place) = Place::of(state.key, partition).filter(|_| is_small) {
            classes.entry((place, size_class(partition.bytes, settings))).or_default().push(partition);
        }
    }
    let fan_in = settings.partitions_fan_in.max(2);
    // The fullest class saves the most objects per merge.
    let mut class = classes.into_values().filter(|class| class.len() >= fan_in).max_by_key(Vec::len)?;
    class.sort_by_key(|partition| (partition.bytes, partition.id));
    let count = within_limits(class.iter().map(|partition| partition.bytes), settings);
    let partitions: Vec<Arc<Partition>> = class.into_iter().take(count).cloned().collect();
    (count >= 2).then_some(Group { chunks: Vec::new(), partitions })
}

/// From which size on a partition stays as it is. With a time key the writer itself ends partitions at the minimum.
pub(super) fn full_bytes(key: &PartitionKey, options: &WriteOptions) -> u64 {
    match key {
        PartitionKey::Time { .. } | PartitionKey::TimeBucket { .. } => options.partition_min_bytes as u64,
        PartitionKey::None | PartitionKey::Bucket { .. } => options.partition_target_bytes as u64 / 2,
    }
}

/// Partitions that may become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    NullKeys,
    Unit(i64),
}

impl Place {
    pub(super) fn of(key: &PartitionKey, partition: &Partition) -> Option<Place> {
        match KeyRule::coarse_of_range(key, &partition.key) {
            Some(unit) => Some(Place::Unit(unit)),
            None if partition.key.time.is_none() && partition.key.bucket.is_none() => Some(Place::NullKeys),
            None => None,
        }
    }
}

fn size_class(bytes: u64, settings: &MergeSettings) -> u32 {
    let ratio = settings.partitions_fan_in.max(2) as u64;
    (bytes / settings.smallest_class_bytes.max(1)).max(1).ilog(ratio)
}
