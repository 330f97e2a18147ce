//! Places in arrays: bounds, subscripts, and items beside their places. They serve sets too: `generate_subscripts` is
//! the items of an array of subscripts.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Int32Array, ListArray, PrimitiveArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int32Type};
use datafusion::common::{Result, internal_err};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::marked_pg_type;

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

const INT4_ARRAY: PgType = PgType::plain(1007);

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable("array_lower", &[overload(&[Ty::AnyArray, Ty::Int4], PgType::INT4, |c| bound(c, |lower, _| lower))]),
    immutable(
        "array_upper",
        &[overload(&[Ty::AnyArray, Ty::Int4], PgType::INT4, |c| bound(c, |lower, count| lower + count - 1))],
    ),
    immutable("array_dims", &[overload(&[Ty::AnyArray], PgType::TEXT, dimensions)]),
    immutable(
        SUBSCRIPTS,
        &[
            overload(&[Ty::AnyArray, Ty::Int4], INT4_ARRAY, subscripts),
            overload(&[Ty::AnyArray, Ty::Int4, Ty::Bool], INT4_ARRAY, subscripts),
        ],
    ),
    immutable(ORDINALS, &[overload(&[Ty::AnyArray], INT4_ARRAY, ordinals).variadic().not_strict()]),
    immutable(EXPANDED, &[computed(&[Ty::AnyArray], expanded_field, expanded)]),
];

/// The subscript of the first item: vectors of the catalogs count from 0.
fn lower_bound(call: &Call<'_>) -> i32 {
    let is_vector = marked_pg_type(&call.arg_fields[0]).is_some_and(|ty| ty.vector_element().is_some());
    if is_vector { 0 } else { 1 }
}

/// A bound made of the lower one and the count; NULL for an empty array and for another dimension.
fn bound(call: &Call<'_>, of: impl Fn(i32, i32) -> i32) -> Result<ArrayRef> {
    let lower = lower_bound(call);
    map2_opt::<List, Int4, i32>(call, |items, dimension| {
        let count = length(items.len())?;
        Ok((dimension == 1 && count > 0).then(|| of(lower, count)))
    })
}

/// The bounds of an array as its text has them; NULL for an empty one.
fn dimensions(call: &Call<'_>) -> Result<ArrayRef> {
    let lower = lower_bound(call);
    map1_opt::<List, String>(call, |items| {
        let count = length(items.len())?;
        Ok((count > 0).then(|| format!("[{lower}:{}]", lower + count - 1)))
    })
}

pub(super) fn length(count: usize) -> Result<i32> {
    i32::try_from(count).map_err(|_| error("54000", "array is too long"))
}

fn subscripts(call: &Call<'_>) -> Result<ArrayRef> {
    let lower = lower_bound(call);
    let dimensions = Argument::<Int4>::of(call, 1);
    let is_reverse = |row| match call.args.len() {
        3 => Argument::<Bool>::of(call, 2).get(row).unwrap_or(false),
        _ => false,
    };
    numbers(call, |row, count| {
        let count = if dimensions.get(row) == Some(1) { count } else { 0 };
        let ascending = lower..lower + count;
        if is_reverse(row) { ascending.rev().collect() } else { ascending.collect() }
    })
}

fn ordinals(call: &Call<'_>) -> Result<ArrayRef> {
    let lists: Vec<Argument<'_, List>> = (0..call.args.len()).map(|place| Argument::of(call, place)).collect();
    let row = |row: usize| {
        let longest = lists.iter().filter_map(|lists| lists.get(row)).map(|items| items.len()).max();
        longest.map(|count| Ok((1..=length(count)?).collect())).transpose()
    };
    lists_of::<Int32Type>(call, (0..call.rows).map(row).collect::<Result<Vec<_>>>()?)
}

/// An array of numbers for each array, made of its row and length.
fn numbers(call: &Call<'_>, of: impl Fn(usize, i32) -> Vec<i32>) -> Result<ArrayRef> {
    let lists = Argument::<List>::of(call, 0);
    let row = |row: usize| lists.get(row).map(|items| Ok(of(row, length(items.len())?))).transpose();
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
