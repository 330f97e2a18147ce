//! Text as values: the input functions that casts from text use.
//!
//! `interval` is read in `interval_text`, json in `json_text`, the rest here.

use arrow::datatypes::*;
use chrono::{NaiveDateTime, NaiveTime};
use datafusion::common::Result;

use super::text_print::{INFINITY_DAYS, MINUS_INFINITY_DAYS};
use crate::functions::context::FunctionContext;
use crate::functions::error::{error, invalid_input};
use crate::functions::time_zone::{INFINITY_MICROS, MINUS_INFINITY_MICROS, SessionTimeZone};

const DAY_MICROS: i64 = 86_400_000_000;

pub(crate) fn parse_bool(text: &str) -> Result<bool> {
    let lower = text.trim().to_ascii_lowercase();
    let is_prefix_of = |word: &str, least: usize| lower.len() >= least && word.starts_with(&lower);
    match lower.as_str() {
        "1" => Ok(true),
        "0" => Ok(false),
        _ if is_prefix_of("true", 1) || is_prefix_of("yes", 1) || lower == "on" => Ok(true),
        _ if is_prefix_of("false", 1) || is_prefix_of("no", 1) || is_prefix_of("off", 2) => Ok(false),
        _ => Err(invalid_input("boolean", text)),
    }
}

pub(crate) fn parse_integer<T: TryFrom<i64>>(text: &str, type_name: &str) -> Result<T> {
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid_input(type_name, text));
    }
    let overflow = || error("22003", format!("value \"{text}\" is out of range for type {type_name}"));
    let value: i64 = trimmed.parse().map_err(|_| overflow())?;
    T::try_from(value).map_err(|_| overflow())
}

pub(crate) fn parse_float8(text: &str) -> Result<f64> {
    let value = parse_float(text).ok_or_else(|| invalid_input("double precision", text))?;
    let is_finite_text =
        text.trim().trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let underflows =
        value == 0.0 && text.bytes().take_while(|b| !matches!(b, b'e' | b'E')).any(|b| matches!(b, b'1'..=b'9'));
    if (value.is_infinite() && is_finite_text) || underflows {
        return Err(error("22003", format!("\"{text}\" is out of range for type double precision")));
    }
    Ok(value)
}

pub(crate) fn parse_float4(text: &str) -> Result<f32> {
    let value = parse_float(text).ok_or_else(|| invalid_input("real", text))?;
    let narrow: f32 = text.trim().parse().unwrap_or(value as f32);
    if (narrow.is_infinite() && value.is_finite()) || (narrow == 0.0 && value != 0.0) {
        return Err(error("22003", format!("\"{text}\" is out of range for type real")));
    }
    Ok(if narrow.is_nan() { f32::NAN } else { narrow + 0.0 })
}

fn parse_float(text: &str) -> Option<f64> {
    let trimmed = text.trim();
    let value: f64 = match trimmed.to_ascii_lowercase().as_str() {
        "nan" => f64::NAN,
        "inf" | "infinity" | "+inf" | "+infinity" => f64::INFINITY,
        "-inf" | "-infinity" => f64::NEG_INFINITY,
        lower if lower.contains(|c: char| c.is_ascii_alphabetic() && c != 'e') => return None,
        lower => lower.parse().ok()?,
    };
    Some(value + 0.0)
}

