//! Arrays: `= ANY`, `= ALL`, `&&`, lengths and places.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Scalar, make_comparator};
use arrow::compute::SortOptions;
use arrow::compute::cast;
use arrow::compute::kernels::cmp;
use arrow::compute::kernels::comparison as like;
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::DataType;
use datafusion::common::{Result, internal_err};
use peristyle_catalog::model::PgType;
use peristyle_storage::packed::Bits;
use peristyle_storage::partition::canonical;
use peristyle_storage::shape::{Dimension, Shape};
use peristyle_storage::special_numeric::cast_numbers;
use peristyle_storage::types::pg_type;

use super::array_value::{ArrayArgument, ArrayValue, column_of};
use super::decimal::decimal_parts;
use super::define::{Call, Definition, immutable, overload, same, zoned};
use super::enums;
use super::error::{error, not_supported};
use super::interval::key_array;
use super::json::jsonb_keys;
use super::letter_case::lowered;
use super::pattern::Compiled;
use super::places::length;
use super::row::is_row;
use super::rows::*;
use super::signature::{Ty, decimal_of, is_string};
use crate::semantics::cast_array;

const NULLS_LAST: SortOptions = SortOptions { descending: false, nulls_first: false };

/// `x op ANY (array)`.
pub(crate) const ANY: &str = "pg_op_any";
/// `x op ALL (array)`.
pub(crate) const ALL: &str = "pg_op_all";

/// `array < array` and its kin, of which the first argument tells.
pub(crate) const COMPARE: &str = "pg_op_array_order";

/// `array @> array`.
pub(crate) const CONTAINS: &str = "pg_op_array_contains";

pub(crate) const DEFINITIONS: &[Definition] = &[
    // Labels of enum types have the order that the catalog says.
    zoned(ANY, &[overload(&[Ty::Text, Ty::Any, Ty::AnyArray], PgType::BOOL, |c| quantified(c, true)).not_strict()]),
    zoned(ALL, &[overload(&[Ty::Text, Ty::Any, Ty::AnyArray], PgType::BOOL, |c| quantified(c, false)).not_strict()]),
    immutable(COMPARE, &[overload(&[Ty::Text, Ty::ShapedArray, Ty::ShapedArray], PgType::BOOL, in_order)]),
    immutable(CONTAINS, &[overload(&[Ty::AnyArray, Ty::AnyArray], PgType::BOOL, contains)]),
    immutable("pg_op_overlap", &[overload(&[Ty::AnyArray, Ty::AnyArray], PgType::BOOL, overlap)]),
    immutable(
        "cardinality",
        &[overload(&[Ty::AnyArray], PgType::INT4, |c| map1::<List, i32>(c, |items| Ok(items.len() as i32)))],
    ),
    immutable("array_remove", &[same(&[Ty::ShapedArray, Ty::Any], array_remove).not_strict()]),
    immutable("array_replace", &[same(&[Ty::ShapedArray, Ty::Any, Ty::Any], array_replace).not_strict()]),
    immutable(
        "array_position",
        &[
            overload(&[Ty::ShapedArray, Ty::Any], PgType::INT4, array_position).not_strict(),
            overload(&[Ty::ShapedArray, Ty::Any, Ty::Int4], PgType::INT4, array_position).not_strict(),
        ],
    ),
];

/// Whether an argument is an array of jsonb, whose items are compared by their keys.
pub(super) fn holds_jsonb(call: &Call<'_>, place: usize) -> bool {
    pg_type(&call.arg_fields[place]).element() == Some(PgType::JSONB)
}

