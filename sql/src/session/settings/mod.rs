//! A session's settings: PostgreSQL's names and values for `SET`, `SHOW`, `RESET` and `pg_settings`.

mod canonical;
mod definitions;
mod layers;
mod meaning;
mod name_list;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use peristyle_catalog::model::TimestampMicros;

pub(crate) use definitions::{DEFINITIONS, SettingDefinition, SettingKind, definition};
pub(crate) use layers::{Layers, Mark, SharedSettings};

use self::canonical::canonical;
use self::definitions::MESSAGE_LEVELS;
use self::meaning::{Meaning, Timeouts};
use self::name_list::split_names;
use crate::charset::Charset;
use crate::error::{SqlError, SqlState};
use crate::functions::SettingsReader;
use crate::transaction::{Durability, Modes};
use crate::values::{InputStyle, OutputStyle, Zone};

/// The values of one session.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, String>,
    /// What `RESET` goes back to: the start-up packet's values over the defaults.
    reset_values: BTreeMap<&'static str, String>,
    /// Settings of the user's own, `prefix.name`, by name in lower case.
    custom: BTreeMap<String, Custom>,
    /// What the values mean, once somebody asked since the last change.
    meaning: OnceLock<Meaning>,
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
        Settings { reset_values: values.clone(), values, custom: BTreeMap::new(), meaning: OnceLock::new() }
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
        self.write(definition.name, value);
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
        self.write("session_authorization", user.to_owned());
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
        self.write(definition.name, self.reset_values[definition.name].clone());
        Ok(())
    }

    /// All settings back to the session's start.
    pub(crate) fn reset_all(&mut self) {
        let reset = DEFINITIONS.iter().filter(|definition| definition.kind != SettingKind::Role);
        self.values.extend(reset.map(|definition| (definition.name, self.reset_values[definition.name].clone())));
        self.meaning.take();
        self.custom.values_mut().for_each(|custom| custom.value = custom.reset_value.clone());
    }

    /// Every change of a value comes through here or forgets the meaning itself.
    fn write(&mut self, name: &'static str, value: String) {
        self.values.insert(name, value);
        self.meaning.take();
    }

    fn meaning(&self) -> &Meaning {
        self.meaning.get_or_init(|| Meaning::of(self))
    }

    /// How transactions run that do not say so: `default_transaction_isolation`, `default_transaction_read_only`.
    pub(crate) fn default_modes(&self) -> Modes {
        self.meaning().default_modes
    }

    /// `synchronous_commit`
    pub(crate) fn durability(&self) -> Durability {
        self.meaning().durability
    }

    /// The limits on how long statements and waits take.
    pub(crate) fn timeouts(&self) -> Timeouts {
        self.meaning().timeouts
    }

    /// Between transactions `transaction_isolation` and its like are those that the next one begins with.
    pub(crate) fn show_default_modes(&mut self) {
        for (shown, default) in [
            ("transaction_isolation", "default_transaction_isolation"),
            ("transaction_read_only", "default_transaction_read_only"),
            ("transaction_deferrable", "default_transaction_deferrable"),
        ] {
            self.write(shown, self.values[default].clone());
        }
    }

    /// What RESET gives.
    pub(crate) fn reset_value(&self, definition: &SettingDefinition) -> &str {
        self.reset_values.get(definition.name).map_or(definition.default, String::as_str)
    }

    /// The schemas to search, in order, `"$user"` replaced.
    pub(crate) fn search_path<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a str> {
        self.meaning().search_path(user)
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
        self.meaning().output
    }

    /// How this session's values are written for the client.
    pub(crate) fn client_style(&self) -> OutputStyle {
        OutputStyle { charset: self.client_charset(), ..self.output_style() }
    }

    /// `client_encoding`
    pub(crate) fn client_charset(&self) -> Charset {
        self.meaning().client_charset
    }

    /// How this session's values are read in a transaction that began at `now`.
    pub(crate) fn input_style(&self, now: TimestampMicros) -> InputStyle {
        let meaning = self.meaning();
        InputStyle {
            zone: meaning.output.zone,
            date_order: meaning.output.date_order,
            now_micros: now.0,
            enums: None,
            charset: meaning.client_charset,
        }
    }

    fn zone(&self) -> Zone {
        self.meaning().output.zone
    }

    /// Whether the client wants a message of that severity.
    pub(crate) fn shows_notice(&self, severity: &str) -> bool {
        let rank = |level: &str| MESSAGE_LEVELS.iter().position(|known| known.eq_ignore_ascii_case(level));
        severity == "INFO" || rank(severity) >= rank(&self.values["client_min_messages"])
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
