//! The trace: what the server tells its operator, on stderr.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{Config, ConfigError, LogFormat};

/// Quiet unless something is wrong.
const DEFAULT_LEVEL: &str = "warn";

/// Starts the trace, by `log_level`, else `RUST_LOG`, else warnings only.
pub fn start(config: &Config) -> Result<(), ConfigError> {
    // A trace that nobody reads any more must not stop who writes it: by default its errors are printed, which panics.
    let subscriber = fmt().with_env_filter(filter(config)?).with_writer(stderr).log_internal_errors(false);
    match config.log_format {
        LogFormat::Text => subscriber.with_ansi(stderr().is_terminal()).init(),
        LogFormat::Json => subscriber.json().init(),
    }
    Ok(())
}

fn filter(config: &Config) -> Result<EnvFilter, ConfigError> {
    let from_environment = std::env::var(EnvFilter::DEFAULT_ENV).ok();
    let level = config.log_level.clone().or(from_environment).unwrap_or_else(|| DEFAULT_LEVEL.to_owned());
    EnvFilter::try_new(&level).map_err(|error| ConfigError::BadValue {
        origin: "configuration".to_owned(),
        key: "log_level".to_owned(),
        value: level,
        why: error.to_string(),
    })
}
