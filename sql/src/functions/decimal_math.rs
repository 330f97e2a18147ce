//! Roots, exponentials, logarithms and powers of numerics: exact, with PostgreSQL's digits as far as there is room behind the
//! point. Divisors and multiples.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::*;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;
use peristyle_storage::special_numeric::{Special, cast_numbers};
use peristyle_storage::types::{DECIMAL256_PRECISION_MAX, OPEN_DECIMAL};

use super::decimal::{decimal_parts, from_wide};
use super::define::Call;
use super::error::numeric_overflow;
use super::rounding::unscaled;
use crate::semantics::type_planner::typed_field;
use crate::values::Decimal;

/// Digits behind the point of a result.
const SCALE: i8 = 16;

pub(super) fn result_type(name: &str, _fields: &[FieldRef]) -> Result<FieldRef> {
    Ok(typed_field(name, PgType::NUMERIC, DataType::Decimal256(76, SCALE)))
}

/// The function of each number. That of doubles refuses what is outside its domain, and tells what becomes of NaN and the
/// infinities.
pub(super) fn of_one(
    call: &Call<'_>,
    of_double: impl Fn(f64) -> Result<f64>,
    exact: impl Fn(Decimal) -> Option<Decimal>,
) -> Result<ArrayRef> {
    let row = |number: Option<Number>| {
        let Some(number) = number else { return Ok(None) };
        let near = of_double(number.near)?;
        unscaled_result(near, number.is_special(), || exact(number.exact)).map(Some)
    };
    from_wide(numbers(call, 0)?.into_iter().map(row).collect::<Result<_>>()?, call.return_type())
}

/// As [`of_one`], of two numbers.
pub(super) fn of_two(
    call: &Call<'_>,
    of_doubles: impl Fn(f64, f64) -> Result<f64>,
    exact: impl Fn(Decimal, Decimal) -> Option<Decimal>,
) -> Result<ArrayRef> {
    let row = |numbers: (Option<Number>, Option<Number>)| {
        let (Some(a), Some(b)) = numbers else { return Ok(None) };
        let near = of_doubles(a.near, b.near)?;
        unscaled_result(near, a.is_special() || b.is_special(), || exact(a.exact, b.exact)).map(Some)
    };
    let rows = numbers(call, 0)?.into_iter().zip(numbers(call, 1)?);
    from_wide(rows.map(row).collect::<Result<_>>()?, call.return_type())
}

/// A numeric with the more digits behind the point of two.
pub(super) fn divisor_type(name: &str, fields: &[FieldRef]) -> Result<FieldRef> {
    let scale = fields.iter().filter_map(|field| decimal_parts(field.data_type())).map(|parts| parts.1).max();
    Ok(typed_field(name, PgType::NUMERIC, DataType::Decimal256(DECIMAL256_PRECISION_MAX, scale.unwrap_or(0))))
}

/// The greatest number of which both are multiples.
pub(super) fn greatest_divisor(call: &Call<'_>) -> Result<ArrayRef> {
    of_whole(call, |a, b| Some(gcd(a, b)))
}

/// The least number that is a multiple of both.
pub(super) fn least_multiple(call: &Call<'_>) -> Result<ArrayRef> {
    of_whole(call, |a, b| match gcd(a, b) {
        i256::ZERO => Some(i256::ZERO),
        divisor => (a / divisor).checked_mul(b).map(i256::wrapping_abs),
    })
}

fn gcd(a: i256, b: i256) -> i256 {
    if b == i256::ZERO { a.wrapping_abs() } else { gcd(b, a % b) }
}

/// What becomes of two numbers as whole ones of as many digits; NaN, if one is no number.
fn of_whole(call: &Call<'_>, whole: impl Fn(i256, i256) -> Option<i256>) -> Result<ArrayRef> {
    let scale = decimal_parts(call.return_type()).map_or(0, |parts| parts.1);
    let row = |numbers: (Option<Number>, Option<Number>)| {
        let (Some(a), Some(b)) = numbers else { return Ok(None) };
        if a.is_special() || b.is_special() {
            return Ok(Some(Special::NaN.unscaled()));
        }
        let at_scale = |number: Number| number.exact.rescale(scale).map(|number| number.unscaled);
        let result = at_scale(a).zip(at_scale(b)).and_then(|(a, b)| whole(a, b));
        result.map(Some).ok_or_else(numeric_overflow)
    };
    let rows = numbers(call, 0)?.into_iter().zip(numbers(call, 1)?);
    from_wide(rows.map(row).collect::<Result<_>>()?, call.return_type())
}

fn unscaled_result(near: f64, is_special: bool, exact: impl Fn() -> Option<Decimal>) -> Result<i256> {
    let result = match Special::of_float(near).filter(|_| is_special) {
        Some(special) => return Ok(special.unscaled()),
        // Of an infinity these make 0 or 1, if no special value.
        None if is_special => Some(Decimal { unscaled: i256::from_i128(near as i128), scale: 0 }),
        None => exact(),
    };
    result.and_then(|result| result.rescale(SCALE)).map(|result| result.unscaled).ok_or_else(numeric_overflow)
}

/// A number and the double near it.
#[derive(Clone, Copy)]
struct Number {
    exact: Decimal,
    near: f64,
}

impl Number {
    fn is_special(self) -> bool {
        self.exact.special().is_some()
    }
}

fn numbers(call: &Call<'_>, argument: usize) -> Result<Vec<Option<Number>>> {
    let array = call.expanded(argument)?;
    let doubles = cast_numbers(&array, &DataType::Float64)?;
    let (values, scale) = unscaled(call, argument)?;
    let is_open = *array.data_type() == OPEN_DECIMAL;
    let number = |unscaled| {
        let number = Decimal { unscaled, scale: scale as i8 };
        // Zeros at the end of an open decimal mean nothing.
        if is_open { number.trimmed() } else { number }
    };
    let doubles = doubles.as_primitive::<Float64Type>().iter();
    let both = |(value, near): (Option<i256>, Option<f64>)| Some(Number { exact: number(value?), near: near? });
    Ok(values.into_iter().zip(doubles).map(both).collect())
}
