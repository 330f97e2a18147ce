//! The session's time zone: offsets at an instant, and from local time to an instant as PostgreSQL resolves it.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND, civil_from_days, days_from_civil, days_in_month};

/// PostgreSQL refuses displacements of 16 hours and more.
const DISPLACEMENT_SECONDS_END: i32 = 16 * 3600;

/// A time zone: UTC is kept apart because it needs no lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Zone {
    /// UTC, whatever it was called.
    Utc,
    /// Seconds east of UTC.
    Fixed(i32),
    /// A zone of the tz database.
    Named(Tz),
}

impl Zone {
    /// The zone that `SET TimeZone` means: a name of the tz database in any case, a number of hours east of UTC (`-7`, `5.5`),
    /// or as POSIX has it, counted west: `UTC+3`, `+03:00`. `None` if it is not recognised.
    pub fn parse(text: &str) -> Option<Zone> {
        let text = text.trim();
        if let Some(zone) = Zone::by_name(text) {
            return Some(zone);
        }
        if let Ok(hours) = text.parse::<f64>() {
            let seconds = hours * 3600.0;
            return (seconds.abs() < f64::from(DISPLACEMENT_SECONDS_END)).then(|| Zone::fixed(seconds.round() as i32));
        }
        Zone::parse_posix(text).or_else(|| Zone::west(text))
    }

    /// A displacement counted west of UTC, as POSIX has it.
    pub(crate) fn west(displacement: &str) -> Option<Zone> {
        Some(Zone::fixed(-parse_displacement(&with_sign(displacement))?))
    }

    /// A displacement counted east of UTC, as ISO 8601 has it.
    pub(crate) fn east(displacement: &str) -> Option<Zone> {
        Some(Zone::fixed(parse_displacement(&with_sign(displacement))?))
    }

    /// A zone by its name alone.
    pub fn by_name(name: &str) -> Option<Zone> {
        match Tz::from_str_insensitive(name).ok()? {
            Tz::UTC | Tz::Etc__UTC | Tz::UCT | Tz::Etc__UCT | Tz::Zulu | Tz::Etc__Zulu => Some(Zone::Utc),
            tz => Some(Zone::Named(tz)),
        }
    }

    /// A fixed displacement in seconds east of UTC.
    pub fn fixed(seconds_east: i32) -> Zone {
        if seconds_east == 0 { Zone::Utc } else { Zone::Fixed(seconds_east) }
    }

    /// `<abbreviation>offset` with the offset counted west, without a daylight saving rule.
    pub(super) fn parse_posix(text: &str) -> Option<Zone> {
        let rest = match text.strip_prefix('<') {
            Some(quoted) => quoted.split_once('>')?.1,
            None => {
                let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
                if letters < 3 {
                    return None;
                }
                &text[letters..]
            }
        };
        Zone::west(rest)
    }

    /// Seconds east of UTC at an instant, in microseconds since 1970.
    pub fn offset_seconds_at(self, utc_micros: i64) -> i32 {
        match self {
            Zone::Utc => 0,
            Zone::Fixed(seconds) => seconds,
            Zone::Named(tz) => tz.offset_from_utc_datetime(&naive(utc_micros)).fix().local_minus_utc(),
        }
    }

    /// Seconds east of UTC at a local time, as [`Zone::local_to_utc`] takes it.
    pub fn offset_seconds_of(self, local_micros: i64) -> Option<i32> {
        let utc = self.local_to_utc(local_micros)?;
        i32::try_from(local_micros.checked_sub(utc)? / MICROS_PER_SECOND).ok()
    }

    /// The instant of a local time; `None` if it is out of the range of 64 bits. A local time that never was (clocks
    /// went forward) counts with the offset before, one that was twice with the offset after: PostgreSQL's rule.
    pub fn local_to_utc(self, local_micros: i64) -> Option<i64> {
        let offset = match self {
            Zone::Utc => 0,
            Zone::Fixed(seconds) => seconds,
            Zone::Named(tz) => match tz.offset_from_local_datetime(&naive(local_micros)) {
                MappedLocalTime::Single(offset) => offset.fix().local_minus_utc(),
                MappedLocalTime::Ambiguous(first, second) => {
                    let (first, second) = (first.fix().local_minus_utc(), second.fix().local_minus_utc());
                    // The smaller offset is the one in force after the clocks went back.
                    first.min(second)
                }
                MappedLocalTime::None => self.offset_seconds_at(local_micros.saturating_sub(MICROS_PER_DAY)),
            },
        };
        local_micros.checked_sub(i64::from(offset) * MICROS_PER_SECOND)
    }
}

