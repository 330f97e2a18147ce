//! The table of settings.

use super::value::{address, log_format, number, text};
use super::{Config, LogFormat};

/// One setting.
pub(super) struct Key {
    /// As in a file; upper-case after `PERISTYLE_` in the environment.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    /// The value that a configuration has, for the list of defaults.
    pub(super) show: fn(&Config) -> String,
    /// Sets it, or says why not.
    pub(super) set: fn(&mut Config, &str) -> Result<(), String>,
}

/// A setting that is a number of at least `$min`.
macro_rules! number {
    ($name:literal, $($field:ident).+, $min:literal, $help:literal) => {
        Key {
            name: $name,
            help: $help,
            show: |config| config.$($field).+.to_string(),
            set: |config, text| {
                config.$($field).+ = number($name, text, $min)?;
                Ok(())
            },
        }
    };
}

/// A setting that is read by a function of its own.
macro_rules! other {
    ($name:literal, $field:ident, $read:expr, $show:expr, $help:literal) => {
        Key {
            name: $name,
            help: $help,
            show: $show,
            set: |config, text| {
                config.$field = $read(text)?;
                Ok(())
            },
        }
    };
}

/// All settings, in the order in which help shows them.
pub(super) const KEYS: &[Key] = &[
    other!(
        "data_dir",
        data_dir,
        |value| text(value).map(Into::into),
        |config| config.data_dir.display().to_string(),
        "folder of the log and the index"
    ),
    other!("listen", listen, address, |config| config.listen.to_string(), "address for clients, a loopback one"),
    other!(
        "store",
        store,
        |value| text(value).map(Some),
        |_| "file://<data_dir>/objects".to_owned(),
        "object store: file:///folder or s3://bucket/prefix"
    ),
    other!(
        "tls_cert_file",
        tls_cert_file,
        |value| text(value).map(|file| Some(file.into())),
        |_| String::new(),
        "certificate chain in PEM; with it TLS is offered"
    ),
    other!(
        "tls_key_file",
        tls_key_file,
        |value| text(value).map(|file| Some(file.into())),
        |_| String::new(),
        "private key in PEM"
    ),
    other!(
        "log_level",
        log_level,
        |value| text(value).map(Some),
        |_| "$RUST_LOG or warn".to_owned(),
        "what is traced: error, warn, info, debug, trace, or target=level,…"
    ),
    other!(
        "log_format",
        log_format,
        log_format,
        |config| match config.log_format {
            LogFormat::Text => "text".to_owned(),
            LogFormat::Json => "json".to_owned(),
        },
        "form of the trace: text or json"
    ),
    number!("io_threads", io_threads, 1, "threads that serve sockets"),
    number!("cpu_threads", cpu_threads, 0, "threads that execute statements; 0 for one per core"),
    number!("connections_max", wire.connections_max, 1, "sessions at a time"),
    number!("startups_max", wire.startups_max, 1, "connections at a time that are still starting up"),
    number!("startup_seconds", wire.startup_seconds, 1, "time for a connection to start up"),
    number!("message_bytes_max", wire.message_bytes_max, 10_000, "largest message of a client"),
    number!("send_buffer_bytes", wire.send_buffer_bytes, 1_024, "answers gathered before they are sent"),
    number!("read_ahead_bytes_max", wire.read_ahead_bytes_max, 0, "input read ahead of a running statement"),
    number!("prepared_statements_max", wire.prepared_statements_max, 1, "named prepared statements of a session"),
    number!("portals_max", wire.portals_max, 1, "named portals of a session"),
    number!("drain_seconds", wire.drain_seconds, 0, "time for running statements when the server stops"),
    number!("close_seconds", wire.close_seconds, 1, "time to send a connection's last message"),
    number!("log_segment_bytes", catalog.log_segment_bytes, 65_536, "size of a segment of the log"),
    number!("log_frame_bytes_max", catalog.log_frame_bytes_max, 65_536, "largest group of commits"),
    number!("statistics_cache_bytes", catalog.statistics_cache_bytes, 0, "memory for statistics of partitions"),
    number!("index_cache_bytes", catalog.index_cache_bytes, 0, "memory for the catalog's index"),
    number!("commit_queue_max", catalog.commit_queue_max, 1, "commits that wait for the log"),
    number!("table_columns_max", catalog.table_columns_max, 1, "columns of a table"),
    number!("ingest_id_seconds", catalog.ingest_id_seconds, 0, "how long the id of a load is remembered"),
    number!("manifest_deltas_max", catalog.manifest_deltas_max, 1, "manifest deltas before it is written whole"),
    number!("merge_interval_seconds", background.merge_interval_seconds, 1, "pause between looks for work to merge"),
    number!("checkpoint_commits", background.checkpoint_commits, 1, "commits after which a checkpoint is due"),
    number!("checkpoint_seconds", background.checkpoint_seconds, 1, "age of a commit at which a checkpoint is due"),
    number!("gc_interval_seconds", background.gc_interval_seconds, 1, "pause between deletions of ended objects"),
    number!("retry_seconds_max", background.retry_seconds_max, 1, "longest pause after background work failed"),
    number!("background_stop_seconds", background.stop_seconds, 0, "time for background work when the server stops"),
];

/// The setting of that name.
pub(super) fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The table as text for `--help`.
pub(super) fn help() -> String {
    let defaults = Config::default();
    let lines = KEYS.iter().map(|key| {
        let default = (key.show)(&defaults);
        let default = if default.is_empty() { default } else { format!(" [{default}]") };
        format!("  {:<24} {}{default}\n", key.name, key.help)
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_that_is_shown_can_be_set() {
        for key in KEYS {
            let shown = (key.show)(&Config::default());
            let is_description = shown.is_empty() || shown.contains(['<', '$']);
            let set = (key.set)(&mut Config::default(), &shown);
            assert!(is_description || set.is_ok(), "{}: {shown}: {set:?}", key.name);
        }
    }

    #[test]
    fn names_are_unique_and_numbers_have_units() {
        for (at, key) in KEYS.iter().enumerate() {
            assert!(KEYS[at + 1..].iter().all(|other| other.name != key.name), "{}", key.name);
        }
    }
}
