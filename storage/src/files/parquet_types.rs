//! Columns of foreign Parquet files as PostgreSQL's types, and back: the table of docs/types.md for what is in it, the nearest
//! type for the rest.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use peristyle_catalog::model::PgType;

use super::{FileError, Result};
use crate::partition::{from_file, is_interval};
use crate::types::{UTC, arrow_type, item_field, pg_field};

/// The column as statements see it. Text has no type of its own, so that it is read as whatever it goes to, unless the file
/// says what type it was written from.
pub(super) fn column_of(field: &Field, written: Option<PgType>) -> Result<FieldRef> {
    let arrow = plan_type(field.name(), field.data_type())?;
    let name = field.name();
    Ok(match written.filter(|ty| arrow_type(*ty, None) == arrow) {
        Some(ty) if ty != PgType::TEXT => pg_field(name, ty, arrow, true),
        _ if arrow == DataType::Utf8View => Field::new(name, arrow, true).into(),
        _ => pg_field(name, crate::types::pg_type_of_arrow(&arrow), arrow, true),
    })
}

fn plan_type(name: &str, file: &DataType) -> Result<DataType> {
    let unsupported = || FileError::Unsupported(format!("Parquet's type of column \"{name}\" ({file})"));
    Ok(match file {
        DataType::Int8 | DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 => DataType::Float32,
        DataType::Boolean
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32
        | DataType::FixedSizeBinary(16)
        | DataType::Null => file.clone(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => crate::types::decimal_type(*precision, *scale),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            DataType::BinaryView
        }
        DataType::Date64 => DataType::Date32,
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        DataType::Dictionary(_, value) => plan_type(name, value)?,
        DataType::Struct(_) if is_interval(file) => arrow_type(PgType::INTERVAL, None),
        DataType::List(item) | DataType::LargeList(item) if !item.data_type().is_list() => {
            let item = plan_type(name, item.data_type())?;
            DataType::List(item_field(crate::types::pg_type_of_arrow(&item), item))
        }
        // Parquet's own interval has three parts, of which Arrow reads two.
        _ => return Err(unsupported()),
    })
}

/// A column's values as [`column_of`] says they are.
pub(super) fn to_plan(values: &ArrayRef, wanted: &Field) -> Result<ArrayRef> {
    let values = from_file(values).map_err(|error| FileError::Internal(error.to_string()))?;
    if values.data_type() == wanted.data_type() {
        return Ok(values);
    }
    if let DataType::List(item) = wanted.data_type() {
        let lists = cast(&values, &DataType::List(plain_item(&values)), wanted)?;
        let lists = lists.as_list::<i32>();
        let items = to_plan(lists.values(), item)?;
        let list = ListArray::try_new(Arc::clone(item), lists.offsets().clone(), items, lists.nulls().cloned());
        return Ok(Arc::new(list.map_err(|error| FileError::Internal(error.to_string()))?));
    }
    if let (DataType::FixedSizeBinary(_), DataType::BinaryView) = (values.data_type(), wanted.data_type()) {
        let bytes = cast(&values, &DataType::Binary, wanted)?;
        return cast(&bytes, wanted.data_type(), wanted);
    }
    cast(&values, wanted.data_type(), wanted)
}

fn plain_item(values: &ArrayRef) -> FieldRef {
    match values.data_type() {
        DataType::List(item) | DataType::LargeList(item) => Arc::clone(item),
        other => Field::new_list_field(other.clone(), true).into(),
    }
}

fn cast(values: &ArrayRef, to: &DataType, column: &Field) -> Result<ArrayRef> {
    let strictly = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(values, to, &strictly)
        .map_err(|error| FileError::OutOfRange(format!("column \"{}\": {error}", column.name())))
}
