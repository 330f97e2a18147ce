#![allow(clippy::unwrap_used)]

use arrow::array::{Array, Int32Array, Int32Builder, ListBuilder, StringViewArray};
use arrow::datatypes::{FieldRef, Schema};
use peristyle_catalog::model::{KeyRange, TimeUnit};
use proptest::prelude::*;

use super::*;
use crate::shape::{Arrays, BoundsBuilder, Dimension, Shape};
use crate::testing::{every_type, field};

fn ids(columns: &[(ColumnId, FieldRef)]) -> Vec<ColumnId> {
    columns.iter().map(|(id, _)| *id).collect()
}

fn int_and_text(ints: Vec<Option<i32>>, texts: Vec<Option<&str>>) -> RecordBatch {
    let schema = Schema::new(vec![field("a", PgType::INT4), field("b", PgType::TEXT)]);
    RecordBatch::try_new(schema.into(), vec![Arc::new(Int32Array::from(ints)), Arc::new(StringViewArray::from(texts))])
        .unwrap()
}

const TWO: [ColumnId; 2] = [ColumnId(1), ColumnId(2)];

#[test]
fn every_type_comes_back() {
    let (columns, batch) = every_type();
    for rows in [batch.clone(), batch.slice(0, 1), batch.slice(1, 1), batch.slice(1, 2), batch.slice(0, 0)] {
        let chunk = encode(&rows, &ids(&columns), &PartitionKey::None).unwrap();
        let decoded = decode(&chunk.body, &chunk.columns).unwrap();
        assert_eq!(decoded.columns(), rows.columns());
        let held = chunk.decoded.unwrap();
        assert_eq!(held.downcast_ref::<RecordBatch>().unwrap(), &decoded);
    }
}

fn shaped_ints(shapes: &[Option<Shape>]) -> RecordBatch {
    let mut bounds = BoundsBuilder::default();
    let mut lists = ListBuilder::new(Int32Builder::new());
    for shape in shapes {
        bounds.push(shape.as_ref().unwrap_or(&Shape::default()));
        lists.append_option(shape.as_ref().map(|shape| (0..shape.items() as i32).map(Some)));
    }
    let values = bounds.finish(lists.finish()).unwrap();
    let ty = PgType::INT4.array().unwrap();
    let schema = Schema::new(vec![crate::types::pg_field("a", ty, values.data_type().clone(), true)]);
    RecordBatch::try_new(schema.into(), vec![values]).unwrap()
}

#[test]
fn shaped_arrays_come_back_and_lists_are_recorded_as_lists() {
    let matrix = Shape::new(vec![Dimension::of(2), Dimension { length: 2, lower: 0 }]);
    let ty = PgType::INT4.array().unwrap();
    let mixed = shaped_ints(&[Some(matrix), None, Some(Shape::of_list(3)), Some(Shape::default())]);
    let chunk = encode(&mixed, &TWO[..1], &PartitionKey::None).unwrap();
    assert_eq!(chunk.columns, [(ColumnId(1), ty.shaped())]);
    let decoded = decode(&chunk.body, &chunk.columns).unwrap();
    let (found, given) = (Arrays::of(decoded.column(0)).unwrap(), Arrays::of(mixed.column(0)).unwrap());
    for row in [0, 2, 3] {
        assert_eq!((found.shape(row), &found.items(row)), (given.shape(row), &given.items(row)), "row {row}");
    }
    assert!(found.is_null(1));
    let lists = encode(&shaped_ints(&[Some(Shape::of_list(2)), None]), &TWO[..1], &PartitionKey::None).unwrap();
    assert_eq!(lists.columns, [(ColumnId(1), ty)]);
}

/// The bytes are the format: a change of them needs a new version.
#[test]
fn golden_bytes_of_shaped_arrays() {
    let matrix = Shape::new(vec![Dimension::of(1), Dimension { length: 2, lower: 0 }]);
    let body = encode(&shaped_ints(&[Some(matrix), None]), &TWO[..1], &PartitionKey::None).unwrap().body;
    let expected = [
        1, 2, 1, 0b01, // version, rows, some NULLs, which rows are valid
        0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, // the items of the valid: no NULLs, how many, the items
        0, 5, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, // their bounds
    ];
    assert_eq!(body.as_ref(), expected);
}

