//! PostgreSQL's interval: months, days and microseconds, kept apart; its text forms and its Arrow form.

use arrow::datatypes::IntervalMonthDayNano;
use bytes::BytesMut;

use super::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND};
use super::stack_text::StackText;
use crate::error::{Result, SqlError, SqlState};

const NANOS_PER_MICRO: i64 = 1000;

/// An interval as PostgreSQL holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

/// `IntervalStyle`: which text form is written. Every form is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntervalStyle {
    /// `1 year 2 mons -3 days +04:05:06`
    #[default]
    Postgres,
    /// `P1Y2M-3DT4H5M6S`
    Iso8601,
}

impl Interval {
    /// From Arrow's form; nanoseconds below a microsecond are cut.
    pub fn from_arrow(value: IntervalMonthDayNano) -> Interval {
        Interval { months: value.months, days: value.days, micros: value.nanoseconds / NANOS_PER_MICRO }
    }

    /// To Arrow's form; 22008 if the time part is over 292 years.
    pub fn to_arrow(self) -> Result<IntervalMonthDayNano> {
        let nanos = self.micros.checked_mul(NANOS_PER_MICRO).ok_or_else(out_of_range)?;
        Ok(IntervalMonthDayNano::new(self.months, self.days, nanos))
    }

    /// The interval between two instants: whole days and the time left, as PostgreSQL subtracts timestamps.
    pub fn from_elapsed_micros(micros: i64) -> Interval {
        // 64 bits of microseconds are at most 106,751,992 days.
        let days = (micros / MICROS_PER_DAY) as i32;
        Interval { months: 0, days, micros: micros % MICROS_PER_DAY }
    }

    /// Writes the text form.
    pub fn write(self, style: IntervalStyle, out: &mut BytesMut) {
        let mut text = StackText::new();
        match style {
            IntervalStyle::Postgres => self.push_postgres(&mut text),
            IntervalStyle::Iso8601 => self.push_iso(&mut text),
        }
        text.write_to(out);
    }

    fn push_postgres(self, text: &mut StackText) {
        let parts = [(self.months / 12, "year"), (self.months % 12, "mon"), (self.days, "day")];
        let (mut is_first, mut after_negative) = (true, false);
        for (value, unit) in parts.into_iter().filter(|(value, _)| *value != 0) {
            if !is_first {
                text.push(b' ');
            }
            if after_negative && value > 0 {
                text.push(b'+');
            }
            text.push_int(i64::from(value));
            text.push(b' ');
            text.push_str(unit);
            if value != 1 {
                text.push(b's');
            }
            (is_first, after_negative) = (false, value < 0);
        }
        if !is_first && self.micros == 0 {
            return;
        }
        if !is_first {
            text.push(b' ');
        }
        match (self.micros < 0, after_negative) {
            (true, _) => text.push(b'-'),
            (false, true) => text.push(b'+'),
            (false, false) => {}
        }
        push_clock(text, self.micros.unsigned_abs());
    }

    fn push_iso(self, text: &mut StackText) {
        text.push(b'P');
        let dates = [(self.months / 12, b'Y'), (self.months % 12, b'M'), (self.days, b'D')];
        for (value, unit) in dates.into_iter().filter(|(value, _)| *value != 0) {
            text.push_int(i64::from(value));
            text.push(unit);
        }
        if self.micros == 0 {
            return if self == Interval::default() {
                text.push_str("T0S")
            };
        }
        text.push(b'T');
        let seconds = self.micros / MICROS_PER_SECOND;
        for (value, unit) in [(seconds / 3600, b'H'), (seconds / 60 % 60, b'M')] {
            if value != 0 {
                text.push_int(value);
                text.push(unit);
            }
        }
        let micros = self.micros % (60 * MICROS_PER_SECOND);
        if micros != 0 {
            if micros < 0 {
                text.push(b'-');
            }
            text.push_int((micros / MICROS_PER_SECOND).abs());
            text.push_fraction((micros % MICROS_PER_SECOND).unsigned_abs() as u32);
            text.push(b'S');
        }
    }
}

/// `hh:mm:ss[.ffffff]` with as many hours as there are.
fn push_clock(text: &mut StackText, micros: u64) {
    let seconds = micros / MICROS_PER_SECOND as u64;
    let hours = seconds / 3600;
    if hours < 100 {
        text.push_pair(hours as u32);
    } else {
        text.push_int(hours as i64);
    }
    text.push(b':');
    text.push_pair((seconds / 60 % 60) as u32);
    text.push(b':');
    text.push_pair((seconds % 60) as u32);
    text.push_fraction((micros % MICROS_PER_SECOND as u64) as u32);
}

#[cold]
pub(super) fn out_of_range() -> SqlError {
    SqlError::new(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(months: i32, days: i32, micros: i64, style: IntervalStyle) -> String {
        let mut out = BytesMut::new();
        Interval { months, days, micros }.write(style, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn postgres_style() {
        let cases = [
            ((0, 0, 0), "00:00:00"),
            ((14, -3, 14_706_000_000), "1 year 2 mons -3 days +04:05:06"),
            ((-14, 3, -14_706_500_000), "-1 years -2 mons +3 days -04:05:06.5"),
            ((0, 1, 0), "1 day"),
            ((1, 0, 360_000_000_000), "1 mon 100:00:00"),
            ((0, 0, -1), "-00:00:00.000001"),
        ];
        for ((months, days, micros), expected) in cases {
            assert_eq!(text(months, days, micros, IntervalStyle::Postgres), expected);
        }
    }

    #[test]
    fn iso_style() {
        let cases = [
            ((0, 0, 0), "PT0S"),
            ((14, -3, 14_706_000_000), "P1Y2M-3DT4H5M6S"),
            ((-14, 3, -14_706_500_000), "P-1Y-2M3DT-4H-5M-6.5S"),
            ((0, 0, -500_000), "PT-0.5S"),
        ];
        for ((months, days, micros), expected) in cases {
            assert_eq!(text(months, days, micros, IntervalStyle::Iso8601), expected);
        }
    }
}
