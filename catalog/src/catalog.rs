//! The door of the room: open, snapshot, commit, checkpoint, close.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use crate::Result;
use crate::head::Head;
use crate::model::{ChangeSet, ColumnId, ColumnStatistics, Commit, Oid, Partition, Seq};
use crate::sources::Sources;
use crate::tier::{ManifestStore, RealTimeTier};

/// Limits of the catalog, each a setting of the server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Size to which a log segment is preallocated, in bytes.
    pub log_segment_bytes: u64,
    /// Largest frame (one group of commits), in bytes.
    pub log_frame_bytes_max: u64,
    /// Memory for statistics of partitions, in bytes.
    pub statistics_cache_bytes: u64,
    /// Memory for sled's page cache, in bytes.
    pub index_cache_bytes: u64,
    /// Commits that may wait for the committer.
    pub commit_queue_max: usize,
    /// Most columns of a table.
    pub table_columns_max: usize,
    /// How long an ingest id is remembered, in seconds.
    pub ingest_id_seconds: u64,
    /// Deltas after which the manifest is written whole again.
    pub manifest_deltas_max: usize,
}

/// What the catalog is built from.
pub struct Parts {
    pub sources: Sources,
    pub real_time: Arc<dyn RealTimeTier>,
    pub manifests: Arc<dyn ManifestStore>,
}

/// The catalog of one data folder.
pub struct Catalog {}

/// A head that is held: while it lives, nothing that it sees is deleted.
pub struct Snapshot {
    head: Arc<Head>,
}

impl Deref for Snapshot {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

impl Catalog {
    /// Opens or creates the catalog of a data folder: locks it, opens or rebuilds the index, replays the log.
    pub async fn open(_folder: &Path, _settings: Settings, _parts: Parts) -> Result<Arc<Catalog>> {
        todo!()
    }

    /// Pins and returns the newest head.
    pub fn snapshot(&self) -> Snapshot {
        todo!()
    }

    /// Commits: when this returns `Ok`, the change set is durable and in the head. Shares its fsync with every
    /// commit that waits at the same time. Dropping the future does not take a queued commit back.
    pub async fn commit(&self, _changes: ChangeSet) -> Result<Commit> {
        todo!()
    }

    /// Takes numbers for new objects; unused ones are lost, used ones are never given again.
    pub fn reserve_oids(&self, _count: u32) -> Oid {
        todo!()
    }

    /// Takes ids to propose for new columns of a table.
    pub fn reserve_columns(&self, _table: Oid, _count: u32) -> ColumnId {
        todo!()
    }

    /// Statistics of some columns of some partitions: for each partition, for each column asked for, what is known.
    /// Read from the index on first use and kept within `statistics_cache_bytes`.
    pub fn statistics(
        &self,
        _partitions: &[Arc<Partition>],
        _columns: &[ColumnId],
    ) -> Result<Vec<Vec<Option<ColumnStatistics>>>> {
        todo!()
    }

    /// The oldest sequence number that a reader may still hold.
    pub fn horizon(&self) -> Seq {
        todo!()
    }

    /// Position up to which the log is written and the position from which on it is kept, in bytes.
    pub fn log_extent(&self) -> (u64, u64) {
        todo!()
    }

    /// Writes the manifest for the head and frees the log segments that nothing needs any more.
    pub async fn checkpoint(&self) -> Result<()> {
        todo!()
    }

    /// Refuses new commits, finishes queued ones, writes a checkpoint, leaves the mark of a clean stop.
    pub async fn close(&self) -> Result<()> {
        todo!()
    }
}
