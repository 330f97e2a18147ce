//! Which chunks or partitions of a table to merge next.
//!
//! Chunks go together as soon as there are enough of them by bytes, number or age. Partitions stand on levels, how often
//! their rows were merged: those of one coarse unit of the partition key and one level go together once there are
//! `partitions_fan_in` of them. So a row is rewritten once per level, and each level holds `partitions_fan_in` times the
//! rows of the one below; `levels_max` bounds that whatever comes. A unit to which nothing was added for a while is
//! tidied: its small partitions become two. What that costs is computed in the tests of `day`.

use std::collections::BTreeMap;
use std::sync::Arc;

use peristyle_catalog::model::{Chunk, Partition, PartitionKey, TimestampMicros};

use super::MergeSettings;
use crate::partition::{KeyRule, WriteOptions};

/// Without a time key a partition is full from this part of the writer's target on. Chunks that go by their number make
/// partitions of some 1 MB, which get there on the second level above.
const FULL_SHARE: u64 = 4;
/// Tidying makes partitions of this level at most.
const TIDY_LEVEL_MAX: u8 = 3;

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

    /// Bytes that nobody merged before: as they came through the log or as loads wrote them.
    pub fn fresh_bytes(&self) -> u64 {
        let loaded = self.partitions.iter().filter(|partition| partition.level == 0).map(|partition| partition.bytes);
        self.chunks.iter().map(|chunk| chunk.bytes).chain(loaded).sum()
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
    state.urgency == Urgency::MakeRoom
        || state.chunks.len() >= settings.chunks_max
        || state.chunks.iter().map(|chunk| chunk.bytes).sum::<u64>() >= settings.chunks_bytes
        || oldest <= state.now.seconds_before(settings.chunk_age_seconds)
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
    let mut places = BTreeMap::<Place, Vec<&Arc<Partition>>>::new();
    for partition in state.partitions {
        let is_small = partition.bytes < full && partition.level < settings.levels_max;
        if let Some(place) = Place::of(state.key, partition).filter(|_| is_small) {
            places.entry(place).or_default().push(partition);
        }
    }
    // The largest number saves the most objects per merge.
    let due = places.into_values().map(|place| due(place, state.now, settings)).max_by_key(Vec::len)?;
    let count = within_limits(due.iter().map(|partition| partition.bytes), settings).min(due.len());
    let partitions: Vec<Arc<Partition>> = due.into_iter().take(count).cloned().collect();
    (count >= 2).then_some(Group { chunks: Vec::new(), partitions })
}

/// What of the small partitions of one place is to go together now, the smallest first.
fn due<'a>(
    mut place: Vec<&'a Arc<Partition>>,
    now: TimestampMicros,
    settings: &MergeSettings,
) -> Vec<&'a Arc<Partition>> {
    place.sort_by_key(|partition| (partition.bytes, partition.id));
    let fan_in = settings.partitions_fan_in.max(2);
    match carried(&place, fan_in) {
        Some(level) => place.retain(|partition| partition.level <= level),
        None if is_quiet(&place, now, settings) => tidy(&mut place),
        None => place.clear(),
    }
    place
}

/// The level up to which partitions go together: the lowest that is full, and each above it that would be full with what
/// comes out. One merge does what would else be several, one after the other.
fn carried(place: &[&Arc<Partition>], fan_in: usize) -> Option<u8> {
    let mut counts = BTreeMap::<u8, usize>::new();
    for partition in place {
        *counts.entry(partition.level).or_default() += 1;
    }
    let (mut level, _) = counts.iter().find(|(_, count)| **count >= fan_in).map(|(level, count)| (*level, count))?;
    while counts.get(&level.saturating_add(1)).is_some_and(|count| count + 1 >= fan_in) {
        level += 1;
    }
    Some(level)
}

/// Whether the newest of them was made a while ago.
fn is_quiet(place: &[&Arc<Partition>], now: TimestampMicros, settings: &MergeSettings) -> bool {
    let newest = place.iter().map(|partition| partition.id.made_at()).max().unwrap_or_default();
    newest <= now.seconds_before(settings.quiet_seconds)
}

/// Leaves what is to become one: all that was not merged so often but the largest, which late rows do not have written
/// again. So merges write each row of a day three times at most, and the largest part of it less often.
fn tidy(place: &mut Vec<&Arc<Partition>>) {
    place.retain(|partition| partition.level < TIDY_LEVEL_MAX);
    place.pop();
}

/// From which size on a partition stays as it is. With a time key the writer itself ends partitions at the minimum.
pub(super) fn full_bytes(key: &PartitionKey, options: &WriteOptions) -> u64 {
    match key {
        PartitionKey::Time { .. } | PartitionKey::TimeBucket { .. } => options.partition_min_bytes as u64,
        PartitionKey::None | PartitionKey::Bucket { .. } => options.partition_target_bytes as u64 / FULL_SHARE,
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

#[cfg(test)]
mod tests;
