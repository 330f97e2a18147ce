use peristyle_catalog::model::{ChunkId, ColumnId, KeyRange, Layout, LayoutId, Oid, Seq, TimeUnit};
use proptest::prelude::*;

use super::*;
use crate::merge::tests::partition;

const HOUR: i64 = 3_600_000_000;
const BY_HOUR: PartitionKey = PartitionKey::Time { unit: TimeUnit::Hour, column: ColumnId(1) };

fn chunk(bytes: u64) -> Arc<Chunk> {
    Arc::new(Chunk {
        id: ChunkId { seq: Seq(1), ordinal: 0 },
        table: Oid(16384),
        layout: Arc::new(Layout { id: LayoutId(1), columns: Vec::new() }),
        rows: 1,
        bytes,
        key: KeyRange::default(),
        log_position: 0,
        at: TimestampMicros(0),
    })
}

fn settings() -> MergeSettings {
    MergeSettings { chunks_bytes: 1000, chunks_max: 10, chunk_age_seconds: 60, ..MergeSettings::default() }
}

fn pick_with(chunks: &[Arc<Chunk>], partitions: &[Arc<Partition>], now: i64, urgency: Urgency) -> Option<Group> {
    let state = State { key: &BY_HOUR, chunks, partitions, now: TimestampMicros(now), urgency };
    pick(&state, &settings(), &WriteOptions::new("/nonexistent".into()))
}

#[test]
fn chunks_go_by_bytes_number_age_or_need() {
    let picked =
        |chunks: &[Arc<Chunk>], now, urgency| pick_with(chunks, &[], now, urgency).map(|group| group.chunks.len());
    assert_eq!(picked(&[], i64::MAX, Urgency::MakeRoom), None);
    assert_eq!(picked(&[chunk(1)], 0, Urgency::Normal), None);
    assert_eq!(picked(&[chunk(1)], 0, Urgency::MakeRoom), Some(1));
    assert_eq!(picked(&[chunk(1)], 60_000_000, Urgency::Normal), Some(1));
    assert_eq!(picked(&[chunk(500), chunk(500)], 0, Urgency::Normal), Some(2));
    assert_eq!(picked(&vec![chunk(1); 10], 0, Urgency::Normal), Some(10));
    assert_eq!(picked(&[chunk(u64::MAX / 2), chunk(5)], 0, Urgency::Normal), Some(1), "one at least");
}

/// Ids are as old as the clock of `pick_with` can say.
fn picked(partitions: &[Arc<Partition>]) -> usize {
    pick_with(&[], partitions, 0, Urgency::Normal).map_or(0, |group| group.partitions.len())
}

#[test]
fn only_neighbours_of_one_level_go_together() {
    let small = |id, level, hour| partition(id, 1000, level, hour);
    let one_day: Vec<_> = (0..12).map(|n| small(n, 1, Some(n as i64))).collect();
    assert_eq!(picked(&one_day), 12);
    assert_eq!(picked(&one_day[1..]), 0);
    let with = |other| [&one_day[1..], &[other]].concat();
    assert_eq!(picked(&with(small(99, 1, Some(24)))), 0, "of the next day");
    assert_eq!(picked(&with(small(99, 1, None))), 0, "without a time");
    assert_eq!(picked(&with(small(99, 2, Some(3)))), 0, "merged more often");
    assert_eq!(picked(&with(partition(99, 32 << 20, 1, Some(3)))), 0, "large enough");
    let worn: Vec<_> = (0..12).map(|n| small(n, 16, Some(1))).collect();
    assert_eq!(picked(&worn), 0, "merged too often");
}

#[test]
fn one_merge_fills_several_levels() {
    let of_level =
        |level: u8, count: u128| (0..count).map(move |n| partition(n + 100 * u128::from(level), 9, level, Some(1)));
    let place: Vec<_> = of_level(0, 3).chain(of_level(1, 12)).chain(of_level(2, 11)).chain(of_level(3, 10)).collect();
    let group = pick_with(&[], &place, 0, Urgency::Normal).unwrap();
    assert_eq!((group.partitions.len(), group.level()), (26, 3), "all but those of the third level");
    assert_eq!(group.fresh_bytes(), 27);
}

#[test]
fn a_quiet_day_is_tidied() {
    let quiet = settings().quiet_seconds as i64 * 1_000_000;
    let tidied = |partitions: &[(u64, u8)], now| {
        let place = partitions.iter().zip(1..);
        let place: Vec<_> = place.map(|((bytes, level), id)| partition(id, *bytes, *level, Some(1))).collect();
        pick_with(&[], &place, now, Urgency::Normal).map(|group| group.bytes())
    };
    assert_eq!(tidied(&[(5, 1), (7, 2), (50, 2)], quiet - 1), None);
    assert_eq!(tidied(&[(5, 1), (7, 2), (50, 2)], quiet), Some(12), "all but the largest");
    assert_eq!(tidied(&[(5, 1), (50, 2)], quiet), None);
    assert_eq!(tidied(&[(5, 1), (7, 2), (50, 3)], quiet), None, "what was tidied is not the largest of the others");
}

proptest! {
    /// Merges end, leave few small partitions and rewrite each byte a bounded number of times, even if what is
    /// written is not smaller in number than what was read.
    #[test]
    fn merging_converges(sizes in prop::collection::vec((1..40_000_000_u64, 0..48_i64), 1..200), pieces in 1..3_u64) {
        let numbered = sizes.iter().zip(0..);
        let mut partitions: Vec<_> = numbered.map(|((bytes, hour), id)| partition(id, *bytes, 0, Some(*hour))).collect();
        let total: u64 = partitions.iter().map(|partition| partition.bytes).sum();
        let (mut next, mut rewritten) = (1000_u128, 0_u64);
        while let Some(group) = pick_with(&[], &partitions, i64::MAX, Urgency::Normal) {
            prop_assert!(group.partitions.len() >= 2);
            rewritten += group.bytes();
            prop_assert!(rewritten <= total * u64::from(settings().levels_max), "bytes rewritten without end");
            partitions.retain(|partition| !group.partitions.contains(partition));
            let hour = group.partitions[0].key.time.map(|time| time.0 / HOUR);
            for _ in 0..pieces {
                partitions.push(partition(next, group.bytes() / pieces, group.level(), hour));
                next += 1;
            }
        }
        if pieces == 1 {
            // Two days, each with two that were not merged often and a few that were.
            let small = partitions.iter().filter(|partition| partition.bytes < 32 << 20).count();
            prop_assert!(small <= 2 * 5, "{small} small partitions");
        }
    }
}
