//! What the terms of an interval's text add up to.

use super::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND};
use super::interval::Interval;

pub(super) const MICROS_PER_HOUR: i64 = 3600 * MICROS_PER_SECOND;
pub(super) const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
pub(super) const DAYS_PER_MONTH: f64 = 30.0;

/// Why a text is no interval.
pub(super) enum Fault {
    Syntax,
    Range,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Millennium,
    Century,
    Decade,
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
}

pub(super) const SECONDS_MASK: u16 =
    1 << Unit::Second as u16 | 1 << Unit::Millisecond as u16 | 1 << Unit::Microsecond as u16;
pub(super) const CLOCK_MASK: u16 = 1 << Unit::Hour as u16 | 1 << Unit::Minute as u16 | SECONDS_MASK;

impl Unit {
    /// The bits that the unit takes; seconds with a fraction stand for their parts too.
    pub(super) fn mask(self, has_fraction: bool) -> u16 {
        if self == Unit::Second && has_fraction { SECONDS_MASK } else { 1 << self as u16 }
    }

    pub(super) fn by_name(name: &str) -> Option<Unit> {
        Some(match name {
            "millennium" | "millennia" | "mil" | "mils" => Unit::Millennium,
            "century" | "centuries" | "c" | "cent" => Unit::Century,
            "decade" | "decades" | "dec" | "decs" => Unit::Decade,
            "year" | "years" | "y" | "yr" | "yrs" => Unit::Year,
            "month" | "months" | "mon" | "mons" => Unit::Month,
            "week" | "weeks" | "w" => Unit::Week,
            "day" | "days" | "d" => Unit::Day,
            "hour" | "hours" | "h" | "hr" | "hrs" => Unit::Hour,
            "minute" | "minutes" | "m" | "min" | "mins" => Unit::Minute,
            "second" | "seconds" | "s" | "sec" | "secs" => Unit::Second,
            "millisecond" | "milliseconds" | "ms" | "msec" | "msecs" | "mseconds" | "millisecon" => Unit::Millisecond,
            "microsecond" | "microseconds" | "us" | "usec" | "usecs" | "useconds" | "microsecon" => Unit::Microsecond,
            _ => return None,
        })
    }
}

/// A number with its fraction apart; both carry the sign.
#[derive(Clone, Copy)]
pub(super) struct Amount {
    pub(super) whole: i64,
    pub(super) fraction: f64,
    pub(super) is_negative: bool,
}

impl Amount {
    pub(super) fn parse(text: &str) -> std::result::Result<Amount, Fault> {
        let (is_negative, unsigned) = match text.as_bytes().first().ok_or(Fault::Syntax)? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return Err(Fault::Syntax);
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| Fault::Range)? };
        let fraction =
            if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse().map_err(|_| Fault::Syntax)? };
        let sign = if is_negative { -1 } else { 1 };
        Ok(Amount { whole: sign * whole, fraction: sign as f64 * fraction, is_negative })
    }
}

/// What was read so far, wide enough not to overflow field by field.
#[derive(Default)]
pub(super) struct Sum {
    pub(super) months: i64,
    pub(super) days: i64,
    pub(super) micros: i64,
    /// Units that were given, one bit each.
    pub(super) seen: u16,
}

impl Sum {
    /// Notes units; the same one twice is a fault, as in PostgreSQL.
    pub(super) fn note(&mut self, units: u16) -> std::result::Result<(), Fault> {
        if self.seen & units != 0 {
            return Err(Fault::Syntax);
        }
        self.seen |= units;
        Ok(())
    }

    pub(super) fn finish(self) -> std::result::Result<Interval, Fault> {
        let months = i32::try_from(self.months).map_err(|_| Fault::Range)?;
        let days = i32::try_from(self.days).map_err(|_| Fault::Range)?;
        Ok(Interval { months, days, micros: self.micros })
    }

    pub(super) fn add(&mut self, amount: Amount, unit: Unit) -> std::result::Result<(), Fault> {
        match unit {
            Unit::Millennium => self.add_years(amount, 1000),
            Unit::Century => self.add_years(amount, 100),
            Unit::Decade => self.add_years(amount, 10),
            Unit::Year => self.add_years(amount, 1),
            Unit::Month => {
                self.add_months(amount.whole)?;
                self.add_fractional_days(amount.fraction * DAYS_PER_MONTH)
            }
            Unit::Week => {
                self.add_days(amount.whole.checked_mul(7).ok_or(Fault::Range)?)?;
                self.add_fractional_days(amount.fraction * 7.0)
            }
            Unit::Day => {
                self.add_days(amount.whole)?;
                self.add_micros(amount, MICROS_PER_DAY, true)
            }
            Unit::Hour => self.add_micros(amount, MICROS_PER_HOUR, false),
            Unit::Minute => self.add_micros(amount, MICROS_PER_MINUTE, false),
            Unit::Second => self.add_micros(amount, MICROS_PER_SECOND, false),
            Unit::Millisecond => self.add_micros(amount, 1000, false),
            Unit::Microsecond => self.add_micros(amount, 1, false),
        }
    }

    pub(super) fn add_years(&mut self, amount: Amount, years: i64) -> std::result::Result<(), Fault> {
        self.add_months(amount.whole.checked_mul(12 * years).ok_or(Fault::Range)?)?;
        self.add_months((amount.fraction * (12 * years) as f64).round_ties_even() as i64)
    }

    pub(super) fn add_months(&mut self, months: i64) -> std::result::Result<(), Fault> {
        self.months = self.months.checked_add(months).ok_or(Fault::Range)?;
        Ok(())
    }

    pub(super) fn add_days(&mut self, days: i64) -> std::result::Result<(), Fault> {
        self.days = self.days.checked_add(days).ok_or(Fault::Range)?;
        Ok(())
    }

    /// Whole days to the days, the rest to the time.
    pub(super) fn add_fractional_days(&mut self, days: f64) -> std::result::Result<(), Fault> {
        self.add_days(days.trunc() as i64)?;
        let micros = (days.fract() * MICROS_PER_DAY as f64).round_ties_even() as i64;
        self.micros = self.micros.checked_add(micros).ok_or(Fault::Range)?;
        Ok(())
    }

    pub(super) fn add_micros(
        &mut self,
        amount: Amount,
        unit: i64,
        only_fraction: bool,
    ) -> std::result::Result<(), Fault> {
        let whole = if only_fraction { 0 } else { amount.whole.checked_mul(unit).ok_or(Fault::Range)? };
        let fraction = (amount.fraction * unit as f64).round_ties_even() as i64;
        let micros = whole.checked_add(fraction).ok_or(Fault::Range)?;
        self.micros = self.micros.checked_add(micros).ok_or(Fault::Range)?;
        Ok(())
    }

    pub(super) fn negate(&mut self) {
        (self.months, self.days, self.micros) = (-self.months, -self.days, self.micros.wrapping_neg());
    }
}
