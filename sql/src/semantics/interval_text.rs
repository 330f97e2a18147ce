//! The text of intervals: `1 year 2 mons -3 days 04:05:06.7 ago`, `1-2` (years-months), `90` (seconds), and ISO 8601's
//! form with designators, `P1Y2M3DT4H5M6.5S`.

use arrow::datatypes::IntervalMonthDayNano;

const DAYS_PER_MONTH: f64 = 30.0;
const SECONDS_PER_DAY: f64 = 86_400.0;

/// Parts as they are read; fractions move to the next finer part as PostgreSQL moves them.
#[derive(Default)]
struct Parts {
    months: f64,
    days: f64,
    seconds: f64,
}

impl Parts {
    /// Adds so many units; `None` for an unknown unit.
    fn add(&mut self, number: f64, unit: &str) -> Option<()> {
        match unit.to_ascii_lowercase().as_str() {
            "us" | "usec" | "usecs" | "microsecond" | "microseconds" => self.seconds += number / 1e6,
            "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => self.seconds += number / 1e3,
            "s" | "sec" | "secs" | "second" | "seconds" => self.seconds += number,
            "m" | "min" | "mins" | "minute" | "minutes" => self.seconds += number * 60.0,
            "h" | "hr" | "hrs" | "hour" | "hours" => self.seconds += number * 3600.0,
            "d" | "day" | "days" => self.add_days(number),
            "w" | "week" | "weeks" => self.add_days(number * 7.0),
            "mon" | "mons" | "month" | "months" => self.add_months(number),
            "q" | "quarter" | "quarters" => self.add_months(number * 3.0),
            "y" | "yr" | "yrs" | "year" | "years" => self.months += (number * 12.0).round(),
            "dec" | "decs" | "decade" | "decades" => self.months += (number * 120.0).round(),
            "c" | "cent" | "century" | "centuries" => self.months += (number * 1200.0).round(),
            "mil" | "mils" | "millennium" | "millennia" => self.months += (number * 12_000.0).round(),
            _ => return None,
        }
        Some(())
    }

    fn add_months(&mut self, number: f64) {
        self.months += number.trunc();
        self.add_days(number.fract() * DAYS_PER_MONTH);
    }

    fn add_days(&mut self, number: f64) {
        self.days += number.trunc();
        self.seconds += number.fract() * SECONDS_PER_DAY;
    }

    fn interval(self, sign: f64) -> Option<IntervalMonthDayNano> {
        let micros = (self.seconds * sign * 1e6).round();
        let fits = self.months.abs() <= f64::from(i32::MAX)
            && self.days.abs() <= f64::from(i32::MAX)
            && micros.abs() < i64::MAX as f64 / 1000.0;
        let (months, days) = ((self.months * sign) as i32, (self.days * sign) as i32);
        fits.then(|| IntervalMonthDayNano::new(months, days, micros as i64 * 1000))
    }
}

/// Reads an interval; `None` if the text is none.
pub(crate) fn parse(text: &str) -> Option<IntervalMonthDayNano> {
    let text = text.trim();
    if let Some(iso) = text.strip_prefix('P') {
        return parse_iso(iso);
    }
    let text = text.trim_start_matches('@').trim();
    let (text, sign) = match text.strip_suffix("ago") {
        Some(body) => (body.trim_end(), -1.0),
        None => (text, 1.0),
    };
    let mut parts = Parts::default();
    let mut tokens = tokens(text).peekable();
    tokens.peek()?;
    while let Some(token) = tokens.next() {
        if token.contains(':') {
            parts.seconds += clock(token)?;
        } else if let Some(months) = years_months(token) {
            parts.months += months;
        } else {
            let number: f64 = token.parse().ok()?;
            let has_unit = tokens.peek().is_some_and(|next| next.starts_with(|c: char| c.is_ascii_alphabetic()));
            match if has_unit { tokens.next() } else { None } {
                Some(unit) => parts.add(number, unit)?,
                // A number before a time counts days, the last one seconds.
                None if tokens.peek().is_some_and(|next| next.contains(':')) => parts.add_days(number),
                None => parts.seconds += number,
            }
        }
    }
    parts.interval(sign)
}

/// Words, with units that touch numbers split off.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic();
    text.split_ascii_whitespace().flat_map(move |word| {
        let parts = word.as_bytes().chunk_by(move |a, b| is_letter(a) == is_letter(b));
        parts.filter_map(|part| std::str::from_utf8(part).ok())
    })
}

/// Seconds of `[-]hh:mm[:ss[.f]]`.
fn clock(token: &str) -> Option<f64> {
    let (sign, digits) = match token.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, token.strip_prefix('+').unwrap_or(token)),
    };
    let mut fields = digits.splitn(3, ':');
    let hours: f64 = fields.next()?.parse().ok()?;
    let minutes: f64 = fields.next()?.parse().ok()?;
    let seconds: f64 = fields.next().map_or(Some(0.0), |field| field.parse().ok())?;
    let is_valid = minutes < 60.0 && seconds < 61.0 && hours >= 0.0 && minutes >= 0.0;
    is_valid.then_some(sign * (hours * 3600.0 + minutes * 60.0 + seconds))
}

/// Months of `[-]years-months`.
fn years_months(token: &str) -> Option<f64> {
    let (sign, digits) = token.strip_prefix('-').map_or((1.0, token), |digits| (-1.0, digits));
    let (years, months) = digits.split_once('-')?;
    Some(sign * (years.parse::<u32>().ok()? * 12 + months.parse::<u32>().ok()?) as f64)
}

fn parse_iso(text: &str) -> Option<IntervalMonthDayNano> {
    let (date, time) = text.split_once('T').unwrap_or((text, ""));
    let mut parts = Parts::default();
    for (number, designator) in fields(date)? {
        match designator {
            'Y' => parts.add(number, "years")?,
            'M' => parts.add(number, "months")?,
            'W' => parts.add(number, "weeks")?,
            'D' => parts.add(number, "days")?,
            _ => return None,
        }
    }
    for (number, designator) in fields(time)? {
        match designator {
            'H' => parts.add(number, "hours")?,
            'M' => parts.add(number, "minutes")?,
            'S' => parts.add(number, "seconds")?,
            _ => return None,
        }
    }
    parts.interval(1.0)
}

fn fields(text: &str) -> Option<Vec<(f64, char)>> {
    let mut fields = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        fields.push((rest[..end].parse().ok()?, rest[end..].chars().next()?));
        rest = &rest[end + 1..];
    }
    rest.is_empty().then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::text_print::print_interval;

    #[test]
    fn postgresql_reads_the_same() {
        for (text, printed) in [
            ("1 year 2 months 3 days 04:05:06.5", "1 year 2 mons 3 days 04:05:06.5"),
            ("1-2", "1 year 2 mons"),
            ("90", "00:01:30"),
            ("1 day ago", "-1 days"),
            ("2h30m", "02:30:00"),
            ("1.5 days", "1 day 12:00:00"),
            ("3 4:05", "3 days 04:05:00"),
            ("-1 day +02:03", "-1 days +02:03:00"),
            ("P1Y2M10DT2H30M", "1 year 2 mons 10 days 02:30:00"),
        ] {
            assert_eq!(parse(text).map(print_interval).as_deref(), Some(printed), "{text}");
        }
        assert_eq!(parse("x"), None);
        assert_eq!(parse(""), None);
    }
}
