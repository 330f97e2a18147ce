//! How many digits behind the point PostgreSQL gives the result of an operation, by the operands and the digits of these, and the
//! text of a number with so many. `semantics::shown_scale` puts them in plans.

use arrow::array::ArrayRef;
use arrow::datatypes::*;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, computed, immutable, overload};
use super::rounding::unscaled;
use super::rows::{Argument, Int4, Out, Text, map1, map2};
use super::signature::Ty;
use crate::semantics::type_planner::typed_field;
use crate::values::{Decimal, parse_decimal};

/// The text of a number with so many digits behind the point, as a numeric.
pub(crate) const SHOWN: &str = "pg_shown";
pub(crate) const OF_SUM: &str = "pg_scale_of_sum";
pub(crate) const OF_PRODUCT: &str = "pg_scale_of_product";
pub(crate) const OF_QUOTIENT: &str = "pg_scale_of_quotient";
pub(crate) const OF_TEXT: &str = "pg_scale_of_text";
pub(crate) const OF_ROOT: &str = "pg_scale_of_root";
pub(crate) const OF_EXPONENTIAL: &str = "pg_scale_of_exponential";
pub(crate) const OF_LOGARITHM: &str = "pg_scale_of_logarithm";
pub(crate) const OF_DECIMAL_LOGARITHM: &str = "pg_scale_of_decimal_logarithm";
pub(crate) const OF_LOGARITHM_TO_BASE: &str = "pg_scale_of_logarithm_to_base";
pub(crate) const OF_POWER: &str = "pg_scale_of_power";

macro_rules! of_one {
    ($name:expr, $scale:expr) => {
        immutable($name, &[overload(&[Ty::Numeric, Ty::Int4], PgType::INT4, |c| of_one(c, $scale))])
    };
}

macro_rules! of_two {
    ($name:expr, $scale:expr) => {
        immutable(
            $name,
            &[overload(&[Ty::Numeric, Ty::Numeric, Ty::Int4, Ty::Int4], PgType::INT4, |c| of_two(c, $scale))],
        )
    };
}

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(SHOWN, &[computed(&[Ty::Numeric, Ty::Int4], shown_type, shown).not_strict()]),
    immutable(
        OF_SUM,
        &[overload(&[Ty::Int4, Ty::Int4], PgType::INT4, |c| map2::<Int4, Int4, i32>(c, |a, b| Ok(a.max(b))))],
    ),
    immutable(
        OF_PRODUCT,
        &[overload(&[Ty::Int4, Ty::Int4], PgType::INT4, |c| {
            map2::<Int4, Int4, i32>(c, |a, b| Ok(a.saturating_add(b)))
        })],
    ),
    immutable(
        OF_TEXT,
        &[overload(&[Ty::Text], PgType::INT4, |c| map1::<Text, i32>(c, |text| Ok(parse_decimal(text)?.scale.into())))],
    ),
    of_two!(OF_QUOTIENT, |a, b| a.quotient_scale(b).map(i32::from)),
    of_one!(OF_ROOT, |x| Some(x.root_scale())),
    of_one!(OF_EXPONENTIAL, |x| Some(x.exponential_scale())),
    of_one!(OF_LOGARITHM, Decimal::natural_logarithm_scale),
    of_one!(OF_DECIMAL_LOGARITHM, |x| x.logarithm_scale(Decimal::TEN)),
    of_two!(OF_LOGARITHM_TO_BASE, |base, x| x.logarithm_scale(base)),
    of_two!(OF_POWER, |x, y| Some(x.power_scale(y))),
];

fn shown_type(name: &str, _fields: &[FieldRef]) -> Result<FieldRef> {
    Ok(typed_field(name, PgType::NUMERIC, DataType::Utf8View))
}

/// With no more digits than the number has, as its column holds no others.
fn shown(call: &Call<'_>) -> Result<ArrayRef> {
    let (values, own) = unscaled(call, 0)?;
    let scales = Argument::<Int4>::of(call, 1);
    let text = |(row, value): (usize, Option<i256>)| {
        let number = Decimal { unscaled: value?, scale: own as i8 };
        let scale = scales.get(row).unwrap_or(own).clamp(0, own.max(0));
        Some(number.rescale(scale as i8).unwrap_or(number).to_string())
    };
    Ok(String::collect(values.into_iter().enumerate().map(text).collect()))
}

/// An argument's numbers with the digits that another argument says.
fn numbers(call: &Call<'_>, argument: usize, scales: usize) -> Result<Vec<Option<Decimal>>> {
    let (values, own) = unscaled(call, argument)?;
    let scales = Argument::<Int4>::of(call, scales);
    let number = |(row, value): (usize, Option<i256>)| {
        let number = Decimal { unscaled: value?, scale: own as i8 };
        Some(number.rescale(scales.get(row)?.clamp(0, own.max(0)) as i8).unwrap_or(number))
    };
    Ok(values.into_iter().enumerate().map(number).collect())
}

fn of_one(call: &Call<'_>, scale: impl Fn(Decimal) -> Option<i32>) -> Result<ArrayRef> {
    let finite = |number: Decimal| if number.special().is_some() { Some(0) } else { scale(number) };
    Ok(i32::collect(numbers(call, 0, 1)?.into_iter().map(|number| number.and_then(finite)).collect()))
}

fn of_two(call: &Call<'_>, scale: impl Fn(Decimal, Decimal) -> Option<i32>) -> Result<ArrayRef> {
    let finite = |(a, b): (Decimal, Decimal)| match a.special().or(b.special()) {
        Some(_) => Some(0),
        None => scale(a, b),
    };
    let pairs = numbers(call, 0, 2)?.into_iter().zip(numbers(call, 1, 3)?);
    Ok(i32::collect(pairs.map(|(a, b)| a.zip(b).and_then(finite)).collect()))
}
