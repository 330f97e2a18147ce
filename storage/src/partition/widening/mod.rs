//! From the type in which a file holds a column to the one that the column has now (law 8's lattice). Results are
//! those of PostgreSQL's casts, which differ from Arrow's mainly in the text of floats, booleans and timestamps.

mod calendar;
mod decimal;
mod json;
mod text;

use std::sync::Arc;

use arrow::array::types::{Date32Type, Decimal256Type, Float32Type, Float64Type, TimestampMicrosecondType};
use arrow::array::{Array, ArrayRef, AsArray, ListArray, StringViewBuilder};
use arrow::datatypes::{DataType, Field, TimeUnit, i256};
use peristyle_catalog::model::{PgType, TypeKind};

pub(crate) use calendar::{civil_from_days, days_to_micros};
pub(crate) use decimal::Decimal;

use crate::packed::Bits;
use crate::shape::{Arrays, is_shaped, list_of_shaped, shaped};
use crate::special_numeric::{Special, cast_numbers, may_be_special};
use crate::types::{self, DECIMAL256_PRECISION_MAX};
use crate::{Error, Result};

/// Values of the stored type as values of the target field. [`Error::OutOfRange`] for a value that the target cannot
/// hold, [`Error::Unsupported`] for a pair that is no widening.
pub fn widen_array(values: &ArrayRef, stored: PgType, target: &Field) -> Result<ArrayRef> {
    let wanted = types::pg_type(target);
    let values = &bits_as_planned(values, stored)?;
    if is_same_text(stored, wanted) && values.data_type() == target.data_type() {
        return Ok(values.clone());
    }
    if is_json(wanted) && !is_json(stored) {
        return build_text(values, |row, out| json::write(values, stored, row, out));
    }
    if stored == PgType::JSON && wanted == PgType::JSONB {
        return Err(Error::Unsupported("reading a column stored as json as jsonb".into()));
    }
    match (values.data_type(), target.data_type()) {
        (from, DataType::Utf8View) if *from != DataType::Utf8View => {
            build_text(values, |row, out| text::write(values, stored, row, out))
        }
        (DataType::Float32 | DataType::Float64, DataType::Decimal128(..) | DataType::Decimal256(..)) => {
            floats_to_decimals(values, target.data_type())
        }
        (DataType::Date32, DataType::Timestamp(TimeUnit::Microsecond, _)) => Ok(dates(values, target.data_type())),
        (DataType::List(_), DataType::List(item)) => Ok(Arc::new(lists(values.as_list(), stored, item)?)),
        (_, DataType::Struct(_)) => shaped_lists(values, stored, target.data_type()),
        (from, to) if is_number_widening(from, to) => arrow_cast(values, to),
        (from, to) if from == to => Ok(values.clone()),
        (from, to) => Err(Error::Unsupported(format!("reading a column stored as {from} as {to}"))),
    }
}

/// Strings of bits, which a file has as bytes like any, in the Arrow type that tells them apart.
fn bits_as_planned(values: &ArrayRef, stored: PgType) -> Result<ArrayRef> {
    let is_of_file = *values.data_type() == DataType::BinaryView && stored.kind().is_some_and(Bits::is_of);
    Ok(if is_of_file { arrow::compute::cast(values, &Bits::ARROW)? } else { values.clone() })
}

/// The text that a value which is not NULL reads as once its column became text. No setting changes it, and it is read
/// back as the same value of its own type.
pub fn text_of(values: &ArrayRef, ty: PgType, row: usize) -> Result<String> {
    let mut text = String::new();
    text::write(values, ty, row, &mut text)?;
    Ok(text)
}

fn is_json(ty: PgType) -> bool {
    !ty.is_array() && matches!(ty.kind(), Some(TypeKind::Json | TypeKind::Jsonb))
}

/// Whether values of one type are values of the other as they stand: a text, jsonb as json, any string as text.
fn is_same_text(stored: PgType, wanted: PgType) -> bool {
    !is_json(wanted) || stored == wanted || (stored == PgType::JSONB && wanted == PgType::JSON)
}

