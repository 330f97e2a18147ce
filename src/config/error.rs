//! Why a configuration is refused: always with the key and where it was set.

use std::path::PathBuf;

/// A configuration that the server does not start with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The configuration file could not be read.
    #[error("configuration file {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// The configuration file is not TOML.
    #[error("configuration file {}: {source}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its place.
        source: Box<toml::de::Error>,
    },
    /// No setting has that name.
    #[error("{origin}: there is no setting \"{key}\"")]
    UnknownKey {
        /// Where it was set.
        origin: String,
        /// The name.
        key: String,
    },
    /// The value does not do.
    #[error("{origin}: {key} = \"{value}\": {why}")]
    BadValue {
        /// Where it was set.
        origin: String,
        /// The setting.
        key: String,
        /// The value as it was given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

impl ConfigError {
    /// A value that does not go with the rest of the configuration.
    pub(super) fn whole(key: &str, value: &str, why: &str) -> ConfigError {
        ConfigError::BadValue {
            origin: "configuration".to_owned(),
            key: key.to_owned(),
            value: value.to_owned(),
            why: why.to_owned(),
        }
    }
}
