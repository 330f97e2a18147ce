//! The long way of reading dates and times: tokens to fields, by PostgreSQL's rules for what a number or word means
//! where it stands.

use super::calendar::{JULIAN_EPOCH_DAYS, MICROS_PER_SECOND, days_from_civil, days_in_month};
use super::datetime_text::zone_of_word;
use super::datetime_tokens::{Token, is_weekday, month_by_name, tokenize};
use super::style::{DateOrder, InputStyle};
use super::zone::{Zone, parse_displacement};

/// Why a text is no date or time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Syntax,
    FieldRange,
    MonthDayRange,
    Displacement,
    ZoneName(String),
    DateRange,
    TimestampRange,
}

pub(super) type Parsed<T> = std::result::Result<T, Fault>;

/// Dates that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Now,
    Today,
    Tomorrow,
    Yesterday,
    Epoch,
    Infinity,
    NegativeInfinity,
}

/// A number in a date, and whether it was written with one or two digits.
#[derive(Clone, Copy, Debug)]
struct Year {
    value: i64,
    is_short: bool,
}

/// What a text says.
#[derive(Debug, Default)]
pub(super) struct Fields {
    year: Option<Year>,
    month: Option<u32>,
    day: Option<u32>,
    month_is_text: bool,
    day_of_year: Option<u32>,
    julian_day: Option<i64>,
    is_bc: bool,
    has_era: bool,
    meridiem: Option<Meridiem>,
    /// A time is wanted and no date has been met: numbers are times.
    is_time_only: bool,
    pub(super) moment: Option<Moment>,
    pub(super) time_micros: Option<i64>,
    pub(super) zone: Option<Zone>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meridiem {
    Am,
    Pm,
}

impl Fields {
    /// The fields of a text that should hold a date.
    pub(super) fn parse(text: &str, style: &InputStyle) -> Parsed<Fields> {
        Fields::default().parse_into(text, style)
    }

    /// The fields of a text that should hold a time; a date may stand with it.
    pub(super) fn parse_time(text: &str, style: &InputStyle) -> Parsed<Fields> {
        let with_date = Fields::parse(text, style);
        match with_date {
            Ok(fields) if fields.time_micros.is_some() || fields.moment.is_some() => Ok(fields),
            // Without a date a row of digits is a time.
            _ => Fields { is_time_only: true, ..Fields::default() }.parse_into(text, style).or(with_date),
        }
    }

    fn parse_into(mut self, text: &str, style: &InputStyle) -> Parsed<Fields> {
        let lower = text.to_ascii_lowercase();
        let tokens = tokenize(&lower)?;
        if tokens.is_empty() {
            return Err(Fault::Syntax);
        }
        let mut at = 0;
        while at < tokens.len() {
            at += self.take(&tokens[at..], style.date_order)?;
        }
        self.apply_meridiem()?;
        Ok(self)
    }

