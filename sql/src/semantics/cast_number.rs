//! Casts between numbers: rounded and range-checked.

use std::sync::Arc;

use arrow::array::*;
use arrow::compute::cast;
use arrow::datatypes::*;
use datafusion::common::{DataFusionError, Result, internal_err};
use peristyle_catalog::model::PgType;
use peristyle_storage::special_numeric::{Special, cast_numbers, may_be_special};

use super::cast::CastJob;
use super::text::{float4_text, float8_text};
use crate::functions::decimal::{decimal_parts, divide_rounded, from_wide, power_of_ten};
use crate::functions::error::{FunctionError, error, float_overflow, numeric_overflow, out_of_range};
use crate::values::{Decimal, parse_decimal_at, type_name};

pub(crate) fn number_to_number(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let from = input.data_type();
    match job.arrow {
        to if to.is_integer() => to_integer(job, input),
        DataType::Decimal128(..) | DataType::Decimal256(..) => to_decimal(job, input),
        DataType::Float32 if from.is_decimal() => to_float4(&cast_numbers(input, &DataType::Float64)?),
        DataType::Float32 => to_float4(input),
        to if from.is_integer() || from.is_floating() || from.is_decimal() => Ok(cast_numbers(input, to)?),
        to => internal_err!("a cast from {from} to {to}"),
    }
}

fn to_float4(input: &ArrayRef) -> Result<ArrayRef> {
    let output = cast(input, &DataType::Float32)?;
    if let Some(doubles) = input.as_primitive_opt::<Float64Type>() {
        let floats = output.as_primitive::<Float32Type>();
        for (double, float) in doubles.iter().zip(floats.iter()) {
            if let (Some(double), Some(float)) = (double, float) {
                if float.is_infinite() && double.is_finite() {
                    return Err(float_overflow());
                }
                if float == 0.0 && double != 0.0 {
                    return Err(error("22003", "value out of range: underflow"));
                }
            }
        }
    }
    Ok(output)
}

/// The number of each row as i128, rounded as PostgreSQL rounds that source type.
fn rounded(input: &ArrayRef, type_name: &str) -> Result<Vec<Option<i128>>> {
    if input.data_type().is_floating() {
        let doubles = cast(input, &DataType::Float64)?;
        let round = |value: f64| {
            let value = value.round_ties_even();
            // 2^63 as a double bounds every integer type.
            if value.abs() <= 9_223_372_036_854_775_808.0 { Ok(value as i128) } else { Err(out_of_range(type_name)) }
        };
        return doubles.as_primitive::<Float64Type>().iter().map(|value| value.map(round).transpose()).collect();
    }
    if let Some((precision, scale)) = decimal_parts(input.data_type()) {
        let wide = cast(input, &DataType::Decimal256(precision, scale))?;
        let round = |value: i256| {
            if let Some(special) = Special::of(value) {
                return Err(no_integer(special, type_name));
            }
            let whole = decimal_at_scale(value, scale.into(), u8::MAX, 0)?;
            whole.to_i128().ok_or_else(|| out_of_range(type_name))
        };
        return wide.as_primitive::<Decimal256Type>().iter().map(|value| value.map(round).transpose()).collect();
    }
    if let Some(unsigned) = input.as_primitive_opt::<UInt64Type>() {
        return Ok(unsigned.iter().map(|value| value.map(i128::from)).collect());
    }
    let wide = cast(input, &DataType::Int64)?;
    Ok(wide.as_primitive::<Int64Type>().iter().map(|value| value.map(i128::from)).collect())
}

/// 0A000 for a special numeric where an integer is wanted.
pub(crate) fn no_integer(special: Special, type_name: &str) -> DataFusionError {
    let what = if special == Special::NaN { "NaN" } else { "infinity" };
    error("0A000", format!("cannot convert {what} to {type_name}"))
}

fn to_integer(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let name = if job.target.oid == PgType::OID.oid { "OID".to_owned() } else { type_name(job.target) };
    let values = rounded(input, &name)?;
    Ok(match job.arrow {
        DataType::Int16 => Arc::new(Int16Array::from(in_range(values, &name)?)),
        DataType::Int32 => Arc::new(Int32Array::from(in_range(values, &name)?)),
        DataType::Int64 => Arc::new(Int64Array::from(in_range(values, &name)?)),
        DataType::UInt32 => Arc::new(UInt32Array::from(in_range(values, &name)?)),
        DataType::UInt64 => Arc::new(UInt64Array::from(in_range(values, &name)?)),
        other => return internal_err!("a cast to {other}"),
    })
}

