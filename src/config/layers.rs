//! Puts the layers together: defaults, the file, the environment, the arguments; a later one wins.

use std::path::{Path, PathBuf};

use super::arguments::Parsed;
use super::keys::{self, key};
use super::{Config, ConfigError};

/// What a variable of the environment starts with, before the key in upper case. Others with that start are not
/// looked at: some platforms make `PERISTYLE_PORT` and the like on their own.
const ENVIRONMENT_PREFIX: &str = "PERISTYLE_";

/// Names the configuration file in the environment.
const CONFIG_VARIABLE: &str = "PERISTYLE_CONFIG";

/// The configuration of a command line and an environment.
pub fn load(parsed: &Parsed, environment: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let mut config = Config { takes_over_store: parsed.takes_over_store, ..Config::default() };
    let file = parsed.config_file.clone().or_else(|| environment(CONFIG_VARIABLE).map(PathBuf::from));
    if let Some(file) = file {
        apply_file(&mut config, &file)?;
    }
    for key in keys::all() {
        let variable = format!("{ENVIRONMENT_PREFIX}{}", key.name.to_ascii_uppercase());
        if let Some(value) = environment(&variable) {
            apply(&mut config, key.name, &value, &format!("environment ({variable})"))?;
        }
    }
    for (name, value) in &parsed.settings {
        apply(&mut config, name, value, "command line")?;
    }
    if let Ok(absolute) = std::path::absolute(&config.data_dir) {
        config.data_dir = absolute;
    }
    config.check()?;
    Ok(config)
}

fn apply_file(config: &mut Config, path: &Path) -> Result<(), ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let table: toml::Table = toml::from_str(&text)
        .map_err(|source| ConfigError::Syntax { path: path.to_owned(), source: Box::new(source) })?;
    for (name, value) in &table {
        let value = match value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        apply(config, name, &value, &path.display().to_string())?;
    }
    Ok(())
}

fn apply(config: &mut Config, name: &str, value: &str, origin: &str) -> Result<(), ConfigError> {
    let unknown = || ConfigError::UnknownKey { origin: origin.to_owned(), key: name.to_owned() };
    let key = key(name).ok_or_else(unknown)?;
    (key.set)(config, value).map_err(|why| ConfigError::BadValue {
        origin: origin.to_owned(),
        key: name.to_owned(),
        value: value.to_owned(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_arguments;

    fn loaded(line: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let line = std::iter::once("peristyle").chain(line.split_whitespace()).map(Into::into);
        let parsed = parse_arguments(line).map_err(|error| error.to_string())?;
        let variable =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        load(&parsed, variable).map_err(|error| error.to_string())
    }

    fn file(text: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peristyle.toml");
        std::fs::write(&path, text).unwrap();
        let path = path.display().to_string();
        (folder, path)
    }

    #[test]
    fn arguments_win_over_the_environment_over_the_file_over_defaults() {
        let (_folder, path) =
            file("portals_max = 1\nconnections_max = 2\ndrain_seconds = 3\nlog_segment_bytes = \"1MiB\"");
        let environment = [
            ("PERISTYLE_CONFIG", path.as_str()),
            ("PERISTYLE_CONNECTIONS_MAX", "20"),
            ("PERISTYLE_DRAIN_SECONDS", "30"),
        ];
        let config = loaded("serve --drain-seconds 300 --listen 127.0.0.1:0", &environment).unwrap();
        let wire = &config.wire;
        assert_eq!((config.engine.portals_max, wire.connections_max, wire.drain_seconds), (1, 20, 300));
        assert_eq!((config.catalog.log_segment_bytes, config.listen.port()), (1 << 20, 0));
        assert_eq!(wire.startup_seconds, Config::default().wire.startup_seconds);
    }

    #[test]
    fn serving_is_the_default_command() {
        let (bare, named) = (loaded("--data-dir /d", &[]).unwrap(), loaded("serve --data-dir /d", &[]).unwrap());
        assert_eq!((bare.data_dir, bare.listen), (named.data_dir, named.listen));
        assert_eq!(loaded("--data-dir /d", &[]).unwrap().store_url(), "file:///d/objects");
        assert_eq!(loaded("--store s3://b/p", &[]).unwrap().store_url(), "s3://b/p");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_origin() {
        let (_folder, path) = file("portals_max = true");
        let (_other, unknown) = file("nonsense = 1");
        let with_file = format!("--config {path}");
        let with_unknown = format!("--config {unknown}");
        let cases = [
            ("--portals-max 0", "command line: portals_max = \"0\": must be at least 1".to_owned()),
            (with_unknown.as_str(), format!("{unknown}: there is no setting \"nonsense\"")),
            (with_file.as_str(), format!("{path}: portals_max = \"true\": must be a whole number")),
            ("--tls-cert-file c.pem", "configuration: tls_cert_file = \"c.pem\": needs tls_key_file too".to_owned()),
        ];
        for (line, expected) in cases {
            assert_eq!(loaded(line, &[]).unwrap_err(), expected);
        }
        let error = loaded("--listen 0.0.0.0:5433", &[]).unwrap_err();
        assert!(error.contains("listen = \"0.0.0.0:5433\": is not a loopback address"), "{error}");
        let error = loaded("", &[("PERISTYLE_LISTEN", "nowhere")]).unwrap_err();
        assert!(
            error.starts_with("environment (PERISTYLE_LISTEN): listen = \"nowhere\": must be host:port"),
            "{error}"
        );
        assert!(loaded("--config /none.toml", &[]).unwrap_err().starts_with("configuration file /none.toml: "));
    }

    #[test]
    fn foreign_variables_are_left_alone() {
        assert!(loaded("", &[("PERISTYLE_PORT", "tcp://10.0.0.1:5433")]).is_ok());
    }

    #[test]
    fn help_lists_every_setting() {
        let help = parse_arguments(["peristyle", "--help"].map(Into::into)).unwrap_err().to_string();
        assert!(keys::all().all(|key| help.contains(&key.argument())), "{help}");
    }
}
