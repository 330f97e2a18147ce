//! `to_date` and `to_timestamp(text, format)`: a text read under a template.

use chrono::{NaiveDate, Weekday};
use datafusion::common::Result;

use super::error::{FunctionError, error, not_supported};
use super::time_template::{DAYS, MONTHS, Piece, SHORT_LETTERS, pieces};
use crate::values::Zone;

/// Days from the beginning of Julian days to the day before 0001-01-01.
const JULIAN_DAYS_BEFORE_CE: i32 = 1_721_425;
/// Digits of the greatest Julian day that there is.
const JULIAN_DIGITS: usize = 9;

/// What a text held under a template.
pub(super) struct ReadTime {
    pub(super) date: NaiveDate,
    pub(super) micros: i64,
    pub(super) zone: Option<Zone>,
}

#[derive(Default)]
struct Fields {
    year: Option<i32>,
    is_before_christ: bool,
    iso_year: Option<i32>,
    iso_week: Option<u32>,
    /// From Monday, which is 1.
    iso_day: Option<u32>,
    week: Option<u32>,
    week_of_month: Option<u32>,
    julian: Option<i32>,
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

/// Reads a text under a template.
pub(super) fn read(text: &str, format: &str) -> Result<ReadTime> {
    let mut fields = Fields::default();
    let mut rest = text;
    for piece in pieces(format) {
        // What the text does not hold is as if the template did not either.
        if rest.is_empty() {
            break;
        }
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
        "DDD" | "YYY" | "IYY" | "MS" => number(3)?,
        "US" => number(6)?,
        "YY" | "IY" | "MM" | "DD" | "HH" | "HH12" | "HH24" | "MI" | "SS" | "IW" | "WW" => number(2)?,
        "SSSS" | "SSSSS" => number(5)?,
        "Y" | "I" | "D" | "ID" | "W" | "Q" => number(1)?,
        "J" => number(JULIAN_DIGITS)?,
        "BC" | "AD" => {
            let era = text.get(..2).unwrap_or(text).to_ascii_lowercase();
            fields.is_before_christ = match era.as_str() {
                "bc" => true,
                "ad" => false,
                _ => return Err(invalid_value(text, pattern)),
            };
            return Ok(&text[2..]);
        }
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
        "YYYY" => fields.year = Some(value as i32),
        "YYY" | "YY" | "Y" => fields.year = Some(near_2020(value as i32)),
        "IYYY" => fields.iso_year = Some(value as i32),
        "IYY" | "IY" | "I" => fields.iso_year = Some(near_2020(value as i32)),
        "IW" => fields.iso_week = Some(value as u32),
        "ID" => fields.iso_day = Some(value as u32),
        "WW" => fields.week = Some(value as u32),
        "W" => fields.week_of_month = Some(value as u32),
        "J" => fields.julian = i32::try_from(value).ok(),
        // As in PostgreSQL: neither says which day it is.
        "Q" | "D" => {}
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
        let hour = match self.is_afternoon {
            Some(is_afternoon) => self.hour % 12 + if is_afternoon { 12 } else { 0 },
            None => self.hour,
        };
        if hour > 24 || self.minute > 59 {
            return Err(out_of_range());
        }
        Ok(ReadTime {
            date: self.date()?.ok_or_else(out_of_range)?,
            micros: (hour * 3600 + self.minute * 60 + self.second) * 1_000_000 + self.micros,
            zone: self.zone_seconds.map(Zone::fixed),
        })
    }

    /// The day; `None` if there is no such.
    fn date(&self) -> Result<Option<NaiveDate>> {
        if let Some(day) = self.julian {
            return Ok(NaiveDate::from_num_days_from_ce_opt(day - JULIAN_DAYS_BEFORE_CE));
        }
        if self.iso_year.is_some() || self.iso_week.is_some() || self.iso_day.is_some() {
            return self.iso_date();
        }
        // Years before Christ are counted from 0 down; a year that is not given is that one.
        let year = match (self.year, self.is_before_christ) {
            (Some(year), true) => 1 - year,
            (year, _) => year.unwrap_or(0),
        };
        let day_of_year = self.day_of_year.or(self.week.map(|week| week.saturating_sub(1) * 7 + 1));
        let day = self.week_of_month.map(|week| week.saturating_sub(1) * 7 + 1).or(self.day).unwrap_or(1);
        Ok(match day_of_year {
            Some(day) => NaiveDate::from_yo_opt(year, day),
            None => NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), day),
        })
    }

    /// The day by the year and week of ISO 8601.
    fn iso_date(&self) -> Result<Option<NaiveDate>> {
        if self.year.is_some() || self.month.is_some() || self.day.is_some() || self.day_of_year.is_some() {
            let hint = "Do not mix Gregorian and ISO week date conventions in a formatting template.";
            return Err(FunctionError::new("22007", "invalid combination of date conventions").with_hint(hint).into());
        }
        let weekday = Weekday::try_from(self.iso_day.unwrap_or(1).saturating_sub(1) as u8).unwrap_or(Weekday::Mon);
        Ok(NaiveDate::from_isoywd_opt(self.iso_year.unwrap_or(0), self.iso_week.unwrap_or(1), weekday))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str, format: &str) -> String {
        read(text, format).expect("a date").date.to_string()
    }

    #[test]
    fn dates_are_read_by_eras_weeks_and_julian_days() {
        assert_eq!(date("2024 1", "IYYY IW"), "2024-01-01");
        assert_eq!(date("2024 2 3", "IYYY IW ID"), "2024-01-10");
        assert_eq!(date("44-02-01 BC", "YYYY-MM-DD BC"), "-0043-02-01");
        assert_eq!(date("", "YYYY"), "0000-01-01");
        assert_eq!(date("2451545", "J"), "2000-01-01");
        assert_eq!(date("1 2024", "Q YYYY"), "2024-01-01");
        assert_eq!(date("2024 2", "YYYY WW"), "2024-01-08");
        assert!(read("2024 1", "YYYY IW").is_err());
    }
}
