//! `to_char` of intervals, and of times of day, which PostgreSQL takes for intervals.

use arrow::datatypes::IntervalMonthDayNano;
use datafusion::common::{DataFusionError, Result};

use super::error::FunctionError;
use super::time_template::{Piece, pieces};

/// An interval's parts, each with the sign that it has.
struct Parts {
    years: i64,
    months: i64,
    days: i64,
    hours: i64,
    minutes: i64,
    seconds: i64,
    micros: i64,
}

/// The interval as its template says; NULL for an empty one.
pub(super) fn print(interval: IntervalMonthDayNano, format: &str) -> Result<Option<String>> {
    if format.is_empty() {
        return Ok(None);
    }
    let parts = Parts::of(interval);
    let mut text = String::new();
    for piece in pieces(format) {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Pattern(pattern, is_filled, _) => text.push_str(&parts.pattern(pattern, is_filled)?),
        }
    }
    Ok(Some(text))
}

fn no_calendar() -> DataFusionError {
    FunctionError::new("22007", "invalid format specification for an interval value")
        .with_hint("Intervals are not tied to specific calendar dates.")
        .into()
}

impl Parts {
    fn of(interval: IntervalMonthDayNano) -> Parts {
        let micros = interval.nanoseconds / 1000;
        Parts {
            years: i64::from(interval.months) / 12,
            months: i64::from(interval.months) % 12,
            days: interval.days.into(),
            hours: micros / 3_600_000_000,
            minutes: micros / 60_000_000 % 60,
            seconds: micros / 1_000_000 % 60,
            micros: micros % 1_000_000,
        }
    }

    fn pattern(&self, pattern: &str, is_filled: bool) -> Result<String> {
        let number = |value: i64, width: usize| {
            let width = if is_filled { width + usize::from(value < 0) } else { 0 };
            format!("{value:0width$}")
        };
        let afternoon = |hour: i64| hour.rem_euclid(24) >= 12;
        Ok(match pattern {
            "YYYY" | "IYYY" => number(self.years, 4),
            "YYY" | "IYY" => number(self.years % 1000, 3),
            "YY" | "IY" => number(self.years % 100, 2),
            "Y" | "I" => number(self.years % 10, 1),
            "Y,YYY" => format!("{},{:03}", self.years / 1000, self.years % 1000),
            "CC" => number(self.years / 100, 2),
            "MM" => number(self.months, 2),
            "Q" if self.months == 0 => String::new(),
            "Q" => ((self.months - 1) / 3 + 1).to_string(),
            "DD" => number(self.days, 2),
            "DDD" => number((self.years * 12 + self.months) * 30 + self.days, 3),
            "HH24" => number(self.hours, 2),
            "HH" | "HH12" => number(if self.hours % 12 == 0 { 12 } else { self.hours % 12 }, 2),
            "MI" => number(self.minutes, 2),
            "SS" => number(self.seconds, 2),
            "MS" => number(self.micros / 1000, 3),
            "US" => number(self.micros, 6),
            "SSSS" | "SSSSS" => (self.hours * 3600 + self.minutes * 60 + self.seconds).to_string(),
            _ if pattern.starts_with("FF") => {
                let digits = pattern[2..].parse().unwrap_or(6);
                format!("{:06}", self.micros.abs())[..digits].to_owned()
            }
            "AM" | "PM" => if afternoon(self.hours) { "PM" } else { "AM" }.to_owned(),
            "am" | "pm" => if afternoon(self.hours) { "pm" } else { "am" }.to_owned(),
            "A.M." | "P.M." => if afternoon(self.hours) { "P.M." } else { "A.M." }.to_owned(),
            "a.m." | "p.m." => if afternoon(self.hours) { "p.m." } else { "a.m." }.to_owned(),
            _ => return Err(no_calendar()),
        })
    }
}
