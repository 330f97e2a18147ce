//! A session's settings: PostgreSQL's names and values for `SET`, `SHOW`, `RESET` and `pg_settings`.

mod canonical;
mod definitions;
mod layers;
mod name_list;

use std::collections::BTreeMap;

use peristyle_catalog::model::TimestampMicros;

pub(crate) use definitions::{DEFINITIONS, SettingDefinition, SettingKind, definition};
pub(crate) use layers::{Layers, Mark, SharedSettings};

use self::canonical::{canonical, parse_milliseconds};
use self::definitions::MESSAGE_LEVELS;
use self::name_list::split_names;
use crate::charset::Charset;
use crate::error::{SqlError, SqlState};
use crate::functions::SettingsReader;
use crate::values::{ByteaOutput, DateForm, DateOrder, InputStyle, IntervalStyle, OutputStyle, Zone};

/// The values of one session.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, String>,
    /// What `RESET` goes back to: the start-up packet's values over the defaults.
    reset_values: BTreeMap<&'static str, String>,
    /// Settings of the user's own, `prefix.name`, by name in lower case.
    custom: BTreeMap<String, Custom>,
}

/// A setting of the user's own.
#[derive(Clone, Debug)]
struct Custom {
    value: String,
    reset_value: String,
}

impl Default for Settings {
    fn default() -> Self {
        let values: BTreeMap<_, _> = DEFINITIONS.iter().map(|d| (d.name, d.default.to_owned())).collect();
        Settings { reset_values: values.clone(), values, custom: BTreeMap::new() }
    }
}

impl Settings {
    /// The value as `SHOW` prints it.
    pub(crate) fn get(&self, name: &str) -> Result<&str, SqlError> {
        // Every statement asks for some, by the names that they are defined by.
        if let Some(value) = self.values.get(name) {
            return Ok(value);
        }
        if let Some(custom) = self.custom.get(&name.to_lowercase()) {
            return Ok(&custom.value);
        }
        let definition = definition(name)?;
        Ok(self.values.get(definition.name).map_or(definition.default, String::as_str))
    }

    /// Sets a value after checking it; several parts are the elements of a list.
    pub(crate) fn set(&mut self, name: &str, parts: &[String]) -> Result<(), SqlError> {
        if name.contains('.') {
            return self.set_custom(name, parts.join(", "));
        }
        let definition = definition(name)?;
        if definition.fixed {
            let message = format!("parameter \"{}\" cannot be changed", definition.name);
            return Err(SqlError::new(SqlState::CANT_CHANGE_RUNTIME_PARAM, message));
        }
        let value = canonical(definition, parts, self)?;
        self.values.insert(definition.name, value);
        Ok(())
    }

    fn set_custom(&mut self, name: &str, value: String) -> Result<(), SqlError> {
        if !is_custom_name(name) {
            let message = format!("invalid configuration parameter name \"{name}\"");
            let detail = "Custom parameter names must be two or more simple identifiers separated by dots.";
            return Err(SqlError::new(SqlState::INVALID_NAME, message).detail(detail));
        }
        let custom = self.custom.entry(name.to_lowercase());
        custom.or_insert_with(|| Custom { value: String::new(), reset_value: String::new() }).value = value;
        Ok(())
    }

    /// Sets a value that is one text, a list's too.
    pub(crate) fn set_text(&mut self, name: &str, value: &str) -> Result<(), SqlError> {
        let is_list = definition(name).is_ok_and(|definition| definition.kind == SettingKind::SearchPath);
        let parts = if is_list { split_names(value)? } else { vec![value.to_owned()] };
        self.set(name, &parts)
    }

    /// Whose session it is.
    pub(crate) fn set_user(&mut self, user: &str) {
        self.values.insert("session_authorization", user.to_owned());
        self.reset_values.insert("session_authorization", user.to_owned());
    }

