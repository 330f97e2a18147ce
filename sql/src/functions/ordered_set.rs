//! Ordered-set aggregates over the sorted values of a group, which `desugar` gathers with `array_agg`.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt64Array, make_comparator};
use arrow::compute::{SortOptions, take};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, internal_err};
use std::ops::Range;
use std::sync::Arc;

use peristyle_storage::shape::is_shaped;
use peristyle_storage::types::pg_type;

use super::choice::needs_mark;
use super::define::{Call, Definition, computed, immutable};
use super::error::{error, not_supported};
use super::rows::{Argument, Float8};
use super::signature::Ty;
use crate::semantics::type_planner::typed_field;

/// `percentile_disc(fraction) WITHIN GROUP (ORDER BY x)` as `(fraction, sorted values)`.
pub(crate) const PERCENTILE_DISC: &str = "pg_percentile_disc";
/// `mode() WITHIN GROUP (ORDER BY x)` as `(sorted values)`.
pub(crate) const MODE: &str = "pg_mode";

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(PERCENTILE_DISC, &[computed(&[Ty::Float8, Ty::Any], item_type, percentile_disc)]),
    immutable(MODE, &[computed(&[Ty::Any], item_type, mode)]),
];

/// The type of the items of the last argument.
fn item_type(name: &str, arguments: &[FieldRef]) -> Result<FieldRef> {
    // What gathers arrays makes one array of them, in which the arrays are no items.
    if arguments.last().is_some_and(|gathered| is_shaped(gathered.data_type())) {
        return Err(not_supported("an ordered-set aggregate of arrays"));
    }
    let Some((list, DataType::List(item))) = arguments.last().map(|list| (list, list.data_type())) else {
        return internal_err!("{name} over {arguments:?}");
    };
    Ok(match pg_type(list).element().filter(|ty| needs_mark(*ty, item.data_type())) {
        Some(ty) => typed_field(name, ty, item.data_type().clone()),
        None => Arc::new(item.as_ref().clone().with_name(name).with_nullable(true)),
    })
}

/// One item of each row's list, chosen among those that are not NULL.
fn chosen(
    call: &Call<'_>,
    lists: usize,
    choose: impl Fn(usize, &ListArray, Vec<usize>) -> Result<Option<usize>>,
) -> Result<ArrayRef> {
    let lists = call.expanded(lists)?;
    let lists = lists.as_list::<i32>();
    let place = |row: usize| {
        if lists.is_null(row) {
            return Ok(None);
        }
        let items: Vec<usize> = range(lists, row).filter(|item| lists.values().is_valid(*item)).collect();
        if items.is_empty() { Ok(None) } else { choose(row, lists, items) }
    };
    let places = (0..call.rows).map(|row| Ok(place(row)?.map(|at| at as u64))).collect::<Result<Vec<_>>>()?;
    Ok(take(lists.values(), &UInt64Array::from(places), None)?)
}

fn range(lists: &ListArray, row: usize) -> Range<usize> {
    let offsets = lists.value_offsets();
    offsets[row] as usize..offsets[row + 1] as usize
}

/// The first value whose place in the order is at or past the fraction.
fn percentile_disc(call: &Call<'_>) -> Result<ArrayRef> {
    let fractions = Argument::<Float8>::of(call, 0);
    chosen(call, 1, |row, _, items| {
        let Some(fraction) = fractions.get(row) else { return Ok(None) };
        if !(0.0..=1.0).contains(&fraction) {
            return Err(error("22003", format!("percentile value {fraction} is not between 0 and 1")));
        }
        let place = (fraction * items.len() as f64).ceil() as usize;
        Ok(Some(items[place.max(1) - 1]))
    })
}

/// The most frequent value, of several the first.
fn mode(call: &Call<'_>) -> Result<ArrayRef> {
    chosen(call, 0, |_, lists, items| {
        let values = lists.values();
        let order = make_comparator(values, values, SortOptions::default())?;
        let runs = items.chunk_by(|a, b| order(*a, *b).is_eq());
        // Of runs of equal length `max_by_key` gives the last.
        Ok(runs.rev().max_by_key(|run| run.len()).map(|run| run[0]))
    })
}
