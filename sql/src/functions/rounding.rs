//! round, trunc, ceil, floor, div, sign: numeric half away from zero, double precision half to even.
//!
//! `round(x, n)` with a literal n is planned as `pg_round_n(x)`, whose result has scale n; with a computed n the
//! result keeps the scale of x and only its value is rounded.

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::*;
use datafusion::common::{Result, internal_err};
use peristyle_catalog::model::PgType;
use peristyle_storage::special_numeric::{Special, may_be_special};

use super::decimal::{decimal_parts, divide_rounded, from_wide, power_of_ten, same_scale_type};
use super::define::{Call, Definition, computed, immutable, overload};
use super::error::{division_by_zero, error, numeric_overflow};
use super::macaddr;
use super::rows::*;
use super::signature::{self, Ty, decimal_of};
use super::special;
use crate::functions::arithmetic::Float;
use crate::semantics::type_planner::{arrow_of, open_array, typed_field};
use crate::values::special_text;

/// NaN or an infinity by its name.
pub(crate) const SPECIAL_NUMERIC: &str = "pg_special_numeric";
/// The cast to an array of bare numerics.
pub(crate) const TO_NUMERIC_ARRAY: &str = "pg_to_numeric_array";

/// How digits are dropped.
#[derive(Clone, Copy)]
enum Mode {
    HalfAway,
    Truncate,
    Up,
    Down,
}

macro_rules! fixed_scale {
    ($($scale:literal),*) => {
        const FIXED_SCALES: &[(Definition, Definition)] = &[$((
            immutable(concat!("pg_round_", $scale), &[computed(&[Ty::Numeric], scale_type::<$scale>, |c| to_fixed_scale(c, Mode::HalfAway))]),
            immutable(concat!("pg_trunc_", $scale), &[computed(&[Ty::Numeric], scale_type::<$scale>, |c| to_fixed_scale(c, Mode::Truncate))]),
        )),*];
    };
}
fixed_scale!(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20);

/// The function that rounds or truncates to so many digits, if there is one.
pub(crate) fn fixed_scale_name(function: &str, digits: u8) -> Option<&'static str> {
    let (round, trunc) = FIXED_SCALES.get(usize::from(digits))?;
    match function {
        "round" => Some(round.name),
        "trunc" => Some(trunc.name),
        _ => None,
    }
}

/// The function that rounds or truncates before the point, by a negative number of digits.
pub(crate) fn whole_name(function: &str) -> Option<&'static str> {
    match function {
        "round" => Some("pg_round_whole"),
        "trunc" => Some("pg_trunc_whole"),
        _ => None,
    }
}

/// A call as it was written: the digits of a fixed scale were an argument.
pub(super) fn call_text(name: &str, arguments: &[DataType]) -> String {
    match ["round", "trunc"].into_iter().find(|written| name.starts_with(&format!("pg_{written}_"))) {
        Some(written) => {
            let arguments: Vec<DataType> = arguments.iter().take(1).cloned().chain([DataType::Int32]).collect();
            signature::call_text(written, &arguments)
        }
        None => signature::call_text(name, arguments),
    }
}

/// Every fixed scale's functions.
pub(crate) fn fixed_scale_definitions() -> impl Iterator<Item = Definition> {
    FIXED_SCALES.iter().flat_map(|(round, trunc)| [*round, *trunc])
}

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(
        "round",
        &[
            computed(&[Ty::Numeric], scale_type::<0>, |c| to_fixed_scale(c, Mode::HalfAway)),
            overload(&[Ty::Float8], PgType::FLOAT8, |c| map1::<Float8, _>(c, |x| Ok(x.round_ties_even().canonical()))),
            computed(&[Ty::Numeric, Ty::Int4], same_scale_type, |c| to_digits(c, Mode::HalfAway)),
        ],
    ),
    immutable(
        "trunc",
        &[
            computed(&[Ty::Numeric], scale_type::<0>, |c| to_fixed_scale(c, Mode::Truncate)),
            overload(&[Ty::Float8], PgType::FLOAT8, |c| map1::<Float8, _>(c, |x| Ok(x.trunc().canonical()))),
            computed(&[Ty::Numeric, Ty::Int4], same_scale_type, |c| to_digits(c, Mode::Truncate)),
            macaddr::TRUNC,
            macaddr::TRUNC_8,
        ],
    ),
    immutable("ceil", CEIL),
    immutable("ceiling", CEIL),
    immutable(
        "floor",
        &[
            computed(&[Ty::Numeric], scale_type::<0>, |c| to_fixed_scale(c, Mode::Down)),
            overload(&[Ty::Float8], PgType::FLOAT8, |c| map1::<Float8, _>(c, |x| Ok(x.floor().canonical()))),
        ],
    ),
    immutable(
        "sign",
        &[
            computed(&[Ty::Numeric], scale_type::<0>, sign),
            overload(&[Ty::Float8], PgType::FLOAT8, |c| {
                map1::<Float8, _>(c, |x| Ok(if x == 0.0 || x.is_nan() { x } else { x.signum() }))
            }),
        ],
    ),
    immutable(SPECIAL_NUMERIC, &[computed(&[Ty::Text], quotient_type, to_special)]),
    immutable("pg_to_numeric", &[computed(&[Ty::Any], numeric_type, to_numeric)]),
    immutable(TO_NUMERIC_ARRAY, &[computed(&[Ty::Any], numeric_array_type, to_numeric_array)]),
    // `round(x, -n)` with a literal n.
    immutable(
        "pg_round_whole",
        &[computed(&[Ty::Numeric, Ty::Int4], scale_type::<0>, |c| to_whole(c, Mode::HalfAway))],
    ),
    immutable(
        "pg_trunc_whole",
        &[computed(&[Ty::Numeric, Ty::Int4], scale_type::<0>, |c| to_whole(c, Mode::Truncate))],
    ),
    immutable("div", &[computed(&[Ty::Numeric, Ty::Numeric], quotient_type, div)]),
];

