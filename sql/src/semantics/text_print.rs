//! Values as text, as PostgreSQL's output functions write them under DateStyle ISO and IntervalStyle postgres.
//! This is what a cast to text gives (a boolean is `true`, not the wire's `t`).

use arrow::array::*;
use arrow::datatypes::*;
use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use datafusion::common::Result;

use crate::functions::error::not_supported;
use crate::functions::time_zone::{INFINITY_MICROS, MINUS_INFINITY_MICROS, SessionTimeZone};

/// Days from 0001-01-01 of the proleptic calendar, as chrono counts them, to 1970-01-01.
const EPOCH_DAYS_FROM_CE: i32 = 719_163;
pub(crate) const INFINITY_DAYS: i32 = i32::MAX;
pub(crate) const MINUS_INFINITY_DAYS: i32 = i32::MIN;

/// The value at a row as text; the caller has seen that it is not NULL.
pub(crate) fn print_value(array: &dyn Array, row: usize, zone: &SessionTimeZone) -> Result<String> {
    Ok(match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Float32 => print_float4(array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => print_float8(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Decimal256(..) => array.as_primitive::<Decimal256Type>().value_as_string(row),
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).to_owned(),
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::BinaryView => print_bytes(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(16) => print_uuid(array.as_fixed_size_binary().value(row)),
        DataType::Date32 => print_date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Time64(TimeUnit::Microsecond) => print_time(array.as_primitive::<Time64MicrosecondType>().value(row)),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            print_timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            print_timestamptz(array.as_primitive::<TimestampMicrosecondType>().value(row), zone)
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            print_interval(array.as_primitive::<IntervalMonthDayNanoType>().value(row))
        }
        DataType::List(_) => print_list(array.as_list::<i32>().value(row).as_ref(), zone)?,
        other => return Err(not_supported(format!("text of {other}"))),
    })
}

fn print_list(items: &dyn Array, zone: &SessionTimeZone) -> Result<String> {
    let mut text = String::from("{");
    for row in 0..items.len() {
        if row > 0 {
            text.push(',');
        }
        if items.is_null(row) {
            text.push_str("NULL");
        } else if matches!(items.data_type(), DataType::Boolean) {
            text.push(if items.as_boolean().value(row) { 't' } else { 'f' });
        } else {
            push_quoted_element(&mut text, &print_value(items, row, zone)?);
        }
    }
    text.push('}');
    Ok(text)
}

fn push_quoted_element(text: &mut String, element: &str) {
    let needs_quotes = element.is_empty()
        || element.eq_ignore_ascii_case("null")
        || element.contains(|c: char| matches!(c, '{' | '}' | ',' | '"' | '\\') || c.is_ascii_whitespace());
    if !needs_quotes {
        text.push_str(element);
        return;
    }
    text.push('"');
    for c in element.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
}

pub(crate) fn print_float8(value: f64) -> String {
    print_float(value, format!("{value:e}"))
}

pub(crate) fn print_float4(value: f32) -> String {
    let exponent_limit_text = format!("{value:e}");
    print_float_within(f64::from(value), exponent_limit_text, 6)
}

fn print_float(value: f64, scientific: String) -> String {
    print_float_within(value, scientific, 15)
}

/// Shortest digits, with an exponent below 10⁻⁴ and from 10^`digits` on.
fn print_float_within(value: f64, scientific: String, digits: i32) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..digits).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    plain_digits(mantissa, exponent)
}

fn plain_digits(mantissa: &str, exponent: i32) -> String {
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if exponent < 0 {
        return format!("{sign}0.{}{digits}", "0".repeat((-exponent - 1) as usize));
    }
    let before = exponent as usize + 1;
    if digits.len() <= before {
        return format!("{sign}{digits}{}", "0".repeat(before - digits.len()));
    }
    format!("{sign}{}.{}", &digits[..before], &digits[before..])
}

fn print_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("\\x");
    push_hex(&mut text, bytes);
    text
}

pub(crate) fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).expect("a nibble is below 16"));
        }
    }
}

fn print_uuid(bytes: &[u8]) -> String {
    uuid::Uuid::from_slice(bytes).map(|id| id.to_string()).unwrap_or_default()
}

pub(crate) fn date_of_days(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_DAYS_FROM_CE)?)
}

