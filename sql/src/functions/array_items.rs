//! Arrays by their items: all places of a value, arrays without their last items, arrays of one value, and the place of a
//! value among sorted ones.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int32Type};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::pg_type;

use super::array::{changed_lists, compare, holds_jsonb, lists_of_items, matches};
use super::define::{Call, Definition, computed, immutable, overload, same};
use super::error::{error, not_supported};
use super::places::{length, lists_of};
use super::rows::*;
use super::signature::{Ty, is_unknown};
use crate::semantics::type_planner::typed_field;
use crate::values::type_name;

const INT4_ARRAY: PgType = PgType::plain(1007);

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable("array_positions", &[overload(&[Ty::AnyArray, Ty::Any], INT4_ARRAY, array_positions).not_strict()]),
    immutable("trim_array", &[same(&[Ty::AnyArray, Ty::Int4], trim_array)]),
    immutable(
        "array_fill",
        &[
            computed(&[Ty::Unchanged, Ty::AnyArray], array_of_item, array_fill).not_strict(),
            computed(&[Ty::Unchanged, Ty::AnyArray, Ty::AnyArray], array_of_item, array_fill).not_strict(),
        ],
    ),
];

/// The number of sorted thresholds that a value has reached.
pub(super) fn bucket(call: &Call<'_>) -> Result<ArrayRef> {
    let thresholds = Argument::<List>::of(call, 1);
    let row = |row: usize| {
        let index = call.index(0, row);
        let Some(thresholds) = thresholds.get(row).filter(|_| call.args[0].is_valid(index)) else { return Ok(None) };
        if thresholds.null_count() > 0 {
            return Err(error("22004", "thresholds array must not contain NULLs"));
        }
        let reached = compare(">=", &call.args[0], index, &thresholds, holds_jsonb(call, 1))?;
        length(reached.true_count()).map(Some)
    };
    Ok(i32::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

fn array_positions(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = Argument::<List>::of(call, 0);
    let row = |row: usize| {
        let Some(items) = lists.get(row) else { return Ok(None) };
        let matches = matches(call, row, &items)?;
        let places = matches.iter().enumerate().filter(|(_, is_equal)| *is_equal == Some(true));
        places.map(|(place, _)| length(place + 1)).collect::<Result<Vec<_>>>().map(Some)
    };
    lists_of::<Int32Type>(call, (0..call.rows).map(row).collect::<Result<_>>()?)
}

/// Without the last items.
fn trim_array(call: &Call<'_>) -> Result<ArrayRef> {
    let counts = Argument::<Int4>::of(call, 1);
    changed_lists(call, |row, items| {
        let count = counts.get(row).unwrap_or(0);
        match usize::try_from(count).ok().and_then(|count| items.len().checked_sub(count)) {
            Some(kept) => Ok(items.slice(0, kept)),
            None => {
                let message = format!("number of elements to trim must be between 0 and {}", items.len());
                Err(error("2202E", message))
            }
        }
    })
}

/// Most items that an array is filled with.
const FILLED_ITEMS_MAX: i32 = 0x7ff_ffff;

fn array_of_item(name: &str, fields: &[FieldRef]) -> Result<FieldRef> {
    if is_unknown(fields[0].data_type()) {
        return Err(error("42804", "could not determine polymorphic type because input has type unknown"));
    }
    let ty = pg_type(&fields[0]);
    let array = ty.array().ok_or_else(|| not_supported(format!("an array of {}", type_name(ty))))?;
    let item = fields[0].as_ref().clone().with_name("item").with_nullable(true);
    Ok(typed_field(name, PgType::plain(array.oid), DataType::List(Arc::new(item))))
}

/// Arrays of one value, of as many items as the second argument's only one says.
fn array_fill(call: &Call<'_>) -> Result<ArrayRef> {
    let sizes = Argument::<List>::of(call, 1);
    let lowers = (call.args.len() == 3).then(|| Argument::<List>::of(call, 2));
    let filled = (0..call.rows).map(|row| {
        let size = sole_bound(sizes.get(row))?;
        if let Some(lowers) = &lowers
            && sole_bound(lowers.get(row))? != 1
        {
            return Err(not_supported("an array whose first subscript is not 1"));
        }
        if !(0..=FILLED_ITEMS_MAX).contains(&size) {
            return Err(error("54000", format!("array size exceeds the maximum allowed ({FILLED_ITEMS_MAX})")));
        }
        let value = call.args[0].slice(call.index(0, row), 1);
        Ok(arrow::compute::take(&value, &UInt32Array::from_value(0, size as usize), None)?)
    });
    lists_of_items(call, filled.map(|items| items.map(Some)).collect::<Result<_>>()?)
}

/// The only number of an array of the dimensions' sizes or lower bounds.
fn sole_bound(bounds: Option<ArrayRef>) -> Result<i32> {
    let missing = || error("22004", "dimension array or low bound array cannot be null");
    let bounds = cast(&bounds.ok_or_else(missing)?, &DataType::Int32)?;
    match bounds.as_primitive::<Int32Type>().iter().collect::<Vec<_>>().as_slice() {
        [Some(bound)] => Ok(*bound),
        [] => Ok(0),
        [None] => Err(error("22004", "dimension values cannot be null")),
        _ => Err(not_supported("an array of more than one dimension")),
    }
}