    /// Takes the first token, and with `j` the one after it; says how many.
    fn take(&mut self, tokens: &[Token<'_>], order: DateOrder) -> Parsed<usize> {
        match tokens[0] {
            Token::Number(text) => self.take_number(text, order)?,
            Token::Date(text) => self.take_date(text, order)?,
            Token::Time(text) => self.set_time(parse_clock(text)?)?,
            Token::Offset(text) => self.take_offset(text)?,
            Token::SignedWord("-infinity") => self.set_moment(Moment::NegativeInfinity)?,
            Token::SignedWord("+infinity") => self.set_moment(Moment::Infinity)?,
            Token::SignedWord(_) => return Err(Fault::Syntax),
            Token::Word("j" | "jd" | "julian") => {
                let Some(Token::Number(day)) = tokens.get(1) else { return Err(Fault::Syntax) };
                self.julian_day = Some(day.parse().map_err(|_| Fault::Syntax)?);
                return Ok(2);
            }
            Token::Word(word) => self.take_word(word)?,
        }
        Ok(1)
    }

    fn has_date(&self) -> bool {
        self.julian_day.is_some() || self.day_of_year.is_some() || (self.month.is_some() && self.day.is_some())
    }

    fn set_moment(&mut self, moment: Moment) -> Parsed<()> {
        if self.moment.is_some() || self.has_date() {
            return Err(Fault::Syntax);
        }
        self.moment = Some(moment);
        Ok(())
    }

    fn set_time(&mut self, micros: i64) -> Parsed<()> {
        if self.time_micros.replace(micros).is_some() { Err(Fault::Syntax) } else { Ok(()) }
    }

    fn set_zone(&mut self, zone: Zone) -> Parsed<()> {
        if self.zone.replace(zone).is_some() { Err(Fault::Syntax) } else { Ok(()) }
    }

    fn take_offset(&mut self, text: &str) -> Parsed<()> {
        // With nothing in front of it, a signed number is no displacement.
        if self.time_micros.is_none() && !self.has_date() {
            return Err(Fault::Syntax);
        }
        match parse_displacement(text) {
            Some(seconds) => self.set_zone(Zone::fixed(seconds)),
            None if text[1..].bytes().all(|b| b.is_ascii_digit() || b == b':') => Err(Fault::Displacement),
            None => Err(Fault::Syntax),
        }
    }

    fn take_word(&mut self, word: &str) -> Parsed<()> {
        if let Some(month) = month_by_name(word) {
            return self.take_month_name(month);
        }
        match word {
            "now" => self.set_moment(Moment::Now),
            "today" => self.set_moment(Moment::Today),
            "tomorrow" => self.set_moment(Moment::Tomorrow),
            "yesterday" => self.set_moment(Moment::Yesterday),
            "epoch" => self.set_moment(Moment::Epoch),
            "infinity" => self.set_moment(Moment::Infinity),
            "allballs" => self.set_time(0).and_then(|()| self.set_zone(Zone::Utc)),
            "am" => self.set_meridiem(Meridiem::Am),
            "pm" => self.set_meridiem(Meridiem::Pm),
            "bc" | "ad" if self.has_era => Err(Fault::Syntax),
            "bc" | "ad" => {
                (self.is_bc, self.has_era) = (word == "bc", true);
                Ok(())
            }
            "at" | "on" | "t" => Ok(()),
            _ if is_weekday(word) => Ok(()),
            _ => match zone_of_word(word) {
                Some(zone) => self.set_zone(zone),
                None if word.contains('/') => Err(Fault::ZoneName(word.to_owned())),
                None => Err(Fault::Syntax),
            },
        }
    }

    fn set_meridiem(&mut self, meridiem: Meridiem) -> Parsed<()> {
        if self.meridiem.replace(meridiem).is_some() { Err(Fault::Syntax) } else { Ok(()) }
    }

    /// A month by name; a number taken for the month before was the day (`08 Jan 1999`).
    fn take_month_name(&mut self, month: u32) -> Parsed<()> {
        if self.month_is_text {
            return Err(Fault::Syntax);
        }
        if let Some(number) = self.month.take() {
            if self.day.is_some() {
                return Err(Fault::Syntax);
            }
            self.day = Some(number);
        }
        (self.month, self.month_is_text) = (Some(month), true);
        Ok(())
    }

    fn take_date(&mut self, text: &str, order: DateOrder) -> Parsed<()> {
        if !text.as_bytes()[0].is_ascii_digit() && !text.bytes().any(|b| b.is_ascii_digit()) {
            return self.take_word(text);
        }
        if self.has_date() || self.is_time_only {
            return self.take_packed_clock_and_offset(text);
        }
        let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
        if let [year, day] = parts[..]
            && day.len() == 3
        {
            self.year = Some(parse_year(year)?);
            self.day_of_year = Some(day.parse().map_err(|_| Fault::Syntax)?);
            return Ok(());
        }
        if parts.len() != 3 {
            return Err(Fault::Syntax);
        }
        // A month's name is known wherever it stands; the numbers then fill what is left.
        for part in &parts {
            if let Some(month) = month_by_name(part) {
                self.take_month_name(month)?;
            }
        }
        for part in parts.iter().filter(|part| month_by_name(part).is_none()) {
            self.take_date_number(part, order)?;
        }
        Ok(())
    }

    /// `hhmm-hh`, which looks like a date.
    fn take_packed_clock_and_offset(&mut self, text: &str) -> Parsed<()> {
        let at = text.find('-').ok_or(Fault::Syntax)?;
        if !matches!(at, 4 | 6) {
            return Err(Fault::Syntax);
        }
        self.set_time(parse_packed_clock(&text[..at], "").map_err(|_| Fault::Syntax)?)?;
        self.take_offset(&text[at..])
    }

    fn take_number(&mut self, text: &str, order: DateOrder) -> Parsed<()> {
        let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_clock = matches!(digits.len(), 4 | 6) && self.time_micros.is_none();
        let has_year = self.has_date() && (self.year.is_some() || self.julian_day.is_some());
        if is_clock && (has_year || self.is_time_only) {
            return self.set_time(parse_packed_clock(digits, fraction)?);
        }
        if !fraction.is_empty() {
            return Err(Fault::Syntax);
        }
        let no_date = self.year.is_none() && self.month.is_none() && self.day.is_none();
        if !no_date && digits.len() >= 6 {
            return Err(Fault::Syntax);
        }
        if no_date && digits.len() >= 6 && digits.len() != 7 {
            return self.take_packed_date(digits);
        }
        self.take_date_number(digits, order)
    }

    /// `yyyymmdd` or `yymmdd`.
    fn take_packed_date(&mut self, digits: &str) -> Parsed<()> {
        let (year, rest) = digits.split_at(digits.len() - 4);
        self.year = Some(parse_year(year)?);
        self.month = Some(parse_small(&rest[..2])?);
        self.day = Some(parse_small(&rest[2..])?);
        Ok(())
    }

    /// One number of a date: year, month or day, by what is known already and by `DateStyle`'s order.
    fn take_date_number(&mut self, text: &str, order: DateOrder) -> Parsed<()> {
        let is_long = text.len() >= 3;
        match (self.year.is_some(), self.month.is_some(), self.day.is_some()) {
            (true, false, false) if text.len() == 3 => self.day_of_year = Some(parse_small(text)?),
            (false, false, false) if is_long || order == DateOrder::Ymd => self.year = Some(parse_year(text)?),
            (false, false, false) if order == DateOrder::Dmy => self.day = Some(parse_small(text)?),
            (false, false, false) => self.month = Some(parse_small(text)?),
            (true, false, _) => self.month = Some(parse_small(text)?),
            (false, true, false) if self.month_is_text && (is_long || order == DateOrder::Ymd) => {
                self.year = Some(parse_year(text)?);
            }
            (false, true, false) => self.day = Some(parse_small(text)?),
            (true, true, false) => self.take_last_day(text, is_long)?,
            (false, false, true) => self.month = Some(parse_small(text)?),
            (false, true, true) => self.year = Some(parse_year(text)?),
            (true, true, true) => return Err(Fault::Syntax),
        }
        Ok(())
    }

    /// The number after year and month: the day, unless it is so long that the year must have been the day.
    fn take_last_day(&mut self, text: &str, is_long: bool) -> Parsed<()> {
        match self.year {
            Some(year) if is_long && self.month_is_text && year.is_short => {
                self.day = Some(year.value as u32);
                self.year = Some(parse_year(text)?);
            }
            _ => self.day = Some(parse_small(text)?),
        }
        Ok(())
    }

    fn apply_meridiem(&mut self) -> Parsed<()> {
        const HOUR: i64 = 3600 * MICROS_PER_SECOND;
        let Some(meridiem) = self.meridiem else { return Ok(()) };
        let micros = self.time_micros.ok_or(Fault::Syntax)?;
        let hour = micros / HOUR;
        if hour > 12 || (hour == 12 && micros > 13 * HOUR) {
            return Err(Fault::FieldRange);
        }
        let rest = micros % HOUR;
        let hour = hour % 12 + if meridiem == Meridiem::Pm { 12 } else { 0 };
        self.time_micros = Some(hour * HOUR + rest);
        Ok(())
    }

    /// Days since 1970 of the date, `None` if the text has none; `named` gives the day of a moment.
    pub(super) fn day_number(&self, named: impl FnOnce(Moment) -> Option<i64>) -> Parsed<Option<i64>> {
        if let Some(moment) = self.moment {
            return if self.has_date() { Err(Fault::Syntax) } else { Ok(named(moment)) };
        }
        if let Some(julian) = self.julian_day {
            return Ok(Some(julian - JULIAN_EPOCH_DAYS));
        }
        let Some(year) = self.year else {
            return if self.month.is_some() || self.day.is_some() { Err(Fault::Syntax) } else { Ok(None) };
        };
        let year = self.astronomical_year(year)?;
        if let Some(day) = self.day_of_year {
            let last = if days_in_month(year, 2) == 29 { 366 } else { 365 };
            let in_year = (1..=last).contains(&day);
            return if in_year {
                Ok(Some(days_from_civil(year, 1, 1) + i64::from(day) - 1))
            } else {
                Err(Fault::FieldRange)
            };
        }
        let (Some(month), Some(day)) = (self.month, self.day) else { return Err(Fault::Syntax) };
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return Err(Fault::MonthDayRange);
        }
        if day > days_in_month(year, month) {
            return Err(Fault::FieldRange);
        }
        Ok(Some(days_from_civil(year, month, day)))
    }