/// The first element's comparison with each item: true, false or unknown (NULL).
pub(super) fn compare(
    op: &str,
    value: &ArrayRef,
    index: usize,
    items: &ArrayRef,
    is_jsonb: bool,
) -> Result<BooleanArray> {
    if let Some(op) = op.strip_suffix("~~*") {
        // As ILIKE is.
        return compare(&format!("{op}~~"), &lowered(&value.slice(index, 1))?, 0, &lowered(items)?, is_jsonb);
    }
    let value = value.slice(index, 1);
    if is_row(value.data_type()) {
        return compare_rows(op, &value, items);
    }
    let (value, items) = if is_jsonb { (jsonb_keys(&value)?, jsonb_keys(items)?) } else { common_type(&value, items)? };
    // Arrow's order tells the zeros apart.
    let scalar = Scalar::new(canonical(&value));
    let items = canonical(&items);
    Ok(match op {
        "=" => cmp::eq(&scalar, &items)?,
        "<>" => cmp::neq(&scalar, &items)?,
        "<" => cmp::lt(&scalar, &items)?,
        "<=" => cmp::lt_eq(&scalar, &items)?,
        ">" => cmp::gt(&scalar, &items)?,
        ">=" => cmp::gt_eq(&scalar, &items)?,
        "~~" => like::like(&scalar, &items)?,
        "!~~" => like::nlike(&scalar, &items)?,
        other => return internal_err!("a quantified comparison by {other}"),
    })
}

/// A row's comparison with each of others: by the first fields that differ, NULL above all else.
fn compare_rows(op: &str, row: &ArrayRef, others: &ArrayRef) -> Result<BooleanArray> {
    let order = make_comparator(&canonical(row), &canonical(others), NULLS_LAST)?;
    let compared = (0..others.len()).map(|at| others.is_valid(at).then(|| is_in_order(op, order(0, at))));
    Ok(compared.collect())
}

/// Whether an order of two values is the one that the operator asks for.
fn is_in_order(op: &str, order: Ordering) -> bool {
    match op {
        "=" => order.is_eq(),
        "<>" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }
}

/// Whether the first element's text matches each of the patterns.
fn matching(op: &str, text: &ArrayRef, index: usize, patterns: &ArrayRef, compiled: &Compiled) -> Result<BooleanArray> {
    let (text, patterns) = (cast(&text.slice(index, 1), &DataType::Utf8View)?, cast(patterns, &DataType::Utf8View)?);
    let Some(text) = text.as_string_view().iter().next().flatten() else {
        return Ok(BooleanArray::new_null(patterns.len()));
    };
    let flags = if op.ends_with('*') { "i" } else { "" };
    let matches = |pattern: Option<&str>| {
        pattern.map(|pattern| Ok(compiled.get(pattern, flags)?.is_match(text)? != op.starts_with('!'))).transpose()
    };
    patterns.as_string_view().iter().map(matches).collect()
}

/// Both in one Arrow type; texts (unknown literals) take the other's.
fn common_type(value: &ArrayRef, items: &ArrayRef) -> Result<(ArrayRef, ArrayRef)> {
    let (left, right) = (value.data_type(), items.data_type());
    if matches!((left, right), (DataType::Interval(_), DataType::Interval(_))) {
        return Ok((key_array(value), key_array(items)));
    }
    if left == right {
        return Ok((value.clone(), items.clone()));
    }
    let common = match (left, right) {
        (_, DataType::Null) => left.clone(),
        (DataType::Null, _) => right.clone(),
        (l, r) if l.is_numeric() && r.is_numeric() => wider_number(l, r),
        (DataType::Utf8View | DataType::Utf8, _) => right.clone(),
        (l, _) => l.clone(),
    };
    let in_common = |array: &ArrayRef| match array.data_type() {
        text if is_string(text) && common.is_decimal() => cast_array(array, PgType::NUMERIC, &common),
        _ => Ok(cast_numbers(array, &common)?),
    };
    Ok((in_common(value)?, in_common(items)?))
}

fn wider_number(left: &DataType, right: &DataType) -> DataType {
    if left.is_floating() || right.is_floating() {
        return DataType::Float64;
    }
    if left.is_integer() && right.is_integer() {
        return DataType::Int64;
    }
    let scale = [left, right].into_iter().filter_map(|ty| decimal_parts(&decimal_of(ty))).map(|parts| parts.1).max();
    DataType::Decimal256(76, scale.unwrap_or(0))
}

