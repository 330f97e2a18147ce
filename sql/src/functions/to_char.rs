//! `to_char` of times, `to_date`, `to_timestamp(text, format)`: PostgreSQL's template patterns.
//!
//! Patterns that are not in `PATTERNS` are copied as text. Templates of numbers are in `number_format`.

use arrow::datatypes::IntervalMonthDayNano;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::datetime::from_epoch;
use super::define::{Definition, overload, stable};
use super::error::not_supported;
use super::interval::timestamp_out_of_range;
use super::read_time::read;
use super::rows::*;
use super::signature::Ty;
use super::time_template::{DAYS, MONTHS, Piece, SHORT_LETTERS, pieces};
use super::time_zone::{is_infinite, offset_text};
use super::{interval_template, number_text};
use crate::semantics::days_to_micros;
use crate::values::Zone;

/// Width of a full month's or day's name.
const NAME_WIDTH: usize = 9;

pub(crate) const DEFINITIONS: &[Definition] = &[
    stable(
        "to_char",
        &[
            overload(&[Ty::Timestamp, Ty::Text], PgType::TEXT, |c| {
                map2_opt::<Timestamp, Text, _>(c, |t, format| print(t, None, format))
            }),
            overload(&[Ty::Timestamptz, Ty::Text], PgType::TEXT, |c| {
                let zone = c.context()?.zone();
                map2_opt::<Timestamp, Text, _>(c, |t, format| print(t, Some(zone), format))
            }),
            overload(&[Ty::Date, Ty::Text], PgType::TEXT, |c| {
                map2_opt::<Date, Text, _>(c, |d, format| print(days_to_micros(d)?, None, format))
            }),
            overload(&[Ty::Int8, Ty::Text], PgType::TEXT, number_text::of_integer),
            overload(&[Ty::Numeric, Ty::Text], PgType::TEXT, number_text::of_decimal),
            overload(&[Ty::Float8, Ty::Text], PgType::TEXT, number_text::of_double),
            overload(&[Ty::Interval, Ty::Text], PgType::TEXT, |c| {
                map2_opt::<Interval, Text, _>(c, interval_template::print)
            }),
            overload(&[Ty::Time, Ty::Text], PgType::TEXT, |c| {
                map2_opt::<Time, Text, _>(c, |time, format| {
                    interval_template::print(IntervalMonthDayNano::new(0, 0, time * 1000), format)
                })
            }),
        ],
    ),
    stable(
        "to_date",
        &[overload(&[Ty::Text, Ty::Text], PgType::DATE, |c| {
            map2::<Text, Text, DateOut>(c, |text, format| {
                let days = read(text, format)?.date.signed_duration_since(NaiveDate::default()).num_days();
                Ok(DateOut(days as i32))
            })
        })],
    ),
    stable(
        "to_timestamp",
        &[
            overload(&[Ty::Float8], PgType::TIMESTAMPTZ, |c| {
                map1::<Float8, _>(c, |seconds| from_epoch(seconds).map(TimestamptzOut))
            }),
            overload(&[Ty::Text, Ty::Text], PgType::TIMESTAMPTZ, |c| {
                let zone = c.context()?.zone();
                map2::<Text, Text, TimestamptzOut>(c, |text, format| {
                    let read = read(text, format)?;
                    let days = read.date.signed_duration_since(NaiveDate::default()).num_days();
                    let local = days_to_micros(days as i32)? + read.micros;
                    Ok(TimestamptzOut(read.zone.unwrap_or(zone).to_utc(local)))
                })
            }),
        ],
    ),
    stable(number_text::READ, &[overload(&[Ty::Text, Ty::Text], PgType::TEXT, number_text::read)]),
    stable(
        "to_number",
        &[overload(&[Ty::Text, Ty::Text], PgType::NUMERIC, |_| {
            Err(not_supported("to_number with a computed template"))
        })],
    ),
];

/// A time under a template; NULL for an infinite one and for an empty template.
fn print(micros: i64, zone: Option<Zone>, format: &str) -> Result<Option<String>> {
    if format.is_empty() || is_infinite(micros) {
        return Ok(None);
    }
    Moment::of(micros, zone)?.print(format).map(Some)
}

struct Moment {
    local: NaiveDateTime,
    utc_micros: i64,
    zone: Option<Zone>,
}

impl Moment {
    fn of(micros: i64, zone: Option<Zone>) -> Result<Moment> {
        let local = zone.map_or(micros, |zone| zone.to_local(micros));
        let local = DateTime::from_timestamp_micros(local).ok_or_else(timestamp_out_of_range)?.naive_utc();
        Ok(Moment { local, utc_micros: micros, zone })
    }