    fn astronomical_year(&self, year: Year) -> Parsed<i64> {
        match year.value {
            0 if !year.is_short => Err(Fault::FieldRange),
            value if self.is_bc && value > 0 => Ok(1 - value),
            _ if self.is_bc => Err(Fault::FieldRange),
            value if year.is_short && value < 70 => Ok(value + 2000),
            value if year.is_short => Ok(value + 1900),
            value => Ok(value),
        }
    }
}

fn parse_year(text: &str) -> Parsed<Year> {
    let value: i32 = parse_digits(text)?;
    Ok(Year { value: i64::from(value), is_short: text.len() <= 2 })
}

fn parse_small(text: &str) -> Parsed<u32> {
    parse_digits(text)
}

fn parse_digits<T: std::str::FromStr>(text: &str) -> Parsed<T> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Fault::Syntax);
    }
    text.parse().map_err(|_| Fault::FieldRange)
}

/// `hh:mm[:ss[.f]]`; 24:00:00 is the end of the day, a second of 60 the next minute.
fn parse_clock(text: &str) -> Parsed<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let parts: Vec<&str> = clock.split(':').collect();
    match parts[..] {
        [hour, minute] if fraction.is_empty() => clock_micros(hour, minute, "0", ""),
        [hour, minute, second] => clock_micros(hour, minute, second, fraction),
        _ => Err(Fault::Syntax),
    }
}

/// `hhmm` or `hhmmss`.
fn parse_packed_clock(digits: &str, fraction: &str) -> Parsed<i64> {
    let second = digits.get(4..6).unwrap_or("0");
    clock_micros(&digits[..2], &digits[2..4], second, fraction)
}

fn clock_micros(hour: &str, minute: &str, second: &str, fraction: &str) -> Parsed<i64> {
    let (hour, minute, second): (i64, i64, i64) = (parse_digits(hour)?, parse_digits(minute)?, parse_digits(second)?);
    let micros = parse_fraction(fraction)?;
    let is_end = hour == 24 && minute == 0 && second == 0 && micros == 0;
    if (hour > 23 && !is_end) || minute > 59 || second > 60 {
        return Err(Fault::FieldRange);
    }
    Ok(((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + micros)
}

/// Microseconds of the digits behind a second's point, rounded as PostgreSQL does.
fn parse_fraction(digits: &str) -> Parsed<i64> {
    if digits.is_empty() {
        return Ok(0);
    }
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Fault::Syntax);
    }
    let fraction: f64 = format!("0.{digits}").parse().map_err(|_| Fault::Syntax)?;
    Ok((fraction * MICROS_PER_SECOND as f64).round_ties_even() as i64)
}
