//! `to_char` of times, `to_date`, `to_timestamp(text, format)`: PostgreSQL's template patterns.
//!
//! Patterns that are not in `PATTERNS` are copied as text. Templates of numbers (`to_char(number, …)`, `to_number`)
//! are 0A000.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::datetime::from_epoch;
use super::define::{Definition, overload, stable};
use super::error::{FunctionError, error, not_supported};
use super::interval::timestamp_out_of_range;
use super::number_text;
use super::rows::*;
use super::signature::Ty;
use super::time_zone::offset_text;
use crate::semantics::days_to_micros;
use crate::values::Zone;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// Letters of a short name.
const SHORT_LETTERS: usize = 3;
/// Width of a full month's or day's name.
const NAME_WIDTH: usize = 9;

/// Longest first, so that `HH24` is not read as `HH`.
const PATTERNS: &[&str] = &[
    "YYYY", "IYYY", "HH24", "HH12", "SSSSS", "SSSS", "MONTH", "Month", "month", "A.M.", "P.M.", "a.m.", "p.m.",
    "Y,YYY", "TZH", "TZM", "YYY", "IYY", "DDD", "DAY", "Day", "day", "MON", "Mon", "mon", "IDDD", "FF1", "FF2", "FF3",
    "FF4", "FF5", "FF6", "YY", "IY", "HH", "MI", "SS", "MS", "US", "MM", "DD", "DY", "Dy", "dy", "ID", "IW", "WW",
    "CC", "AM", "PM", "am", "pm", "BC", "AD", "TZ", "tz", "OF", "Y", "I", "D", "W", "Q", "J",
];

pub(crate) const DEFINITIONS: &[Definition] = &[
    stable(
        "to_char",
        &[
            overload(&[Ty::Timestamp, Ty::Text], PgType::TEXT, |c| {
                map2::<Timestamp, Text, _>(c, |t, format| Moment::of(t, None)?.print(format))
            }),
            overload(&[Ty::Timestamptz, Ty::Text], PgType::TEXT, |c| {
                let zone = c.context()?.zone();
                map2::<Timestamp, Text, _>(c, |t, format| Moment::of(t, Some(zone))?.print(format))
            }),
            overload(&[Ty::Date, Ty::Text], PgType::TEXT, |c| {
                map2::<Date, Text, _>(c, |d, format| Moment::of(days_to_micros(d)?, None)?.print(format))
            }),
            overload(&[Ty::Int8, Ty::Text], PgType::TEXT, number_text::of_integer),
            overload(&[Ty::Numeric, Ty::Text], PgType::TEXT, number_text::of_decimal),
            overload(&[Ty::Float8, Ty::Text], PgType::TEXT, number_text::of_double),
            overload(&[Ty::Interval, Ty::Text], PgType::TEXT, |_| Err(not_supported("to_char of an interval"))),
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

struct Moment {
    local: NaiveDateTime,
    utc_micros: i64,
    zone: Option<Zone>,
}

/// One piece of a template.
enum Piece<'a> {
    /// Pattern, whether `FM` suppresses filling, the ordinal suffix that follows (`TH`, `th`).
    Pattern(&'static str, bool, &'a str),
    Text(&'a str),
}

fn pieces(format: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"').unwrap_or(quoted.len());
            pieces.push(Piece::Text(&quoted[..end]));
            rest = quoted.get(end + 1..).unwrap_or("");
            continue;
        }
        let (is_filled, body) = match rest.strip_prefix("FM").or_else(|| rest.strip_prefix("fm")) {
            Some(body) => (false, body),
            None => (true, rest),
        };
        match pattern_at(body) {
            Some(pattern) => {
                let after = &body[pattern.len()..];
                let suffix = ["TH", "th"].into_iter().find(|suffix| after.starts_with(suffix)).unwrap_or("");
                pieces.push(Piece::Pattern(pattern, is_filled, &after[..suffix.len()]));
                rest = &after[suffix.len()..];
            }
            None => {
                let end = body.chars().next().map_or(body.len(), char::len_utf8);
                pieces.push(Piece::Text(&body[..end]));
                rest = &body[end..];
            }
        }
    }
    pieces
}

/// The pattern with which a text begins; only names tell case apart.
fn pattern_at(text: &str) -> Option<&'static str> {
    let is_prefix = |pattern: &&&str| text.get(..pattern.len()).is_some_and(|start| start == **pattern);
    let loosely = |pattern: &&&str| text.get(..pattern.len()).is_some_and(|start| start.eq_ignore_ascii_case(pattern));
    let longest = |found: Vec<&'static &'static str>| found.into_iter().max_by_key(|pattern| pattern.len()).copied();
    let loose = longest(PATTERNS.iter().filter(loosely).collect())?;
    longest(PATTERNS.iter().filter(is_prefix).filter(|pattern| pattern.len() == loose.len()).collect()).or(Some(loose))
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

/// What a text held under a template.
struct ReadTime {
    date: NaiveDate,
    micros: i64,
    zone: Option<Zone>,
}

#[derive(Default)]
struct Fields {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    is_afternoon: Option<bool>,
    zone_seconds: Option<i32>,
}

fn read(text: &str, format: &str) -> Result<ReadTime> {
    let mut fields = Fields::default();
    let mut rest = text;
    for piece in pieces(format) {
        match piece {
            Piece::Text(part) => rest = skip_text(rest, part),
            Piece::Pattern(pattern, ..) => rest = read_pattern(&mut fields, pattern, rest.trim_start())?,
        }
    }
    fields.finish(text)
}

/// A separator of the template stands for any separator, or none, of the text.
fn skip_text<'a>(rest: &'a str, part: &str) -> &'a str {
    match rest.chars().next() {
        Some(c)
            if part.starts_with(c)
                || (!c.is_alphanumeric() && !matches!(c, '-' | '+'))
                || (c == '-' && !part.starts_with(' ')) =>
        {
            &rest[c.len_utf8()..]
        }
        _ => rest,
    }
}

