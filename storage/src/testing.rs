//! What the tests of several modules need: sources that replay, stores in a temporary folder, rows of every type.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::*;
use arrow::datatypes::{FieldRef, IntervalMonthDayNano, Schema, i256};
use peristyle_catalog::model::{
    ColumnId, Layout, LayoutId, NewPartition, Oid, Partition, PartitionKey, PgType, Seq, TimestampMicros, TypeKind,
};
use peristyle_catalog::{Clock, Entropy, Sources};

use crate::objects::Store;
use crate::packed::{self, Bits, Inet, Packed, Range, RangeType};
use crate::partition::{WriteOptions, WriteSpec};
use crate::settings::StoreSettings;
use crate::types::{arrow_type, pg_field};

pub(crate) const TABLE: Oid = Oid(16384);

struct Fixed;
struct Counting(AtomicU64);

impl Clock for Fixed {
    fn now(&self) -> TimestampMicros {
        TimestampMicros(1_700_000_000_000_000)
    }
}

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes.fill(0);
        let at = bytes.len() - number.len();
        bytes[at..].copy_from_slice(&number);
    }
}

pub(crate) fn sources() -> Sources {
    Sources { clock: Arc::new(Fixed), entropy: Arc::new(Counting(AtomicU64::new(1))) }
}

/// A store in a folder that lives as long as the first part of the pair.
pub(crate) fn store() -> (tempfile::TempDir, Arc<Store>) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/store", folder.path().display());
    let store = Store::open(&url, StoreSettings::default()).unwrap();
    (folder, store)
}

pub(crate) fn options(folder: &tempfile::TempDir) -> WriteOptions {
    WriteOptions::new(folder.path().join("spill"))
}

pub(crate) fn field(name: &str, ty: PgType) -> FieldRef {
    pg_field(name, ty, arrow_type(ty, None), true)
}

pub(crate) fn spec(columns: &[(ColumnId, FieldRef)], options: WriteOptions) -> WriteSpec {
    WriteSpec {
        table: TABLE,
        columns: columns.to_vec(),
        has_row_seqs: false,
        partition_key: PartitionKey::None,
        order_key: Vec::new(),
        level: 0,
        options,
        sources: sources(),
    }
}

/// The catalog's row of a partition that commit `added` wrote.
pub(crate) fn committed(new: &NewPartition, added: Seq) -> Arc<Partition> {
    Arc::new(Partition {
        id: new.id,
        table: TABLE,
        home: TABLE,
        layout: Arc::new(Layout { id: LayoutId(1), columns: new.columns.clone() }),
        remap: Vec::new(),
        rows: new.rows,
        bytes: new.bytes,
        checksum: new.checksum,
        added,
        removed: None,
        row_seqs: new.row_seqs.unwrap_or((added, added)),
        key: new.key,
        level: new.level,
    })
}

fn packed_values(kind: TypeKind, [first, last]: [Vec<u8>; 2]) -> ArrayRef {
    let values = [Some(first), None, Some(last)].into_iter();
    let width = packed::width(kind).expect("a packed type");
    Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(values, width).unwrap())
}

fn address(text: &str) -> Vec<u8> {
    Inet::from(text.parse::<std::net::IpAddr>().unwrap()).pack().to_vec()
}

/// A numrange from there on.
fn range(lower: Option<i128>) -> Vec<u8> {
    let bound = lower.map(|value| (i256::from_i128(value), false));
    RangeType::of_kind(TypeKind::NumRange).unwrap().pack(Range::new(bound, None).unwrap())
}

