//! Limits of the room, each a setting of the server, with its unit in its name.

use std::path::PathBuf;

use crate::files::Allowed;
use crate::merge::MergeSettings;
use crate::partition::WriteOptions;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Everything that can be set about storage.
#[derive(Clone, Debug)]
pub struct StorageSettings {
    pub store: StoreSettings,
    pub write: WriteOptions,
    pub merge: MergeSettings,
    pub gc: GcSettings,
    /// Where COPY may read and write files; nowhere if it is empty.
    pub copy_locations: Vec<Allowed>,
}

/// Limits on requests to the object store.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// Requests under way at once; further ones wait.
    pub requests_max: usize,
    /// Size of a part of a large upload, in bytes; S3 takes no less than 5 MiB.
    pub upload_part_bytes: usize,
    /// Parts of one upload under way at once.
    pub upload_parts_max: usize,
    /// Attempts after the first that a request gets.
    pub retries_max: usize,
    /// Time that a request may take with all its retries, in seconds.
    pub retry_seconds: u64,
    /// Time that one attempt may take, in seconds.
    pub request_seconds: u64,
    /// Time to reach the store, in seconds.
    pub connect_seconds: u64,
    /// Memory for footers of partitions, in bytes.
    pub footer_cache_bytes: usize,
}

/// Limits of the deletion of objects that no reader needs.
#[derive(Clone, Debug)]
pub struct GcSettings {
    /// Least time between the end mark and the deletion, in seconds.
    pub ended_age_seconds: u64,
    /// How long states of the past can be read, in seconds.
    pub history_seconds: u64,
    /// Bytes of objects that are kept for states of the past alone.
    pub history_bytes_max: u64,
    /// Bytes of the log that are kept for states of the past.
    pub history_log_bytes_max: u64,
    /// Partitions, chunks, and columns of definitions that are kept for states of the past; each takes up to 0.5 KiB of
    /// memory.
    pub history_rows_max: usize,
    /// How long a reader may hold a state that is not the newest any more, in seconds.
    pub snapshot_seconds_max: u64,
    /// Objects deleted per run.
    pub batch_max: usize,
    /// Deletions under way at once.
    pub deletes_max: usize,
    /// Least time between the last change of an object that nothing names and its deletion, in seconds.
    pub orphan_age_seconds: u64,
    /// Objects that one page of the search for such objects looks at.
    pub orphan_page_max: usize,
}

impl StorageSettings {
    /// The defaults, with a folder for sorted runs that do not fit in memory.
    pub fn new(spill_folder: PathBuf) -> StorageSettings {
        StorageSettings {
            store: StoreSettings::default(),
            write: WriteOptions::new(spill_folder),
            merge: MergeSettings::default(),
            gc: GcSettings::default(),
            copy_locations: Vec::new(),
        }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        StoreSettings {
            requests_max: 64,
            upload_part_bytes: 8 * MIB,
            upload_parts_max: 4,
            retries_max: 5,
            retry_seconds: 60,
            request_seconds: 60,
            connect_seconds: 5,
            footer_cache_bytes: 128 * MIB,
        }
    }
}

impl Default for GcSettings {
    fn default() -> Self {
        GcSettings {
            ended_age_seconds: 300,
            history_seconds: 86_400,
            history_bytes_max: 64 << 30,
            history_log_bytes_max: 1 << 30,
            history_rows_max: 200_000,
            snapshot_seconds_max: 86_400,
            batch_max: 1000,
            deletes_max: 16,
            orphan_age_seconds: 86_400,
            orphan_page_max: 10_000,
        }
    }
}
