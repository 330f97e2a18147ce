//! Reading intervals: PostgreSQL's `1 year 2 mons 04:05:06 ago`, the SQL standard's `1-2 3 4:05:06`, ISO 8601's
//! `P1Y2M3DT4H5M6S`.

use super::interval::Interval;
use super::interval_sum::*;
use crate::error::{Result, SqlError, SqlState};

/// Parses an interval. 22007 for bad syntax, 22015 for a field out of range.
pub fn parse_interval(text: &str) -> Result<Interval> {
    let trimmed = text.trim_ascii();
    let parsed = if trimmed.starts_with(['P', 'p']) { parse_iso(trimmed) } else { parse_words(trimmed) };
    parsed.and_then(Sum::finish).map_err(|fault| fault.into_error(text))
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

/// PostgreSQL's and the SQL standard's forms: a row of numbers, units, clock times and `years-months`.
fn parse_words(text: &str) -> std::result::Result<Sum, Fault> {
    let lower = with_signs_joined(&text.to_ascii_lowercase());
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

/// The text without the blanks behind signs that begin a word.
fn with_signs_joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut begins_word = true;
    while let Some(letter) = chars.next() {
        joined.push(letter);
        if begins_word && matches!(letter, '+' | '-') {
            while chars.next_if(char::is_ascii_whitespace).is_some() {}
        }
        begins_word = letter.is_ascii_whitespace();
    }
    joined
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
            ("3 months - 1 day", "3 mons -1 days"),
            ("- 1 year + 2:00", "-1 years +02:00:00"),
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