fn in_range<T: TryFrom<i128>>(values: Vec<Option<i128>>, name: &str) -> Result<Vec<Option<T>>> {
    let convert = |value: i128| T::try_from(value).map_err(|_| out_of_range(name));
    values.into_iter().map(|value| value.map(convert).transpose()).collect()
}

fn to_decimal(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let Some((precision, scale)) = job.decimal_parts() else {
        return internal_err!("a decimal was expected, not {}", job.arrow);
    };
    let rescale = |value: i256, from: i32| match Special::of(value) {
        Some(special) => special_number(job, special, precision, scale),
        None => decimal_at_scale(value, from, precision, scale),
    };
    let parsed = |value: f64, text: &str| match Special::of_float(value) {
        Some(special) => special_number(job, special, precision, scale),
        None => Ok(parse_decimal_at(text, precision, scale)?.unscaled),
    };
    let values: Vec<Option<i256>> = if let Some(doubles) = input.as_primitive_opt::<Float64Type>() {
        let convert = |value: f64| parsed(value, &float8_text(round_digits(value, 15)));
        doubles.iter().map(|value| value.map(convert).transpose()).collect::<Result<_>>()?
    } else if let Some(floats) = input.as_primitive_opt::<Float32Type>() {
        let convert = |value: f32| parsed(value.into(), &float4_text(round_digits(value.into(), 6) as f32));
        floats.iter().map(|value| value.map(convert).transpose()).collect::<Result<_>>()?
    } else {
        let (from_precision, from_scale) = decimal_parts(input.data_type()).unwrap_or((19, 0));
        let wide = cast(input, &DataType::Decimal256(from_precision, from_scale))?;
        let wide = wide.as_primitive::<Decimal256Type>();
        wide.iter().map(|value| value.map(|v| rescale(v, from_scale.into())).transpose()).collect::<Result<_>>()?
    };
    from_wide(values, job.arrow)
}

/// The value rounded to that many significant digits, as PostgreSQL converts floats to numeric.
fn round_digits(value: f64, digits: usize) -> f64 {
    if value.is_finite() { format!("{value:.*e}", digits - 1).parse().unwrap_or(value) } else { value }
}

/// NaN or an infinity as the decimal of a bare numeric; an error for `numeric(p, s)`.
fn special_number(job: &CastJob<'_>, special: Special, precision: u8, scale: i8) -> Result<i256> {
    let special = Decimal::from(special);
    let is_bare = job.target.typmod < 0 && may_be_special(job.arrow);
    Ok(if is_bare { special } else { special.fit(precision, scale)? }.unscaled)
}

/// A decimal brought to another scale, half away from zero, and checked against the precision.
pub(crate) fn decimal_at_scale(value: i256, from_scale: i32, precision: u8, scale: i8) -> Result<i256> {
    let shift = i32::from(scale) - from_scale;
    let moved = if value == i256::ZERO {
        Some(value)
    } else if shift >= 0 {
        power_of_ten(shift).ok().and_then(|factor| value.checked_mul(factor))
    } else {
        // Beyond 76 digits nothing of the value remains.
        power_of_ten(-shift).map_or(Some(i256::ZERO), |divisor| divide_rounded(value, divisor))
    };
    let overflow = || precision_overflow(precision, scale);
    let moved = moved.ok_or_else(overflow)?;
    let fits = match power_of_ten(precision.into()) {
        Ok(limit) => moved.wrapping_abs() < limit,
        Err(_) => true,
    };
    if fits { Ok(moved) } else { Err(overflow()) }
}

fn precision_overflow(precision: u8, scale: i8) -> DataFusionError {
    if precision == u8::MAX {
        return numeric_overflow();
    }
    FunctionError::new("22003", "numeric field overflow")
        .with_detail(format!(
            "A field with precision {precision}, scale {scale} must round to an absolute value less than 10^{}.",
            i32::from(precision) - i32::from(scale)
        ))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_round_half_away_from_zero_and_are_checked() {
        let at = |value: i128, from: i32, p: u8, s: i8| {
            decimal_at_scale(i256::from_i128(value), from, p, s).ok().and_then(i256::to_i128)
        };
        assert_eq!(at(12345, 2, 5, 1), Some(1235));
        assert_eq!(at(-12345, 2, 5, 1), Some(-1235));
        assert_eq!(at(99995, 2, 4, 1), None);
        assert_eq!(at(5, 0, 10, 3), Some(5000));
    }
}
