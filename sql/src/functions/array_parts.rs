//! Parts of arrays: `a[1][2]`, `a[1:2][3:4]`, the items alone.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{FieldRef, Int32Type};
use datafusion::common::{Result, internal_err};
use peristyle_storage::shape::{Arrays, Dimension, Shape, flattened, item_of_array, list_of_shaped};
use peristyle_storage::types::pg_type;

use super::array_value::{ArrayArgument, ArrayValue, column_of};
use super::define::{Call, Definition, computed, immutable, overload, same};
use super::places::{INT4_ARRAY, from_zero, lists_of};
use super::signature::Ty;
use crate::semantics::type_planner::typed_field;

/// The item at the subscripts that follow the array.
pub(crate) const SUBSCRIPT: &str = "pg_subscript";
/// The items from a lower to an upper subscript of each dimension.
pub(crate) const SLICE: &str = "pg_slice";
/// The items of an array without its dimensions; any other value as it is.
pub(crate) const ITEMS: &str = "pg_items";
/// By what arrays of equal items are told apart and put in order.
pub(crate) const BOUNDS: &str = "pg_array_bounds";

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(SUBSCRIPT, &[computed(&[Ty::ShapedArray, Ty::Int4], item_field, subscripts).variadic()]),
    immutable(SLICE, &[same(&[Ty::ShapedArray, Ty::Int4], slices).variadic()]),
    immutable(ITEMS, &[computed(&[Ty::Unchanged], items_field, |call| Ok(flattened(&call.expanded(0)?)))]),
    immutable(BOUNDS, &[overload(&[Ty::ShapedArray], INT4_ARRAY, bounds)]),
];

fn item_field(name: &str, arguments: &[FieldRef]) -> Result<FieldRef> {
    let array = &arguments[0];
    match (item_of_array(array.data_type()), pg_type(array).item()) {
        (Some(item), Some(ty)) => Ok(typed_field(name, ty, item.data_type().clone())),
        _ => internal_err!("a subscript of {}", array.data_type()),
    }
}

fn items_field(_name: &str, arguments: &[FieldRef]) -> Result<FieldRef> {
    let field = arguments[0].as_ref().clone();
    Ok(Arc::new(match list_of_shaped(field.data_type()).cloned() {
        Some(list) => field.with_data_type(list),
        None => field,
    }))
}

/// An integer argument of a row.
fn number(call: &Call<'_>, place: usize, row: usize) -> Option<i32> {
    let numbers = call.args[place].as_primitive::<Int32Type>();
    let index = call.index(place, row);
    numbers.is_valid(index).then(|| numbers.value(index))
}

/// The item that each row's subscripts name; NULL if there is none.
fn subscripts(call: &Call<'_>) -> Result<ArrayRef> {
    let Some(arrays) = Arrays::of(&call.args[0]) else { return internal_err!("a subscript of what is no array") };
    let offsets = arrays.lists().value_offsets();
    let is_vector = pg_type(&call.arg_fields[0]).vector_element().is_some();
    let is_list = call.args[0].data_type().is_list() && !is_vector && call.args.len() == 2;
    let place = |row: usize| {
        let index = call.index(0, row);
        if arrays.is_null(index) {
            return None;
        }
        let found = if is_list {
            place_in_list(arrays.lists().value_length(index), number(call, 1, row)?)?
        } else {
            let shape = if is_vector { from_zero(&arrays.shape(index)) } else { arrays.shape(index) };
            place_in(&shape, |dimension| number(call, dimension + 1, row), call.args.len() - 1)?
        };
        u32::try_from(offsets[index] as usize + found).ok()
    };
    let places: UInt32Array = (0..call.rows).map(place).collect();
    Ok(take(arrays.lists().values(), &places, None)?)
}

/// Where the item at a subscript stands in a list, which counts from 1.
fn place_in_list(length: i32, subscript: i32) -> Option<usize> {
    (1..=length).contains(&subscript).then(|| subscript as usize - 1)
}

/// Where the item at the subscripts stands among all.
fn place_in(shape: &Shape, subscript: impl Fn(usize) -> Option<i32>, count: usize) -> Option<usize> {
    if shape.dimensions().len() != count {
        return None;
    }
    let mut place = 0_usize;
    for (at, dimension) in shape.dimensions().iter().enumerate() {
        let within = i64::from(subscript(at)?) - i64::from(dimension.lower);
        if !(0..i64::from(dimension.length)).contains(&within) {
            return None;
        }
        place = place * dimension.length as usize + within as usize;
    }
    Some(place)
}

fn slices(call: &Call<'_>) -> Result<ArrayRef> {
    let arrays = ArrayArgument::of(call, 0)?;
    let row = |row: usize| {
        let Some(array) = arrays.get(row) else { return Ok(None) };
        let bounds = (1..call.args.len()).map(|place| number(call, place, row)).collect::<Option<Vec<i32>>>();
        bounds.map(|bounds| slice(&array, &bounds)).transpose()
    };
    column_of(call.return_type(), (0..call.rows).map(row).collect::<Result<_>>()?)
}

/// The items between a lower and an upper subscript of each of the first dimensions; all others whole.
pub(super) fn slice(array: &ArrayValue, bounds: &[i32]) -> Result<ArrayValue> {
    let dimensions = array.shape.dimensions();
    let mut spans: Vec<(usize, usize)> = Vec::with_capacity(dimensions.len());
    for (at, dimension) in dimensions.iter().enumerate() {
        let (lower, upper) = match bounds.get(at * 2..at * 2 + 2) {
            Some(pair) => (pair[0].max(dimension.lower), pair[1].min(dimension.upper())),
            None => (dimension.lower, dimension.upper()),
        };
        if lower > upper {
            return Ok(ArrayValue::empty_like(&array.items));
        }
        spans.push(((lower - dimension.lower) as usize, (upper - lower + 1) as usize));
    }
    if bounds.len() > dimensions.len() * 2 {
        return Ok(ArrayValue::empty_like(&array.items));
    }
    let shape = Shape::new(spans.iter().map(|(_, length)| Dimension::of(*length as i32)).collect());
    if let [(start, length)] = spans.as_slice() {
        return Ok(ArrayValue { shape, items: array.items.slice(*start, *length) });
    }
    let places = UInt32Array::from(places_of(dimensions, &spans));
    Ok(ArrayValue { shape, items: take(&array.items, &places, None)? })
}

/// The places of the items within a start and a length of each dimension, in order.
pub(super) fn places_of(dimensions: &[Dimension], spans: &[(usize, usize)]) -> Vec<u32> {
    dimensions.iter().zip(spans).fold(vec![0], |places, (dimension, (start, length))| {
        let within = *start as u32..(*start + *length) as u32;
        let below = |place: u32| within.clone().map(move |at| place * dimension.length as u32 + at);
        places.into_iter().flat_map(below).collect()
    })
}

fn bounds(call: &Call<'_>) -> Result<ArrayRef> {
    let arrays = ArrayArgument::of(call, 0)?;
    let row = |row: usize| {
        arrays.shape(row).map(|shape| {
            let mut bounds = Vec::new();
            shape.write_bounds(&mut bounds);
            bounds
        })
    };
    lists_of::<Int32Type>(call, (0..call.rows).map(row).collect())
}
