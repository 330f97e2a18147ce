//! Places in arrays: bounds, subscripts, and items beside their places. They serve sets too: `generate_subscripts` is
//! the items of an array of subscripts.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Int32Array, ListArray, PrimitiveArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int32Type};
use datafusion::common::{Result, internal_err};
use peristyle_catalog::model::PgType;
use peristyle_storage::shape::{Dimension, Shape};
use peristyle_storage::types::marked_pg_type;

use super::array_value::ArrayArgument;
use super::define::{Call, Definition, computed, immutable, overload};
use super::error::error;
use super::rows::*;
use super::signature::Ty;

/// The subscripts of an array, as `generate_subscripts` gives them.
pub(crate) const SUBSCRIPTS: &str = "pg_subscripts";
/// The numbers of an array's items, of several of the longest's, from 1.
pub(crate) const ORDINALS: &str = "pg_ordinals";
/// An array's items beside their numbers, as `_pg_expandarray` gives them.
pub(crate) const EXPANDED: &str = "pg_expanded";

pub(super) const INT4_ARRAY: PgType = PgType::plain(1007);

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(
        "array_lower",
        &[overload(&[Ty::ShapedArray, Ty::Int4], PgType::INT4, |c| of_dimension(c, |dimension| dimension.lower))],
    ),
    immutable(
        "array_upper",
        &[overload(&[Ty::ShapedArray, Ty::Int4], PgType::INT4, |c| of_dimension(c, Dimension::upper))],
    ),
    immutable(
        "array_length",
        &[overload(&[Ty::ShapedArray, Ty::Int4], PgType::INT4, |c| of_dimension(c, |dimension| dimension.length))],
    ),
    immutable(
        "array_ndims",
        &[overload(&[Ty::ShapedArray], PgType::INT4, |c| of_shape(c, |shape| shape.dimensions().len() as i32))],
    ),
    immutable("array_dims", &[overload(&[Ty::ShapedArray], PgType::TEXT, |c| of_shape(c, Shape::to_string))]),
    immutable(
        SUBSCRIPTS,
        &[
            overload(&[Ty::ShapedArray, Ty::Int4], INT4_ARRAY, subscripts),
            overload(&[Ty::ShapedArray, Ty::Int4, Ty::Bool], INT4_ARRAY, subscripts),
        ],
    ),
    immutable(ORDINALS, &[overload(&[Ty::AnyArray], INT4_ARRAY, ordinals).variadic().not_strict()]),
    immutable(EXPANDED, &[computed(&[Ty::AnyArray], expanded_field, expanded)]),
];

/// The dimensions of each row's array: vectors of the catalogs count from 0.
fn shapes<'a>(call: &'a Call<'_>) -> Result<impl Fn(usize) -> Option<Shape> + use<'a>> {
    let is_vector = marked_pg_type(&call.arg_fields[0]).is_some_and(|ty| ty.vector_element().is_some());
    let arrays = ArrayArgument::of(call, 0)?;
    Ok(move |row: usize| {
        let shape = arrays.shape(row)?;
        Some(if is_vector { from_zero(&shape) } else { shape })
    })
}

/// The same dimensions with subscripts from 0.
pub(super) fn from_zero(shape: &Shape) -> Shape {
    Shape::new(shape.dimensions().iter().map(|dimension| Dimension { lower: 0, ..*dimension }).collect())
}

/// What `of` makes of the dimension that the second argument numbers; NULL if there is none.
fn of_dimension(call: &Call<'_>, of: impl Fn(Dimension) -> i32) -> Result<ArrayRef> {
    let (shapes, numbers) = (shapes(call)?, Argument::<Int4>::of(call, 1));
    let row = |row: usize| dimension_of(&shapes(row)?, numbers.get(row)?).map(&of);
    Ok(i32::collect((0..call.rows).map(row).collect()))
}

fn dimension_of(shape: &Shape, number: i32) -> Option<Dimension> {
    shape.dimensions().get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
}

/// What `of` makes of an array's dimensions; NULL for an empty one.
fn of_shape<R: Out>(call: &Call<'_>, of: impl Fn(&Shape) -> R) -> Result<ArrayRef> {
    let shapes = shapes(call)?;
    let row = |row: usize| shapes(row).filter(|shape| !shape.dimensions().is_empty()).map(|shape| of(&shape));
    Ok(R::collect((0..call.rows).map(row).collect()))
}

