//! What the tests stand on: a clock that is told the time, random bytes from a seed, a tier and a store in memory,
//! and short ways to write tables and change sets.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::disk::Disk;
use crate::model::{
    Change, ChangeSet, Chunk, ChunkId, Column, ColumnId, KeyRange, NewChunk, NewPartition, Oid, Openness, PartitionId,
    PartitionKey, PgType, Relation, RelationKind, Requirement, Schema, Seq, StoredQuery, Table, TimestampMicros, View,
    ViewDependency,
};
use crate::offline::{self, CheckBody, RestorePlace, Restored};
use crate::open::Machine;
use crate::{
    ArrivingChunk, Catalog, Clock, Durability, Entropy, Head, ObjectFolder, Parts, RealTimeRows, RealTimeTier,
    Settings, Sources, TierError,
};

pub(crate) const PUBLIC: Oid = Oid(2200);

/// A clock that moves when told.
#[derive(Default)]
pub(crate) struct TestClock(pub(crate) AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> TimestampMicros {
        TimestampMicros(self.0.load(Ordering::Relaxed))
    }
}

/// Bytes of a counter: different every time, the same in every run.
#[derive(Default)]
struct TestEntropy(AtomicU64);

impl Entropy for TestEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
            part.copy_from_slice(&number[..part.len()]);
        }
    }
}

/// Bodies by chunk.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TestRows(pub(crate) BTreeMap<ChunkId, Bytes>);

impl RealTimeRows for TestRows {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn bytes(&self) -> u64 {
        self.0.values().map(|body| body.len() as u64).sum()
    }
}

pub(crate) struct TestTier;

impl RealTimeTier for TestTier {
    fn append(
        &self,
        rows: Option<&Arc<dyn RealTimeRows>>,
        arriving: Vec<ArrivingChunk>,
    ) -> Result<Arc<dyn RealTimeRows>, TierError> {
        let mut rows = rows.map(|rows| rows_of(rows).clone()).unwrap_or_default();
        for chunk in arriving {
            assert_eq!(chunk.chunk.bytes, chunk.body.len() as u64);
            assert_eq!(rows.0.insert(chunk.chunk.id, chunk.body), None, "a chunk arrives once");
        }
        Ok(Arc::new(rows))
    }

    fn remove(&self, rows: &Arc<dyn RealTimeRows>, chunks: &[Arc<Chunk>]) -> Option<Arc<dyn RealTimeRows>> {
        let mut rows = rows_of(rows).clone();
        for chunk in chunks {
            // Not there are only those that a repair knows to be lost.
            rows.0.remove(&chunk.id);
        }
        if rows.0.is_empty() { None } else { Some(Arc::new(rows)) }
    }
}

pub(crate) fn rows_of(rows: &Arc<dyn RealTimeRows>) -> &TestRows {
    rows.as_any().downcast_ref().expect("the tests' own rows")
}

/// A store in memory that can be told to fail.
#[derive(Default)]
pub(crate) struct TestFolder {
    pub(crate) objects: Mutex<BTreeMap<String, Bytes>>,
    pub(crate) fails_before: AtomicBool,
    pub(crate) fails_after: AtomicBool,
}

#[async_trait]
impl ObjectFolder for TestFolder {
    async fn create(&self, name: &str, bytes: Bytes) -> Result<(), TierError> {
        if self.fails_before.load(Ordering::Relaxed) {
            return Err(TierError("the store is away".to_owned()));
        }
        let before = self.objects.lock().insert(name.to_owned(), bytes);
        assert!(before.is_none(), "names are used once");
        if self.fails_after.load(Ordering::Relaxed) {
            return Err(TierError("the answer was lost".to_owned()));
        }
        Ok(())
    }

    async fn read(&self, name: &str) -> Result<Option<Bytes>, TierError> {
        Ok(self.objects.lock().get(name).cloned())
    }

    async fn list(&self) -> Result<Vec<String>, TierError> {
        Ok(self.objects.lock().keys().cloned().collect())
    }

    async fn delete(&self, name: &str) -> Result<(), TierError> {
        self.objects.lock().remove(name);
        Ok(())
    }
}