/// The call with its value as the type of the items, or texts among which it is sought as its type, where Arrow has no cast
/// between them.
fn as_packed_item<'a>(call: &'a Call<'_>) -> Result<Option<Call<'a>>> {
    let (value, DataType::List(item)) = (call.args[1].data_type(), call.args[2].data_type()) else { return Ok(None) };
    let is_packed = |ty: &DataType| matches!(ty, DataType::FixedSizeBinary(_)) || *ty == Bits::ARROW;
    let mut args = call.args.clone();
    if value == item.data_type() || value.is_null() {
        return Ok(None);
    } else if is_packed(item.data_type()) {
        args[1] = call.cast(&args[1], pg_type(item))?;
    } else if is_packed(value)
        && let Some(array) = pg_type(&call.arg_fields[1]).array()
    {
        args[2] = call.cast(&args[2], array)?;
    } else {
        return Ok(None);
    }
    Ok(Some(call.with_args(args)))
}

/// The call with labels of an enum type as their places, by which they are ordered. A text beside labels is one.
fn by_places<'a>(call: &'a Call<'_>) -> Result<Option<Call<'a>>> {
    let types = [1, 2].map(|argument| pg_type(&call.arg_fields[argument]));
    let Some(ty) = types.into_iter().find(|ty| ty.enum_definition().is_some()) else { return Ok(None) };
    let element = ty.element().unwrap_or(ty);
    let enums = enums::types_of(call)?;
    let mut args = call.args.clone();
    for arg in &mut args[1..] {
        enums::check_labels(enums, element, arg)?;
        *arg = enums::places_of(enums, element, arg)?;
    }
    Ok(Some(call.with_args(args)))
}

fn quantified(call: &Call<'_>, is_any: bool) -> Result<ArrayRef> {
    let brought = match by_places(call)? {
        Some(placed) => Some(placed),
        None => as_packed_item(call)?,
    };
    quantified_as_stored(brought.as_ref().unwrap_or(call), is_any)
}

