//! Ordered-set aggregates over the sorted values of a group, which `desugar` gathers with `array_agg`.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt64Array, make_comparator};
use arrow::compute::{SortOptions, take};
use arrow::datatypes::{DataType, FieldRef, Float64Type, IntervalMonthDayNanoType};
use datafusion::common::{Result, internal_err};
use std::sync::Arc;

use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::shape::is_shaped;
use peristyle_storage::special_numeric::cast_numbers;
use peristyle_storage::types::pg_type;

use super::define::{Call, Definition, computed, immutable};
use super::error::{error, undefined_function};
use super::interval::{add_intervals, multiply, negated};
use super::rows::{Argument, Float8, Out};
use super::shared_type::needs_mark;
use super::signature::Ty;
use crate::semantics::is_number;
use crate::semantics::type_planner::typed_field;
use crate::values::type_name;

/// `percentile_cont(fraction) WITHIN GROUP (ORDER BY x)` as `(fraction, sorted values)`.
pub(crate) const PERCENTILE_CONT: &str = "pg_percentile_cont";
/// `percentile_disc(fraction) WITHIN GROUP (ORDER BY x)` as `(fraction, sorted rows of a value)`.
pub(crate) const PERCENTILE_DISC: &str = "pg_percentile_disc";
/// `mode() WITHIN GROUP (ORDER BY x)` as `(sorted rows of a value)`: what gathers arrays would make one array of them.
pub(crate) const MODE: &str = "pg_mode";

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(PERCENTILE_CONT, &[computed(&[Ty::Float8, Ty::Any], continuous_type, percentile_cont)]),
    immutable(PERCENTILE_DISC, &[computed(&[Ty::Float8, Ty::Any], value_type, percentile_disc)]),
    immutable(MODE, &[computed(&[Ty::Any], value_type, mode)]),
];

/// The type of the items of the last argument.
fn item_type(name: &str, arguments: &[FieldRef]) -> Result<FieldRef> {
    if let Some(arrays) = arguments.last().filter(|gathered| is_shaped(gathered.data_type())) {
        let ordered = type_name(pg_type(arrays));
        return Err(undefined_function(&format!("percentile_cont(double precision, {ordered})")));
    }
    let Some((list, DataType::List(item))) = arguments.last().map(|list| (list, list.data_type())) else {
        return internal_err!("{name} over {arguments:?}");
    };
    Ok(match pg_type(list).element().filter(|ty| needs_mark(*ty, item.data_type())) {
        Some(ty) => typed_field(name, ty, item.data_type().clone()),
        None => Arc::new(item.as_ref().clone().with_name(name).with_nullable(true)),
    })
}

/// The type of the value in the rows of the last argument.
fn value_type(name: &str, arguments: &[FieldRef]) -> Result<FieldRef> {
    let item = item_type(name, arguments)?;
    let DataType::Struct(fields) = item.data_type() else { return internal_err!("{name} over {arguments:?}") };
    Ok(Arc::new(fields[0].as_ref().clone().with_name(name).with_nullable(true)))
}

/// Between numbers there are others, and between intervals.
fn continuous_type(name: &str, arguments: &[FieldRef]) -> Result<FieldRef> {
    let item = item_type(name, arguments)?;
    match pg_type(&item).kind() {
        Some(TypeKind::Interval) => Ok(typed_field(name, PgType::INTERVAL, item.data_type().clone())),
        _ if is_number(pg_type(&item)) || item.data_type().is_null() => {
            Ok(typed_field(name, PgType::FLOAT8, DataType::Float64))
        }
        _ => {
            let ordered = type_name(pg_type(&item));
            Err(undefined_function(&format!("percentile_cont(double precision, {ordered})")))
        }
    }
}