    fn print(&self, format: &str) -> Result<String> {
        let mut text = String::new();
        for piece in pieces(format) {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Pattern(pattern, is_filled, suffix) => {
                    let part = self.pattern(pattern, is_filled);
                    text.push_str(&part);
                    text.push_str(&ordinal(&part, suffix));
                }
            }
        }
        Ok(text)
    }

    fn pattern(&self, pattern: &str, is_filled: bool) -> String {
        let number = |value: i64, width: usize| if is_filled { format!("{value:0width$}") } else { value.to_string() };
        let t = &self.local;
        let year = if t.year() > 0 { t.year() } else { 1 - t.year() };
        let hour12 = if t.hour().is_multiple_of(12) { 12 } else { t.hour() % 12 };
        let micros = i64::from(t.nanosecond() / 1000);
        let iso = t.iso_week();
        match pattern {
            "YYYY" => number(year.into(), 4),
            "YYY" => number((year % 1000).into(), 3),
            "YY" => number((year % 100).into(), 2),
            "Y" => number((year % 10).into(), 1),
            "Y,YYY" => format!("{},{:03}", year / 1000, year % 1000),
            "IYYY" => number(iso.year().into(), 4),
            "IYY" => number((iso.year() % 1000).into(), 3),
            "IY" => number((iso.year() % 100).into(), 2),
            "I" => number((iso.year() % 10).into(), 1),
            "MM" => number(t.month().into(), 2),
            "DD" => number(t.day().into(), 2),
            "DDD" => number(t.ordinal().into(), 3),
            "IDDD" => number((i64::from(iso.week()) - 1) * 7 + i64::from(t.weekday().number_from_monday()), 3),
            "D" => number((t.weekday().num_days_from_sunday() + 1).into(), 1),
            "ID" => number(t.weekday().number_from_monday().into(), 1),
            "W" => number(((t.day() - 1) / 7 + 1).into(), 1),
            "WW" => number(((t.ordinal() - 1) / 7 + 1).into(), 2),
            "IW" => number(iso.week().into(), 2),
            "CC" => number(((year + 99) / 100).into(), 2),
            "RM" | "rm" => roman_month(t.month0() as usize, pattern, is_filled),
            "Q" => number((t.month0() / 3 + 1).into(), 1),
            "J" => (t.num_days_from_ce() + 1_721_425).to_string(),
            "HH" | "HH12" => number(hour12.into(), 2),
            "HH24" => number(t.hour().into(), 2),
            "MI" => number(t.minute().into(), 2),
            "SS" => number(t.second().into(), 2),
            "MS" => number(micros / 1000, 3),
            "US" => number(micros, 6),
            "SSSS" | "SSSSS" => t.num_seconds_from_midnight().to_string(),
            _ if pattern.starts_with("FF") => {
                let digits = pattern[2..].parse().unwrap_or(6);
                format!("{micros:06}")[..digits].to_owned()
            }
            "AM" | "PM" => if t.hour() < 12 { "AM" } else { "PM" }.to_owned(),
            "am" | "pm" => if t.hour() < 12 { "am" } else { "pm" }.to_owned(),
            "A.M." | "P.M." => if t.hour() < 12 { "A.M." } else { "P.M." }.to_owned(),
            "a.m." | "p.m." => if t.hour() < 12 { "a.m." } else { "p.m." }.to_owned(),
            "BC" | "AD" => if t.year() > 0 { "AD" } else { "BC" }.to_owned(),
            "MONTH" | "Month" | "month" | "MON" | "Mon" | "mon" => {
                name(MONTHS[t.month0() as usize], pattern, 5, is_filled)
            }
            "DAY" | "Day" | "day" => name(DAYS[t.weekday().num_days_from_sunday() as usize], pattern, 3, is_filled),
            "DY" | "Dy" | "dy" => name(DAYS[t.weekday().num_days_from_sunday() as usize], pattern, 3, is_filled),
            _ => self.zone_pattern(pattern),
        }
    }

    fn zone_pattern(&self, pattern: &str) -> String {
        let Some(zone) = &self.zone else {
            return if pattern == "OF" { "+00".to_owned() } else { String::new() };
        };
        let offset = zone.offset_seconds_at(self.utc_micros);
        match pattern {
            "TZ" => zone.abbreviation_at(self.utc_micros),
            "tz" => zone.abbreviation_at(self.utc_micros).to_lowercase(),
            "TZH" => format!("{}{:02}", if offset < 0 { '-' } else { '+' }, offset.abs() / 3600),
            "TZM" => format!("{:02}", offset.abs() / 60 % 60),
            _ => offset_text(offset),
        }
    }
}

/// A name in the case of its pattern: short for a pattern of few letters, else filled with blanks.
fn name(full: &str, pattern: &str, full_letters: usize, is_filled: bool) -> String {
    let is_short = pattern.len() == SHORT_LETTERS && full_letters > SHORT_LETTERS || pattern.len() < SHORT_LETTERS;
    let text = if is_short { &full[..SHORT_LETTERS] } else { full };
    let cased = if pattern.chars().all(char::is_uppercase) {
        text.to_uppercase()
    } else if pattern.chars().all(char::is_lowercase) {
        text.to_lowercase()
    } else {
        text.to_owned()
    };
    if is_short || !is_filled { cased } else { format!("{cased:NAME_WIDTH$}") }
}

/// A month in Roman numerals.
fn roman_month(month: usize, pattern: &str, is_filled: bool) -> String {
    const NUMERALS: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];
    let numeral = if pattern == "rm" { NUMERALS[month].to_lowercase() } else { NUMERALS[month].to_owned() };
    if is_filled { format!("{numeral:4}") } else { numeral }
}

fn ordinal(number: &str, suffix: &str) -> String {
    if suffix.is_empty() {
        return String::new();
    }
    let ending =
        match (number.ends_with("11") || number.ends_with("12") || number.ends_with("13"), number.chars().last()) {
            (false, Some('1')) => "st",
            (false, Some('2')) => "nd",
            (false, Some('3')) => "rd",
            _ => "th",
        };
    if suffix == "TH" { ending.to_uppercase() } else { ending.to_owned() }
}