pub(super) fn length(count: usize) -> Result<i32> {
    i32::try_from(count).map_err(|_| error("54000", "array is too long"))
}

fn subscripts(call: &Call<'_>) -> Result<ArrayRef> {
    let (shapes, numbers) = (shapes(call)?, Argument::<Int4>::of(call, 1));
    let is_reverse = |row| match call.args.len() {
        3 => Argument::<Bool>::of(call, 2).get(row).unwrap_or(false),
        _ => false,
    };
    let row = |row: usize| {
        let dimension = dimension_of(&shapes(row)?, numbers.get(row)?);
        let ascending = dimension.map(|dimension| dimension.lower..=dimension.upper()).into_iter().flatten();
        Some(if is_reverse(row) { ascending.rev().collect() } else { ascending.collect() })
    };
    lists_of::<Int32Type>(call, (0..call.rows).map(row).collect())
}

fn ordinals(call: &Call<'_>) -> Result<ArrayRef> {
    let lists: Vec<Argument<'_, List>> = (0..call.args.len()).map(|place| Argument::of(call, place)).collect();
    let row = |row: usize| {
        let longest = lists.iter().filter_map(|lists| lists.get(row)).map(|items| items.len()).max();
        longest.map(|count| Ok((1..=length(count)?).collect())).transpose()
    };
    lists_of::<Int32Type>(call, (0..call.rows).map(row).collect::<Result<Vec<_>>>()?)
}

/// The arrays of a call's result, of the values of each row.
pub(super) fn lists_of<T: ArrowPrimitiveType>(call: &Call<'_>, rows: Vec<Option<Vec<T::Native>>>) -> Result<ArrayRef> {
    let lengths = rows.iter().map(|values| values.as_ref().map(Vec::len)).collect();
    lists_from::<T>(call, rows.into_iter().flatten().flatten().collect(), lengths)
}

/// The arrays of a call's result, of the values of all rows one after another and how many each row has.
pub(super) fn lists_from<T: ArrowPrimitiveType>(
    call: &Call<'_>,
    values: Vec<T::Native>,
    lengths: Vec<Option<usize>>,
) -> Result<ArrayRef> {
    let DataType::List(item) = call.return_type() else { return internal_err!("an array was expected") };
    if i32::try_from(values.len()).is_err() {
        return Err(error("54000", "arrays of too many items at once"));
    }
    let offsets = OffsetBuffer::from_lengths(lengths.iter().map(|length| length.unwrap_or(0)));
    let nulls = lengths.iter().map(Option::is_some).collect();
    let values = PrimitiveArray::<T>::new(values.into(), None).with_data_type(item.data_type().clone());
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, Arc::new(values), Some(nulls))?))
}

fn expanded_field(name: &str, args: &[FieldRef]) -> Result<FieldRef> {
    let DataType::List(item) = args[0].data_type() else { return internal_err!("an array was expected") };
    let pair = DataType::Struct(pair_fields(item));
    Ok(Arc::new(Field::new(name, DataType::new_list(pair, true), true)))
}

fn pair_fields(item: &FieldRef) -> Fields {
    vec![item.as_ref().clone().with_name("x"), Field::new("n", DataType::Int32, true)].into()
}

fn expanded(call: &Call<'_>) -> Result<ArrayRef> {
    let array = call.expanded(0)?;
    let lists = array.as_list::<i32>();
    let DataType::List(item) = lists.data_type() else { return internal_err!("an array was expected") };
    let start = lists.value_offsets()[0] as usize;
    let end = lists.value_offsets()[lists.len()] as usize;
    let offsets = OffsetBuffer::from_lengths(lists.offsets().lengths());
    let numbers = Int32Array::from_iter_values(offsets.lengths().flat_map(|count| 1..=count as i32));
    let items = lists.values().slice(start, end - start);
    let pairs = StructArray::try_new(pair_fields(item), vec![items, Arc::new(numbers)], None)?;
    let DataType::List(pair) = call.return_type() else { return internal_err!("an array was expected") };
    Ok(Arc::new(ListArray::try_new(Arc::clone(pair), offsets, Arc::new(pairs), lists.nulls().cloned())?))
}
