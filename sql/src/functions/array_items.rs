//! Arrays by their items: all places of a value, arrays without their last items, arrays of one value, and the place of a
//! value among sorted ones.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int32Type};
use datafusion::common::{DataFusionError, Result};
use peristyle_catalog::model::PgType;
use peristyle_storage::shape::{DIMENSIONS_MAX, Dimension, Shape, shaped_type};
use peristyle_storage::types::pg_type;

use super::array::{changed_arrays, compare, holds_jsonb, matches, searched_from};
use super::array_parts::slice;
use super::array_value::{ArrayArgument, ArrayValue, column_of, too_many_dimensions};
use super::define::{Call, Definition, computed, immutable, overload, same};
use super::error::{FunctionError, error, not_supported};
use super::places::{INT4_ARRAY, length, lists_of};
use super::rows::*;
use super::signature::{Ty, is_unknown};
use crate::semantics::type_planner::typed_field;
use crate::values::type_name;

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable("array_positions", &[overload(&[Ty::ShapedArray, Ty::Any], INT4_ARRAY, array_positions).not_strict()]),
    immutable("trim_array", &[same(&[Ty::ShapedArray, Ty::Int4], trim_array)]),
    immutable(
        "array_fill",
        &[
            computed(&[Ty::Unchanged, Ty::ShapedArray], array_of_item, array_fill).not_strict(),
            computed(&[Ty::Unchanged, Ty::ShapedArray, Ty::ShapedArray], array_of_item, array_fill).not_strict(),
        ],
    ),
];

/// The number of sorted thresholds that a value has reached.
pub(super) fn bucket(call: &Call<'_>) -> Result<ArrayRef> {
    let thresholds = ArrayArgument::of(call, 1)?;
    let row = |row: usize| {
        let index = call.index(0, row);
        let Some(thresholds) = thresholds.get(row).filter(|_| call.args[0].is_valid(index)) else { return Ok(None) };
        if thresholds.shape.dimensions().len() > 1 {
            return Err(error("2202E", "thresholds must be one-dimensional array"));
        }
        let thresholds = thresholds.items;
        if thresholds.null_count() > 0 {
            return Err(error("22004", "thresholds array must not contain NULLs"));
        }
        let reached = compare(">=", &call.args[0], index, &thresholds, holds_jsonb(call, 1))?;
        length(reached.true_count()).map(Some)
    };
    Ok(i32::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

fn array_positions(call: &Call<'_>) -> Result<ArrayRef> {
    let arrays = ArrayArgument::of(call, 0)?;
    let row = |row: usize| {
        let Some(array) = arrays.get(row) else { return Ok(None) };
        let lower = searched_from(&array)?;
        let matches = matches(call, row, &array.items)?;
        let places = matches.iter().enumerate().filter(|(_, is_equal)| *is_equal == Some(true));
        places.map(|(place, _)| Ok(lower + length(place)?)).collect::<Result<Vec<_>>>().map(Some)
    };
    lists_of::<Int32Type>(call, (0..call.rows).map(row).collect::<Result<_>>()?)
}

/// Without the last items, or the last arrays within it.
fn trim_array(call: &Call<'_>) -> Result<ArrayRef> {
    let counts = Argument::<Int4>::of(call, 1);
    changed_arrays(call, |row, array| {
        let outer = array.shape.dimensions().first().copied().unwrap_or(Dimension::of(0));
        let count = counts.get(row).unwrap_or(0);
        if !(0..=outer.length).contains(&count) {
            let message = format!("number of elements to trim must be between 0 and {}", outer.length);
            return Err(error("2202E", message));
        }
        if count == outer.length {
            Ok(ArrayValue::empty_like(&array.items))
        } else {
            slice(&array, &[outer.lower, outer.upper() - count])
        }
    })
}

/// Most items that an array is filled with.
const FILLED_ITEMS_MAX: i64 = 0x7ff_ffff;

fn array_of_item(name: &str, fields: &[FieldRef]) -> Result<FieldRef> {
    if is_unknown(fields[0].data_type()) {
        return Err(error("42804", "could not determine polymorphic type because input has type unknown"));
    }
    let ty = pg_type(&fields[0]);
    let array = ty.array().ok_or_else(|| not_supported(format!("an array of {}", type_name(ty))))?;
    let item = fields[0].as_ref().clone().with_name("item").with_nullable(true);
    // How many dimensions the sizes are for is known when the array is filled.
    Ok(typed_field(name, PgType::plain(array.oid), shaped_type(&DataType::List(Arc::new(item)))))
}

/// Arrays of one value, of the sizes and the lower bounds that the other arguments have for each dimension.
fn array_fill(call: &Call<'_>) -> Result<ArrayRef> {
    let sizes = ArrayArgument::of(call, 1)?;
    let lowers = (call.args.len() == 3).then(|| ArrayArgument::of(call, 2)).transpose()?;
    let filled = (0..call.rows).map(|row| {
        let lowers = lowers.as_ref().map(|lowers| numbers(lowers.get(row), "Low bound")).transpose()?;
        let shape = checked_shape(&numbers(sizes.get(row), "Dimension")?, lowers.as_deref())?;
        let value = call.args[0].slice(call.index(0, row), 1);
        let items = arrow::compute::take(&value, &UInt32Array::from_value(0, shape.items()), None)?;
        Ok(Some(ArrayValue { shape, items }))
    });
    column_of(call.return_type(), filled.collect::<Result<_>>()?)
}

/// The shape of arrays of these sizes and lower bounds, if there may be so many items and subscripts.
pub(super) fn checked_shape(sizes: &[i32], lowers: Option<&[i32]>) -> Result<Shape> {
    if sizes.len() > DIMENSIONS_MAX {
        return Err(too_many_dimensions(sizes.len()));
    }
    if lowers.is_some_and(|lowers| lowers.len() != sizes.len()) {
        return Err(wrong_subscripts("Low bound array has different size than dimensions array."));
    }
    let items = sizes.iter().try_fold(1_i64, |items, size| items.checked_mul((*size).into()));
    let is_allowed = items.is_some_and(|items| items <= FILLED_ITEMS_MAX) && sizes.iter().all(|size| *size >= 0);
    if !is_allowed {
        return Err(error("54000", format!("array size exceeds the maximum allowed ({FILLED_ITEMS_MAX})")));
    }
    let lower = |at: usize| lowers.map_or(1, |lowers| lowers[at]);
    let dimensions = sizes.iter().enumerate().map(|(at, &length)| match lower(at).checked_add(length) {
        Some(_) => Ok(Dimension { length, lower: lower(at) }),
        None => Err(error("54000", format!("array lower bound is too large: {}", lower(at)))),
    });
    Ok(Shape::new(dimensions.collect::<Result<_>>()?))
}

/// The numbers of an array of sizes or lower bounds.
fn numbers(array: Option<ArrayValue>, which: &str) -> Result<Vec<i32>> {
    let array = array.ok_or_else(|| error("22004", "dimension array or low bound array cannot be null"))?;
    if array.shape.dimensions().len() > 1 {
        return Err(wrong_subscripts(format!("{which} array must be one dimensional.")));
    }
    let numbers = cast(&array.items, &DataType::Int32)?;
    let numbers: Option<Vec<i32>> = numbers.as_primitive::<Int32Type>().iter().collect();
    numbers.ok_or_else(|| error("22004", "dimension values cannot be null"))
}

fn wrong_subscripts(detail: impl Into<String>) -> DataFusionError {
    FunctionError::new("2202E", "wrong number of array subscripts").with_detail(detail).into()
}