    /// Sets a value that the start-up packet asked for; `RESET` comes back to it.
    pub(crate) fn set_at_startup(&mut self, name: &str, value: &str) -> Result<(), SqlError> {
        self.set_text(name, value)?;
        if let Some(custom) = self.custom.get_mut(&name.to_lowercase()) {
            custom.reset_value = custom.value.clone();
            return Ok(());
        }
        let name = definition(name)?.name;
        self.reset_values.insert(name, self.values[name].clone());
        Ok(())
    }

    /// Back to the session's start.
    pub(crate) fn reset(&mut self, name: &str) -> Result<(), SqlError> {
        if let Some(custom) = self.custom.get_mut(&name.to_lowercase()) {
            custom.value = custom.reset_value.clone();
            return Ok(());
        }
        let definition = definition(name)?;
        self.values.insert(definition.name, self.reset_values[definition.name].clone());
        Ok(())
    }

    /// All settings back to the session's start.
    pub(crate) fn reset_all(&mut self) {
        let reset = DEFINITIONS.iter().filter(|definition| definition.kind != SettingKind::Role);
        self.values.extend(reset.map(|definition| (definition.name, self.reset_values[definition.name].clone())));
        self.custom.values_mut().for_each(|custom| custom.value = custom.reset_value.clone());
    }

    /// What `default_transaction_isolation` and `default_transaction_read_only` are.
    pub(crate) fn default_modes(&self) -> (String, String) {
        let value = |name: &str| self.values[name].clone();
        (value("default_transaction_isolation"), value("default_transaction_read_only"))
    }

    /// Between transactions `transaction_isolation` and `transaction_read_only` are those that the next one begins with.
    pub(crate) fn show_default_modes(&mut self) {
        for (shown, default) in [
            ("transaction_isolation", "default_transaction_isolation"),
            ("transaction_read_only", "default_transaction_read_only"),
        ] {
            self.values.insert(shown, self.values[default].clone());
        }
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

    /// The time zone as Arrow names it: by its name, or as a displacement `+hh:mm`.
    pub(crate) fn arrow_time_zone(&self) -> String {
        match self.zone() {
            Zone::Fixed(seconds) => {
                let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs() / 60);
                format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            zone => zone.to_string(),
        }
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
            date_form: match self.values["DateStyle"].split(',').next() {
                Some("SQL") => DateForm::Sql,
                Some("German") => DateForm::German,
                Some("Postgres") => DateForm::Postgres,
                _ => DateForm::Iso,
            },
            date_order: self.date_order(),
            charset: Charset::UTF8,
        }
    }

    /// How this session's values are written for the client.
    pub(crate) fn client_style(&self) -> OutputStyle {
        OutputStyle { charset: self.client_charset(), ..self.output_style() }
    }

    /// `client_encoding`
    pub(crate) fn client_charset(&self) -> Charset {
        match self.values["client_encoding"].as_str() {
            "UTF8" => Charset::UTF8,
            name => Charset::by_name(name).unwrap_or(Charset::UTF8),
        }
    }

    /// How this session's values are read in a transaction that began at `now`.
    pub(crate) fn input_style(&self, now: TimestampMicros) -> InputStyle {
        InputStyle {
            zone: self.zone(),
            date_order: self.date_order(),
            now_micros: now.0,
            enums: None,
            charset: self.client_charset(),
        }
    }

    fn date_order(&self) -> DateOrder {
        match self.values["DateStyle"].rsplit_once(", ") {
            Some((_, "DMY")) => DateOrder::Dmy,
            Some((_, "YMD")) => DateOrder::Ymd,
            _ => DateOrder::Mdy,
        }
    }

    fn zone(&self) -> Zone {
        Zone::parse(&self.values["TimeZone"]).unwrap_or(Zone::Utc)
    }

