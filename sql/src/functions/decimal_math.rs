//! Roots, exponentials, logarithms and powers of numerics: exact, with PostgreSQL's digits as far as there is room behind the
//! point.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::*;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;
use peristyle_storage::special_numeric::{Special, cast_numbers};
use peristyle_storage::types::OPEN_DECIMAL;

use super::decimal::from_wide;
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
