//! PostgreSQL's text forms (DateStyle ISO, IntervalStyle postgres, TimeZone UTC), as its casts to text give them.

use std::fmt::Write;

use arrow::array::types::{
    Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray};
use arrow::datatypes::{DataType, TimeUnit};
use peristyle_catalog::model::PgType;
use uuid::Uuid;

use super::calendar::{civil_from_days, split_micros};
use super::{arrays, decimal, unscaled};
use crate::packed::{self, RangeType};
use crate::partition::NANOS_PER_MICRO;
use crate::shape::Part;
use crate::{Error, Result};

const MICROS_PER_SECOND: i64 = 1_000_000;
/// From these exponents on PostgreSQL writes a float with an exponent (its DBL_DIG and FLT_DIG).
const FLOAT8_EXPONENT_FROM: i32 = 15;
const FLOAT4_EXPONENT_FROM: i32 = 6;
const FLOAT_EXPONENT_BELOW: i32 = -4;

/// Appends the text of a value that is not NULL, as it stands in an array or in json: there a boolean is shown by its first
/// letter, an inet without the mask that it need not have.
pub(super) fn write_shown(values: &ArrayRef, ty: PgType, row: usize, out: &mut String) -> Result<()> {
    if let Some(booleans) = values.as_boolean_opt() {
        out.push(if booleans.value(row) { 't' } else { 'f' });
        return Ok(());
    }
    match values.data_type() {
        arrow
            if let Some(kind) = packed::kind_of(arrow)
                && RangeType::of_kind(kind).is_none() =>
        {
            packed::write_text(kind, packed::bytes_at(values, row), out);
            Ok(())
        }
        _ => write(values, ty, row, out),
    }
}

