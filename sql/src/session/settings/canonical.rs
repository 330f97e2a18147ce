//! Values of settings: checked, and brought to the form in which they are shown.

use chrono_tz::Tz;

use super::Settings;
use super::definitions::{SettingDefinition, SettingKind};
use super::name_list::quote_name;
use crate::charset::Charset;
use crate::error::{SqlError, SqlState};
use crate::values::Zone;

/// Checks a value and brings it to the form that `SHOW` prints.
pub(super) fn canonical(
    definition: &SettingDefinition,
    parts: &[String],
    settings: &Settings,
) -> Result<String, SqlError> {
    let joined = parts.join(", ");
    let invalid = || {
        let message = format!("invalid value for parameter \"{}\": \"{joined}\"", definition.name);
        SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message)
    };
    match definition.kind {
        SettingKind::Bool => parse_bool(&joined).map(|on| if on { "on" } else { "off" }.to_owned()).ok_or_else(|| {
            let message = format!("parameter \"{}\" requires a Boolean value", definition.name);
            SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message)
        }),
        SettingKind::Integer(least, greatest) => {
            let value: i64 = joined.trim().parse().map_err(|_| invalid())?;
            if (least..=greatest).contains(&value) {
                return Ok(value.to_string());
            }
            let range = format!(
                "{value} is outside the valid range for parameter \"{}\" ({least} .. {greatest})",
                definition.name
            );
            Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, range))
        }
        SettingKind::Milliseconds => parse_milliseconds(&joined).map(render_milliseconds).ok_or_else(invalid),
        SettingKind::Kilobytes(least) => match parse_kilobytes(&joined) {
            Some(value) if value < least => Err(invalid().hint(format!("The least is {least}kB."))),
            value => value.map(render_kilobytes).ok_or_else(|| {
                invalid().hint("Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".")
            }),
        },
        SettingKind::Role => {
            let user = &settings.reset_values["session_authorization"];
            let none = definition.name == "role" && joined == "none";
            if none || joined == *user {
                return Ok(joined);
            }
            // There is one role; a name that is not its own is unknown.
            Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, format!("role \"{joined}\" does not exist")))
        }
        SettingKind::Text => Ok(joined),
        SettingKind::Enum(words) => {
            let word = joined.to_lowercase();
            let word = match (words, word.as_str()) {
                (words, "true" | "yes" | "1") if words.contains(&"on") => "on".to_owned(),
                (words, "false" | "no" | "0") if words.contains(&"off") => "off".to_owned(),
                _ => word,
            };
            if words.contains(&word.as_str()) {
                return Ok(word);
            }
            Err(invalid().hint(format!("Available values: {}.", words.join(", "))))
        }
        SettingKind::TimeZone => canonical_time_zone(&joined).ok_or_else(invalid),
        SettingKind::DateStyle => canonical_date_style(parts, &settings.values["DateStyle"]).ok_or_else(invalid),
        SettingKind::Encoding => match Charset::by_name(&joined) {
            Some(charset) if charset.is_supported() => Ok(charset.name().to_owned()),
            Some(charset) => {
                let detail = format!("Conversion between {} and UTF8 is not supported.", charset.name());
                Err(SqlError::unsupported(invalid().message.clone()).detail(detail))
            }
            None => Err(invalid()),
        },
        SettingKind::SearchPath => Ok(parts.iter().map(|name| quote_name(name)).collect::<Vec<_>>().join(", ")),
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "on" | "true" | "t" | "yes" | "y" | "1" => Some(true),
        "off" | "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

pub(super) fn parse_milliseconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let factor = match text[digits..].trim() {
        "" | "ms" => 1.0,
        "us" => 0.001,
        "s" => 1000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let milliseconds = (number * factor).round();
    (milliseconds <= f64::from(i32::MAX)).then_some(milliseconds as u64)
}

/// In the largest unit that divides it, as PostgreSQL shows times.
fn render_milliseconds(milliseconds: u64) -> String {
    const UNITS: &[(u64, &str)] = &[(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
    if milliseconds == 0 {
        return "0".to_owned();
    }
    match UNITS.iter().find(|(size, _)| milliseconds.is_multiple_of(*size)) {
        Some((size, unit)) => format!("{}{unit}", milliseconds / size),
        None => format!("{milliseconds}ms"),
    }
}

/// Memory in kB, a number without a unit too.
fn parse_kilobytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let factor = match text[digits..].trim() {
        "B" => 1.0 / 1024.0,
        "" | "kB" => 1.0,
        "MB" => 1024.0,
        "GB" => 1_048_576.0,
        "TB" => 1_073_741_824.0,
        _ => return None,
    };
    let kilobytes = (number * factor).round();
    (kilobytes <= f64::from(i32::MAX)).then_some(kilobytes as u64)
}

/// In the largest unit that divides it.
fn render_kilobytes(kilobytes: u64) -> String {
    const UNITS: &[(u64, &str)] = &[(1_073_741_824, "TB"), (1_048_576, "GB"), (1024, "MB")];
    if kilobytes == 0 {
        return "0".to_owned();
    }
    match UNITS.iter().find(|(size, _)| kilobytes.is_multiple_of(*size)) {
        Some((size, unit)) => format!("{}{unit}", kilobytes / size),
        None => format!("{kilobytes}kB"),
    }
}

fn canonical_time_zone(text: &str) -> Option<String> {
    let text = text.trim();
    match text.to_lowercase().as_str() {
        "local" | "default" | "z" | "zulu" | "utc" => Some("UTC".to_owned()),
        _ => match Tz::from_str_insensitive(text) {
            Ok(zone) => Some(zone.name().to_owned()),
            Err(_) => Zone::parse(text).map(|zone| zone.to_string()),
        },
    }
}

/// A form, an order, or both, in any sequence; what is not said stays, but German dates begin with the day.
fn canonical_date_style(parts: &[String], current: &str) -> Option<String> {
    let (current_form, current_order) = current.split_once(", ").unwrap_or(("ISO", "MDY"));
    let (mut form, mut order) = (None, None);
    for word in parts.iter().flat_map(|part| part.split(',')) {
        let (slot, value) = match word.trim().to_uppercase().as_str() {
            "" => continue,
            "ISO" => (&mut form, "ISO"),
            "SQL" => (&mut form, "SQL"),
            "GERMAN" => (&mut form, "German"),
            "POSTGRES" | "POSTGRESQL" => (&mut form, "Postgres"),
            "MDY" | "US" | "NONEURO" | "NONEUROPEAN" => (&mut order, "MDY"),
            "DMY" | "EURO" | "EUROPEAN" => (&mut order, "DMY"),
            "YMD" => (&mut order, "YMD"),
            "DEFAULT" => {
                form.get_or_insert("ISO");
                order.get_or_insert("MDY");
                continue;
            }
            _ => return None,
        };
        if slot.replace(value).is_some_and(|before| before != value) {
            return None;
        }
    }
    let implied = if form == Some("German") { "DMY" } else { current_order };
    Some(format!("{}, {}", form.unwrap_or(current_form), order.unwrap_or(implied)))
}