fn quantified_as_stored(call: &Call<'_>, is_any: bool) -> Result<ArrayRef> {
    let (ops, lists) = (Argument::<Text>::of(call, 0), Argument::<List>::of(call, 2));
    let patterns = Compiled::default();
    let row = |row: usize| {
        let (Some(op), Some(items)) = (ops.get(row), lists.get(row)) else { return Ok(None) };
        if items.is_empty() {
            return Ok(Some(!is_any));
        }
        let index = call.index(1, row);
        if call.args[1].is_null(index) {
            return Ok(None);
        }
        let results = match op {
            "~" | "~*" | "!~" | "!~*" => matching(op, &call.args[1], index, &items, &patterns)?,
            op => compare(op, &call.args[1], index, &items, holds_jsonb(call, 2))?,
        };
        // One decisive result settles it; else a NULL leaves it unknown.
        let decided = results.iter().flatten().any(|result| result == is_any);
        Ok(if decided { Some(is_any) } else { (results.null_count() == 0).then_some(!is_any) })
    };
    Ok(bool::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

/// Whether arrays of one form are in the order that the operator asks for: a NULL is above all other items.
fn in_order(call: &Call<'_>) -> Result<ArrayRef> {
    let ops = Argument::<Text>::of(call, 0);
    let (left, right) = (&call.args[1], &call.args[2]);
    let compare = make_comparator(&canonical(left), &canonical(right), NULLS_LAST)?;
    let row = |row: usize| {
        let (l, r) = (call.index(1, row), call.index(2, row));
        let op = ops.get(row).filter(|_| left.is_valid(l) && right.is_valid(r))?;
        Some(is_in_order(op, compare(l, r)))
    };
    Ok(bool::collect((0..call.rows).map(row).collect()))
}

/// Whether the first array has each item of the second; NULL is in none.
fn contains(call: &Call<'_>) -> Result<ArrayRef> {
    let is_jsonb = holds_jsonb(call, 0);
    map2::<List, List, bool>(call, |whole, part| {
        for index in 0..part.len() {
            if part.is_null(index) || compare("=", &part, index, &whole, is_jsonb)?.true_count() == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

fn overlap(call: &Call<'_>) -> Result<ArrayRef> {
    let is_jsonb = holds_jsonb(call, 0);
    map2::<List, List, bool>(call, |a, b| {
        for index in (0..a.len()).filter(|index| a.is_valid(*index)) {
            if compare("=", &a, index, &b, is_jsonb)?.true_count() > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    })
}

/// Whether each item equals the searched value; NULL equals NULL here.
pub(super) fn matches(call: &Call<'_>, row: usize, items: &ArrayRef) -> Result<BooleanArray> {
    let index = call.index(1, row);
    if call.args[1].is_null(index) {
        return Ok((0..items.len()).map(|item| Some(items.is_null(item))).collect());
    }
    let equal = compare("=", &call.args[1], index, items, holds_jsonb(call, 0))?;
    Ok(equal.iter().map(|equal| Some(equal == Some(true))).collect())
}

fn array_remove(call: &Call<'_>) -> Result<ArrayRef> {
    changed_arrays(call, |row, array| {
        let lower = match array.shape.dimensions() {
            [] => return Ok(array),
            [only] => only.lower,
            _ => return Err(not_supported("removing elements from multidimensional arrays")),
        };
        let kept = arrow::compute::not(&matches(call, row, &array.items)?)?;
        let items = arrow::compute::filter(&array.items, &kept)?;
        let shape = Shape::new(vec![Dimension { length: length(items.len())?, lower }]);
        Ok(ArrayValue { shape, items })
    })
}

fn array_replace(call: &Call<'_>) -> Result<ArrayRef> {
    changed_arrays(call, |row, array| {
        let index = call.index(2, row);
        let new = cast_numbers(&call.args[2].slice(index, 1), array.items.data_type())?;
        let items = zip(&matches(call, row, &array.items)?, &Scalar::new(new), &array.items)?;
        Ok(ArrayValue { items, ..array })
    })
}

/// The arrays of the first argument, each as `change` makes it.
pub(super) fn changed_arrays(
    call: &Call<'_>,
    change: impl Fn(usize, ArrayValue) -> Result<ArrayValue>,
) -> Result<ArrayRef> {
    let arrays = ArrayArgument::of(call, 0)?;
    let changed = (0..call.rows).map(|row| arrays.get(row).map(|array| change(row, array)).transpose());
    column_of(call.return_type(), changed.collect::<Result<_>>()?)
}

/// The subscript of the first item of an array that is searched.
pub(super) fn searched_from(array: &ArrayValue) -> Result<i32> {
    match array.shape.dimensions() {
        [] => Ok(1),
        [only] => Ok(only.lower),
        _ => Err(not_supported("searching for elements in multidimensional arrays")),
    }
}

fn array_position(call: &Call<'_>) -> Result<ArrayRef> {
    let arrays = ArrayArgument::of(call, 0)?;
    let starts = (call.args.len() == 3).then(|| Argument::<Int4>::of(call, 2));
    let row = |row: usize| {
        let Some(array) = arrays.get(row) else { return Ok(None) };
        let lower = searched_from(&array)?;
        let start = match starts.as_ref().map(|starts| starts.get(row)) {
            None => lower,
            Some(Some(start)) => start,
            Some(None) => return Err(error("22004", "initial position must not be null")),
        };
        let skipped = usize::try_from(i64::from(start) - i64::from(lower)).unwrap_or(0);
        let found = matches(call, row, &array.items)?.iter().skip(skipped).position(|is_equal| is_equal == Some(true));
        found.map(|place| Ok(lower + length(skipped + place)?)).transpose()
    };
    Ok(i32::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}
