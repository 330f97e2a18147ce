//! A session's TimeZone: local wall clock ↔ UTC, with PostgreSQL's choice at the clock changes.

use chrono::{DateTime, FixedOffset, MappedLocalTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;
use datafusion::common::Result;

use super::error::error;

/// Microseconds that stand for `infinity`; its `-infinity` is `i64::MIN`.
pub const INFINITY_MICROS: i64 = i64::MAX;
/// Microseconds that stand for `-infinity`.
pub const MINUS_INFINITY_MICROS: i64 = i64::MIN;

/// A named zone or a fixed offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionTimeZone {
    /// A zone of the IANA data base.
    Named(Tz),
    /// Seconds east of UTC.
    Fixed(i32),
}

impl Default for SessionTimeZone {
    fn default() -> Self {
        SessionTimeZone::Named(Tz::UTC)
    }
}

/// Whether the microseconds stand for an infinity.
pub(crate) fn is_infinite(micros: i64) -> bool {
    micros == INFINITY_MICROS || micros == MINUS_INFINITY_MICROS
}

impl SessionTimeZone {
    /// Reads a zone's name, ISO offset (`+05:30`: east), or POSIX form (`UTC+3`: west).
    ///
    /// # Errors
    /// 22023 if there is no such zone.
    pub fn parse(name: &str) -> Result<Self> {
        let trimmed = name.trim();
        if let Ok(zone) = Tz::from_str_insensitive(trimmed) {
            return Ok(SessionTimeZone::Named(zone));
        }
        if trimmed.eq_ignore_ascii_case("z") {
            return Ok(SessionTimeZone::default());
        }
        parse_offset(trimmed)
            .map(SessionTimeZone::Fixed)
            .ok_or_else(|| error("22023", format!("time zone \"{name}\" not recognized")))
    }

    /// Seconds east of UTC at an instant, in microseconds of UTC.
    pub fn offset_seconds_at(&self, utc_micros: i64) -> i32 {
        match self {
            SessionTimeZone::Fixed(seconds) => *seconds,
            SessionTimeZone::Named(Tz::UTC) => 0,
            SessionTimeZone::Named(zone) => {
                let instant = DateTime::from_timestamp_micros(utc_micros).unwrap_or_default();
                zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc()
            }
        }
    }

    /// Wall clock microseconds of an instant. Infinities stay.
    pub fn to_local(&self, utc_micros: i64) -> i64 {
        if is_infinite(utc_micros) {
            return utc_micros;
        }
        utc_micros.saturating_add(i64::from(self.offset_seconds_at(utc_micros)) * 1_000_000)
    }

    /// The instant of a wall clock time. In a gap the offset before it counts, at a repeated hour the offset after,
    /// as in PostgreSQL's `DetermineTimeZoneOffset`. Infinities stay.
    pub fn to_utc(&self, local_micros: i64) -> i64 {
        if is_infinite(local_micros) {
            return local_micros;
        }
        local_micros.saturating_sub(i64::from(self.offset_seconds_of_local(local_micros)) * 1_000_000)
    }

    fn offset_seconds_of_local(&self, local_micros: i64) -> i32 {
        let zone = match self {
            SessionTimeZone::Fixed(seconds) => return *seconds,
            SessionTimeZone::Named(Tz::UTC) => return 0,
            SessionTimeZone::Named(zone) => zone,
        };
        let local = DateTime::from_timestamp_micros(local_micros).unwrap_or_default().naive_utc();
        match zone.offset_from_local_datetime(&local) {
            MappedLocalTime::Single(offset) => offset.fix().local_minus_utc(),
            MappedLocalTime::Ambiguous(_, later) => later.fix().local_minus_utc(),
            MappedLocalTime::None => offset_before_gap(*zone, local),
        }
    }

    /// The zone's abbreviation at an instant, `EST`, or its offset where it has none.
    pub fn abbreviation_at(&self, utc_micros: i64) -> String {
        let instant = DateTime::from_timestamp_micros(utc_micros).unwrap_or_default();
        match self {
            SessionTimeZone::Named(zone) => instant.with_timezone(zone).format("%Z").to_string(),
            SessionTimeZone::Fixed(seconds) => {
                FixedOffset::east_opt(*seconds).map_or_else(String::new, |offset| offset.to_string())
            }
        }
    }
}

fn offset_before_gap(zone: Tz, local: NaiveDateTime) -> i32 {
    let before = local - chrono::Duration::hours(3);
    zone.offset_from_local_datetime(&before).earliest().map_or(0, |offset| offset.fix().local_minus_utc())
}

/// Seconds east of UTC. A sign alone is ISO (east positive); after letters it is POSIX (west positive).
fn parse_offset(text: &str) -> Option<i32> {
    let start = text.find(['+', '-']).or_else(|| text.find(|c: char| c.is_ascii_digit()))?;
    let (letters, offset) = text.split_at(start);
    if !letters.chars().all(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    let (sign, digits) = match offset.as_bytes().first()? {
        b'-' => (-1, &offset[1..]),
        b'+' => (1, &offset[1..]),
        _ => (1, offset),
    };
    let posix_sign = if letters.is_empty() { 1 } else { -1 };
    Some(sign * posix_sign * parse_hours_minutes(digits)?)
}

fn parse_hours_minutes(digits: &str) -> Option<i32> {
    let mut parts = if digits.contains(':') {
        digits.split(':').map(|part| part.parse::<i32>().ok()).collect::<Option<Vec<_>>>()?
    } else if digits.len() > 2 {
        let (hours, minutes) = digits.split_at(digits.len() - 2);
        vec![hours.parse().ok()?, minutes.parse().ok()?]
    } else {
        vec![digits.parse().ok()?]
    };
    parts.resize(3, 0);
    let seconds = parts[0] * 3600 + parts[1] * 60 + parts[2];
    (seconds < 16 * 3600).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn micros(text: &str) -> i64 {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a date").and_utc().timestamp_micros()
    }

    #[test]
    fn the_hour_that_is_skipped_counts_from_before_and_the_repeated_one_is_the_later() {
        let zone = SessionTimeZone::parse("america/new_york").expect("a zone");
        assert_eq!(zone.to_utc(micros("2023-03-12 02:30")), micros("2023-03-12 07:30"));
        assert_eq!(zone.to_utc(micros("2023-11-05 01:30")), micros("2023-11-05 06:30"));
        assert_eq!(zone.to_local(micros("2023-07-01 12:00")), micros("2023-07-01 08:00"));
    }

    #[test]
    fn offsets_are_read_as_iso_alone_and_as_posix_after_letters() {
        assert_eq!(SessionTimeZone::parse("+05:30").expect("iso"), SessionTimeZone::Fixed(19_800));
        assert_eq!(SessionTimeZone::parse("UTC+3").expect("posix"), SessionTimeZone::Fixed(-10_800));
        assert_eq!(SessionTimeZone::Fixed(3600).to_utc(HOUR), 0);
        assert!(SessionTimeZone::parse("Mars/Olympus").is_err());
    }
}