/// The bytes are the format: a change of them needs a new version.
#[test]
fn golden_bytes_of_version_1() {
    let batch = int_and_text(vec![Some(7), None, Some(-1)], vec![Some("ab"), Some(""), Some("é")]);
    let body = encode(&batch, &TWO, &PartitionKey::None).unwrap().body;
    let expected = [
        1, 3, // version, rows
        1, 0b101, 7, 0, 0, 0, 255, 255, 255, 255, // some NULLs, which rows are valid, the valid values
        0, 2, b'a', b'b', 0, 2, 0xC3, 0xA9, // no NULLs, each text after its length
    ];
    assert_eq!(body.as_ref(), expected);
}

#[test]
fn a_single_row_is_small() {
    let (columns, batch) = every_type();
    let body = encode(&batch.slice(2, 1), &ids(&columns), &PartitionKey::None).unwrap().body;
    assert!(body.len() < 500, "{} bytes for {} columns", body.len(), columns.len());
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    let (columns, batch) = every_type();
    let chunk = encode(&batch, &ids(&columns), &PartitionKey::None).unwrap();
    for end in 0..chunk.body.len() {
        assert!(matches!(decode(&chunk.body[..end], &chunk.columns), Err(Error::Corrupt { .. })), "cut at {end}");
    }
    let mut longer = chunk.body.to_vec();
    longer.push(0);
    assert!(decode(&longer, &chunk.columns).is_err());
    longer[0] = 99;
    assert!(decode(&longer, &chunk.columns).unwrap_err().to_string().contains("format 99"));
}

#[test]
fn the_key_range_is_that_of_the_rows() {
    let schema = Schema::new(vec![field("day", PgType::DATE)]);
    let days = arrow::array::Date32Array::from(vec![Some(2), None, Some(1)]);
    let batch = RecordBatch::try_new(schema.into(), vec![Arc::new(days)]).unwrap();
    let key = PartitionKey::Time { unit: TimeUnit::Day, column: ColumnId(1) };
    let day = 86_400_000_000;
    let chunk = encode(&batch, &TWO[..1], &key).unwrap();
    assert_eq!(chunk.key, KeyRange { time: Some((day, 2 * day)), bucket: None, nulls: true });
    let key = PartitionKey::Bucket { buckets: 1, column: ColumnId(1) };
    assert_eq!(encode(&batch, &TWO[..1], &key).unwrap().key.bucket, Some(0));
}

#[test]
fn an_array_column_need_not_mark_its_elements() {
    let mut builder = arrow::array::ListBuilder::new(arrow::array::Int32Builder::new());
    builder.append_value([Some(1), None]);
    let schema = Schema::new(vec![arrow::datatypes::Field::new("a", builder_type(), true)]);
    let batch = RecordBatch::try_new(schema.into(), vec![Arc::new(builder.finish())]).unwrap();
    let chunk = encode(&batch, &TWO[..1], &PartitionKey::None).unwrap();
    assert_eq!(chunk.columns, [(TWO[0], PgType::INT4.array().unwrap())]);
    assert_eq!(decode(&chunk.body, &chunk.columns).unwrap().num_rows(), 1);
}

fn builder_type() -> arrow::datatypes::DataType {
    arrow::datatypes::DataType::new_list(arrow::datatypes::DataType::Int32, true)
}

#[test]
fn rows_without_columns_are_counted() {
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(3));
    let batch = RecordBatch::try_new_with_options(Schema::empty().into(), vec![], &options).unwrap();
    let chunk = encode(&batch, &[], &PartitionKey::None).unwrap();
    assert_eq!(decode(&chunk.body, &chunk.columns).unwrap().num_rows(), 3);
}

proptest! {
    #[test]
    fn any_rows_come_back(rows in prop::collection::vec((any::<Option<i32>>(), any::<Option<String>>()), 0..40)) {
        let (ints, texts): (Vec<_>, Vec<_>) = rows.iter().map(|(int, text)| (*int, text.as_deref())).unzip();
        let batch = int_and_text(ints, texts);
        let chunk = encode(&batch, &TWO, &PartitionKey::None).unwrap();
        let decoded = decode(&chunk.body, &chunk.columns).unwrap();
        prop_assert_eq!(decoded.columns(), batch.columns());
    }

    #[test]
    fn any_bytes_are_refused_or_read(body in prop::collection::vec(any::<u8>(), 0..60)) {
        let types = [PgType::INT4, PgType::TEXT, PgType::INT2.array().unwrap()];
        let columns: Vec<_> = types.into_iter().enumerate().map(|(at, ty)| (ColumnId(at as u32), ty)).collect();
        let body: Vec<u8> = [1, 2].into_iter().chain(body).collect();
        if let Ok(batch) = decode(&body, &columns) {
            prop_assert_eq!(batch.column(0).len(), 2);
        }
    }
}
