//! Arrays of which a part is assigned to: `SET a[1] = …`, `SET a[2:3] = …`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use arrow::compute::interleave;
use arrow::datatypes::{FieldRef, Int64Type};
use datafusion::common::{DataFusionError, Result};
use peristyle_storage::shape::{Dimension, Shape, list_of_shaped, shaped_type};

use super::array_items::checked_shape;
use super::array_parts::places_of;
use super::array_value::{ArrayArgument, ArrayValue, column_of};
use super::define::{Call, Definition, computed, immutable};
use super::error::{FunctionError, error};
use super::signature::Ty;

/// The array with an item in the place that the subscripts behind it name.
pub(crate) const PUT_ITEM: &str = "pg_array_put_item";
/// The array with the items of another between the bounds that follow, two for each dimension.
pub(crate) const PUT_SLICE: &str = "pg_array_put_slice";

/// Stands for a bound that is not written, which is the array's own. Subscripts are integers, this is beyond them.
pub(crate) const OPEN_BOUND: i64 = i64::MIN;

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(
        PUT_ITEM,
        &[computed(&[Ty::ShapedArray, Ty::Any, Ty::Int8], of_any_dimensions, put_item).variadic().not_strict()],
    ),
    immutable(
        PUT_SLICE,
        &[computed(&[Ty::ShapedArray, Ty::ShapedArray, Ty::Int8], of_any_dimensions, put_slice)
            .variadic()
            .not_strict()],
    ),
];

/// What is put before the first item makes an array begin elsewhere.
fn of_any_dimensions(name: &str, arguments: &[FieldRef]) -> Result<FieldRef> {
    let array = arguments[0].as_ref().clone().with_name(name).with_nullable(true);
    Ok(Arc::new(match list_of_shaped(array.data_type()) {
        Some(_) => array,
        None => {
            let shaped = shaped_type(array.data_type());
            array.with_data_type(shaped)
        }
    }))
}

/// The first and the last subscript of one dimension.
#[derive(Clone, Copy)]
struct Span {
    lower: i32,
    upper: i32,
}

fn put_item(call: &Call<'_>) -> Result<ArrayRef> {
    let arrays = ArrayArgument::of(call, 0)?;
    let row = |row: usize| {
        let subscripts = subscripts(call, row)?;
        let item = call.args[1].slice(call.index(1, row), 1);
        let array = arrays.get(row).unwrap_or_else(|| ArrayValue::empty_like(&item));
        let dimensions = array.shape.dimensions().len();
        if dimensions != 0 && dimensions != subscripts.len() {
            return Err(wrong_number());
        }
        let spans: Vec<Span> = subscripts.into_iter().map(|at| Span { lower: at as i32, upper: at as i32 }).collect();
        put(&array, &item, &spans).map(Some)
    };
    column_of(call.return_type(), (0..call.rows).map(row).collect::<Result<_>>()?)
}

fn put_slice(call: &Call<'_>) -> Result<ArrayRef> {
    let (arrays, sources) = (ArrayArgument::of(call, 0)?, ArrayArgument::of(call, 1)?);
    let nothing = ArrayValue::empty_like(&sources.no_items());
    let row = |row: usize| {
        let bounds = subscripts(call, row)?;
        let array = arrays.get(row).unwrap_or_else(|| nothing.clone());
        let Some(source) = sources.get(row) else { return Ok(Some(array)) };
        put(&array, &source.items, &spans(&array.shape, &bounds)?).map(Some)
    };
    column_of(call.return_type(), (0..call.rows).map(row).collect::<Result<_>>()?)
}

/// The subscripts of a row.
fn subscripts(call: &Call<'_>, row: usize) -> Result<Vec<i64>> {
    let subscript = |place: usize| {
        let (numbers, index) = (call.args[place].as_primitive::<Int64Type>(), call.index(place, row));
        let number = numbers.is_valid(index).then(|| numbers.value(index));
        number.ok_or_else(|| error("22004", "array subscript in assignment must not be null"))
    };
    (2..call.args.len()).map(subscript).collect()
}