/// The digits of a number as (unscaled value, scale), exponent applied.
pub(crate) fn parse_decimal(text: &str) -> Result<(i256, i32)> {
    let bad = || invalid_input("numeric", text);
    let trimmed = text.trim();
    if matches!(trimmed.to_ascii_lowercase().trim_start_matches(['+', '-']), "nan" | "inf" | "infinity") {
        return Err(error("22003", format!("numeric value \"{trimmed}\" cannot be stored")));
    }
    let (mantissa, exponent) = match trimmed.find(['e', 'E']) {
        Some(at) => (&trimmed[..at], trimmed[at + 1..].parse::<i32>().map_err(|_| bad())?),
        None => (trimmed, 0),
    };
    let (is_negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    if before.len() + after.len() == 0 || !before.bytes().chain(after.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    let mut value = i256::ZERO;
    for digit in before.bytes().chain(after.bytes()) {
        value = value
            .checked_mul(i256::from_i128(10))
            .and_then(|value| value.checked_add(i256::from_i128((digit - b'0').into())))
            .ok_or_else(crate::functions::error::numeric_overflow)?;
    }
    let value = if is_negative { value.wrapping_neg() } else { value };
    Ok((value, after.len() as i32 - exponent))
}

pub(crate) fn parse_uuid(text: &str) -> Result<[u8; 16]> {
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(trimmed);
    let hex: String = inner.chars().filter(|c| *c != '-').collect();
    let bytes = decode_hex(&hex).ok_or_else(|| invalid_input("uuid", text))?;
    bytes.try_into().map_err(|_| invalid_input("uuid", text))
}

pub(crate) fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits =
        text.chars().filter(|c| !c.is_ascii_whitespace()).map(|c| c.to_digit(16)).collect::<Option<Vec<_>>>()?;
    (digits.len() % 2 == 0).then(|| digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
}

/// bytea in its hex form (`\x…`) or its escape form.
pub(crate) fn parse_bytes(text: &str) -> Result<Vec<u8>> {
    if let Some(hex) = text.strip_prefix("\\x") {
        return decode_hex(hex).ok_or_else(|| error("22023", format!("invalid hexadecimal data: \"{text}\"")));
    }
    unescape_bytes(text.as_bytes()).ok_or_else(|| invalid_input("bytea", text))
}

pub(crate) fn unescape_bytes(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        match tail {
            [b'\\', after @ ..] => {
                bytes.push(b'\\');
                rest = after;
            }
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => return None,
        }
    }
    Some(bytes)
}

/// What a word of PostgreSQL stands for: `now`, `today`, `infinity`, …
enum Special {
    Micros(i64),
    Day(i64),
}

fn special(text: &str, context: &FunctionContext) -> Option<Special> {
    let local_now = context.time_zone.to_local(context.transaction_start.0);
    let today = local_now.div_euclid(DAY_MICROS);
    match text.trim().to_ascii_lowercase().as_str() {
        "infinity" | "+infinity" => Some(Special::Micros(INFINITY_MICROS)),
        "-infinity" => Some(Special::Micros(MINUS_INFINITY_MICROS)),
        "now" => Some(Special::Micros(local_now)),
        "today" => Some(Special::Day(today)),
        "tomorrow" => Some(Special::Day(today + 1)),
        "yesterday" => Some(Special::Day(today - 1)),
        "epoch" => Some(Special::Day(0)),
        _ => None,
    }
}

pub(crate) fn parse_date(text: &str, context: &FunctionContext) -> Result<i32> {
    match special(text, context) {
        Some(Special::Micros(INFINITY_MICROS)) => return Ok(INFINITY_DAYS),
        Some(Special::Micros(MINUS_INFINITY_MICROS)) => return Ok(MINUS_INFINITY_DAYS),
        Some(Special::Micros(micros)) => return Ok(micros.div_euclid(DAY_MICROS) as i32),
        Some(Special::Day(day)) => return Ok(day as i32),
        None => {}
    }
    let micros = parse_local(text).map(|(local, _)| local).ok_or_else(|| date_error("date", text))?;
    Ok(micros.div_euclid(DAY_MICROS) as i32)
}

fn date_error(type_name: &str, text: &str) -> datafusion::common::DataFusionError {
    let looks_like_date = text.trim().bytes().filter(u8::is_ascii_digit).count() >= 5
        && text
            .trim()
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b':' | b' ' | b'.' | b'+' | b'/' | b'T'));
    if looks_like_date {
        return error("22008", format!("date/time field value out of range: \"{text}\""));
    }
    invalid_input(type_name, text)
}

/// Microseconds of wall clock time.
pub(crate) fn parse_timestamp(text: &str, context: &FunctionContext) -> Result<i64> {
    match special(text, context) {
        Some(Special::Micros(micros)) => return Ok(micros),
        Some(Special::Day(day)) => return Ok(day * DAY_MICROS),
        None => {}
    }
    // A zone in the text of a timestamp without time zone is ignored.
    parse_local(text).map(|(local, _)| local).ok_or_else(|| date_error("timestamp", text))
}

/// Microseconds of UTC; without a zone in the text the session's counts.
pub(crate) fn parse_timestamptz(text: &str, context: &FunctionContext) -> Result<i64> {
    match special(text, context) {
        Some(Special::Micros(micros)) => return Ok(context.time_zone.to_utc(micros)),
        Some(Special::Day(0)) if text.trim().eq_ignore_ascii_case("epoch") => return Ok(0),
        Some(Special::Day(day)) => return Ok(context.time_zone.to_utc(day * DAY_MICROS)),
        None => {}
    }
    let (local, zone) = parse_local(text).ok_or_else(|| date_error("timestamp with time zone", text))?;
    Ok(zone.unwrap_or(context.time_zone).to_utc(local))
}

