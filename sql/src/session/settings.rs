//! A session's settings: PostgreSQL's names and values for `SET`, `SHOW`, `RESET` and `pg_settings`.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use peristyle_catalog::model::TimestampMicros;

use crate::error::{SqlError, SqlState};
use crate::functions::SettingsReader;
use crate::values::{ByteaOutput, DateOrder, InputStyle, IntervalStyle, OutputStyle, Zone};

/// What kind of value a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SettingKind {
    Bool,
    /// Least and greatest value.
    Integer(i64, i64),
    /// A time in milliseconds; units `us`, `ms`, `s`, `min`, `h`, `d` are understood.
    Milliseconds,
    Text,
    /// One of these words.
    Enum(&'static [&'static str]),
    TimeZone,
    DateStyle,
    Encoding,
    /// A list of names.
    SearchPath,
}

/// One setting that exists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SettingDefinition {
    /// As `SHOW ALL` spells it.
    pub(crate) name: &'static str,
    pub(crate) kind: SettingKind,
    pub(crate) default: &'static str,
    pub(crate) description: &'static str,
    /// Whether the wire reports its changes (ParameterStatus).
    pub(crate) reported: bool,
    /// Whether `SET` is refused.
    pub(crate) fixed: bool,
}

const fn setting(
    name: &'static str,
    kind: SettingKind,
    default: &'static str,
    description: &'static str,
) -> SettingDefinition {
    SettingDefinition { name, kind, default, description, reported: false, fixed: false }
}

const fn reported(definition: SettingDefinition) -> SettingDefinition {
    SettingDefinition { reported: true, ..definition }
}

const fn fixed(definition: SettingDefinition) -> SettingDefinition {
    SettingDefinition { fixed: true, ..definition }
}

/// Version that clients see; they branch on its number.
pub(crate) const SERVER_VERSION: &str = concat!("15.0 (Peristyle ", env!("CARGO_PKG_VERSION"), ")");
pub(crate) const SERVER_VERSION_NUM: &str = "150000";

const ISOLATION_LEVELS: &[&str] = &["read uncommitted", "read committed", "repeatable read", "serializable"];
const MESSAGE_LEVELS: &[&str] = &[
    "debug5", "debug4", "debug3", "debug2", "debug1", "debug", "log", "notice", "warning", "error", "info", "fatal",
    "panic",
];