impl fmt::Display for Zone {
    /// As `SHOW TimeZone` prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Zone::Utc => f.write_str("UTC"),
            Zone::Named(tz) => f.write_str(tz.name()),
            Zone::Fixed(seconds) => {
                let (east, west) = (signed(*seconds), signed(-*seconds));
                write!(f, "<{east}>{west}")
            }
        }
    }
}

fn with_sign(displacement: &str) -> Cow<'_, str> {
    if displacement.starts_with(['+', '-']) { displacement.into() } else { format!("+{displacement}").into() }
}

fn signed(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.unsigned_abs();
    match (seconds / 3600, seconds / 60 % 60) {
        (hours, 0) => format!("{sign}{hours:02}"),
        (hours, minutes) => format!("{sign}{hours:02}:{minutes:02}"),
    }
}

/// The time as chrono's. chrono-tz knows changes of clocks to the end of this century only, and PostgreSQL's calendar
/// goes further than chrono's: later years look up a year of the same calendar, far earlier ones the zone's first rule.
fn naive(micros: i64) -> NaiveDateTime {
    const KNOWN_END_YEAR: i64 = 2098;
    const FIRST_MICROS: i64 = -300_000 * 365 * (MICROS_PER_DAY / 4);
    let (year, _, _) = civil_from_days(micros.div_euclid(MICROS_PER_DAY));
    let shifted = if year < KNOWN_END_YEAR { micros } else { micros - days_to_like_year(year) * MICROS_PER_DAY };
    DateTime::from_timestamp_micros(shifted.max(FIRST_MICROS)).expect("within chrono's range").naive_utc()
}

/// Days from the year of this century's end that has the same days of the week to a year.
fn days_to_like_year(year: i64) -> i64 {
    let shape = |year| (days_from_civil(year, 1, 1).rem_euclid(7), days_in_month(year, 2));
    let like = (2070..2098).find(|like| shape(*like) == shape(year)).unwrap_or(2097);
    days_from_civil(year, 1, 1) - days_from_civil(like, 1, 1)
}

/// Seconds east of `+h`, `+hh`, `+hhmm`, `+hhmmss`, `+hh:mm`, `+hh:mm:ss` (and `-`), without a check of the hours.
/// `None` if it is none of these.
pub(super) fn parse_displacement(text: &str) -> Option<i32> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let parts = split_displacement(rest)?;
    let [hours, minutes, seconds] = parts;
    if hours > 15 || minutes > 59 || seconds > 59 {
        return None;
    }
    Some(sign * (hours * 3600 + minutes * 60 + seconds))
}

/// Hours, minutes and seconds of a displacement without its sign.
fn split_displacement(text: &str) -> Option<[i32; 3]> {
    let number = |part: &str| -> Option<i32> {
        let is_short = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if is_short { part.parse().ok() } else { None }
    };
    let mut parts = [0; 3];
    if text.contains(':') {
        for (i, part) in text.split(':').enumerate() {
            *parts.get_mut(i)? = number(part)?;
        }
        return Some(parts);
    }
    if !text.is_ascii() || text.is_empty() || text.len() > 6 {
        return None;
    }
    let hour_digits = if text.len().is_multiple_of(2) { 2 } else { 1 };
    let (hours, mut rest) = text.split_at(hour_digits);
    parts[0] = number(hours)?;
    for part in &mut parts[1..] {
        if rest.is_empty() {
            break;
        }
        *part = number(&rest[..2])?;
        rest = &rest[2..];
    }
    Some(parts)
}