/// Columns of every stored type with edge values and NULLs, ids from 1.
pub(crate) fn every_type() -> (Vec<(ColumnId, FieldRef)>, RecordBatch) {
    let decimal = |p, s, values: Vec<Option<i128>>| -> ArrayRef {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(p, s).unwrap())
    };
    let max38 = 10_i128.pow(38) - 1;
    let wide = Decimal256Array::from(vec![Some(i256::from_i128(-max38)), None, Some(i256::from_i128(7))]);
    let timestamps = TimestampMicrosecondArray::from(vec![Some(i64::MAX), None, Some(i64::MIN)]);
    let interval = IntervalMonthDayNanoArray::from(vec![
        Some(IntervalMonthDayNano::new(-14, 3, 4_000_005_000)),
        None,
        Some(IntervalMonthDayNano::new(i32::MAX, i32::MIN, -1000)),
    ]);
    let uuids =
        FixedSizeBinaryArray::try_from_sparse_iter_with_size([Some([0; 16]), None, Some([255; 16])].into_iter(), 16);
    let bits = [Some(Bits(Vec::new()).pack()), None, Some(Bits([true, false].repeat(40)).pack())];
    let long = "ein langer Text, der nicht in die View passt: äöü€😀";
    let columns: Vec<(PgType, ArrayRef)> = vec![
        (PgType::BOOL, Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        (PgType::INT2, Arc::new(Int16Array::from(vec![Some(i16::MIN), None, Some(i16::MAX)]))),
        (PgType::INT4, Arc::new(Int32Array::from(vec![Some(i32::MIN), None, Some(i32::MAX)]))),
        (PgType::INT8, Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(i64::MAX)]))),
        (PgType::OID, Arc::new(UInt32Array::from(vec![Some(0), None, Some(u32::MAX)]))),
        (PgType::FLOAT4, Arc::new(Float32Array::from(vec![Some(f32::MIN), None, Some(0.5)]))),
        (PgType::FLOAT8, Arc::new(Float64Array::from(vec![Some(f64::NAN), None, Some(f64::NEG_INFINITY)]))),
        (PgType::numeric(9, 2), decimal(9, 2, vec![Some(-999_999_999), None, Some(1)])),
        (PgType::numeric(18, 4), decimal(18, 4, vec![Some(10_i128.pow(18) - 1), None, Some(0)])),
        (PgType::numeric(38, 0), decimal(38, 0, vec![Some(max38), None, Some(-max38)])),
        (PgType::numeric(60, 10), Arc::new(wide.with_precision_and_scale(60, 10).unwrap())),
        (PgType::TEXT, Arc::new(StringViewArray::from(vec![Some(""), None, Some(long)]))),
        (PgType::varchar(60), Arc::new(StringViewArray::from(vec![Some(long), None, Some("a")]))),
        (PgType::BYTEA, Arc::new(BinaryViewArray::from(vec![Some(&b"\x00\xff"[..]), None, Some(&[9; 50][..])]))),
        (PgType::DATE, Arc::new(Date32Array::from(vec![Some(i32::MAX), None, Some(i32::MIN)]))),
        (PgType::TIME, Arc::new(Time64MicrosecondArray::from(vec![Some(0), None, Some(86_400_000_000)]))),
        (PgType::TIMESTAMP, Arc::new(timestamps.clone())),
        (PgType::TIMESTAMPTZ, Arc::new(timestamps.with_timezone("UTC"))),
        (PgType::INTERVAL, Arc::new(interval.clone())),
        (PgType::UUID, Arc::new(uuids.unwrap())),
        (PgType::JSONB, Arc::new(StringViewArray::from(vec![Some("{\"a\": 1}"), None, Some("null")]))),
        (PgType::INT4.array().unwrap(), int_lists()),
        (PgType::TEXT.array().unwrap(), text_lists(long)),
        (PgType::INTERVAL.array().unwrap(), interval_lists(&interval)),
        (PgType::INT8, Arc::new(Int64Array::new_null(3))),
        (PgType::plain(869), packed_values(TypeKind::Inet, [address("10.0.0.1"), address("ff::ff")])),
        (PgType::plain(3906), packed_values(TypeKind::NumRange, [range(None), range(Some(-5))])),
        (PgType::VARBIT, Arc::new(LargeBinaryArray::from(bits.iter().map(Option::as_deref).collect::<Vec<_>>()))),
        (PgType::BIT.array().unwrap(), bit_lists(&bits)),
    ];
    let fields: Vec<(ColumnId, FieldRef)> = columns
        .iter()
        .enumerate()
        .map(|(at, (ty, _))| (ColumnId(at as u32 + 1), field(&format!("col.{at}"), *ty)))
        .collect();
    let schema = Schema::new(fields.iter().map(|(_, field)| field.clone()).collect::<Vec<_>>());
    let arrays = columns.iter().zip(&fields).map(|((_, array), (_, field))| with_item_of(array, field)).collect();
    let batch = RecordBatch::try_new(Arc::new(schema), arrays).unwrap();
    (fields, batch)
}

fn bit_lists(bits: &[Option<Vec<u8>>]) -> ArrayRef {
    let mut builder = ListBuilder::new(LargeBinaryBuilder::new());
    builder.append_value(bits.iter().cloned());
    builder.append_null();
    builder.append_value(Vec::<Option<Vec<u8>>>::new());
    Arc::new(builder.finish())
}

fn with_item_of(array: &ArrayRef, field: &FieldRef) -> ArrayRef {
    match field.data_type() {
        arrow::datatypes::DataType::List(item) => {
            let lists = array.as_list::<i32>();
            Arc::new(ListArray::new(
                item.clone(),
                lists.offsets().clone(),
                lists.values().clone(),
                lists.nulls().cloned(),
            ))
        }
        _ => array.clone(),
    }
}

fn int_lists() -> ArrayRef {
    let mut builder = ListBuilder::new(Int32Builder::new());
    builder.append_value([Some(1), None, Some(-3)]);
    builder.append_null();
    builder.append_value([]);
    Arc::new(builder.finish())
}

fn text_lists(long: &str) -> ArrayRef {
    let mut builder = ListBuilder::new(StringViewBuilder::new());
    builder.append_value([Some(long), None, Some("")]);
    builder.append_null();
    builder.append_value([] as [Option<&str>; 0]);
    Arc::new(builder.finish())
}

fn interval_lists(items: &IntervalMonthDayNanoArray) -> ArrayRef {
    let offsets = arrow::buffer::OffsetBuffer::from_lengths([2, 0, 1]);
    let item = arrow::datatypes::Field::new("item", items.data_type().clone(), true);
    let nulls = arrow::buffer::NullBuffer::from(vec![true, false, true]);
    Arc::new(ListArray::new(Arc::new(item), offsets, Arc::new(items.clone()), Some(nulls)))
}
