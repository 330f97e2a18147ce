//! Reading dates, times and timestamps in the forms that PostgreSQL reads. The ISO forms go a short way; the rest is
//! cut into tokens (`datetime_fields`) first.

use peristyle_storage::packed::Timetz;

use super::calendar::{
    self, DATE_INFINITY, DATE_NEGATIVE_INFINITY, MICROS_PER_DAY, MICROS_PER_SECOND, TIMESTAMP_INFINITY,
    TIMESTAMP_NEGATIVE_INFINITY, days_from_civil, days_in_month,
};
use super::datetime_fields::{Fault, Fields, Moment};
use super::style::InputStyle;
use super::zone::{Zone, parse_displacement};
use crate::error::{Result, SqlError, SqlState};

/// Digits behind the point of a second that are kept.
const FRACTION_DIGITS: usize = 6;

/// Days since 1970 of a date's text.
pub fn parse_date(text: &str, style: &InputStyle) -> Result<i32> {
    if let Some((days, len)) = short_date(text.as_bytes())
        && len == text.len()
    {
        return Ok(days);
    }
    let parsed = Fields::parse(text, style).and_then(|fields| date_of(&fields, style));
    parsed.map_err(|fault| fault.into_error("date", text))
}

/// Microseconds since midnight of a time's text.
pub fn parse_time(text: &str, style: &InputStyle) -> Result<i64> {
    if let Some((micros, len)) = short_time(text.as_bytes())
        && len == text.len()
    {
        return Ok(micros);
    }
    let parsed = Fields::parse_time(text, style).and_then(|fields| time_of(&fields, style));
    parsed.map_err(|fault| fault.into_error("time", text))
}

/// A time's text with its offset; without a zone in it, it has the session's at that time today, or on the day that stands
/// there. A zone whose clocks change needs a day.
pub fn parse_timetz(text: &str, style: &InputStyle) -> Result<Timetz> {
    let parsed = Fields::parse_time(text, style).and_then(|fields| timetz_of(&fields, style));
    parsed.map_err(|fault| fault.into_error("time with time zone", text))
}

/// Microseconds since 1970 of a local timestamp's text; a time zone in it is ignored, as PostgreSQL does.
pub fn parse_timestamp(text: &str, style: &InputStyle) -> Result<i64> {
    if let Some((micros, "")) = short_timestamp(text) {
        return Ok(micros);
    }
    let parsed = Fields::parse(text, style).and_then(|fields| timestamp_of(&fields, style));
    parsed.map_err(|fault| fault.into_error("timestamp", text))
}

/// Microseconds since 1970, UTC, of a timestamp's text; without a zone in it, it is local to the session's.
pub fn parse_timestamptz(text: &str, style: &InputStyle) -> Result<i64> {
    if let Some((local, zone)) = short_timestamp(text)
        && let Some(micros) = short_zone(local, zone, style)
    {
        return Ok(micros);
    }
    let parsed = Fields::parse(text, style).and_then(|fields| timestamptz_of(&fields, style));
    parsed.map_err(|fault| fault.into_error("timestamp with time zone", text))
}

/// Rounds microseconds to `digits` behind the second (a type's modifier, -1 for none), half away from zero.
/// Infinities stay.
pub fn round_micros(micros: i64, digits: i32) -> i64 {
    let is_infinite = micros == TIMESTAMP_INFINITY || micros == TIMESTAMP_NEGATIVE_INFINITY;
    if is_infinite || !(0..FRACTION_DIGITS as i32).contains(&digits) {
        return micros;
    }
    let unit = 10_i64.pow(FRACTION_DIGITS as u32 - digits as u32);
    let half = if micros < 0 { -unit / 2 } else { unit / 2 };
    micros.checked_add(half).map_or(micros, |moved| moved / unit * unit)
}

fn short_zone(local: i64, zone: &str, style: &InputStyle) -> Option<i64> {
    let micros = match zone {
        "" => style.zone.local_to_utc(local)?,
        "Z" | "+00" => local,
        _ => local - i64::from(parse_displacement(zone)?) * MICROS_PER_SECOND,
    };
    calendar::is_timestamp_in_range(micros).then_some(micros)
}

