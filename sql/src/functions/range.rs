//! Functions and operators of ranges.

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray, FixedSizeBinaryBuilder, StringViewArray};
use arrow::datatypes::{DataType, i256};
use datafusion::common::{DataFusionError, Result};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed::{self, Bound, Range, RangeType};

use super::define::{Call, Definition, Overload, immutable, overload};
use super::error::error;
use super::rows::{In, map1, map2};
use super::signature::Ty;
use crate::semantics::cast_array;
use crate::values::range_of;

const CONTAINS: &str = "pg_op_range_contains";
const CONTAINED: &str = "pg_op_range_contained";
const OVERLAPS: &str = "pg_op_range_overlaps";
const BEFORE: &str = "pg_op_range_before";
const AFTER: &str = "pg_op_range_after";
const ENDS_WITHIN: &str = "pg_op_range_ends_within";
const BEGINS_WITHIN: &str = "pg_op_range_begins_within";
const ADJACENT: &str = "pg_op_range_adjacent";
const UNION: &str = "pg_op_range_union";
const INTERSECTION: &str = "pg_op_range_intersection";
const DIFFERENCE: &str = "pg_op_range_difference";

/// Operators as they are written, and their functions.
pub(crate) const OPERATORS: &[(&str, &str)] = &[
    ("@>", CONTAINS),
    ("<@", CONTAINED),
    ("&&", OVERLAPS),
    ("<<", BEFORE),
    (">>", AFTER),
    ("&<", ENDS_WITHIN),
    ("&>", BEGINS_WITHIN),
    ("-|-", ADJACENT),
    ("+", UNION),
    ("*", INTERSECTION),
    ("-", DIFFERENCE),
];

/// A range type as overloads name it.
struct OfType {
    /// The parameter that takes its ranges.
    range: Ty,
    ty: PgType,
    element: PgType,
}

const INT4: OfType = OfType::new(TypeKind::Int4Range, 3904, PgType::INT4);
const INT8: OfType = OfType::new(TypeKind::Int8Range, 3926, PgType::INT8);
const NUM: OfType = OfType::new(TypeKind::NumRange, 3906, PgType::NUMERIC);
const TS: OfType = OfType::new(TypeKind::TsRange, 3908, PgType::TIMESTAMP);
const TSTZ: OfType = OfType::new(TypeKind::TstzRange, 3910, PgType::TIMESTAMPTZ);
const DATE: OfType = OfType::new(TypeKind::DateRange, 3912, PgType::DATE);

impl OfType {
    const fn new(kind: TypeKind, oid: u32, element: PgType) -> OfType {
        OfType { range: Ty::Packed(kind), ty: PgType::plain(oid), element }
    }
}

/// The overloads of a function, one for each range type `$of`, behind others.
macro_rules! of_each {
    ($of:ident => $($overload:expr),+ $(; $more:expr)*) => {
        &[
            $($more,)*
            $({ const $of: OfType = INT4; $overload },)+
            $({ const $of: OfType = INT8; $overload },)+
            $({ const $of: OfType = NUM; $overload },)+
            $({ const $of: OfType = TS; $overload },)+
            $({ const $of: OfType = TSTZ; $overload },)+
            $({ const $of: OfType = DATE; $overload },)+
        ]
    };
}

/// A test of two ranges.
macro_rules! test {
    ($name:expr, $test:expr) => {
        immutable($name, of_each!(R => overload(&[R.range, R.range], PgType::BOOL, |c| map2::<Ranges, Ranges, bool>(c, |a, b| {
            let test: fn(Range, Range) -> bool = $test;
            Ok(test(a, b))
        }))))
    };
}

/// A question to one range.
macro_rules! question {
    ($name:expr, $test:expr) => {
        immutable($name, of_each!(R => overload(&[R.range], PgType::BOOL, |c| map1::<Ranges, bool>(c, |range| {
            let test: fn(Range) -> bool = $test;
            Ok(test(range))
        }))))
    };
}

/// A range of two.
macro_rules! combination {
    ($name:expr, $combine:expr) => {
        immutable($name, of_each!(R => overload(&[R.range, R.range], R.ty, |c| combined(c, $combine))))
    };
}

