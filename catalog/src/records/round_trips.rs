//! What is encoded decodes to itself, and damage is found or decodes to something else, without a panic.

use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

use super::codec::{Field, Input};
use super::*;
use crate::model::{
    Bound, BoundValue, ChunkId, ColumnId, ColumnRemap, ColumnStatistics, EndMark, IngestId, KeyRange, Layout, LayoutId,
    Oid, PartitionId, PgType, Seq, TimestampMicros,
};

fn key_range() -> impl Strategy<Value = KeyRange> {
    any::<(Option<(i64, i64)>, Option<u32>, bool)>().prop_map(|(time, bucket, nulls)| KeyRange { time, bucket, nulls })
}

fn bound() -> impl Strategy<Value = Bound> {
    let value = prop_oneof![
        any::<i64>().prop_map(BoundValue::Int),
        any::<f64>().prop_filter("never NaN", |float| !float.is_nan()).prop_map(BoundValue::Float),
        any::<(i128, i8)>().prop_map(|(unscaled, scale)| BoundValue::Decimal { unscaled, scale }),
        prop::collection::vec(any::<u8>(), 0..33).prop_map(BoundValue::Bytes),
    ];
    (value, any::<bool>()).prop_map(|(value, exact)| Bound { value, exact })
}

fn statistics() -> impl Strategy<Value = ColumnStatistics> {
    (any::<u32>(), any::<u64>(), prop::option::of(bound()), prop::option::of(bound()))
        .prop_map(|(column, nulls, min, max)| ColumnStatistics { column: ColumnId(column), nulls, min, max })
}

fn partition_row() -> impl Strategy<Value = PartitionRow> {
    let remap = prop::collection::vec(any::<(u32, u32)>(), 0..3);
    let numbers = any::<(u32, u128, u32, u64, u64, u64, (u64, u64), (u8, Option<u32>))>();
    (numbers, remap, key_range()).prop_map(
        |((table, id, layout, rows, bytes, added, seqs, (level, checksum)), remap, key)| {
            let remap = remap.into_iter().map(|(a, b)| ColumnRemap { in_file: ColumnId(a), in_table: ColumnId(b) });
            PartitionRow {
                id: PartitionId(Uuid::from_u128(id)),
                table: Oid(table),
                // Its own, or that of another.
                home: Oid(if level.is_multiple_of(2) { table } else { layout }),
                layout: LayoutId(layout),
                remap: remap.collect(),
                rows,
                bytes,
                checksum,
                added: Seq(added),
                row_seqs: (Seq(seqs.0), Seq(seqs.1)),
                key,
                level,
            }
        },
    )
}

fn chunk_row() -> impl Strategy<Value = ChunkRow> {
    let numbers = any::<(u32, u64, u32, u32, u64, u64, u64, i64)>();
    (numbers, key_range()).prop_map(|((table, seq, ordinal, layout, rows, bytes, log_position, at), key)| ChunkRow {
        id: ChunkId { seq: Seq(seq), ordinal },
        table: Oid(table),
        layout: LayoutId(layout),
        rows,
        bytes,
        key,
        log_position,
        at: TimestampMicros(at),
    })
}

fn record() -> impl Strategy<Value = Record> {
    let layout = (any::<(u32, u32)>(), prop::collection::vec(any::<(u32, u32, i32)>(), 0..5));
    let statistics_row = (any::<(u32, u128, u32)>(), prop::collection::vec(statistics(), 0..16));
    prop_oneof![
        partition_row().prop_map(Record::Partition),
        (partition_row(), any::<(u64, i64)>()).prop_map(|(row, (seq, at))| {
            Record::EndedPartition(row, EndMark { seq: Seq(seq), at: TimestampMicros(at) })
        }),
        chunk_row().prop_map(Record::Chunk),
        layout.prop_map(|((table, id), columns)| {
            let columns = columns.into_iter().map(|(id, oid, typmod)| (ColumnId(id), PgType { oid, typmod }));
            Record::Layout(Oid(table), Layout { id: LayoutId(id), columns: columns.collect() })
        }),
        statistics_row.prop_map(|((table, id, group), columns)| {
            let partition = PartitionId(Uuid::from_u128(id));
            Record::Statistics(StatisticsKey { table: Oid(table), partition, group }, columns)
        }),
        (".*", any::<(u64, i64)>())
            .prop_map(|(id, (seq, at))| { Record::Ingested(IngestId(id), Seq(seq), TimestampMicros(at)) }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_round_trip_and_survive_damage(record in record(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let raw = RawOp::from(&RowOp::Put(record.clone()));
        prop_assert_eq!(raw.decode().unwrap(), RowOp::Put(record));
        let value = raw.value.clone().unwrap();
        let mut damaged = value.to_vec();
        damaged[at.index(value.len())] ^= 1 << bit;
        // As bytes: zero equals its negative.
        if let Ok(other) = (RawOp { key: raw.key.clone(), value: Some(damaged.into()) }).decode() {
            prop_assert_ne!(RawOp::from(&other), raw.clone());
        }
        let cut = RawOp { key: raw.key, value: Some(value.slice(..at.index(value.len()))) };
        prop_assert!(cut.decode().is_err());
    }

    #[test]
    fn keys_sort_like_their_bytes(a in record(), b in record()) {
        let (a, b) = (a.key(), b.key());
        prop_assert_eq!(a.cmp(&b), a.encode().cmp(&b.encode()));
    }

    #[test]
    fn any_bytes_decode_without_a_panic(key in prop::collection::vec(any::<u8>(), 0..40), value: Vec<u8>) {
        let op = RawOp { key: key.into(), value: Some(value.clone().into()) };
        drop(op.decode());
        let bytes = Bytes::from(value);
        drop(decode_ops(&bytes, &mut Input::new(&bytes), 3));
    }

    #[test]
    fn operations_round_trip(records in prop::collection::vec((record(), any::<bool>()), 0..10)) {
        let ops: Vec<RawOp> = records
            .into_iter()
            .map(|(record, is_put)| RawOp::from(&if is_put { RowOp::Put(record) } else { RowOp::Delete(record.key()) }))
            .collect();
        let mut bytes = Vec::new();
        ops.iter().for_each(|op| encode_op(op, &mut bytes));
        let bytes = Bytes::from(bytes);
        let mut input = Input::new(&bytes);
        prop_assert_eq!(decode_ops(&bytes, &mut input, ops.len()).unwrap(), ops);
        prop_assert!(input.is_empty());
    }

    #[test]
    fn numbers_round_trip(unsigned: u64, signed: i64, short: i16) {
        let mut bytes = Vec::new();
        (unsigned, (signed, short)).put(&mut bytes);
        prop_assert_eq!(<(u64, (i64, i16))>::take(&mut Input::new(&bytes)).unwrap(), (unsigned, (signed, short)));
    }
}
