//! From Arrow as the plan has it to Arrow as a file has it, and back: Parquet refuses Arrow's interval, so it becomes
//! three integers; floats are canonical; every field carries its column's id, those within it others made of it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::types::{Float32Type, Float64Type, IntervalMonthDayNano, IntervalMonthDayNanoType};
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Int32Array, Int64Array, IntervalMonthDayNanoArray, ListArray,
    PrimitiveArray, StructArray,
};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int32Type, Int64Type, IntervalUnit};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use peristyle_catalog::model::ColumnId;

use super::NANOS_PER_MICRO;
use crate::Result;
use crate::shape::is_shaped;

/// The element of an array column has the column's id plus this as its field id.
const ELEMENT_ID_OFFSET: u32 = 1 << 30;
/// The parts of a shaped array have the column's id plus these.
const PART_ID_OFFSETS: [u32; 2] = [1 << 29, 1 << 28];

/// The field of a column in a file.
pub(crate) fn file_field(id: ColumnId, field: &Field) -> FieldRef {
    let file_type = match field.data_type() {
        DataType::List(item) => DataType::List(file_field(ColumnId(id.0 | ELEMENT_ID_OFFSET), item)),
        DataType::Interval(IntervalUnit::MonthDayNano) => DataType::Struct(interval_fields()),
        DataType::Struct(parts) if is_shaped(field.data_type()) => {
            let ids = PART_ID_OFFSETS.map(|offset| ColumnId(id.0 | offset));
            DataType::Struct(ids.into_iter().zip(parts).map(|(id, part)| file_field(id, part)).collect())
        }
        other => other.clone(),
    };
    let metadata = HashMap::from([(PARQUET_FIELD_ID_META_KEY.to_owned(), id.0.to_string())]);
    Arc::new(Field::new(field.name(), file_type, field.is_nullable()).with_metadata(metadata))
}

fn interval_fields() -> Fields {
    Fields::from(vec![
        Field::new("months", DataType::Int32, false),
        Field::new("days", DataType::Int32, false),
        Field::new("micros", DataType::Int64, false),
    ])
}

/// Whether a file's type is that of an interval.
pub(crate) fn is_interval(file: &DataType) -> bool {
    let DataType::Struct(fields) = file else { return false };
    let has = |wanted: &FieldRef| fields.iter().any(|field| is_part(field, wanted));
    fields.len() == interval_fields().len() && interval_fields().iter().all(has)
}

fn is_part(field: &Field, wanted: &Field) -> bool {
    (field.name(), field.data_type()) == (wanted.name(), wanted.data_type()) && !field.is_nullable()
}

/// Values as a file of that field holds them.
pub(crate) fn to_file(values: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    match (values.data_type(), field.data_type()) {
        (DataType::Interval(_), DataType::Struct(_)) => Ok(intervals_to_file(values)),
        (DataType::List(_), DataType::List(item)) => {
            let lists = values.as_list::<i32>();
            let items = to_file(lists.values(), item)?;
            let list = ListArray::try_new(item.clone(), lists.offsets().clone(), items, lists.nulls().cloned())?;
            Ok(Arc::new(list))
        }
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let group = values.as_struct();
            let parts = group.columns().iter().zip(fields).map(|(part, field)| to_file(part, field));
            let parts = parts.collect::<Result<_>>()?;
            Ok(Arc::new(StructArray::try_new(fields.clone(), parts, group.nulls().cloned())?))
        }
        _ => Ok(canonical(values)),
    }
}

fn intervals_to_file(values: &ArrayRef) -> ArrayRef {
    let values = values.as_primitive::<IntervalMonthDayNanoType>();
    let parts = values.values();
    let months = Int32Array::from_iter_values(parts.iter().map(|v| v.months));
    let days = Int32Array::from_iter_values(parts.iter().map(|v| v.days));
    let micros = Int64Array::from_iter_values(parts.iter().map(|v| v.nanoseconds / NANOS_PER_MICRO));
    let columns: Vec<ArrayRef> = vec![Arc::new(months), Arc::new(days), Arc::new(micros)];
    Arc::new(StructArray::new(interval_fields(), columns, values.nulls().cloned()))
}