/// All settings, in the order of their names.
pub(crate) const DEFINITIONS: &[SettingDefinition] = &[
    reported(setting(
        "application_name",
        SettingKind::Text,
        "",
        "Sets the application name to be reported in statistics.",
    )),
    setting("bytea_output", SettingKind::Enum(&["escape", "hex"]), "hex", "Sets the output format for bytea."),
    setting("check_function_bodies", SettingKind::Bool, "on", "Accepted for tools; functions cannot be created."),
    reported(setting("client_encoding", SettingKind::Encoding, "UTF8", "Sets the client's character set encoding.")),
    setting(
        "client_min_messages",
        SettingKind::Enum(MESSAGE_LEVELS),
        "notice",
        "Sets the message levels that are sent to the client.",
    ),
    reported(setting(
        "DateStyle",
        SettingKind::DateStyle,
        "ISO, MDY",
        "Sets the display format for date and time values.",
    )),
    setting(
        "default_table_access_method",
        SettingKind::Enum(&["heap"]),
        "heap",
        "Accepted for tools; there is one storage.",
    ),
    setting("default_tablespace", SettingKind::Text, "", "Accepted for tools; there is one store."),
    setting(
        "default_transaction_isolation",
        SettingKind::Enum(ISOLATION_LEVELS),
        "read committed",
        "Sets the transaction isolation level of each new transaction.",
    ),
    reported(setting(
        "default_transaction_read_only",
        SettingKind::Bool,
        "off",
        "Sets the default read-only status of new transactions.",
    )),
    setting(
        "extra_float_digits",
        SettingKind::Integer(-15, 3),
        "1",
        "Sets the number of digits displayed for floating-point values.",
    ),
    setting(
        "idle_in_transaction_session_timeout",
        SettingKind::Milliseconds,
        "0",
        "Sets the maximum allowed idle time between queries, when in a transaction.",
    ),
    setting(
        "idle_session_timeout",
        SettingKind::Milliseconds,
        "0",
        "Sets the maximum allowed idle time between queries.",
    ),
    fixed(reported(setting(
        "in_hot_standby",
        SettingKind::Bool,
        "off",
        "Shows whether hot standby is currently active.",
    ))),
    fixed(reported(setting(
        "integer_datetimes",
        SettingKind::Bool,
        "on",
        "Shows whether datetimes are integer based.",
    ))),
    reported(setting(
        "IntervalStyle",
        SettingKind::Enum(&["postgres", "iso_8601"]),
        "postgres",
        "Sets the display format for interval values.",
    )),
    setting("jit", SettingKind::Bool, "off", "Accepted for tools; there is no just-in-time compiler."),
    fixed(setting("lc_collate", SettingKind::Text, "C", "Shows the collation order locale.")),
    fixed(setting("lc_ctype", SettingKind::Text, "C", "Shows the character classification locale.")),
    setting("lc_messages", SettingKind::Text, "C", "Sets the language in which messages are displayed."),
    setting("lc_monetary", SettingKind::Text, "C", "Sets the locale for formatting monetary amounts."),
    setting("lc_numeric", SettingKind::Text, "C", "Sets the locale for formatting numbers."),
    setting("lc_time", SettingKind::Text, "C", "Sets the locale for formatting date and time values."),
    setting(
        "lock_timeout",
        SettingKind::Milliseconds,
        "0",
        "Sets the maximum allowed duration of any wait for a lock.",
    ),
    fixed(setting(
        "max_identifier_length",
        SettingKind::Integer(63, 63),
        "63",
        "Shows the maximum identifier length, in bytes.",
    )),
    fixed(setting("max_index_keys", SettingKind::Integer(32, 32), "32", "Shows the maximum number of index keys.")),
    setting("row_security", SettingKind::Bool, "on", "Accepted for tools; there are no policies."),
    setting(
        "search_path",
        SettingKind::SearchPath,
        "\"$user\", public",
        "Sets the schema search order for names that are not schema-qualified.",
    ),
    fixed(reported(setting(
        "server_encoding",
        SettingKind::Text,
        "UTF8",
        "Shows the server (database) character set encoding.",
    ))),
    fixed(reported(setting("server_version", SettingKind::Text, SERVER_VERSION, "Shows the server version."))),
    fixed(setting(
        "server_version_num",
        SettingKind::Text,
        SERVER_VERSION_NUM,
        "Shows the server version as an integer.",
    )),
    reported(setting(
        "standard_conforming_strings",
        SettingKind::Enum(&["on"]),
        "on",
        "Causes '...' strings to treat backslashes literally.",
    )),
    setting("statement_timeout", SettingKind::Milliseconds, "0", "Sets the maximum allowed duration of any statement."),
    setting("synchronize_seqscans", SettingKind::Bool, "on", "Accepted for tools; it has no meaning here."),
    reported(setting(
        "TimeZone",
        SettingKind::TimeZone,
        "UTC",
        "Sets the time zone for displaying and interpreting time stamps.",
    )),
    setting(
        "transaction_isolation",
        SettingKind::Enum(ISOLATION_LEVELS),
        "read committed",
        "Sets the current transaction's isolation level.",
    ),
    setting("transaction_read_only", SettingKind::Bool, "off", "Sets the current transaction's read-only status."),
    setting("xmlbinary", SettingKind::Enum(&["base64", "hex"]), "base64", "Accepted for tools; there is no type xml."),
    setting(
        "xmloption",
        SettingKind::Enum(&["content", "document"]),
        "content",
        "Accepted for tools; there is no type xml.",
    ),
];