/// `type(lower, upper)` and `type(lower, upper, '[)')`.
macro_rules! constructor {
    ($name:literal, $of:ident) => {
        immutable(
            $name,
            &[
                overload(&[element($of.element), element($of.element)], $of.ty, constructed).not_strict(),
                overload(&[element($of.element), element($of.element), Ty::Text], $of.ty, constructed).not_strict(),
            ],
        )
    };
}

pub(crate) const DEFINITIONS: &[Definition] = &[
    constructor!("int4range", INT4),
    constructor!("int8range", INT8),
    constructor!("numrange", NUM),
    constructor!("tsrange", TS),
    constructor!("tstzrange", TSTZ),
    constructor!("daterange", DATE),
    immutable("lower", of_each!(R => overload(&[R.range], R.element, |c| bound(c, 0)); LOWER_OF_TEXT)),
    immutable("upper", of_each!(R => overload(&[R.range], R.element, |c| bound(c, 1)); UPPER_OF_TEXT)),
    question!("isempty", |range| range == Range::Empty),
    question!("lower_inc", |range| lower(range).is_some_and(|(_, included)| included)),
    question!("upper_inc", |range| upper(range).is_some_and(|(_, included)| included)),
    question!("lower_inf", |range| range != Range::Empty && lower(range).is_none()),
    question!("upper_inf", |range| range != Range::Empty && upper(range).is_none()),
    immutable(
        CONTAINS,
        of_each!(R =>
        overload(&[R.range, R.range], PgType::BOOL, |c| map2::<Ranges, Ranges, bool>(c, |a, b| Ok(a.contains(b)))),
        overload(&[R.range, element(R.element)], PgType::BOOL, |c| holds(c, 0, 1))),
    ),
    immutable(
        CONTAINED,
        of_each!(R =>
        overload(&[R.range, R.range], PgType::BOOL, |c| map2::<Ranges, Ranges, bool>(c, |a, b| Ok(b.contains(a)))),
        overload(&[element(R.element), R.range], PgType::BOOL, |c| holds(c, 1, 0))),
    ),
    test!(OVERLAPS, Range::overlaps),
    test!(BEFORE, Range::is_before),
    test!(AFTER, |a, b| b.is_before(a)),
    test!(ENDS_WITHIN, Range::ends_within),
    test!(BEGINS_WITHIN, Range::begins_within),
    test!(ADJACENT, Range::is_adjacent),
    combination!(UNION, |a, b| a.union(b).ok_or_else(|| not_contiguous("union"))),
    combination!(INTERSECTION, |a, b| Ok(a.intersection(b))),
    combination!(DIFFERENCE, |a, b| a.difference(b).ok_or_else(|| not_contiguous("difference"))),
    combination!("range_merge", |a, b| Ok(a.merged(b))),
];

const LOWER_OF_TEXT: Overload = overload(&[Ty::Text], PgType::TEXT, super::letter_case::lower);
const UPPER_OF_TEXT: Overload = overload(&[Ty::Text], PgType::TEXT, super::letter_case::upper);

/// The parameter that takes an element.
const fn element(ty: PgType) -> Ty {
    match ty.oid {
        23 => Ty::Int4,
        20 => Ty::Int8,
        1114 => Ty::Timestamp,
        1184 => Ty::Timestamptz,
        1082 => Ty::Date,
        _ => Ty::Numeric,
    }
}

/// A column of ranges.
struct Ranges;

impl In for Ranges {
    type Array = FixedSizeBinaryArray;
    type Value<'a> = Range;

    fn get(array: &FixedSizeBinaryArray, index: usize) -> Range {
        let ty = RangeType::of_width(array.value_length()).expect("the planner gives ranges their type");
        ty.unpack(array.value(index))
    }
}

fn lower(range: Range) -> Bound {
    range.edges()?.0.as_lower()
}

fn upper(range: Range) -> Bound {
    range.edges()?.1.as_upper()
}

#[cold]
fn not_contiguous(operation: &str) -> DataFusionError {
    error("22000", format!("result of range {operation} would not be contiguous"))
}