fn digits(text: &str, most: usize) -> (&str, &str) {
    let end = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    text.split_at(end)
}

fn read_pattern<'a>(fields: &mut Fields, pattern: &str, text: &'a str) -> Result<&'a str> {
    let number = |most: usize| -> Result<(i64, &'a str)> {
        let (number, rest) = digits(text, most);
        let value = number.parse().map_err(|_| invalid_value(text, pattern))?;
        Ok((value, rest))
    };
    let (value, rest) = match pattern {
        "YYYY" | "IYYY" => number(4)?,
        "DDD" | "YYY" | "MS" => number(3)?,
        "US" => number(6)?,
        "YY" | "MM" | "DD" | "HH" | "HH12" | "HH24" | "MI" | "SS" => number(2)?,
        "SSSS" | "SSSSS" => number(5)?,
        "Y" => number(1)?,
        "AM" | "PM" | "am" | "pm" => {
            let half = text.get(..2).unwrap_or(text).to_ascii_lowercase();
            fields.is_afternoon = match half.as_str() {
                "am" => Some(false),
                "pm" => Some(true),
                _ => return Err(invalid_value(text, pattern)),
            };
            return Ok(&text[2..]);
        }
        "MONTH" | "Month" | "month" | "MON" | "Mon" | "mon" => {
            let is_short = pattern.len() == SHORT_LETTERS;
            return read_name(text, &MONTHS, is_short)
                .map(|(month, rest)| {
                    fields.month = Some(month as u32 + 1);
                    rest
                })
                .ok_or_else(|| invalid_value(text, pattern));
        }
        "DAY" | "Day" | "day" => {
            return read_name(text, &DAYS, false).map(|(_, rest)| rest).ok_or_else(|| invalid_value(text, pattern));
        }
        "DY" | "Dy" | "dy" => {
            return read_name(text, &DAYS, true).map(|(_, rest)| rest).ok_or_else(|| invalid_value(text, pattern));
        }
        "TZH" => {
            let sign = if text.starts_with('-') { -1 } else { 1 };
            let (hours, rest) = digits(text.trim_start_matches(['-', '+']), 2);
            let hours: i32 = hours.parse().map_err(|_| invalid_value(text, pattern))?;
            fields.zone_seconds = Some(sign * hours * 3600);
            return Ok(rest);
        }
        other => return Err(not_supported(format!("the pattern \"{other}\" in a template that is read"))),
    };
    match pattern {
        "YYYY" | "IYYY" => fields.year = Some(value as i32),
        "YYY" | "YY" | "Y" => fields.year = Some(near_2020(value as i32)),
        "MM" => fields.month = Some(value as u32),
        "DD" => fields.day = Some(value as u32),
        "DDD" => fields.day_of_year = Some(value as u32),
        "HH24" | "HH" | "HH12" => fields.hour = value,
        "MI" => fields.minute = value,
        "SS" => fields.second = value,
        "SSSS" | "SSSSS" => fields.second = value,
        // Digits are a fraction: .5 is 500 ms.
        "MS" => fields.micros += value * 10_i64.pow(6 - digits(text, 3).0.len() as u32),
        _ => fields.micros += value * 10_i64.pow(6 - digits(text, 6).0.len() as u32),
    }
    Ok(rest)
}

/// A year of fewer than four digits is the one nearest to 2020.
fn near_2020(year: i32) -> i32 {
    match year {
        0..70 => year + 2000,
        70..100 => year + 1900,
        100..520 => year + 2000,
        520..1000 => year + 1000,
        _ => year,
    }
}

fn read_name<'a>(text: &'a str, names: &[&str], is_short: bool) -> Option<(usize, &'a str)> {
    names.iter().enumerate().find_map(|(place, name)| {
        let name = if is_short { &name[..SHORT_LETTERS] } else { name };
        let start = text.get(..name.len())?;
        start.eq_ignore_ascii_case(name).then(|| (place, &text[name.len()..]))
    })
}

fn invalid_value(text: &str, pattern: &str) -> datafusion::common::DataFusionError {
    let value = &text[..text.floor_char_boundary(pattern.len())];
    FunctionError::new("22007", format!("invalid value \"{value}\" for \"{pattern}\""))
        .with_detail("Value must be an integer.")
        .into()
}

impl Fields {
    fn finish(self, text: &str) -> Result<ReadTime> {
        let out_of_range = || error("22008", format!("date/time field value out of range: \"{text}\""));
        let year = self.year.unwrap_or(1);
        let date = match self.day_of_year {
            Some(day) => NaiveDate::from_yo_opt(year, day),
            None => NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), self.day.unwrap_or(1)),
        };
        let hour = match self.is_afternoon {
            Some(is_afternoon) => self.hour % 12 + if is_afternoon { 12 } else { 0 },
            None => self.hour,
        };
        if hour > 24 || self.minute > 59 {
            return Err(out_of_range());
        }
        Ok(ReadTime {
            date: date.ok_or_else(out_of_range)?,
            micros: (hour * 3600 + self.minute * 60 + self.second) * 1_000_000 + self.micros,
            zone: self.zone_seconds.map(Zone::fixed),
        })
    }
}
