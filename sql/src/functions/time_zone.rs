//! What functions ask of a time zone: local wall clock ↔ UTC with the infinities, names in texts, abbreviations.

use chrono::{DateTime, FixedOffset};

use crate::error::{SqlError, SqlState};
use crate::values::{TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY, Zone};

fn unknown(name: &str) -> SqlError {
    SqlError::new(SqlState::INVALID_PARAMETER_VALUE, format!("time zone \"{name}\" not recognized"))
}

/// Whether the microseconds stand for an infinity.
pub(crate) fn is_infinite(micros: i64) -> bool {
    micros == TIMESTAMP_INFINITY || micros == TIMESTAMP_NEGATIVE_INFINITY
}

impl Zone {
    /// As [`Zone::parse`]; 22023 if there is no such zone.
    pub(crate) fn require(name: &str) -> Result<Zone, SqlError> {
        Zone::parse(name).ok_or_else(|| unknown(name))
    }

    /// The zone that AT TIME ZONE names: there a displacement counts to the west, as in POSIX.
    pub(crate) fn of_expression(name: &str) -> Result<Zone, SqlError> {
        let displacement = name.trim();
        if displacement.starts_with(|first: char| first.is_ascii_digit() || first == '+' || first == '-') {
            return Zone::west(displacement).ok_or_else(|| unknown(name));
        }
        Zone::require(name)
    }

    /// The zone that `make_timestamptz` is told: there a displacement has a sign and counts to the east.
    pub(crate) fn of_parts(name: &str) -> Result<Zone, SqlError> {
        match name.trim() {
            displacement if displacement.starts_with(['+', '-']) => {
                Zone::east(displacement).ok_or_else(|| unknown(name))
            }
            unsigned if unsigned.starts_with(|first: char| first.is_ascii_digit()) => {
                let message = format!("invalid input syntax for type numeric time zone: \"{name}\"");
                let hint = "Numeric time zones must have \"-\" or \"+\" as first character.";
                Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message).hint(hint))
            }
            _ => Zone::require(name),
        }
    }

    /// Wall clock microseconds of an instant. Infinities stay.
    pub(crate) fn to_local(self, utc_micros: i64) -> i64 {
        if is_infinite(utc_micros) {
            return utc_micros;
        }
        utc_micros.saturating_add(i64::from(self.offset_seconds_at(utc_micros)) * 1_000_000)
    }

    /// The instant of a wall clock time, as [`Zone::local_to_utc`] finds it. Infinities stay.
    pub(crate) fn to_utc(self, local_micros: i64) -> i64 {
        if is_infinite(local_micros) {
            return local_micros;
        }
        self.local_to_utc(local_micros).unwrap_or(TIMESTAMP_NEGATIVE_INFINITY)
    }

    /// The zone's abbreviation at an instant, `EST`, or its offset where it has none.
    pub(crate) fn abbreviation_at(self, utc_micros: i64) -> String {
        let instant = DateTime::from_timestamp_micros(utc_micros).unwrap_or_default();
        match self {
            Zone::Utc => "UTC".to_owned(),
            Zone::Named(zone) => instant.with_timezone(&zone).format("%Z").to_string(),
            Zone::Fixed(seconds) => {
                FixedOffset::east_opt(seconds).map_or_else(String::new, |offset| offset.to_string())
            }
        }
    }
}

/// `+05:30`, minutes and seconds only where they are not zero.
pub(crate) fn offset_text(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let magnitude = seconds.abs();
    let mut text = format!("{sign}{:02}", magnitude / 3600);
    if magnitude % 3600 != 0 {
        text.push_str(&format!(":{:02}", magnitude / 60 % 60));
    }
    if magnitude % 60 != 0 {
        text.push_str(&format!(":{:02}", magnitude % 60));
    }
    text
}