/// What each row's list gives of the places of its items whose values are not NULL.
fn of_items<T>(
    lists: &ListArray,
    values: &ArrayRef,
    of_list: impl Fn(usize, Vec<usize>) -> Result<Option<T>>,
) -> Result<Vec<Option<T>>> {
    let offsets = lists.value_offsets();
    let of_row = |row: usize| {
        if lists.is_null(row) {
            return Ok(None);
        }
        let items = offsets[row] as usize..offsets[row + 1] as usize;
        let items: Vec<usize> = items.filter(|item| values.is_valid(*item)).collect();
        if items.is_empty() { Ok(None) } else { of_list(row, items) }
    };
    (0..lists.len()).map(of_row).collect()
}

/// The value of one of each row's list of rows, chosen among those that are not NULL.
fn chosen(
    call: &Call<'_>,
    lists: usize,
    choose: impl Fn(usize, &ArrayRef, Vec<usize>) -> Result<Option<usize>>,
) -> Result<ArrayRef> {
    let lists = call.expanded(lists)?;
    let lists = lists.as_list::<i32>();
    let values = lists.values().as_struct().column(0);
    let places = of_items(lists, values, |row, items| Ok(choose(row, values, items)?.map(|at| at as u64)))?;
    Ok(take(values, &UInt64Array::from(places), None)?)
}

/// A fraction, which is between 0 and 1.
fn checked_fraction(fraction: f64) -> Result<f64> {
    match (0.0..=1.0).contains(&fraction) {
        true => Ok(fraction),
        false => Err(error("22003", format!("percentile value {fraction} is not between 0 and 1"))),
    }
}

/// The value at the fraction, between the two that are next to it.
fn percentile_cont(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = call.expanded(1)?;
    let lists = lists.as_list::<i32>();
    match lists.values().data_type() {
        DataType::Interval(_) => {
            let values = lists.values().as_primitive::<IntervalMonthDayNanoType>();
            between(
                call,
                lists,
                |item| values.value(item),
                |low, high, share| add_intervals(low, multiply(add_intervals(high, negated(low)?)?, share)?),
            )
        }
        _ => {
            let values = cast_numbers(lists.values(), &DataType::Float64)?;
            let values = values.as_primitive::<Float64Type>();
            between(call, lists, |item| values.value(item), |low, high, share| Ok(low + share * (high - low)))
        }
    }
}

fn between<T: Out>(
    call: &Call<'_>,
    lists: &ListArray,
    value: impl Fn(usize) -> T,
    mix: impl Fn(T, T, f64) -> Result<T>,
) -> Result<ArrayRef> {
    let fractions = Argument::<Float8>::of(call, 0);
    let values = of_items(lists, lists.values(), |row, items| {
        let Some(fraction) = fractions.get(row) else { return Ok(None) };
        let place = checked_fraction(fraction)? * (items.len() - 1) as f64;
        let (low, high) = (items[place.floor() as usize], items[place.ceil() as usize]);
        let mixed = if low == high { Ok(value(low)) } else { mix(value(low), value(high), place - place.floor()) };
        mixed.map(Some)
    })?;
    Ok(T::collect(values))
}

/// The first value whose place in the order is at or past the fraction.
fn percentile_disc(call: &Call<'_>) -> Result<ArrayRef> {
    let fractions = Argument::<Float8>::of(call, 0);
    chosen(call, 1, |row, _, items| {
        let Some(fraction) = fractions.get(row) else { return Ok(None) };
        let place = (checked_fraction(fraction)? * items.len() as f64).ceil() as usize;
        Ok(Some(items[place.max(1) - 1]))
    })
}

/// The most frequent value, of several the first.
fn mode(call: &Call<'_>) -> Result<ArrayRef> {
    chosen(call, 0, |_, values, items| {
        let order = make_comparator(values, values, SortOptions::default())?;
        let runs = items.chunk_by(|a, b| order(*a, *b).is_eq());
        // Of runs of equal length `max_by_key` gives the last.
        Ok(runs.rev().max_by_key(|run| run.len()).map(|run| run[0]))
    })
}