/// Values of a file as the plan has them: the opposite of [`to_file`].
pub(crate) fn from_file(values: &ArrayRef) -> Result<ArrayRef> {
    match values.data_type() {
        shaped if is_shaped(shaped) => shaped_from_file(values),
        DataType::Struct(_) => Ok(intervals_from_file(values)),
        DataType::List(item) if matches!(item.data_type(), DataType::Struct(_)) => {
            let lists = values.as_list::<i32>();
            let items = intervals_from_file(lists.values());
            let item = Arc::new(Field::new(item.name(), items.data_type().clone(), item.is_nullable()));
            let list = ListArray::try_new(item, lists.offsets().clone(), items, lists.nulls().cloned())?;
            Ok(Arc::new(list))
        }
        _ => Ok(values.clone()),
    }
}

fn shaped_from_file(values: &ArrayRef) -> Result<ArrayRef> {
    let group = values.as_struct();
    let parts = group.columns().iter().map(from_file).collect::<Result<Vec<ArrayRef>>>()?;
    let fields = parts.iter().zip(group.fields());
    let fields = fields.map(|(part, field)| Field::new(field.name(), part.data_type().clone(), true));
    Ok(Arc::new(StructArray::try_new(fields.collect(), parts, group.nulls().cloned())?))
}

fn intervals_from_file(values: &ArrayRef) -> ArrayRef {
    let parts = values.as_struct();
    let months = parts.column(0).as_primitive::<Int32Type>().values();
    let days = parts.column(1).as_primitive::<Int32Type>().values();
    let micros = parts.column(2).as_primitive::<Int64Type>().values();
    let whole = months.iter().zip(days).zip(micros).map(|((&months, &days), &micros)| {
        IntervalMonthDayNano::new(months, days, micros.saturating_mul(NANOS_PER_MICRO))
    });
    Arc::new(IntervalMonthDayNanoArray::new(whole.collect(), parts.nulls().cloned()))
}

/// The Arrow type to read a file's column as: text and bytes as views.
pub(crate) fn read_field(field: &FieldRef) -> FieldRef {
    let read = match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        DataType::List(item) => DataType::List(read_field(item)),
        DataType::Struct(parts) => DataType::Struct(parts.iter().map(read_field).collect()),
        _ => return field.clone(),
    };
    Arc::new(field.as_ref().clone().with_data_type(read))
}

/// The same values with every NaN as the one positive NaN and −0.0 as 0.0 (law 9).
pub fn canonical(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Float32 => with_canonical::<Float32Type>(values, |v| if v.is_nan() { f32::NAN } else { v + 0.0 }),
        DataType::Float64 => with_canonical::<Float64Type>(values, |v| if v.is_nan() { f64::NAN } else { v + 0.0 }),
        DataType::List(item) if item.data_type().is_floating() => {
            let lists = values.as_list::<i32>();
            let items = canonical(lists.values());
            Arc::new(ListArray::new(item.clone(), lists.offsets().clone(), items, lists.nulls().cloned()))
        }
        DataType::Struct(fields) => {
            let group = values.as_struct();
            let parts = group.columns().iter().map(canonical).collect();
            Arc::new(StructArray::new(fields.clone(), parts, group.nulls().cloned()))
        }
        _ => values.clone(),
    }
}

fn with_canonical<T: ArrowPrimitiveType>(values: &ArrayRef, canonical: impl Fn(T::Native) -> T::Native) -> ArrayRef {
    let floats: PrimitiveArray<T> = values.as_primitive::<T>().unary(canonical);
    Arc::new(floats)
}

/// Whether a float column has a NaN; Parquet's statistics leave them out, so bounds from a footer would lie.
pub(super) fn has_nan(values: &ArrayRef) -> bool {
    match values.data_type() {
        DataType::Float32 => values.as_primitive::<Float32Type>().iter().flatten().any(f32::is_nan),
        DataType::Float64 => values.as_primitive::<Float64Type>().iter().flatten().any(f64::is_nan),
        _ => false,
    }
}