/// The type of ranges that lie in Arrow so.
fn type_of(arrow: &DataType) -> Result<&'static RangeType> {
    let ty = match arrow {
        DataType::FixedSizeBinary(width) => RangeType::of_width(*width),
        _ => None,
    };
    ty.ok_or_else(|| error("XX000", format!("{arrow} holds no ranges")))
}

/// The lower bounds of ranges, or the upper ones.
fn bound(call: &Call<'_>, which: usize) -> Result<ArrayRef> {
    let ranges = call.expanded(0)?;
    let [lower, upper] = packed::bounds(ranges.as_fixed_size_binary(), type_of(ranges.data_type())?);
    Ok(if which == 0 { lower } else { upper })
}

fn combined(call: &Call<'_>, combine: impl Fn(Range, Range) -> Result<Range>) -> Result<ArrayRef> {
    let (a, b) = (super::rows::Argument::<Ranges>::of(call, 0), super::rows::Argument::<Ranges>::of(call, 1));
    let row = |row| match (a.get(row), b.get(row)) {
        (Some(a), Some(b)) => combine(a, b).map(Some),
        _ => Ok(None),
    };
    collect(type_of(call.return_type())?, (0..call.rows).map(row))
}

fn collect(ty: &RangeType, ranges: impl Iterator<Item = Result<Option<Range>>>) -> Result<ArrayRef> {
    let mut builder = FixedSizeBinaryBuilder::new(ty.width());
    for range in ranges {
        match range? {
            Some(range) => builder.append_value(ty.pack(range))?,
            None => builder.append_null(),
        }
    }
    Ok(std::sync::Arc::new(builder.finish()))
}

/// Whether ranges hold values.
fn holds(call: &Call<'_>, range: usize, value: usize) -> Result<ArrayRef> {
    let ranges = super::rows::Argument::<Ranges>::of(call, range);
    let values = numbers(call, value, type_of(call.args[range].data_type())?)?;
    let row = |row| Some(ranges.get(row)?.holds(values[call.index(value, row)]?));
    Ok(std::sync::Arc::new((0..call.rows).map(row).collect::<arrow::array::BooleanArray>()))
}

/// An argument's values as the numbers of bounds.
fn numbers(call: &Call<'_>, place: usize, ty: &RangeType) -> Result<Vec<Option<i256>>> {
    let (values, arrow) = (&call.args[place], packed::element_arrow(ty.element));
    if *values.data_type() == arrow {
        return Ok(packed::numbers(values));
    }
    Ok(packed::numbers(&cast_array(values, ty.element, &arrow)?))
}

/// NULL stands for no bound.
fn constructed(call: &Call<'_>) -> Result<ArrayRef> {
    let ty = type_of(call.return_type())?;
    let (lower, upper) = (numbers(call, 0, ty)?, numbers(call, 1, ty)?);
    let range = |row| {
        let (holds_lower, holds_upper) = held_bounds(call, row)?;
        let lower = lower[call.index(0, row)].map(|value| (value, holds_lower));
        let upper = upper[call.index(1, row)].map(|value| (value, holds_upper));
        Ok(Some(range_of(ty, lower, upper)?))
    };
    collect(ty, (0..call.rows).map(range))
}

/// Which bounds the third argument says that the range holds.
fn held_bounds(call: &Call<'_>, row: usize) -> Result<(bool, bool)> {
    let Some(flags) = call.args.get(2) else { return Ok((true, false)) };
    let flags: &StringViewArray = flags.as_string_view();
    let at = call.index(2, row);
    if flags.is_null(at) {
        return Err(error("22000", "range constructor flags argument must not be null"));
    }
    match flags.value(at) {
        "[)" => Ok((true, false)),
        "[]" => Ok((true, true)),
        "()" => Ok((false, false)),
        "(]" => Ok((false, true)),
        _ => Err(super::error::FunctionError::new("42601", "invalid range bound flags")
            .with_hint("Valid values are \"[]\", \"[)\", \"(]\", and \"()\".")
            .into()),
    }
}