/// `yyyy-mm-dd` at the start, and how long it is.
fn short_date(text: &[u8]) -> Option<(i32, usize)> {
    let date = text.get(..10)?;
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let year = pair(date, 0)? * 100 + pair(date, 2)?;
    let (month, day) = (pair(date, 5)?, pair(date, 8)?);
    let is_date = year > 0 && (1..=12).contains(&month) && day >= 1 && day <= days_in_month(i64::from(year), month);
    is_date.then(|| (days_from_civil(i64::from(year), month, day) as i32, 10))
}

/// `hh:mm:ss[.f…]` at the start, and how long it is.
fn short_time(text: &[u8]) -> Option<(i64, usize)> {
    let clock = text.get(..8)?;
    if clock[2] != b':' || clock[5] != b':' {
        return None;
    }
    let (hour, minute, second) = (pair(clock, 0)?, pair(clock, 3)?, pair(clock, 6)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = i64::from((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND;
    if text.get(8) != Some(&b'.') {
        return Some((micros, 8));
    }
    let digits = text[9..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > FRACTION_DIGITS {
        return None;
    }
    let value = text[9..9 + digits].iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some((micros + value * 10_i64.pow((FRACTION_DIGITS - digits) as u32), 9 + digits))
}

/// `yyyy-mm-dd[ T]hh:mm:ss[.f]` and what follows it.
fn short_timestamp(text: &str) -> Option<(i64, &str)> {
    let bytes = text.as_bytes();
    let (days, date_len) = short_date(bytes)?;
    if !matches!(bytes.get(date_len)?, b' ' | b'T') {
        return None;
    }
    let (micros, time_len) = short_time(&bytes[date_len + 1..])?;
    Some((i64::from(days) * MICROS_PER_DAY + micros, text.get(date_len + 1 + time_len..)?))
}

fn pair(text: &[u8], at: usize) -> Option<u32> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

fn now_local(style: &InputStyle) -> i64 {
    style.now_micros + i64::from(style.zone.offset_seconds_at(style.now_micros)) * MICROS_PER_SECOND
}

/// The local day that a moment names.
fn local_day(moment: Moment, style: &InputStyle) -> Option<i64> {
    let today = now_local(style).div_euclid(MICROS_PER_DAY);
    match moment {
        Moment::Now | Moment::Today => Some(today),
        Moment::Tomorrow => Some(today + 1),
        Moment::Yesterday => Some(today - 1),
        Moment::Epoch => Some(0),
        Moment::Infinity | Moment::NegativeInfinity => None,
    }
}

fn date_of(fields: &Fields, style: &InputStyle) -> std::result::Result<i32, Fault> {
    match fields.moment {
        Some(Moment::Infinity) => return Ok(DATE_INFINITY),
        Some(Moment::NegativeInfinity) => return Ok(DATE_NEGATIVE_INFINITY),
        _ => {}
    }
    let days = fields.day_number(|moment| local_day(moment, style))?.ok_or(Fault::Syntax)?;
    if calendar::is_date_in_range(days) { Ok(days as i32) } else { Err(Fault::DateRange) }
}

fn time_of(fields: &Fields, style: &InputStyle) -> std::result::Result<i64, Fault> {
    match (fields.moment, fields.time_micros) {
        (Some(Moment::Now), None) => Ok(now_local(style).rem_euclid(MICROS_PER_DAY)),
        (_, Some(micros)) => Ok(micros),
        (_, None) => Err(Fault::Syntax),
    }
}

fn timetz_of(fields: &Fields, style: &InputStyle) -> std::result::Result<Timetz, Fault> {
    let micros = time_of(fields, style)?;
    let day = fields.day_number(|moment| local_day(moment, style))?;
    if let (None, Some(Zone::Named(_))) = (day, fields.zone) {
        return Err(Fault::Syntax);
    }
    let day = day.unwrap_or_else(|| now_local(style).div_euclid(MICROS_PER_DAY));
    let local = day.checked_mul(MICROS_PER_DAY).and_then(|midnight| midnight.checked_add(micros));
    let offset = local.and_then(|local| fields.zone.unwrap_or(style.zone).offset_seconds_of(local));
    Ok(Timetz { micros, offset: offset.ok_or(Fault::TimestampRange)? })
}

fn infinite(moment: Option<Moment>) -> Option<i64> {
    match moment? {
        Moment::Infinity => Some(TIMESTAMP_INFINITY),
        Moment::NegativeInfinity => Some(TIMESTAMP_NEGATIVE_INFINITY),
        _ => None,
    }
}

fn local_micros(fields: &Fields, style: &InputStyle) -> std::result::Result<i64, Fault> {
    let days = fields.day_number(|moment| local_day(moment, style))?.ok_or(Fault::Syntax)?;
    let micros = days.checked_mul(MICROS_PER_DAY).ok_or(Fault::TimestampRange)?;
    micros.checked_add(fields.time_micros.unwrap_or(0)).ok_or(Fault::TimestampRange)
}

fn in_range(micros: i64) -> std::result::Result<i64, Fault> {
    if calendar::is_timestamp_in_range(micros) { Ok(micros) } else { Err(Fault::TimestampRange) }
}

fn timestamp_of(fields: &Fields, style: &InputStyle) -> std::result::Result<i64, Fault> {
    match infinite(fields.moment) {
        Some(infinity) => Ok(infinity),
        None if fields.moment == Some(Moment::Now) && fields.time_micros.is_none() => Ok(now_local(style)),
        None => in_range(local_micros(fields, style)?),
    }
}

fn timestamptz_of(fields: &Fields, style: &InputStyle) -> std::result::Result<i64, Fault> {
    if let Some(infinity) = infinite(fields.moment) {
        return Ok(infinity);
    }
    match fields.moment {
        Some(Moment::Now) if fields.time_micros.is_none() => return Ok(style.now_micros),
        Some(Moment::Epoch) if fields.time_micros.is_none() => return Ok(0),
        _ => {}
    }
    let zone = fields.zone.unwrap_or(style.zone);
    in_range(zone.local_to_utc(local_micros(fields, style)?).ok_or(Fault::TimestampRange)?)
}

impl Fault {
    #[cold]
    pub(super) fn into_error(self, type_name: &str, text: &str) -> SqlError {
        let field_range = || {
            SqlError::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("date/time field value out of range: \"{text}\""))
        };
        match self {
            Fault::Syntax => SqlError::new(
                SqlState::INVALID_DATETIME_FORMAT,
                format!("invalid input syntax for type {type_name}: \"{text}\""),
            ),
            Fault::FieldRange => field_range(),
            Fault::MonthDayRange => field_range().hint("Perhaps you need a different \"datestyle\" setting."),
            Fault::Displacement => SqlError::new(
                SqlState::INVALID_TIME_ZONE_DISPLACEMENT,
                format!("time zone displacement out of range: \"{text}\""),
            ),
            Fault::ZoneName(name) => {
                SqlError::new(SqlState::INVALID_PARAMETER_VALUE, format!("time zone \"{name}\" not recognized"))
            }
            Fault::DateRange => {
                SqlError::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("date out of range: \"{text}\""))
            }
            Fault::TimestampRange => {
                SqlError::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("timestamp out of range: \"{text}\""))
            }
        }
    }
}

/// The zone of a word in a timestamp: a name or an abbreviation, in lower case.
pub(super) fn zone_of_word(word: &str) -> Option<Zone> {
    let abbreviation = super::zone::abbreviation_offset(word).map(Zone::fixed);
    abbreviation.or_else(|| Zone::by_name(word)).or_else(|| Zone::parse_posix(word).filter(|_| !word.contains('/')))
}

#[cfg(test)]
#[path = "datetime_tests.rs"]
mod tests;