/// PostgreSQL's `Default` list of abbreviations, the common part of it: seconds east of UTC.
pub(super) fn abbreviation_offset(abbreviation: &str) -> Option<i32> {
    const HALF_HOURS: &[(&str, i32)] = &[
        ("acdt", 21),
        ("acst", 19),
        ("adt", -6),
        ("aedt", 22),
        ("aest", 20),
        ("akdt", -16),
        ("akst", -18),
        ("art", -6),
        ("ast", -8),
        ("awst", 16),
        ("bst", 2),
        ("brt", -6),
        ("cdt", -10),
        ("cest", 4),
        ("cet", 2),
        ("cst", -12),
        ("eat", 6),
        ("edt", -8),
        ("eest", 6),
        ("eet", 4),
        ("est", -10),
        ("gmt", 0),
        ("hkt", 16),
        ("hst", -20),
        ("ict", 14),
        ("idt", 6),
        ("ist", 4),
        ("jst", 18),
        ("kst", 18),
        ("mdt", -12),
        ("mest", 4),
        ("met", 2),
        ("msd", 8),
        ("msk", 6),
        ("mst", -14),
        ("ndt", -5),
        ("nst", -7),
        ("nzdt", 26),
        ("nzst", 24),
        ("pdt", -14),
        ("pst", -16),
        ("sgt", 16),
        ("uct", 0),
        ("ut", 0),
        ("utc", 0),
        ("wat", 2),
        ("west", 2),
        ("wet", 0),
        ("z", 0),
        ("zulu", 0),
    ];
    HALF_HOURS.iter().find(|(name, _)| *name == abbreviation).map(|(_, halves)| halves * 1800)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(year: i64, month: u32, day: u32, hour: i64, minute: i64) -> i64 {
        days_from_civil(year, month, day) * MICROS_PER_DAY + (hour * 60 + minute) * 60 * MICROS_PER_SECOND
    }

    #[test]
    fn names_in_any_case_and_numbers_are_zones() {
        assert_eq!(Zone::parse("utc"), Some(Zone::Utc));
        assert_eq!(Zone::parse("america/new_york"), Some(Zone::Named(Tz::America__New_York)));
        assert_eq!(Zone::parse("-7"), Some(Zone::Fixed(-7 * 3600)));
        assert_eq!(Zone::parse("5.5"), Some(Zone::Fixed(19_800)));
        assert_eq!(Zone::parse("+05:30"), Some(Zone::Fixed(-19_800)));
        assert_eq!(Zone::east("05:30"), Some(Zone::Fixed(19_800)));
        assert_eq!(Zone::parse("UTC+3"), Some(Zone::Fixed(-10_800)));
        assert_eq!(Zone::parse("<+03>-03"), Some(Zone::Fixed(10_800)));
        assert_eq!(Zone::parse("Mars/Olympus"), None);
        assert_eq!(Zone::Fixed(-25_200).to_string(), "<-07>+07");
    }

    #[test]
    fn clock_changes_resolve_as_in_postgresql() {
        let zone = Zone::parse("America/New_York").unwrap();
        // 2018-03-11 02:30 never was: EST, so 03:30 EDT.
        assert_eq!(zone.local_to_utc(local(2018, 3, 11, 2, 30)), Some(local(2018, 3, 11, 7, 30)));
        // 2018-11-04 01:30 was twice: EST.
        assert_eq!(zone.local_to_utc(local(2018, 11, 4, 1, 30)), Some(local(2018, 11, 4, 6, 30)));
        assert_eq!(zone.offset_seconds_at(local(2018, 7, 1, 0, 0)), -4 * 3600);
    }

    #[test]
    fn clocks_change_in_far_years_too() {
        let zone = Zone::parse("America/New_York").unwrap();
        assert_eq!(zone.offset_seconds_at(local(12_345, 6, 28, 0, 0)), -4 * 3600);
        assert_eq!(zone.offset_seconds_at(local(12_345, 1, 28, 0, 0)), -5 * 3600);
        assert_eq!(zone.offset_seconds_at(local(2603, 6, 7, 0, 0)), -4 * 3600);
    }

    #[test]
    fn instants_beyond_the_calendar_library_do_not_panic() {
        let zone = Zone::parse("Europe/Berlin").unwrap();
        assert!(zone.local_to_utc(i64::MAX - 1).is_some());
        assert_eq!(zone.local_to_utc(i64::MIN + 1), None);
    }
}