/// A place where a catalog lives over several openings.
pub(crate) struct Home {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) manifests: Arc<TestFolder>,
    pub(crate) shipped_log: Arc<TestFolder>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) settings: Settings,
    sources: Sources,
}

impl Home {
    pub(crate) fn new() -> Home {
        let clock = Arc::new(TestClock(AtomicI64::new(1_700_000_000_000_000)));
        Home {
            folder: tempfile::tempdir().expect("a folder"),
            manifests: Arc::default(),
            shipped_log: Arc::default(),
            sources: Sources { clock: clock.clone(), entropy: Arc::new(TestEntropy::default()) },
            clock,
            settings: settings(),
        }
    }

    /// One in which every commit goes through the queue, on the committer's thread.
    pub(crate) fn queueing() -> Home {
        let mut home = Home::new();
        home.settings.commit_here_microseconds_max = 0;
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Restores what its stores hold to another place.
    pub(crate) async fn restore_to(&self, place: &Path, id: Uuid, check_body: &CheckBody) -> crate::Result<Restored> {
        offline::restore(RestorePlace::take(place)?, id, &self.settings, self.parts(), check_body).await
    }

    pub(crate) fn parts(&self) -> Parts {
        Parts {
            sources: self.sources.clone(),
            real_time: Arc::new(TestTier),
            manifests: self.manifests.clone(),
            shipped_log: self.shipped_log.clone(),
        }
    }

    pub(crate) async fn try_open(&self) -> crate::Result<Arc<Catalog>> {
        Catalog::open(self.path(), self.settings.clone(), self.parts()).await
    }

    pub(crate) async fn open(&self) -> Arc<Catalog> {
        self.try_open().await.expect("the catalog opens")
    }

    /// On another disk than the machine's; a failed fsync is only taken note of.
    pub(crate) async fn try_open_on(&self, disk: Arc<dyn Disk>) -> crate::Result<Arc<Catalog>> {
        let machine = Machine { disk, on_sync_failure: Arc::new(|_| {}) };
        Catalog::open_on(self.path(), self.settings.clone(), self.parts(), machine).await
    }

    pub(crate) fn delete_index(&self) {
        std::fs::remove_dir_all(self.path().join("index")).expect("there is an index");
    }

    pub(crate) fn delete_index_if_there(&self) {
        if self.path().join("index").exists() {
            self.delete_index();
        }
    }

    /// The log files' paths in order.
    pub(crate) fn log_files(&self) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(self.path().join("log")).expect("there is a log");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        files
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        log_segment_bytes: 1 << 20,
        log_frame_bytes_max: 1 << 20,
        statistics_cache_bytes: 1 << 20,
        index_cache_bytes: 1 << 20,
        commit_queue_max: 256,
        commit_wait_microseconds_max: 2_000,
        commit_here_microseconds_max: 1_000,
        max_table_columns: 1600,
        ingest_id_seconds: 3600,
        index_lag_rows_max: 5,
        manifest_deltas_max: 3,
        durability: Durability::Local,
        log_loss_seconds_max: 10,
        log_ship_wait_seconds: 0,
        deferred_write_milliseconds: 200,
    }
}

/// Everything that a head says, for comparing: rows as text, and the bodies in memory.
pub(crate) fn describe(head: &Head) -> Vec<String> {
    let mut lines: Vec<String> = head.records().map(|record| format!("{record:?}")).collect();
    for (table, contents) in &head.contents {
        let rows = contents.real_time().map(|rows| rows_of(rows).clone()).unwrap_or_default();
        let totals = (contents.rows(), contents.bytes(), contents.partition_count());
        let uses: Vec<u64> = contents.layouts.values().map(|used| used.uses).collect();
        lines.push(format!("{table}: {totals:?} {uses:?} {rows:?}"));
    }
    lines.push(format!("{:?} {:?}", head.names, head.ingested_by_seq));
    lines
}

pub(crate) fn column(id: u32, name: &str, ty: PgType) -> Column {
    Column {
        id: ColumnId(id),
        attnum: i16::try_from(id).expect("few columns"),
        name: name.to_owned(),
        ty,
        not_null: false,
        default: None,
        missing: None,
        comment: None,
        rule: crate::model::ColumnRule::Plain,
    }
}