fn is_number_widening(from: &DataType, to: &DataType) -> bool {
    use DataType::{Decimal128, Decimal256, Float32, Float64, Int16, Int32, Int64};
    match (from, to) {
        (Int16, Int32 | Int64 | Float64 | Decimal128(..) | Decimal256(..)) => true,
        (Int32, Int64 | Float64 | Decimal128(..) | Decimal256(..)) => true,
        (Int64, Decimal128(..) | Decimal256(..)) | (Float32, Float64) => true,
        (Decimal128(_, a) | Decimal256(_, a), Decimal128(_, b) | Decimal256(_, b)) => a <= b,
        _ => false,
    }
}

fn arrow_cast(values: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    cast_numbers(values, to).map_err(|error| Error::OutOfRange(format!("numeric field overflow: {error}")))
}

fn build_text(values: &ArrayRef, write: impl Fn(usize, &mut String) -> Result<()>) -> Result<ArrayRef> {
    let mut builder = StringViewBuilder::with_capacity(values.len());
    let mut scratch = String::new();
    for row in 0..values.len() {
        if values.is_null(row) {
            builder.append_null();
            continue;
        }
        scratch.clear();
        write(row, &mut scratch)?;
        builder.append_value(&scratch);
    }
    Ok(Arc::new(builder.finish()))
}

/// Infinite dates stay infinite, any other is its midnight.
fn dates(values: &ArrayRef, target: &DataType) -> ArrayRef {
    let micros = values.as_primitive::<Date32Type>().unary::<_, TimestampMicrosecondType>(days_to_micros);
    Arc::new(micros.with_data_type(target.clone()))
}

fn floats_to_decimals(values: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let (DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale)) = target else {
        return Err(Error::Internal(format!("{target} is no decimal")));
    };
    let special = |value: f64| Special::of_float(value).filter(|_| may_be_special(target)).map(Special::unscaled);
    let finite = |value: f64| Decimal::of_float(value).and_then(|decimal| decimal.at_scale(*scale));
    let convert = |value: f64| special(value).or_else(|| finite(value));
    let checked = |value: f64| convert(value).ok_or_else(|| Error::OutOfRange(format!("{value} does not fit numeric")));
    let wide = match values.data_type() {
        DataType::Float32 => {
            values.as_primitive::<Float32Type>().try_unary::<_, Decimal256Type, Error>(|value| checked(value.into()))?
        }
        _ => values.as_primitive::<Float64Type>().try_unary::<_, Decimal256Type, Error>(checked)?,
    };
    let wide = wide.with_precision_and_scale(DECIMAL256_PRECISION_MAX, *scale)?;
    arrow_cast(&(Arc::new(wide) as ArrayRef), target)
}

fn lists(lists: &ListArray, stored: PgType, item: &Arc<Field>) -> Result<ListArray> {
    let element = stored.element().ok_or_else(|| Error::Internal(format!("{stored:?} is no array type")))?;
    let widened = widen_array(lists.values(), element, item)?;
    Ok(ListArray::try_new(item.clone(), lists.offsets().clone(), widened, lists.nulls().cloned())?)
}

fn shaped_lists(values: &ArrayRef, stored: PgType, wanted: &DataType) -> Result<ArrayRef> {
    let arrays = arrays(values)?;
    let Some(DataType::List(item)) = list_of_shaped(wanted) else {
        return Err(Error::Unsupported(format!("reading a column as {wanted}")));
    };
    let widened = arrays.with_lists(lists(arrays.lists(), stored, item)?)?;
    Ok(if is_shaped(values.data_type()) { widened } else { shaped(widened.as_list())? })
}

/// The arrays of a column that is to be read as another type.
fn arrays(values: &ArrayRef) -> Result<Arrays> {
    Arrays::of(values).ok_or_else(|| Error::Internal(format!("{} is no array", values.data_type())))
}

/// A decimal value of any width as its unscaled integer; `None` for another Arrow type.
fn unscaled(values: &ArrayRef, row: usize) -> Option<(i256, i8)> {
    match values.data_type() {
        DataType::Decimal128(_, scale) => {
            let value = values.as_primitive::<arrow::datatypes::Decimal128Type>().value(row);
            Some((i256::from_i128(value), *scale))
        }
        DataType::Decimal256(_, scale) => Some((values.as_primitive::<Decimal256Type>().value(row), *scale)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
