//! The server's configuration: from arguments, environment, a file and defaults, in that order, to one checked
//! [`Config`]. Every setting is a key of one table ([`keys`]), so each way of setting it knows the same ones.

mod arguments;
mod error;
mod keys;
mod layers;
#[cfg(test)]
mod reference;
mod value;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::background::BackgroundSettings;
use crate::pg::{TlsFiles, WireSettings};

pub use arguments::{Command, Parsed, Repair, parse_arguments};
pub use error::ConfigError;
pub use layers::load;

/// How the trace is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines to read.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the log, the index and, by default, the objects.
    pub data_dir: PathBuf,
    /// Where clients connect; port 0 takes any free one.
    pub listen: SocketAddr,
    /// URL of the object store; see [`Config::store_url`].
    pub store: Option<String>,
    /// Whether the store is taken although another server's mark is on it. Of one start, so no setting.
    pub takes_over_store: bool,
    /// Certificate chain in PEM.
    pub tls_cert_file: Option<PathBuf>,
    /// Private key in PEM.
    pub tls_key_file: Option<PathBuf>,
    /// Filter of the trace; `RUST_LOG` if it is not set.
    pub log_level: Option<String>,
    /// Form of the trace.
    pub log_format: LogFormat,
    /// Threads that serve sockets.
    pub io_threads: usize,
    /// Stack of each thread, in bytes; what it does not use costs no memory.
    pub thread_stack_bytes: usize,
    /// Threads that execute statements; 0 for one per core.
    pub cpu_threads: usize,
    /// Limits of the wire.
    pub wire: WireSettings,
    /// Limits of the catalog and its log.
    pub catalog: peristyle_catalog::Settings,
    /// Bytes of log behind the oldest chunk from which on the oldest chunks are merged whatever their size.
    pub log_bytes_max: u64,
    /// Limits of statements.
    pub engine: peristyle_sql::EngineLimits,
    /// How partitions are written, merged and deleted.
    pub storage: peristyle_storage::StorageSettings,
    /// How often the background works.
    pub background: BackgroundSettings,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            data_dir: PathBuf::from("peristyle-data"),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 5433)),
            store: None,
            takes_over_store: false,
            tls_cert_file: None,
            tls_key_file: None,
            log_level: None,
            log_format: LogFormat::Text,
            io_threads: 2,
            thread_stack_bytes: 256 << 20,
            cpu_threads: 0,
            wire: WireSettings::default(),
            catalog: catalog_defaults(),
            log_bytes_max: 1 << 30,
            engine: peristyle_sql::EngineLimits::default(),
            storage: peristyle_storage::StorageSettings::new(PathBuf::from("peristyle-data/spill")),
            background: BackgroundSettings::default(),
        }
    }
}

impl Config {
    /// The object store: the one that is set, or a folder in the data folder.
    pub fn store_url(&self) -> String {
        self.store.clone().unwrap_or_else(|| format!("file://{}", self.data_dir.join("objects").display()))
    }

    /// The certificate, if TLS is to be offered.
    pub fn tls(&self) -> Option<TlsFiles> {
        let (certificate, key) = (self.tls_cert_file.clone()?, self.tls_key_file.clone()?);
        Some(TlsFiles { certificate, key })
    }

    /// What the keys cannot check one by one.
    fn check(&self) -> Result<(), ConfigError> {
        if !self.listen.ip().is_loopback() {
            let why = "is not a loopback address, and there are no passwords yet that would keep others out";
            return Err(ConfigError::whole("listen", &self.listen.to_string(), why));
        }
        match (&self.tls_cert_file, &self.tls_key_file) {
            (Some(file), None) => Err(alone("tls_cert_file", file, "tls_key_file")),
            (None, Some(file)) => Err(alone("tls_key_file", file, "tls_cert_file")),
            (Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }
}

fn alone(key: &'static str, file: &std::path::Path, other: &str) -> ConfigError {
    ConfigError::whole(key, &file.display().to_string(), &format!("needs {other} too"))
}

fn catalog_defaults() -> peristyle_catalog::Settings {
    peristyle_catalog::Settings {
        log_segment_bytes: 64 << 20,
        log_frame_bytes_max: 256 << 20,
        statistics_cache_bytes: 256 << 20,
        index_cache_bytes: 64 << 20,
        commit_queue_max: 1024,
        commit_wait_microseconds_max: 2_000,
        commit_here_microseconds_max: 1_000,
        max_table_columns: 1600,
        ingest_id_seconds: 7 * 24 * 60 * 60,
        index_lag_rows_max: 2_048,
        manifest_deltas_max: 64,
        durability: peristyle_catalog::Durability::Local,
        log_loss_seconds_max: 10,
        log_ship_wait_seconds: 30,
        deferred_write_milliseconds: 200,
    }
}