pub(crate) fn print_date(days: i32) -> String {
    match days {
        INFINITY_DAYS => "infinity".to_owned(),
        MINUS_INFINITY_DAYS => "-infinity".to_owned(),
        _ => date_of_days(days).map_or_else(|| format!("day {days}"), |date| with_era(date, "")),
    }
}

/// The date, the rest, and `BC` for years before 1.
fn with_era(date: NaiveDate, rest: &str) -> String {
    let (year, era) = if date.year() > 0 { (date.year(), "") } else { (1 - date.year(), " BC") };
    format!("{year:04}-{:02}-{:02}{rest}{era}", date.month(), date.day())
}

pub(crate) fn print_time(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    push_fraction(&mut text, micros % 1_000_000);
    text
}

fn push_fraction(text: &mut String, micros: i64) {
    if micros != 0 {
        text.push_str(format!(".{micros:06}").trim_end_matches('0'));
    }
}

fn infinity_text(micros: i64) -> Option<&'static str> {
    match micros {
        INFINITY_MICROS => Some("infinity"),
        MINUS_INFINITY_MICROS => Some("-infinity"),
        _ => None,
    }
}

pub(crate) fn print_timestamp(micros: i64) -> String {
    print_local(micros, "")
}

fn print_local(micros: i64, zone_text: &str) -> String {
    if let Some(text) = infinity_text(micros) {
        return text.to_owned();
    }
    let Some(local) = DateTime::from_timestamp_micros(micros).map(|instant| instant.naive_utc()) else {
        return format!("{micros} microseconds");
    };
    let mut rest = format!(" {:02}:{:02}:{:02}", local.hour(), local.minute(), local.second());
    push_fraction(&mut rest, micros.rem_euclid(1_000_000));
    rest.push_str(zone_text);
    with_era(local.date(), &rest)
}

pub(crate) fn print_timestamptz(micros: i64, zone: &SessionTimeZone) -> String {
    if let Some(text) = infinity_text(micros) {
        return text.to_owned();
    }
    let offset = zone.offset_seconds_at(micros);
    print_local(zone.to_local(micros), &print_offset(offset))
}

/// `+05:30`, minutes and seconds only where they are not zero.
pub(crate) fn print_offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let magnitude = seconds.abs();
    let mut text = format!("{sign}{:02}", magnitude / 3600);
    if magnitude % 3600 != 0 {
        text.push_str(&format!(":{:02}", magnitude / 60 % 60));
    }
    if magnitude % 60 != 0 {
        text.push_str(&format!(":{:02}", magnitude % 60));
    }
    text
}

/// `1 year 2 mons 3 days 04:05:06`; after a negative part positive ones carry their sign.
pub(crate) fn print_interval(interval: IntervalMonthDayNano) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut before_is_negative = false;
    let (years, months) = (interval.months / 12, interval.months % 12);
    for (value, one, many) in [(years, "year", "years"), (months, "mon", "mons"), (interval.days, "day", "days")] {
        if value != 0 {
            let sign = if before_is_negative && value > 0 { "+" } else { "" };
            parts.push(format!("{sign}{value} {}", if value == 1 { one } else { many }));
            before_is_negative = value < 0;
        }
    }
    let micros = interval.nanoseconds / 1000;
    if micros != 0 || parts.is_empty() {
        let sign = if micros < 0 {
            "-"
        } else if before_is_negative {
            "+"
        } else {
            ""
        };
        parts.push(format!("{sign}{}", print_time_span(micros.unsigned_abs())));
    }
    parts.join(" ")
}

fn print_time_span(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    push_fraction(&mut text, (micros % 1_000_000) as i64);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_printed_with_the_fewest_digits_that_lead_back() {
        for (value, text) in [
            (0.1, "0.1"),
            (1e15, "1e+15"),
            (123456789012345.0, "123456789012345"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (-2.5, "-2.5"),
            (1e300, "1e+300"),
            (100.0, "100"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(print_float8(value), text);
        }
        assert_eq!(print_float4(1e6), "1e+06");
        assert_eq!(print_float4(0.1), "0.1");
    }

    #[test]
    fn intervals_and_times_before_christ() {
        let interval = IntervalMonthDayNano::new(-14, 3, -3_723_500_000_000);
        assert_eq!(print_interval(interval), "-1 years -2 mons +3 days -01:02:03.5");
        assert_eq!(print_date(-719_528), "0001-01-01 BC");
        assert_eq!(print_timestamp(-1), "1969-12-31 23:59:59.999999");
    }
}
