//! Dates and timestamps in the form that `DateStyle` asks for.

use std::fmt::Write;

use bytes::BytesMut;

use super::calendar::{
    self, DATE_INFINITY, DATE_NEGATIVE_INFINITY, MICROS_PER_DAY, MICROS_PER_SECOND, TIMESTAMP_INFINITY,
    TIMESTAMP_NEGATIVE_INFINITY, civil_from_days,
};
use super::style::{DateForm, DateOrder, OutputStyle};
use super::zone::Zone;

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// 1970-01-01 was a Thursday.
const FIRST_DAY: i64 = 4;

/// Writes a date.
pub(super) fn write_date(style: &OutputStyle, days: i32, out: &mut BytesMut) {
    if style.date_form == DateForm::Iso || matches!(days, DATE_INFINITY | DATE_NEGATIVE_INFINITY) {
        return calendar::write_date(days, out);
    }
    let day = Day::of(i64::from(days));
    push(out, &day.numbers(style));
    push(out, day.era());
}

/// Writes a timestamp without time zone.
pub(super) fn write_timestamp(style: &OutputStyle, micros: i64, out: &mut BytesMut) {
    if style.date_form == DateForm::Iso || is_infinite(micros) {
        return calendar::write_timestamp(micros, out);
    }
    write_local(style, micros, "", out);
}

/// Writes an instant in the session's time zone.
pub(super) fn write_timestamptz(style: &OutputStyle, micros: i64, out: &mut BytesMut) {
    let offset = if style.zone == Zone::Utc { 0 } else { style.zone.offset_seconds_at(micros) };
    if style.date_form == DateForm::Iso || is_infinite(micros) {
        return calendar::write_timestamptz(micros, offset, out);
    }
    let local = micros.saturating_add(i64::from(offset) * MICROS_PER_SECOND);
    write_local(style, local, &format!(" {}", abbreviation(style.zone, micros)), out);
}

fn write_local(style: &OutputStyle, micros: i64, zone: &str, out: &mut BytesMut) {
    let day = Day::of(micros.div_euclid(MICROS_PER_DAY));
    let time = micros.rem_euclid(MICROS_PER_DAY);
    if style.date_form == DateForm::Postgres {
        push(out, &day.words(style));
        push(out, " ");
        calendar::write_time(time, out);
        push(out, &format!(" {:04}", day.shown_year()));
    } else {
        push(out, &day.numbers(style));
        push(out, " ");
        calendar::write_time(time, out);
    }
    push(out, zone);
    push(out, day.era());
}

fn is_infinite(micros: i64) -> bool {
    matches!(micros, TIMESTAMP_INFINITY | TIMESTAMP_NEGATIVE_INFINITY)
}

fn push(out: &mut BytesMut, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// `CET`; of a displacement what its name has in brackets.
fn abbreviation(zone: Zone, micros: i64) -> String {
    match zone {
        Zone::Fixed(_) => zone.to_string().trim_start_matches('<').split('>').next().unwrap_or_default().to_owned(),
        zone => zone.abbreviation_at(micros),
    }
}

/// A day of the calendar.
struct Day {
    year: i64,
    month: i64,
    day: i64,
    of_week: usize,
}

impl Day {
    fn of(days: i64) -> Day {
        let (year, month, day) = civil_from_days(days);
        Day { year, month: month.into(), day: day.into(), of_week: (days + FIRST_DAY).rem_euclid(7) as usize }
    }

    fn shown_year(&self) -> i64 {
        if self.year > 0 { self.year } else { 1 - self.year }
    }

    fn era(&self) -> &'static str {
        if self.year > 0 { "" } else { " BC" }
    }

    fn numbers(&self, style: &OutputStyle) -> String {
        let (separator, day_first) = match style.date_form {
            DateForm::German => ('.', true),
            DateForm::Sql => ('/', style.date_order == DateOrder::Dmy),
            DateForm::Iso | DateForm::Postgres => ('-', style.date_order == DateOrder::Dmy),
        };
        let (first, second) = if day_first { (self.day, self.month) } else { (self.month, self.day) };
        format!("{first:02}{separator}{second:02}{separator}{:04}", self.shown_year())
    }

    fn words(&self, style: &OutputStyle) -> String {
        let month = usize::try_from(self.month - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or_default();
        let mut words = DAYS[self.of_week].to_owned();
        // Writing to a String does not fail.
        let _ = match style.date_order {
            DateOrder::Dmy => write!(words, " {:02} {month}", self.day),
            DateOrder::Mdy | DateOrder::Ymd => write!(words, " {month} {:02}", self.day),
        };
        words
    }
}
