//! Reading intervals: PostgreSQL's `1 year 2 mons 04:05:06 ago`, the SQL standard's `1-2 3 4:05:06`, ISO 8601's
//! `P1Y2M3DT4H5M6S`.

use super::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND};
use super::interval::Interval;
use crate::error::{Result, SqlError, SqlState};

const MICROS_PER_HOUR: i64 = 3600 * MICROS_PER_SECOND;
const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
const DAYS_PER_MONTH: f64 = 30.0;

/// Parses an interval. 22007 for bad syntax, 22015 for a field out of range.
pub fn parse_interval(text: &str) -> Result<Interval> {
    let trimmed = text.trim_ascii();
    let parsed = if trimmed.starts_with(['P', 'p']) { parse_iso(trimmed) } else { parse_words(trimmed) };
    parsed.and_then(Sum::finish).map_err(|fault| fault.into_error(text))
}

/// Why a text is no interval.
enum Fault {
    Syntax,
    Range,
}

impl Fault {
    #[cold]
    fn into_error(self, text: &str) -> SqlError {
        match self {
            Fault::Syntax => SqlError::new(
                SqlState::INVALID_DATETIME_FORMAT,
                format!("invalid input syntax for type interval: \"{text}\""),
            ),
            Fault::Range => SqlError::new(
                SqlState::INTERVAL_FIELD_OVERFLOW,
                format!("interval field value out of range: \"{text}\""),
            ),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
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

const SECONDS_MASK: u16 = 1 << Unit::Second as u16 | 1 << Unit::Millisecond as u16 | 1 << Unit::Microsecond as u16;
const CLOCK_MASK: u16 = 1 << Unit::Hour as u16 | 1 << Unit::Minute as u16 | SECONDS_MASK;

impl Unit {
    /// The bits that the unit takes; seconds with a fraction stand for their parts too.
    fn mask(self, has_fraction: bool) -> u16 {
        if self == Unit::Second && has_fraction { SECONDS_MASK } else { 1 << self as u16 }
    }

    fn by_name(name: &str) -> Option<Unit> {
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
struct Amount {
    whole: i64,
    fraction: f64,
    is_negative: bool,
}

impl Amount {
    fn parse(text: &str) -> std::result::Result<Amount, Fault> {
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
struct Sum {
    months: i64,
    days: i64,
    micros: i64,
    /// Units that were given, one bit each.
    seen: u16,
}

impl Sum {
    /// Notes units; the same one twice is a fault, as in PostgreSQL.
    fn note(&mut self, units: u16) -> std::result::Result<(), Fault> {
        if self.seen & units != 0 {
            return Err(Fault::Syntax);
        }
        self.seen |= units;
        Ok(())
    }

    fn finish(self) -> std::result::Result<Interval, Fault> {
        let months = i32::try_from(self.months).map_err(|_| Fault::Range)?;
        let days = i32::try_from(self.days).map_err(|_| Fault::Range)?;
        Ok(Interval { months, days, micros: self.micros })
    }

    fn add(&mut self, amount: Amount, unit: Unit) -> std::result::Result<(), Fault> {
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

    fn add_years(&mut self, amount: Amount, years: i64) -> std::result::Result<(), Fault> {
        self.add_months(amount.whole.checked_mul(12 * years).ok_or(Fault::Range)?)?;
        self.add_months((amount.fraction * (12 * years) as f64).round_ties_even() as i64)
    }

    fn add_months(&mut self, months: i64) -> std::result::Result<(), Fault> {
        self.months = self.months.checked_add(months).ok_or(Fault::Range)?;
        Ok(())
    }

    fn add_days(&mut self, days: i64) -> std::result::Result<(), Fault> {
        self.days = self.days.checked_add(days).ok_or(Fault::Range)?;
        Ok(())
    }

    /// Whole days to the days, the rest to the time.
    fn add_fractional_days(&mut self, days: f64) -> std::result::Result<(), Fault> {
        self.add_days(days.trunc() as i64)?;
        let micros = (days.fract() * MICROS_PER_DAY as f64).round_ties_even() as i64;
        self.micros = self.micros.checked_add(micros).ok_or(Fault::Range)?;
        Ok(())
    }

    fn add_micros(&mut self, amount: Amount, unit: i64, only_fraction: bool) -> std::result::Result<(), Fault> {
        let whole = if only_fraction { 0 } else { amount.whole.checked_mul(unit).ok_or(Fault::Range)? };
        let fraction = (amount.fraction * unit as f64).round_ties_even() as i64;
        let micros = whole.checked_add(fraction).ok_or(Fault::Range)?;
        self.micros = self.micros.checked_add(micros).ok_or(Fault::Range)?;
        Ok(())
    }

    fn negate(&mut self) {
        (self.months, self.days, self.micros) = (-self.months, -self.days, self.micros.wrapping_neg());
    }
}

/// PostgreSQL's and the SQL standard's forms: a row of numbers, units, clock times and `years-months`.
fn parse_words(text: &str) -> std::result::Result<Sum, Fault> {
    let lower = text.to_ascii_lowercase();
    let words = split_words(&lower)?;
    let mut sum = Sum::default();
    let mut at = 0;
    while at < words.len() {
        let word = words[at];
        if word == "ago" {
            if at == 0 || at + 1 != words.len() {
                return Err(Fault::Syntax);
            }
            sum.negate();
            break;
        }
        at += parse_term(word, words.get(at + 1).copied(), at + 1 == words.len(), &mut sum)?;
    }
    if words.is_empty() { Err(Fault::Syntax) } else { Ok(sum) }
}

/// Adds one term and says how many words it took.
fn parse_term(word: &str, next: Option<&str>, is_last: bool, sum: &mut Sum) -> std::result::Result<usize, Fault> {
    if word.contains(':') {
        sum.note(CLOCK_MASK)?;
        add_clock(word, sum)?;
        return Ok(1);
    }
    let body = word.trim_start_matches(['+', '-']);
    if let Some((years, months)) = body.split_once('-') {
        sum.note(Unit::Year.mask(false) | Unit::Month.mask(false))?;
        add_years_months(word.starts_with('-'), years, months, sum)?;
        return Ok(1);
    }
    let amount = Amount::parse(word)?;
    match next {
        Some(name) if name.starts_with(|c: char| c.is_ascii_alphabetic()) && name != "ago" => {
            let unit = Unit::by_name(name).ok_or(Fault::Syntax)?;
            sum.note(unit.mask(amount.fraction != 0.0))?;
            sum.add(amount, unit)?;
            Ok(2)
        }
        // A number right before a clock time counts days.
        Some(name) if name.contains(':') => {
            sum.note(Unit::Day.mask(false))?;
            sum.add(amount, Unit::Day).map(|()| 1)
        }
        _ if is_last || next == Some("ago") => {
            sum.note(Unit::Second.mask(amount.fraction != 0.0))?;
            sum.add(amount, Unit::Second).map(|()| 1)
        }
        _ => Err(Fault::Syntax),
    }
}

/// Words: runs of letters, and runs of signs, digits, points and colons. `@` is noise.
fn split_words(text: &str) -> std::result::Result<Vec<&str>, Fault> {
    let bytes = text.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte.is_ascii_whitespace() || byte == b'@' {
            at += 1;
            continue;
        }
        let start = at;
        let belongs: fn(u8) -> bool = match byte {
            b'a'..=b'z' => |b| b.is_ascii_lowercase(),
            b'0'..=b'9' | b'+' | b'-' | b'.' => |b| b.is_ascii_digit() || matches!(b, b'.' | b':' | b'-'),
            _ => return Err(Fault::Syntax),
        };
        at += 1;
        while at < bytes.len() && belongs(bytes[at]) {
            at += 1;
        }
        words.push(&text[start..at]);
    }
    Ok(words)
}

/// `hh:mm`, `hh:mm:ss[.f]`, `mm:ss.f`, with one sign for all.
fn add_clock(word: &str, sum: &mut Sum) -> std::result::Result<(), Fault> {
    let is_negative = word.starts_with('-');
    let parts: Vec<&str> = word.trim_start_matches(['+', '-']).split(':').collect();
    let amounts = parts.iter().map(|part| Amount::parse(part)).collect::<std::result::Result<Vec<_>, _>>()?;
    let (hours, minutes, seconds) = match amounts[..] {
        [minutes, seconds] if parts[1].contains('.') => (None, minutes, Some(seconds)),
        [hours, minutes] => (Some(hours), minutes, None),
        [hours, minutes, seconds] => (Some(hours), minutes, Some(seconds)),
        _ => return Err(Fault::Syntax),
    };
    if minutes.whole > 59 || seconds.is_some_and(|s| s.whole > 60) {
        return Err(Fault::Range);
    }
    let mut clock = Sum::default();
    if let Some(hours) = hours {
        clock.add(hours, Unit::Hour)?;
    }
    clock.add(minutes, Unit::Minute)?;
    if let Some(seconds) = seconds {
        clock.add(seconds, Unit::Second)?;
    }
    let micros = if is_negative { -clock.micros } else { clock.micros };
    sum.micros = sum.micros.checked_add(micros).ok_or(Fault::Range)?;
    Ok(())
}

fn add_years_months(is_negative: bool, years: &str, months: &str, sum: &mut Sum) -> std::result::Result<(), Fault> {
    let (years, months) = (Amount::parse(years)?.whole, Amount::parse(months)?.whole);
    if !(0..12).contains(&months) {
        return Err(Fault::Range);
    }
    let total = years.checked_mul(12).and_then(|m| m.checked_add(months)).ok_or(Fault::Range)?;
    sum.add_months(if is_negative { -total } else { total })
}

/// ISO 8601 with designators (`P1Y2M3DT4H5M6.7S`, `P2W`) or in the alternative form (`P0001-02-03T04:05:06`).
fn parse_iso(text: &str) -> std::result::Result<Sum, Fault> {
    let upper = text.to_ascii_uppercase();
    let (date, time) = match upper[1..].split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (&upper[1..], None),
    };
    let mut sum = Sum::default();
    let is_alternative = date.contains(|c: char| c.is_ascii_digit()) && date.ends_with(|c: char| c.is_ascii_digit());
    if is_alternative {
        add_alternative_date(date, &mut sum)?;
    } else {
        add_designated(date, &mut sum, |unit| match unit {
            b'Y' => Some(Unit::Year),
            b'M' => Some(Unit::Month),
            b'W' => Some(Unit::Week),
            b'D' => Some(Unit::Day),
            _ => None,
        })?;
    }
    match time {
        None if date.is_empty() => return Err(Fault::Syntax),
        None => {}
        Some(time) if time.contains(':') => add_clock(time, &mut sum)?,
        Some("") => {}
        Some(time) => add_designated(time, &mut sum, |unit| match unit {
            b'H' => Some(Unit::Hour),
            b'M' => Some(Unit::Minute),
            b'S' => Some(Unit::Second),
            _ => None,
        })?,
    }
    Ok(sum)
}

fn add_designated(mut text: &str, sum: &mut Sum, unit: fn(u8) -> Option<Unit>) -> std::result::Result<(), Fault> {
    while !text.is_empty() {
        let len = text.find(|c: char| c.is_ascii_alphabetic()).ok_or(Fault::Syntax)?;
        let amount = Amount::parse(&text[..len])?;
        sum.add(amount, unit(text.as_bytes()[len]).ok_or(Fault::Syntax)?)?;
        text = &text[len + 1..];
    }
    Ok(())
}

fn add_alternative_date(date: &str, sum: &mut Sum) -> std::result::Result<(), Fault> {
    let parts: Vec<&str> = date.split('-').collect();
    let [years, months, days] = parts[..] else { return Err(Fault::Syntax) };
    add_years_months(false, years, months, sum)?;
    let days = Amount::parse(days)?;
    if days.is_negative || days.whole > 31 {
        return Err(Fault::Range);
    }
    sum.add(days, Unit::Day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::interval::IntervalStyle;
    use bytes::BytesMut;
    use proptest::prelude::*;

    fn shown(interval: Interval, style: IntervalStyle) -> String {
        let mut out = BytesMut::new();
        interval.write(style, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn every_form_reads_as_in_postgresql() {
        let cases = [
            ("1 year 2 months 3 days 4 hours 5 minutes 6 seconds", "1 year 2 mons 3 days 04:05:06"),
            ("@ 1 minute ago", "-00:01:00"),
            ("1-2 3 4:05:06", "1 year 2 mons 3 days 04:05:06"),
            ("3 4:05:06", "3 days 04:05:06"),
            ("-1-2", "-1 years -2 mons"),
            ("-1 2:00", "-1 days +02:00:00"),
            ("P1Y2M3DT4H5M6S", "1 year 2 mons 3 days 04:05:06"),
            ("P0001-02-03T04:05:06", "1 year 2 mons 3 days 04:05:06"),
            ("PT-0.5S", "-00:00:00.5"),
            ("P2W", "14 days"),
            ("P15DT", "15 days"),
            ("PT", "00:00:00"),
            ("1.5 days", "1 day 12:00:00"),
            ("1.5 months", "1 mon 15 days"),
            ("1.5 years", "1 year 6 mons"),
            ("1.5 weeks", "10 days 12:00:00"),
            ("5", "00:00:05"),
            ("1.5", "00:00:01.5"),
            ("04:05", "04:05:00"),
            ("04:05.5", "00:04:05.5"),
            ("-04:05:06.789", "-04:05:06.789"),
            ("100:00:00", "100:00:00"),
            ("1day2hours", "1 day 02:00:00"),
            ("2 decades 1 century", "120 years"),
            ("15 ms", "00:00:00.015"),
            ("-1 day +02:03", "-1 days +02:03:00"),
            ("1 mon -1 day", "1 mon -1 days"),
        ];
        for (input, output) in cases {
            assert_eq!(shown(parse_interval(input).unwrap(), IntervalStyle::Postgres), output, "{input}");
        }
    }

    #[test]
    fn faults_have_postgresqls_codes() {
        for input in
            ["", "x", "1 fortnight", "infinity", "ago", "P", "1 2 days 3x", "1 day 2 days", "1 s 1:00", "1:2:3:4", "{"]
        {
            assert_eq!(parse_interval(input).unwrap_err().code, SqlState::INVALID_DATETIME_FORMAT, "{input}");
        }
        for input in ["100000000000 years", "1:60", "1-13", "99999999999999999999 days"] {
            assert_eq!(parse_interval(input).unwrap_err().code, SqlState::INTERVAL_FIELD_OVERFLOW, "{input}");
        }
    }

    proptest! {
        #[test]
        fn both_styles_read_back(months in any::<i32>(), days in any::<i32>(), micros in -(1_i64 << 60)..(1 << 60)) {
            let interval = Interval { months, days, micros };
            for style in [IntervalStyle::Postgres, IntervalStyle::Iso8601] {
                prop_assert_eq!(parse_interval(&shown(interval, style)).unwrap(), interval);
            }
        }

        #[test]
        fn no_text_panics(text in "[-+0-9a-zA-Z:. @é]{0,24}") {
            let _ = parse_interval(&text);
        }
    }
}