const CEIL: &[super::define::Overload] = &[
    computed(&[Ty::Numeric], scale_type::<0>, |c| to_fixed_scale(c, Mode::Up)),
    overload(&[Ty::Float8], PgType::FLOAT8, |c| map1::<Float8, _>(c, |x| Ok(x.ceil().canonical()))),
];

/// A numeric of that scale with room for every digit before the point and a carry.
fn scale_type<const SCALE: i8>(name: &str, fields: &[FieldRef]) -> Result<FieldRef> {
    let Some((precision, scale)) = decimal_parts(fields[0].data_type()) else {
        return internal_err!("{name} over {}", fields[0].data_type());
    };
    let digits = i32::from(precision) - i32::from(scale) + i32::from(SCALE) + 1;
    let arrow = match fields[0].data_type() {
        ty if may_be_special(ty) => DataType::Decimal256(precision, SCALE),
        DataType::Decimal128(..) if digits <= 39 => DataType::Decimal128(digits.clamp(1, 38) as u8, SCALE),
        _ => DataType::Decimal256(digits.clamp(1, 76) as u8, SCALE),
    };
    Ok(typed_field(name, PgType::NUMERIC, arrow))
}

fn quotient_type(name: &str, _fields: &[FieldRef]) -> Result<FieldRef> {
    Ok(typed_field(name, PgType::NUMERIC, DataType::Decimal256(76, 0)))
}

/// Integers have no digits behind the point, decimals keep theirs, texts and floats get those of an open numeric.
fn numeric_type(name: &str, fields: &[FieldRef]) -> Result<FieldRef> {
    let source = fields[0].data_type();
    let is_exact = source.is_integer() || decimal_parts(source).is_some();
    let arrow = if is_exact { decimal_of(source) } else { arrow_of(PgType::NUMERIC) };
    Ok(typed_field(name, PgType::NUMERIC, arrow))
}

fn numeric_array_type(name: &str, fields: &[FieldRef]) -> Result<FieldRef> {
    Ok(typed_field(name, numeric_array()?, open_array(fields[0].data_type())))
}

fn numeric_array() -> Result<PgType> {
    PgType::NUMERIC.array().ok_or_else(|| error("XX000", "numeric has no array type"))
}

fn to_numeric_array(call: &Call<'_>) -> Result<ArrayRef> {
    crate::semantics::cast_array(&call.expanded(0)?, numeric_array()?, call.return_type())
}

fn to_numeric(call: &Call<'_>) -> Result<ArrayRef> {
    crate::semantics::cast_array(&call.expanded(0)?, PgType::NUMERIC, call.return_type())
}

/// The special value that each text names.
fn to_special(call: &Call<'_>) -> Result<ArrayRef> {
    let special = |name: &str| {
        special_text(name).map(Special::unscaled).ok_or_else(|| error("XX000", format!("{name} is no special numeric")))
    };
    let names = Argument::<Text>::of(call, 0);
    let values = (0..call.rows).map(|row| names.get(row).map(special).transpose());
    from_wide(values.collect::<Result<_>>()?, call.return_type())
}

/// The argument's unscaled values, special ones among them, and their scale.
pub(crate) fn unscaled(call: &Call<'_>, argument: usize) -> Result<(Vec<Option<i256>>, i32)> {
    let array = &call.args[argument];
    let Some((precision, scale)) = decimal_parts(array.data_type()) else {
        return internal_err!("a decimal was expected, not {}", array.data_type());
    };
    let wide = cast(array, &DataType::Decimal256(precision, scale))?;
    let wide = wide.as_primitive::<Decimal256Type>();
    let values = (0..call.rows).map(|row| {
        let index = call.index(argument, row);
        arrow::array::Array::is_valid(wide, index).then(|| wide.value(index))
    });
    Ok((values.collect(), scale.into()))
}

