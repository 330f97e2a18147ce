//! One setting, and the forms that most settings have.

use crate::config::Config;
use crate::config::value::is_bytes;

/// One setting.
pub(in crate::config) struct Key {
    /// As in a file; upper-case after `PERISTYLE_` in the environment; with `-` for `_` as an argument.
    pub(in crate::config) name: &'static str,
    /// What stands for the value in help, unless it is a number.
    pub(in crate::config) value: Option<&'static str>,
    pub(in crate::config) help: &'static str,
    /// The value that a configuration has, for the list of defaults.
    pub(in crate::config) show: fn(&Config) -> String,
    /// Sets it, or says why not.
    pub(in crate::config) set: fn(&mut Config, &str) -> Result<(), String>,
}

impl Key {
    /// The name as an argument, without the dashes in front.
    pub(in crate::config) fn argument(&self) -> String {
        self.name.replace('_', "-")
    }

    /// What stands for the value in help.
    pub(in crate::config) fn value_name(&self) -> &'static str {
        self.value.unwrap_or(if is_bytes(self.name) { "BYTES" } else { "N" })
    }
}

/// A setting that is a number of at least `$min`.
macro_rules! number {
    ($name:literal, $($field:ident).+, $min:literal, $help:literal) => {
        Key {
            name: $name,
            value: None,
            help: $help,
            show: |config| shown($name, config.$($field).+),
            set: |config, text| {
                config.$($field).+ = number($name, text, $min)?;
                Ok(())
            },
        }
    };
}

/// A setting that is read by a function of its own.
macro_rules! other {
    ($name:literal, $value:literal, $field:ident, $read:expr, $show:expr, $help:literal) => {
        Key {
            name: $name,
            value: Some($value),
            help: $help,
            show: $show,
            set: |config, text| {
                config.$field = $read(text)?;
                Ok(())
            },
        }
    };
}

pub(super) use {number, other};