/// What the bounds are in an array of that shape, each dimension's.
fn spans(shape: &Shape, bounds: &[i64]) -> Result<Vec<Span>> {
    let dimensions = shape.dimensions();
    if !dimensions.is_empty() && bounds.len() > dimensions.len() * 2 {
        return Err(wrong_number());
    }
    let spans = bounds.chunks_exact(2).enumerate().map(|(at, pair)| {
        let own = dimensions.get(at);
        let bound = |written: i64, own: Option<i32>| match written {
            OPEN_BOUND => own.ok_or_else(not_both_bounds),
            written => Ok(written as i32),
        };
        let lower = bound(pair[0], own.map(|own| own.lower))?;
        let upper = bound(pair[1], own.map(|own| own.upper()))?;
        if lower > upper {
            return Err(error("2202E", "upper bound cannot be less than lower bound"));
        }
        Ok(Span { lower, upper })
    });
    let rest = dimensions.iter().skip(bounds.len() / 2).map(|own| Ok(Span { lower: own.lower, upper: own.upper() }));
    spans.chain(rest).collect()
}

/// The array with the items in those places. An array without items becomes one of these alone; one of one dimension grows,
/// with NULL in places that nothing is put in.
fn put(array: &ArrayValue, items: &ArrayRef, spans: &[Span]) -> Result<ArrayValue> {
    let shape = shape_of(spans)?;
    let count = shape.items();
    if items.len() < count {
        return Err(error("2202E", "source array too small"));
    }
    match array.shape.dimensions() {
        [] => Ok(ArrayValue { shape, items: items.slice(0, count) }),
        [own] => put_in_list(array, *own, items, spans[0]),
        dimensions => put_within(array, dimensions, items, spans),
    }
}

fn shape_of(spans: &[Span]) -> Result<Shape> {
    // A length beyond all integers is beyond the most items too.
    let length = |span: &Span| i32::try_from(i64::from(span.upper) - i64::from(span.lower) + 1).unwrap_or(i32::MAX);
    let lowers: Vec<i32> = spans.iter().map(|span| span.lower).collect();
    checked_shape(&spans.iter().map(length).collect::<Vec<_>>(), Some(&lowers))
}

fn put_in_list(array: &ArrayValue, own: Dimension, items: &ArrayRef, span: Span) -> Result<ArrayValue> {
    let all = Span { lower: own.lower.min(span.lower), upper: own.upper().max(span.upper) };
    let shape = shape_of(&[all])?;
    let place = |at: i32| match at {
        at if (span.lower..=span.upper).contains(&at) => (NEW, (at - span.lower) as usize),
        at if (own.lower..=own.upper()).contains(&at) => (OLD, (at - own.lower) as usize),
        _ => (NULL, 0),
    };
    let places: Vec<(usize, usize)> = (all.lower..=all.upper).map(place).collect();
    Ok(ArrayValue { shape, items: chosen(array, items, &places)? })
}

fn put_within(array: &ArrayValue, dimensions: &[Dimension], items: &ArrayRef, spans: &[Span]) -> Result<ArrayValue> {
    let is_within = |(own, span): (&Dimension, &Span)| span.lower >= own.lower && span.upper <= own.upper();
    if !dimensions.iter().zip(spans).all(is_within) {
        return Err(error("2202E", "array subscript out of range"));
    }
    let starts = dimensions.iter().zip(spans);
    let starts = starts.map(|(own, span)| ((span.lower - own.lower) as usize, (span.upper - span.lower + 1) as usize));
    let mut places: Vec<(usize, usize)> = (0..array.items.len()).map(|at| (OLD, at)).collect();
    for (at, place) in places_of(dimensions, &starts.collect::<Vec<_>>()).into_iter().enumerate() {
        places[place as usize] = (NEW, at);
    }
    Ok(ArrayValue { shape: array.shape.clone(), items: chosen(array, items, &places)? })
}

/// Where an item of the changed array comes from.
const OLD: usize = 0;
const NEW: usize = 1;
const NULL: usize = 2;

fn chosen(array: &ArrayValue, items: &ArrayRef, places: &[(usize, usize)]) -> Result<ArrayRef> {
    let null = new_null_array(items.data_type(), 1);
    Ok(interleave(&[array.items.as_ref(), items.as_ref(), null.as_ref()], places)?)
}

fn wrong_number() -> DataFusionError {
    error("2202E", "wrong number of array subscripts")
}

fn not_both_bounds() -> DataFusionError {
    FunctionError::new("2202E", "array slice subscript must provide both boundaries")
        .with_detail("When assigning to a slice of an empty array value, slice boundaries must be fully specified.")
        .into()
}