/// Appends the text of a value that is not NULL.
pub(super) fn write(values: &ArrayRef, ty: PgType, row: usize, out: &mut String) -> Result<()> {
    match values.data_type() {
        DataType::Boolean => out.push_str(if values.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Int16 => append(out, values.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => append(out, values.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => append(out, values.as_primitive::<Int64Type>().value(row)),
        DataType::UInt32 => append(out, values.as_primitive::<UInt32Type>().value(row)),
        DataType::Float32 => {
            let value = values.as_primitive::<Float32Type>().value(row);
            float(out, value.is_nan(), &format!("{value:e}"), FLOAT4_EXPONENT_FROM);
        }
        DataType::Float64 => {
            let value = values.as_primitive::<Float64Type>().value(row);
            float(out, value.is_nan(), &format!("{value:e}"), FLOAT8_EXPONENT_FROM);
        }
        DataType::Decimal128(..) | DataType::Decimal256(..) => {
            if let Some((value, scale)) = unscaled(values, row) {
                decimal::write(value, scale, out);
            }
        }
        DataType::Date32 => date(out, values.as_primitive::<Date32Type>().value(row)),
        DataType::Time64(TimeUnit::Microsecond) => {
            time(out, values.as_primitive::<Time64MicrosecondType>().value(row));
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = values.as_primitive::<TimestampMicrosecondType>().value(row);
            timestamp(out, micros, ' ', if zone.is_some() { "+00" } else { "" });
        }
        DataType::Interval(_) => interval(out, values.as_primitive::<IntervalMonthDayNanoType>().value(row)),
        DataType::Utf8View => out.push_str(values.as_string_view().value(row)),
        DataType::BinaryView => bytea(out, values.as_binary_view().value(row)),
        DataType::FixedSizeBinary(16) => {
            let bytes = values.as_fixed_size_binary().value(row);
            append(out, Uuid::from_slice(bytes).unwrap_or_default());
        }
        DataType::FixedSizeBinary(width) if let Some(ty) = RangeType::of_width(*width) => {
            return range(values.as_fixed_size_binary(), ty, row, out);
        }
        arrow if let Some(kind) = packed::kind_of(arrow) => {
            packed::write_cast_text(kind, packed::bytes_at(values, row), out);
        }
        DataType::List(_) | DataType::Struct(_) => return array(values, ty, row, out),
        other => return Err(Error::Unsupported(format!("reading a column stored as {other} as text"))),
    }
    Ok(())
}

fn append(out: &mut String, value: impl std::fmt::Display) {
    // Writing to a string does not fail.
    let _ = write!(out, "{value}");
}

/// From Rust's shortest digits (`1.25e2`, `inf`) to PostgreSQL's notation of them.
fn float(out: &mut String, is_nan: bool, scientific: &str, exponent_from: i32) {
    if is_nan {
        return out.push_str("NaN");
    }
    let (sign, rest) = scientific.strip_prefix('-').map_or(("", scientific), |rest| ("-", rest));
    out.push_str(sign);
    let Some((mantissa, exponent)) = rest.split_once('e') else { return out.push_str("Infinity") };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < FLOAT_EXPONENT_BELOW || exponent >= exponent_from {
        let sign = if exponent < 0 { '-' } else { '+' };
        return append(out, format_args!("{mantissa}e{sign}{:02}", exponent.abs()));
    }
    let digits = mantissa.replace('.', "");
    if exponent < 0 {
        append(out, format_args!("0.{}{digits}", "0".repeat(-exponent as usize - 1)));
    } else if digits.len() <= exponent as usize + 1 {
        append(out, format_args!("{digits}{}", "0".repeat(exponent as usize + 1 - digits.len())));
    } else {
        let (whole, fraction) = digits.split_at(exponent as usize + 1);
        append(out, format_args!("{whole}.{fraction}"));
    }
}

fn date(out: &mut String, days: i32) {
    match days {
        i32::MAX => out.push_str("infinity"),
        i32::MIN => out.push_str("-infinity"),
        days => {
            let is_before_christ = civil_date(out, days.into());
            era(out, is_before_christ);
        }
    }
}

/// Appends year, month and day; whether the year is before Christ.
fn civil_date(out: &mut String, days: i64) -> bool {
    let (year, month, day) = civil_from_days(days);
    let shown = if year <= 0 { 1 - year } else { year };
    append(out, format_args!("{shown:04}-{month:02}-{day:02}"));
    year <= 0
}

fn era(out: &mut String, is_before_christ: bool) {
    if is_before_christ {
        out.push_str(" BC");
    }
}

fn time(out: &mut String, micros: i64) {
    let seconds = micros / MICROS_PER_SECOND;
    append(out, format_args!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    fraction(out, micros % MICROS_PER_SECOND);
}

fn fraction(out: &mut String, micros: i64) {
    if micros != 0 {
        let digits = format!("{micros:06}");
        append(out, format_args!(".{}", digits.trim_end_matches('0')));
    }
}

/// Appends a timestamp in ISO form with that separator and zone.
pub(super) fn timestamp(out: &mut String, micros: i64, separator: char, zone: &str) {
    match micros {
        i64::MAX => out.push_str("infinity"),
        i64::MIN => out.push_str("-infinity"),
        micros => {
            let (days, in_day) = split_micros(micros);
            let is_before_christ = civil_date(out, days);
            out.push(separator);
            time(out, in_day);
            out.push_str(zone);
            era(out, is_before_christ);
        }
    }
}

fn bytea(out: &mut String, bytes: &[u8]) {
    out.push_str("\\x");
    bytes.iter().for_each(|byte| append(out, format_args!("{byte:02x}")));
}

/// `1 year 2 mons -3 days +04:05:06.7`, as IntervalStyle postgres has it: a part after a negative one gets a sign.
fn interval(out: &mut String, value: IntervalMonthDayNano) {
    let start = out.len();
    let mut after_negative = false;
    let parts = [(value.months / 12, "year"), (value.months % 12, "mon"), (value.days, "day")];
    for (count, unit) in parts.into_iter().filter(|(count, _)| *count != 0) {
        let space = if out.len() > start { " " } else { "" };
        let sign = if after_negative && count > 0 { "+" } else { "" };
        append(out, format_args!("{space}{sign}{count} {unit}{}", if count == 1 { "" } else { "s" }));
        after_negative = count < 0;
    }
    let micros = value.nanoseconds / NANOS_PER_MICRO;
    if micros != 0 || out.len() == start {
        let space = if out.len() > start { " " } else { "" };
        let sign = if micros < 0 {
            "-"
        } else if after_negative {
            "+"
        } else {
            ""
        };
        append(out, format_args!("{space}{sign}"));
        time(out, micros.saturating_abs());
    }
}

fn range(values: &FixedSizeBinaryArray, ty: &RangeType, row: usize, out: &mut String) -> Result<()> {
    let Some((lower, upper)) = ty.unpack(values.value(row)).edges() else {
        out.push_str("empty");
        return Ok(());
    };
    let bounds = packed::bounds(&values.slice(row, 1), ty);
    out.push(if lower.as_lower().is_some_and(|(_, included)| included) { '[' } else { '(' });
    range_bound(&bounds[0], ty.element, out)?;
    out.push(',');
    range_bound(&bounds[1], ty.element, out)?;
    out.push(if upper.as_upper().is_some_and(|(_, included)| included) { ']' } else { ')' });
    Ok(())
}

/// The only bound of the array, in quotes if it has blanks. A numeric's zeros at the end are its form's, not its own.
fn range_bound(bound: &ArrayRef, element: PgType, out: &mut String) -> Result<()> {
    if bound.is_null(0) {
        return Ok(());
    }
    let mut text = String::new();
    write(bound, element, 0, &mut text)?;
    let shown = if element == PgType::NUMERIC { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let quote = if shown.contains(' ') { "\"" } else { "" };
    append(out, format_args!("{quote}{shown}{quote}"));
    Ok(())
}

fn array(values: &ArrayRef, ty: PgType, row: usize, out: &mut String) -> Result<()> {
    let element = ty.element().ok_or_else(|| Error::Internal(format!("{ty:?} is no array type")))?;
    let arrays = arrays(values)?;
    let (items, shape) = (arrays.items(row), arrays.shape(row));
    if shape.has_written_bounds() {
        append(out, format_args!("{shape}="));
    }
    shape.walk(|part| {
        match part {
            Part::Open => out.push('{'),
            Part::Separator => out.push(','),
            Part::Item(at) if items.is_null(at) => out.push_str("NULL"),
            Part::Item(at) => array_item(&items, element, at, out)?,
            Part::Close => out.push('}'),
        }
        Ok(())
    })
}

fn array_item(items: &ArrayRef, element: PgType, at: usize, out: &mut String) -> Result<()> {
    let mut item = String::new();
    write_shown(items, element, at, &mut item)?;
    let is_special = |c: char| matches!(c, '{' | '}' | ',' | '"' | '\\') || c.is_ascii_whitespace() || c == '\u{B}';
    if !item.is_empty() && !item.contains(is_special) && !item.eq_ignore_ascii_case("null") {
        out.push_str(&item);
        return Ok(());
    }
    out.push('"');
    for c in item.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    Ok(())
}