fn drop_digits(value: i256, digits: i32, mode: Mode) -> Result<i256> {
    if Special::of(value).is_some() {
        return Ok(value);
    }
    let divisor = match power_of_ten(digits) {
        Ok(divisor) => divisor,
        // More digits are dropped than there are.
        Err(_) => return Ok(i256::ZERO),
    };
    let quotient = value.wrapping_div(divisor);
    let rest = value.wrapping_rem(divisor);
    let moved = match mode {
        Mode::HalfAway => return divide_rounded(value, divisor).ok_or_else(numeric_overflow),
        Mode::Truncate => 0,
        Mode::Up => i128::from(rest > i256::ZERO),
        Mode::Down => -i128::from(rest < i256::ZERO),
    };
    quotient.checked_add(i256::from_i128(moved)).ok_or_else(numeric_overflow)
}

fn to_fixed_scale(call: &Call<'_>, mode: Mode) -> Result<ArrayRef> {
    let (values, from) = unscaled(call, 0)?;
    let to = decimal_parts(call.return_type()).map_or(0, |parts| i32::from(parts.1));
    let convert = |value: i256| {
        if Special::of(value).is_some() {
            return Ok(value);
        }
        if to >= from {
            return value.checked_mul(power_of_ten(to - from)?).ok_or_else(numeric_overflow);
        }
        drop_digits(value, from - to, mode)
    };
    from_wide(values.into_iter().map(|v| v.map(convert).transpose()).collect::<Result<_>>()?, call.return_type())
}

/// Rounds to a computed number of digits, keeping the scale.
fn to_digits(call: &Call<'_>, mode: Mode) -> Result<ArrayRef> {
    let (values, scale) = unscaled(call, 0)?;
    let digits = Argument::<Int4>::of(call, 1);
    let row = |(row, value): (usize, Option<i256>)| {
        let (Some(value), Some(digits)) = (value, digits.get(row)) else { return Ok(None) };
        let dropped = scale.saturating_sub(digits);
        if dropped <= 0 || Special::of(value).is_some() {
            return Ok(Some(value));
        }
        let kept = drop_digits(value, dropped, mode)?;
        if kept == i256::ZERO {
            return Ok(Some(kept));
        }
        kept.checked_mul(power_of_ten(dropped)?).ok_or_else(numeric_overflow).map(Some)
    };
    from_wide(values.into_iter().enumerate().map(row).collect::<Result<_>>()?, call.return_type())
}

/// Rounds before the point, to a result without digits behind it.
fn to_whole(call: &Call<'_>, mode: Mode) -> Result<ArrayRef> {
    let (values, scale) = unscaled(call, 0)?;
    let digits = Argument::<Int4>::of(call, 1);
    let row = |(row, value): (usize, Option<i256>)| {
        let (Some(value), Some(digits)) = (value, digits.get(row)) else { return Ok(None) };
        if Special::of(value).is_some() {
            return Ok(Some(value));
        }
        let before = digits.saturating_neg().max(0);
        let kept = drop_digits(value, scale.saturating_add(before), mode)?;
        if kept == i256::ZERO {
            return Ok(Some(kept));
        }
        kept.checked_mul(power_of_ten(before)?).ok_or_else(numeric_overflow).map(Some)
    };
    from_wide(values.into_iter().enumerate().map(row).collect::<Result<_>>()?, call.return_type())
}

fn sign(call: &Call<'_>) -> Result<ArrayRef> {
    let (values, _) = unscaled(call, 0)?;
    let signs = values.into_iter().map(|value| {
        value.map(|value| match value.cmp(&i256::ZERO) {
            _ if special::is_nan(value) => value,
            std::cmp::Ordering::Less => i256::MINUS_ONE,
            std::cmp::Ordering::Equal => i256::ZERO,
            std::cmp::Ordering::Greater => i256::ONE,
        })
    });
    from_wide(signs.collect(), call.return_type())
}

/// The quotient without its fraction.
fn div(call: &Call<'_>) -> Result<ArrayRef> {
    let ((a, a_scale), (b, b_scale)) = (unscaled(call, 0)?, unscaled(call, 1)?);
    let (up_a, up_b) = (power_of_ten((b_scale - a_scale).max(0))?, power_of_ten((a_scale - b_scale).max(0))?);
    let row = |(a, b): (Option<i256>, Option<i256>)| {
        let (Some(a), Some(b)) = (a, b) else { return Ok(None) };
        if b == i256::ZERO && !special::is_nan(a) {
            return Err(division_by_zero());
        }
        if let Some(quotient) = special::quotient(a, b) {
            return Ok(Some(quotient));
        }
        let quotient = a.checked_mul(up_a).zip(b.checked_mul(up_b)).and_then(|(a, b)| a.checked_div(b));
        quotient.ok_or_else(numeric_overflow).map(Some)
    };
    from_wide(a.into_iter().zip(b).map(row).collect::<Result<_>>()?, call.return_type())
}
