//! Finding partitions by key against looking at all of them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::model::{Oid, Seq};

fn partition(id: u128, key: KeyRange) -> Arc<Partition> {
    Arc::new(Partition {
        id: PartitionId(Uuid::from_u128(id)),
        table: Oid(1),
        home: Oid(1),
        layout: Arc::new(Layout { id: LayoutId(1), columns: Vec::new() }),
        remap: Vec::new(),
        rows: 1,
        bytes: 1,
        checksum: None,
        added: Seq(1),
        removed: None,
        row_seqs: (Seq(1), Seq(1)),
        key,
        level: 0,
    })
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![6 => -50..50_i64, 1 => Just(i64::MIN), 1 => Just(i64::MAX), 1 => any::<i64>()]
}

fn key() -> impl Strategy<Value = KeyRange> {
    let times = prop::option::weighted(0.8, (time(), time()).prop_map(|(a, b)| (a.min(b), a.max(b))));
    (times, prop::option::of(0..3_u32), any::<bool>()).prop_map(|(time, bucket, nulls)| KeyRange {
        time,
        bucket,
        nulls,
    })
}

/// As the documentation of `partitions_in` says, one by one.
fn may_hold(key: &KeyRange, bucket: Option<u32>, from: Option<i64>, to: Option<i64>) -> bool {
    let in_bucket = bucket.is_none() || key.bucket.is_none() || key.bucket == bucket;
    let in_time = match key.time {
        None => from.is_none() && to.is_none(),
        Some((least, greatest)) => from.is_none_or(|from| greatest >= from) && to.is_none_or(|to| least < to),
    };
    in_bucket && in_time
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_range_finds_what_a_full_scan_finds(
        keys in prop::collection::vec(key(), 0..60),
        removed in prop::collection::vec(any::<bool>(), 60),
        asked in prop::collection::vec((prop::option::of(0..4_u32), prop::option::of(time()), prop::option::of(time())), 20),
    ) {
        let mut contents = TableContents::default();
        for (id, key) in keys.iter().enumerate() {
            contents.insert_partition(partition(id as u128, *key));
        }
        for (id, _) in removed.iter().enumerate().filter(|(_, removed)| **removed) {
            contents.remove_partition(PartitionId(Uuid::from_u128(id as u128)));
        }
        prop_assert_eq!(contents.rows() as usize, contents.partition_count());
        prop_assert_eq!(contents.buckets.values().sum::<usize>(), contents.partition_count());
        for (bucket, from, to) in asked {
            let found: Vec<_> = contents.partitions_in(bucket, from, to).map(|partition| partition.id).collect();
            let distinct: BTreeSet<_> = found.iter().copied().collect();
            prop_assert_eq!(found.len(), distinct.len(), "none is found twice");
            let all = contents.partitions().filter(|partition| may_hold(&partition.key, bucket, from, to));
            prop_assert_eq!(distinct, all.map(|partition| partition.id).collect::<BTreeSet<_>>());
        }
    }
}

#[test]
fn a_narrow_range_does_not_walk_the_table() {
    let mut contents = TableContents::default();
    for hour in 0..10_000_i64 {
        let key = KeyRange { time: Some((hour * 3600, hour * 3600 + 3599)), bucket: None, nulls: false };
        contents.insert_partition(partition(hour as u128, key));
    }
    let walked = contents.partitions_of(None, Some(5_000 * 3600), Some(5_024 * 3600)).count();
    assert!((24..=26).contains(&walked), "{walked} of 10,000 for a day");
}