    /// Whether the client wants a message of that severity.
    pub(crate) fn shows_notice(&self, severity: &str) -> bool {
        let rank = |level: &str| MESSAGE_LEVELS.iter().position(|known| known.eq_ignore_ascii_case(level));
        severity == "INFO" || rank(severity) >= rank(&self.values["client_min_messages"])
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

/// Identifiers separated by dots.
fn is_custom_name(name: &str) -> bool {
    let is_identifier = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$')
    };
    name.contains('.') && name.split('.').all(is_identifier)
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
    fn settings_of_the_users_own_have_a_dot() {
        let mut settings = Settings::default();
        assert_eq!(settings.get("my.Colour").expect_err("not set").code, SqlState::UNDEFINED_OBJECT);
        set(&mut settings, "my.Colour", "blue").expect("any value");
        assert_eq!(settings.get("MY.colour").expect("set"), "blue");
        settings.reset("my.colour").expect("exists");
        assert_eq!(settings.get("my.colour").expect("set before"), "");
        assert_eq!(set(&mut settings, "my.1", "x").expect_err("no identifier").code, SqlState::INVALID_NAME);
    }

    #[test]
    fn memory_is_shown_in_the_largest_unit() {
        let mut settings = Settings::default();
        for (value, shown) in
            [("64", "64kB"), ("8192", "8MB"), ("1GB", "1GB"), ("1536MB", "1536MB"), ("0.5GB", "512MB")]
        {
            set(&mut settings, "work_mem", value).expect("a size");
            assert_eq!(settings.get("work_mem").expect("exists"), shown);
        }
        for wrong in ["1", "12 apples", "-1"] {
            assert_eq!(set(&mut settings, "work_mem", wrong).expect_err(wrong).code, SqlState::INVALID_PARAMETER_VALUE);
        }
    }

    #[test]
    fn a_role_is_the_users_own_or_none() {
        let mut settings = Settings::default();
        settings.set_user("ada");
        set(&mut settings, "role", "ada").expect("oneself");
        assert!(set(&mut settings, "role", "ben").is_err());
        settings.reset_all();
        assert_eq!(settings.get("role").expect("exists"), "ada", "RESET ALL leaves the role");
        settings.reset("role").expect("exists");
        assert_eq!(settings.get("role").expect("exists"), "none");
        assert_eq!(settings.get("session_authorization").expect("exists"), "ada");
    }

    #[test]
    fn notices_below_the_level_are_left_out() {
        let mut settings = Settings::default();
        let shown = |settings: &Settings| ["INFO", "NOTICE", "WARNING"].map(|severity| settings.shows_notice(severity));
        assert_eq!(shown(&settings), [true, true, true]);
        set(&mut settings, "client_min_messages", "warning").expect("a level");
        assert_eq!(shown(&settings), [true, false, true]);
        set(&mut settings, "client_min_messages", "error").expect("a level");
        assert_eq!(shown(&settings), [true, false, false]);
    }

    #[test]
    fn zones_are_named_or_displaced() {
        let mut settings = Settings::default();
        for (value, shown, arrow) in [
            ("-7", "<-07>+07", "-07:00"),
            ("+05:30", "<+05:30>-05:30", "+05:30"),
            ("europe/berlin", "Europe/Berlin", "Europe/Berlin"),
        ] {
            set(&mut settings, "TimeZone", value).expect("a zone");
            assert_eq!(
                (settings.get("TimeZone").expect("exists"), settings.arrow_time_zone().as_str()),
                (shown, arrow)
            );
        }
    }

    #[test]
    fn definitions_are_sorted_and_valid() {
        let lower: Vec<_> = DEFINITIONS.iter().map(|d| d.name.to_lowercase()).collect();
        assert!(lower.is_sorted(), "SHOW ALL lists settings by name");
        let settings = Settings::default();
        let roles_and_lists = [SettingKind::SearchPath, SettingKind::Role];
        for d in DEFINITIONS.iter().filter(|d| !roles_and_lists.contains(&d.kind)) {
            assert_eq!(
                canonical(d, &[d.default.to_owned()], &settings).expect("valid default"),
                d.default,
                "{}",
                d.name
            );
        }
    }
}