/// Names that other spellings stand for.
const ALIASES: &[(&str, &str)] = &[("names", "client_encoding"), ("schema", "search_path"), ("time zone", "TimeZone")];

/// The values of one session.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, String>,
    /// What `RESET` goes back to: the start-up packet's values over the defaults.
    reset_values: BTreeMap<&'static str, String>,
}

impl Default for Settings {
    fn default() -> Self {
        let values: BTreeMap<_, _> = DEFINITIONS.iter().map(|d| (d.name, d.default.to_owned())).collect();
        Settings { reset_values: values.clone(), values }
    }
}

/// The definition of a setting by any spelling of its name; 42704 if there is none.
pub(crate) fn definition(name: &str) -> Result<&'static SettingDefinition, SqlError> {
    let lower = name.to_lowercase();
    let name_or_alias = ALIASES.iter().find(|(alias, _)| *alias == lower).map_or(lower.as_str(), |(_, name)| name);
    DEFINITIONS.iter().find(|d| d.name.eq_ignore_ascii_case(name_or_alias)).ok_or_else(|| {
        SqlError::new(SqlState::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\""))
    })
}

impl Settings {
    /// The value as `SHOW` prints it.
    pub(crate) fn get(&self, name: &str) -> Result<&str, SqlError> {
        let definition = definition(name)?;
        Ok(self.values.get(definition.name).map_or(definition.default, String::as_str))
    }

    /// Sets a value after checking it; several parts are the elements of a list.
    pub(crate) fn set(&mut self, name: &str, parts: &[String]) -> Result<(), SqlError> {
        let definition = definition(name)?;
        if definition.fixed {
            let message = format!("parameter \"{}\" cannot be changed", definition.name);
            return Err(SqlError::new(SqlState::CANT_CHANGE_RUNTIME_PARAM, message));
        }
        let value = canonical(definition, parts, self)?;
        self.values.insert(definition.name, value);
        Ok(())
    }

    /// Sets a value that the start-up packet asked for; `RESET` comes back to it.
    pub(crate) fn set_at_startup(&mut self, name: &str, value: &str) -> Result<(), SqlError> {
        let definition = definition(name)?;
        let parts = match definition.kind {
            SettingKind::SearchPath => split_names(value)?,
            _ => vec![value.to_owned()],
        };
        self.set(name, &parts)?;
        self.reset_values.insert(definition.name, self.values[definition.name].clone());
        Ok(())
    }

    /// Back to the session's start.
    pub(crate) fn reset(&mut self, name: &str) -> Result<(), SqlError> {
        let definition = definition(name)?;
        self.values.insert(definition.name, self.reset_values[definition.name].clone());
        Ok(())
    }

    /// All settings back to the session's start.
    pub(crate) fn reset_all(&mut self) {
        self.values = self.reset_values.clone();
    }

    /// What RESET gives.
    pub(crate) fn reset_value(&self, definition: &SettingDefinition) -> &str {
        self.reset_values.get(definition.name).map_or(definition.default, String::as_str)
    }

    /// The schemas to search, in order, `"$user"` replaced.
    pub(crate) fn search_path(&self, user: &str) -> Vec<String> {
        let names = split_names(&self.values["search_path"]).unwrap_or_default();
        names.into_iter().map(|name| if name == "$user" { user.to_owned() } else { name }).collect()
    }

    pub(crate) fn time_zone(&self) -> Tz {
        parse_time_zone(&self.values["TimeZone"]).unwrap_or(Tz::UTC)
    }

    pub(crate) fn time_zone_name(&self) -> &str {
        &self.values["TimeZone"]
    }

    /// How this session's values are written.
    pub(crate) fn output_style(&self) -> OutputStyle {
        OutputStyle {
            zone: self.zone(),
            extra_float_digits: self.values["extra_float_digits"].parse().unwrap_or(1),
            bytea_output: if self.values["bytea_output"] == "escape" { ByteaOutput::Escape } else { ByteaOutput::Hex },
            interval_style: match self.values["IntervalStyle"].as_str() {
                "iso_8601" => IntervalStyle::Iso8601,
                _ => IntervalStyle::Postgres,
            },
        }
    }