/// `date[ T]time[ zone]` as wall clock microseconds and the zone, if the text names one.
fn parse_local(text: &str) -> Option<(i64, Option<SessionTimeZone>)> {
    let trimmed = text.trim();
    let date_end = trimmed.find([' ', 'T', 't']).unwrap_or(trimmed.len());
    let day = parse_calendar_day(&trimmed[..date_end])?;
    let rest = trimmed[date_end..].trim_start_matches([' ', 'T', 't']);
    if rest.is_empty() {
        return Some((day.checked_mul(DAY_MICROS)?, None));
    }
    if rest == "BC" {
        return None;
    }
    let time_end = rest.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.')).unwrap_or(rest.len());
    let time = if time_end == 0 { 0 } else { parse_clock(&rest[..time_end])? };
    let zone = rest[time_end..].trim();
    let zone = if zone.is_empty() { None } else { Some(SessionTimeZone::parse(zone).ok()?) };
    Some((day.checked_mul(DAY_MICROS)?.checked_add(time)?, zone))
}

/// Days since 1970-01-01 of `2024-1-31`, `20240131`, `2024/01/31`, `1/31/2024` or `31-Jan-2024`.
fn parse_calendar_day(text: &str) -> Option<i64> {
    const FORMATS: &[&str] = &["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%m/%d/%Y", "%d-%b-%Y", "%Y-%b-%d", "%b-%d-%Y"];
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return days_of(chrono::NaiveDate::parse_from_str(text, "%Y%m%d").ok()?);
    }
    let first = text.split(['-', '/', '.']).next()?;
    let year_first = first.len() >= 3 && first.bytes().all(|b| b.is_ascii_digit());
    FORMATS
        .iter()
        .filter(|format| format.starts_with("%Y") == year_first)
        .find_map(|format| chrono::NaiveDate::parse_from_str(text, format).ok())
        .and_then(days_of)
}

fn days_of(date: chrono::NaiveDate) -> Option<i64> {
    Some(date.signed_duration_since(chrono::NaiveDate::from_ymd_opt(1970, 1, 1)?).num_days())
}

/// Microseconds of `hh:mm[:ss[.ffffff]]`; `24:00` is the day's end.
pub(crate) fn parse_clock(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    let seconds: f64 = parts.next().map_or(Some(0.0), |part| part.parse().ok())?;
    if hours > 24 || minutes > 59 || !(0.0..=60.0).contains(&seconds) {
        return None;
    }
    let micros = (hours * 3600 + minutes * 60) * 1_000_000 + (seconds * 1e6).round() as i64;
    (micros <= DAY_MICROS).then_some(micros)
}

pub(crate) fn parse_time(text: &str) -> Result<i64> {
    let trimmed = text.trim();
    if let Some(micros) = parse_clock(trimmed) {
        return Ok(micros);
    }
    let twelve_hours =
        NaiveTime::parse_from_str(trimmed, "%I:%M %p").or_else(|_| NaiveTime::parse_from_str(trimmed, "%I:%M:%S %p"));
    if let Ok(time) = twelve_hours {
        return Ok(time.signed_duration_since(NaiveTime::MIN).num_microseconds().unwrap_or(0));
    }
    NaiveDateTime::parse_from_str(trimmed, "%Y-%m-%d %H:%M:%S%.f")
        .ok()
        .and_then(|at| at.time().signed_duration_since(NaiveTime::MIN).num_microseconds())
        .ok_or_else(|| invalid_input("time", text))
}

pub(crate) fn parse_interval(text: &str) -> Result<IntervalMonthDayNano> {
    super::interval_text::parse(text).ok_or_else(|| invalid_input("interval", text))
}

/// The elements of an array literal, `{a,"b c",NULL}`.
pub(crate) fn parse_array_elements(text: &str) -> Result<Vec<Option<String>>> {
    let malformed = || error("22P02", format!("malformed array literal: \"{text}\""));
    let inner = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(malformed)?;
    let mut elements = Vec::new();
    if inner.trim().is_empty() {
        return Ok(elements);
    }
    let mut chars = inner.chars().peekable();
    loop {
        elements.push(parse_element(&mut chars).ok_or_else(malformed)?);
        match chars.next() {
            None => return Ok(elements),
            Some(',') => {}
            Some(_) => return Err(malformed()),
        }
    }
}

fn parse_element(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Option<String>> {
    while chars.next_if(char::is_ascii_whitespace).is_some() {}
    let mut element = String::new();
    if chars.next_if_eq(&'"').is_some() {
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => element.push(chars.next()?),
                c => element.push(c),
            }
        }
        while chars.next_if(char::is_ascii_whitespace).is_some() {}
        return Some(Some(element));
    }
    while let Some(c) = chars.next_if(|c| *c != ',') {
        match c {
            '{' | '}' | '"' => return None,
            '\\' => element.push(chars.next()?),
            c => element.push(c),
        }
    }
    let element = element.trim_end().to_owned();
    if element.is_empty() {
        return None;
    }
    Some((!element.eq_ignore_ascii_case("null")).then_some(element))
}