pub(crate) fn table(oid: u32, name: &str, columns: Vec<Column>) -> Relation {
    let next = columns.iter().map(|column| column.id.0 + 1).max().unwrap_or(1);
    let table = Table {
        row_type: Oid(oid + 1),
        array_type: Oid(oid + 2),
        openness: Openness::Open,
        partition_key: PartitionKey::None,
        order_key: Vec::new(),
        columns,
        constraints: Vec::new(),
        next_column: ColumnId(next),
        next_attnum: i16::try_from(next).expect("few columns"),
        options: Vec::new(),
        materialized: None,
    };
    relation(oid, name, RelationKind::Table(table))
}

pub(crate) fn view(oid: u32, name: &str, on: &[u32]) -> Relation {
    let depends_on = on
        .iter()
        .map(|oid| ViewDependency {
            written: vec!["t".to_owned()],
            relation: Oid(*oid),
            columns: vec![("b".to_owned(), ColumnId(2))],
        })
        .collect();
    let view = View {
        row_type: Oid(oid + 1),
        array_type: Oid(oid + 2),
        query: StoredQuery { text: "select 1".to_owned(), search_path: vec!["public".to_owned()], depends_on },
        columns: vec![column(1, "one", PgType::INT4)],
    };
    relation(oid, name, RelationKind::View(view))
}

pub(crate) fn relation(oid: u32, name: &str, kind: RelationKind) -> Relation {
    Relation {
        oid: Oid(oid),
        schema: PUBLIC,
        name: name.to_owned(),
        owner: Oid(10),
        comment: None,
        acl: None,
        version: Seq::ZERO,
        kind,
    }
}

pub(crate) fn schema(oid: u32, name: &str) -> Schema {
    Schema { oid: Oid(oid), database: Oid(16384), name: name.to_owned(), owner: Oid(10), comment: None, acl: None }
}

pub(crate) fn set(changes: Vec<Change>) -> ChangeSet {
    ChangeSet { requires: Vec::new(), changes, ingest_id: None }
}

pub(crate) fn requiring(requirement: Requirement, changes: Vec<Change>) -> ChangeSet {
    ChangeSet { requires: vec![requirement], changes, ingest_id: None }
}

pub(crate) fn chunk(columns: &[(u32, PgType)], body: &[u8]) -> NewChunk {
    NewChunk {
        columns: columns.iter().map(|(id, ty)| (ColumnId(*id), *ty)).collect(),
        rows: 1,
        key: KeyRange::default(),
        body: Bytes::copy_from_slice(body),
        decoded: None,
    }
}

pub(crate) fn partition(id: u128, columns: &[(u32, PgType)]) -> NewPartition {
    NewPartition {
        id: PartitionId(Uuid::from_u128(id)),
        columns: columns.iter().map(|(id, ty)| (ColumnId(*id), *ty)).collect(),
        rows: 10,
        bytes: 1000,
        checksum: None,
        row_seqs: None,
        key: KeyRange::default(),
        level: 0,
        statistics: Vec::new(),
        shared: None,
    }
}

pub(crate) fn append_chunk(table: u32, body: &[u8]) -> Change {
    Change::Append { table: Oid(table), partitions: Vec::new(), chunks: vec![chunk(&[(1, PgType::INT4)], body)] }
}

pub(crate) fn append_partition(table: u32, id: u128) -> Change {
    Change::Append { table: Oid(table), partitions: vec![partition(id, &[(1, PgType::INT4)])], chunks: Vec::new() }
}

/// Chunks of a table as one partition.
pub(crate) fn merge_chunks(table: u32, id: u128, chunks: Vec<ChunkId>) -> Change {
    let into = vec![partition(id, &[(1, PgType::INT4)])];
    Change::Merge { table: Oid(table), partitions: Vec::new(), chunks, into }
}

/// Oid of the table that [`create_t`] makes.
pub(crate) const T: u32 = 20_000;

/// A table `t (a integer, b text)`.
pub(crate) fn create_t() -> ChangeSet {
    let columns = vec![column(1, "a", PgType::INT4), column(2, "b", PgType::TEXT)];
    set(vec![Change::CreateRelation(table(T, "t", columns))])
}