    /// How this session's values are read in a transaction that began at `now`.
    pub(crate) fn input_style(&self, now: TimestampMicros) -> InputStyle {
        let date_order = match self.values["DateStyle"].rsplit_once(", ") {
            Some((_, "DMY")) => DateOrder::Dmy,
            Some((_, "YMD")) => DateOrder::Ymd,
            _ => DateOrder::Mdy,
        };
        InputStyle { zone: self.zone(), date_order, now_micros: now.0 }
    }

    fn zone(&self) -> Zone {
        Zone::by_name(self.time_zone_name()).unwrap_or(Zone::Utc)
    }

    /// A time limit in milliseconds, `None` for 0.
    pub(crate) fn milliseconds(&self, name: &'static str) -> Option<u64> {
        let text = self.values.get(name)?;
        parse_milliseconds(text).filter(|&ms| ms > 0)
    }

    /// Every setting that the wire reports, with its value.
    pub(crate) fn reported(&self) -> impl Iterator<Item = (&'static str, &str)> {
        DEFINITIONS.iter().filter(|d| d.reported).map(|d| (d.name, self.values[d.name].as_str()))
    }

    /// Every setting with its value, for `SHOW ALL` and `pg_settings`.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static SettingDefinition, &str)> {
        DEFINITIONS.iter().map(|d| (d, self.values[d.name].as_str()))
    }
}

impl SettingsReader for Settings {
    fn setting(&self, name: &str) -> Option<String> {
        self.get(name).ok().map(str::to_owned)
    }
}

/// Checks a value and brings it to the form that `SHOW` prints.
fn canonical(definition: &SettingDefinition, parts: &[String], settings: &Settings) -> Result<String, SqlError> {
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
        SettingKind::Text => Ok(joined),
        SettingKind::Enum(words) => {
            let word = joined.to_lowercase();
            let word = match (words, word.as_str()) {
                (["on"], "true" | "yes" | "1") => "on".to_owned(),
                _ => word,
            };
            if words == ISOLATION_LEVELS && word == "serializable" {
                return Err(SqlError::unsupported("isolation level SERIALIZABLE is not supported"));
            }
            if words.contains(&word.as_str()) {
                return Ok(word);
            }
            Err(invalid().hint(format!("Available values: {}.", words.join(", "))))
        }
        SettingKind::TimeZone => canonical_time_zone(&joined).ok_or_else(invalid),
        SettingKind::DateStyle => canonical_date_style(parts, &settings.values["DateStyle"]).ok_or_else(invalid),
        // As in PostgreSQL, only letters and digits of an encoding's name count: clients send `'utf-8'`.
        SettingKind::Encoding => match joined.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "").as_str()
        {
            "UTF8" | "UNICODE" => Ok("UTF8".to_owned()),
            "SQLASCII" | "LATIN1" | "ISO88591" | "WIN1252" => {
                Err(SqlError::unsupported(format!("client encoding \"{joined}\" is not supported")))
            }
            _ => Err(invalid()),
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

fn parse_milliseconds(text: &str) -> Option<u64> {
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

fn canonical_time_zone(text: &str) -> Option<String> {
    let text = text.trim();
    match text.to_lowercase().as_str() {
        "local" | "default" | "z" | "zulu" | "utc" => Some("UTC".to_owned()),
        _ => parse_time_zone(text).map(|zone| zone.name().to_owned()),
    }
}

/// A zone by its IANA name (any case), or a whole number of hours east as `Etc/GMT` writes it with the sign turned.
fn parse_time_zone(text: &str) -> Option<Tz> {
    if let Ok(zone) = Tz::from_str_insensitive(text) {
        return Some(zone);
    }
    let hours: i32 = text.trim_start_matches('+').parse().ok()?;
    let name = if hours == 0 { "UTC".to_owned() } else { format!("Etc/GMT{:+}", -hours) };
    Tz::from_str_insensitive(&name).ok()
}

fn canonical_date_style(parts: &[String], current: &str) -> Option<String> {
    let mut order = current.rsplit_once(", ").map_or("MDY", |(_, order)| order).to_owned();
    for word in parts.iter().flat_map(|part| part.split(',')) {
        match word.trim().to_uppercase().as_str() {
            "ISO" | "" => {}
            "MDY" | "US" | "NONEURO" | "NONEUROPEAN" => order = "MDY".to_owned(),
            "DMY" | "EURO" | "EUROPEAN" => order = "DMY".to_owned(),
            "YMD" => order = "YMD".to_owned(),
            "DEFAULT" => order = "MDY".to_owned(),
            _ => return None,
        }
    }
    Some(format!("ISO, {order}"))
}

/// A list of names as `search_path` holds it, unquoted and folded.
pub(crate) fn split_names(text: &str) -> Result<Vec<String>, SqlError> {
    let mut names = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = next_name(rest)?;
        names.push(name);
        rest = after.trim_start().strip_prefix(',').unwrap_or(after).trim_start();
    }
    Ok(names)
}

fn next_name(text: &str) -> Result<(String, &str), SqlError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        return Ok((text[..end].trim().to_lowercase(), &text[end..]));
    };
    let end = quoted
        .find('"')
        .ok_or_else(|| SqlError::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid list syntax: \"{text}\"")))?;
    Ok((quoted[..end].to_owned(), &quoted[end + 1..]))
}

fn quote_name(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && !name.is_empty() { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(settings: &mut Settings, name: &str, value: &str) -> Result<(), SqlError> {
        settings.set(name, &[value.to_owned()])
    }

    #[test]
    fn values_are_checked_and_shown_as_postgresql_shows_them() {
        let mut settings = Settings::default();
        set(&mut settings, "statement_timeout", "90000").expect("a number of milliseconds");
        assert_eq!(settings.get("statement_timeout").expect("exists"), "90s");
        set(&mut settings, "timezone", "america/new_york").expect("a zone");
        assert_eq!(settings.get("TimeZone").expect("exists"), "America/New_York");
        set(&mut settings, "datestyle", "ISO, DMY").expect("a style");
        assert_eq!(settings.get("datestyle").expect("exists"), "ISO, DMY");
        let error = set(&mut settings, "extra_float_digits", "9").expect_err("out of range");
        assert_eq!(error.code, SqlState::INVALID_PARAMETER_VALUE);
        assert_eq!(set(&mut settings, "server_version", "9").expect_err("fixed").code.code(), "55P02");
        assert_eq!(settings.get("nonsense").expect_err("unknown").code, SqlState::UNDEFINED_OBJECT);
    }

    #[test]
    fn reset_goes_back_to_the_start_up_packet() {
        let mut settings = Settings::default();
        settings.set_at_startup("search_path", "a, \"B c\"").expect("names");
        set(&mut settings, "search_path", "x").expect("a name");
        assert_eq!(settings.search_path("u"), ["x"]);
        settings.reset("search_path").expect("exists");
        assert_eq!(settings.search_path("u"), ["a", "B c"]);
        assert_eq!(Settings::default().search_path("u"), ["u", "public"]);
    }

    #[test]
    fn definitions_are_sorted_and_valid() {
        let lower: Vec<_> = DEFINITIONS.iter().map(|d| d.name.to_lowercase()).collect();
        assert!(lower.is_sorted(), "SHOW ALL lists settings by name");
        let settings = Settings::default();
        for d in DEFINITIONS.iter().filter(|d| d.kind != SettingKind::SearchPath) {
            assert_eq!(
                canonical(d, &[d.default.to_owned()], &settings).expect("valid default"),
                d.default,
                "{}",
                d.name
            );
        }
    }
}
