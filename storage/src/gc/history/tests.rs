//! What is forgotten, and when: a table whose rows come and go on a clock that moves when told.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::Schema;
use peristyle_catalog::model::*;
use peristyle_catalog::simulation::{self, SimulatedDisk};
use peristyle_catalog::{Clock, Durability, Error, Settings};
use uuid::Uuid;

use super::*;
use crate::objects::catalog_parts;
use crate::testing::{field, sources, store};
use crate::{Store, chunk};

const T: Oid = Oid(20_000);
/// What a definition with two columns counts for.
const DEFINITION_ROWS: usize = 3;

/// Seconds since some time.
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> TimestampMicros {
        TimestampMicros::from_seconds(self.0.load(Ordering::Relaxed))
    }
}

/// A server's catalog with an empty table, made at second 0.
struct Bed {
    catalog: Arc<Catalog>,
    sources: Sources,
    hands: Arc<Hands>,
    _folders: (tempfile::TempDir, tempfile::TempDir, Arc<Store>),
}

impl Bed {
    async fn new() -> Bed {
        let hands = Arc::new(Hands(AtomicI64::new(0)));
        let sources = Sources { clock: hands.clone(), ..sources() };
        let (objects, store) = store();
        let data = tempfile::tempdir().unwrap();
        let parts = catalog_parts(&store, &sources);
        let opened = simulation::open(data.path(), settings(), parts, SimulatedDisk::default()).await;
        let bed = Bed { catalog: opened.unwrap(), sources, hands, _folders: (objects, data, store) };
        bed.commit(vec![Change::CreateRelation(definition())]).await;
        bed
    }

    fn at(&self, second: i64) -> &Bed {
        self.hands.0.store(second, Ordering::Relaxed);
        self
    }

    async fn commit(&self, changes: Vec<Change>) -> Seq {
        self.catalog.commit(ChangeSet { changes, ..ChangeSet::default() }).await.unwrap().seq
    }

    /// A chunk of one row.
    async fn insert(&self) -> (Seq, ChunkId) {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let rows = RecordBatch::try_new(Schema::new(vec![field("a", PgType::INT8)]).into(), vec![values]).unwrap();
        let chunk = chunk::encode(&rows, &[ColumnId(1)], &PartitionKey::None).unwrap();
        let seq = self.commit(vec![Change::Append { table: T, partitions: Vec::new(), chunks: vec![chunk] }]).await;
        (seq, ChunkId { seq, ordinal: 0 })
    }

    async fn delete(&self, chunk: ChunkId) -> Seq {
        self.commit(vec![Change::Remove { table: T, partitions: Vec::new(), chunks: vec![chunk] }]).await
    }

    /// A partition of so many bytes that ends at once. Returns the commit that ended it.
    async fn passing(&self, id: u128, bytes: u64) -> Seq {
        let id = PartitionId(Uuid::from_u128(id));
        let partition = NewPartition { bytes, ..partition(id) };
        self.commit(vec![Change::Append { table: T, partitions: vec![partition], chunks: Vec::new() }]).await;
        self.commit(vec![Change::Remove { table: T, partitions: vec![id], chunks: Vec::new() }]).await
    }

    async fn redefine(&self) -> Seq {
        self.commit(vec![Change::ReplaceRelation(definition())]).await
    }

    async fn forget(&self, settings: &GcSettings) {
        forget_history(&self.catalog, &self.sources, settings).await.unwrap();
    }

    fn from(&self) -> Seq {
        self.catalog.snapshot().history_from()
    }

    fn can_read(&self, seq: Seq) -> bool {
        match self.catalog.snapshot_at(seq, |_| Some(T)) {
            Ok(found) => found.is_some(),
            Err(Error::NotInHistory { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

fn settings() -> Settings {
    Settings {
        log_segment_bytes: 1 << 16,
        log_frame_bytes_max: 1 << 20,
        statistics_cache_bytes: 1 << 20,
        index_cache_bytes: 1 << 20,
        index_lag_rows_max: 1000,
        commit_queue_max: 2000,
        commit_wait_microseconds_max: 0,
        commit_here_microseconds_max: 0,
        max_table_columns: 16,
        ingest_id_seconds: 3600,
        manifest_deltas_max: 10,
        durability: Durability::Local,
        log_loss_seconds_max: 3600,
        log_ship_wait_seconds: 0,
        deferred_write_milliseconds: 1000,
    }
}

/// Everything is kept.
fn unlimited() -> GcSettings {
    GcSettings {
        history_seconds: 1_000_000,
        history_bytes_max: u64::MAX,
        history_log_bytes_max: u64::MAX,
        history_rows_max: usize::MAX,
        ..GcSettings::default()
    }
}

fn definition() -> Relation {
    let column = |id: u32| Column {
        id: ColumnId(id),
        attnum: id as i16,
        name: format!("c{id}"),
        ty: PgType::INT8,
        not_null: false,
        default: None,
        missing: None,
        comment: None,
        rule: ColumnRule::Plain,
    };
    let table = Table {
        row_type: Oid(T.0 + 1),
        array_type: Oid(T.0 + 2),
        openness: Openness::Declared,
        partition_key: PartitionKey::None,
        order_key: Vec::new(),
        columns: vec![column(1), column(2)],
        constraints: Vec::new(),
        next_column: ColumnId(3),
        next_attnum: 3,
        options: Vec::new(),
        materialized: None,
    };
    Relation {
        oid: T,
        schema: Oid(2200),
        name: "t".to_owned(),
        owner: Oid(10),
        comment: None,
        acl: None,
        version: Seq::ZERO,
        kind: RelationKind::Table(table),
    }
}

fn partition(id: PartitionId) -> NewPartition {
    NewPartition {
        id,
        columns: vec![(ColumnId(1), PgType::INT8)],
        rows: 1,
        bytes: 1,
        checksum: None,
        row_seqs: None,
        key: KeyRange::default(),
        level: 0,
        statistics: Vec::new(),
        shared: None,
    }
}

/// From which commit on states are to be readable, with everything else unlimited.
fn from(bed: &Bed, settings: &GcSettings) -> Seq {
    let (log_end, _) = bed.catalog.log_extent();
    readable_from(&bed.catalog.snapshot(), bed.sources.clock.now(), log_end, settings)
}

#[tokio::test]
async fn states_are_readable_for_their_time_and_then_forgotten() {
    let bed = Bed::new().await;
    let (inserted, chunk) = bed.at(10).insert().await;
    let deleted = bed.at(20).delete(chunk).await;
    let settings = GcSettings { history_seconds: 100, ..unlimited() };
    // Until the 120th second, a hundred seconds ago it was there.
    bed.at(119).forget(&settings).await;
    assert!(bed.can_read(inserted));
    assert_eq!(bed.catalog.snapshot().ended_chunks().count(), 1);
    bed.at(120).forget(&settings).await;
    assert_eq!(bed.from(), deleted, "the newest state of a hundred seconds ago stays");
    assert!(bed.can_read(deleted) && !bed.can_read(inserted));
    assert_eq!(bed.catalog.snapshot().ended_chunks().count(), 0, "nobody can ask for it any more");
}

#[tokio::test]
async fn what_a_reader_holds_stays() {
    let bed = Bed::new().await;
    let (inserted, chunk) = bed.at(10).insert().await;
    bed.at(20).delete(chunk).await;
    let settings = GcSettings { history_seconds: 100, ..unlimited() };
    let held = bed.catalog.snapshot_at(inserted, |_| Some(T)).unwrap().unwrap();
    bed.at(1000).forget(&settings).await;
    assert!(bed.can_read(inserted), "somebody reads it");
    drop(held);
    bed.forget(&settings).await;
    assert!(!bed.can_read(inserted));
}

#[tokio::test]
async fn a_time_before_the_first_commit_keeps_all() {
    let bed = Bed::new().await;
    let first = bed.from();
    bed.at(50).redefine().await;
    assert_eq!(from(&bed, &unlimited()), first);
    bed.forget(&unlimited()).await;
    assert_eq!(bed.from(), first);
}

#[tokio::test]
async fn objects_are_kept_within_their_bytes() {
    let bed = Bed::new().await;
    let mut ends = Vec::new();
    for id in 1..=3 {
        ends.push(bed.passing(id, 100).await);
    }
    let with = |bytes| GcSettings { history_bytes_max: bytes, ..unlimited() };
    let first = bed.from();
    // States before the end of a partition are those that need its object.
    let expected = [(300, first), (299, ends[0]), (200, ends[0]), (199, ends[1]), (100, ends[1]), (0, ends[2])];
    for (bytes, oldest) in expected {
        assert_eq!(from(&bed, &with(bytes)), oldest, "{bytes} bytes");
    }
    bed.forget(&with(200)).await;
    assert_eq!(bed.from(), ends[0]);
}

#[tokio::test]
async fn the_log_is_kept_within_its_bytes() {
    let bed = Bed::new().await;
    let first = bed.from();
    let (_, one) = bed.insert().await;
    let (_, two) = bed.insert().await;
    // Which chunk lies furthest back counts, not which was removed first.
    let ends = [bed.delete(two).await, bed.delete(one).await];
    let (log_end, _) = bed.catalog.log_extent();
    let head = bed.catalog.snapshot();
    let position = |id| head.ended_chunks().find(|(_, chunk)| chunk.id == id).unwrap().1.log_position;
    let back_to = |position| GcSettings { history_log_bytes_max: log_end - position, ..unlimited() };
    assert_eq!(from(&bed, &back_to(position(one))), first, "it begins right there");
    assert_eq!(from(&bed, &back_to(position(one) + 1)), ends[1]);
    assert_eq!(from(&bed, &back_to(position(two))), ends[1]);
    bed.forget(&back_to(position(two) + 1)).await;
    assert_eq!(bed.from(), ends[1]);
}

#[tokio::test]
async fn rows_are_kept_within_their_number() {
    let bed = Bed::new().await;
    let first = bed.from();
    let redefined = bed.redefine().await;
    let (_, chunk) = bed.insert().await;
    let deleted = bed.delete(chunk).await;
    let ended = bed.passing(1, 100).await;
    let with = |rows| GcSettings { history_rows_max: rows, ..unlimited() };
    let all = DEFINITION_ROWS + 2;
    let expected = [(all, first), (all - 1, redefined), (2, redefined), (1, deleted), (0, ended)];
    for (rows, oldest) in expected {
        assert_eq!(from(&bed, &with(rows)), oldest, "{rows} rows");
    }
    bed.forget(&with(1)).await;
    assert_eq!((bed.from(), bed.catalog.snapshot().past_relations().count()), (deleted, 0));
}

#[tokio::test]
async fn the_tightest_limit_counts() {
    let bed = Bed::new().await;
    let by_objects = bed.at(10).passing(1, 100).await;
    let (_, chunk) = bed.insert().await;
    let by_rows = bed.at(20).delete(chunk).await;
    let (_, chunk) = bed.insert().await;
    let by_age = bed.at(30).delete(chunk).await;
    bed.at(40).insert().await;
    let mut settings = GcSettings { history_bytes_max: 0, ..unlimited() };
    assert_eq!(from(&bed, &settings), by_objects);
    settings.history_rows_max = 1;
    assert_eq!(from(&bed, &settings), by_rows);
    settings.history_seconds = 10;
    assert_eq!(from(&bed, &settings), by_age);
}

#[tokio::test]
async fn a_commit_that_would_free_nothing_is_not_made() {
    let bed = Bed::new().await;
    let settings = GcSettings { history_seconds: 100, ..unlimited() };
    for second in 1..10 {
        bed.at(second).insert().await;
    }
    let commits = bed.catalog.metrics().commits;
    bed.at(1000).forget(&settings).await;
    assert_eq!(bed.catalog.metrics().commits, commits, "a handful of remembered times is not worth it");
    let more = (0..COMMITS_WORTHWHILE).map(|_| bed.insert());
    futures::future::join_all(more).await;
    let newest = bed.catalog.snapshot().seq();
    bed.at(2000).forget(&settings).await;
    assert_eq!(bed.from(), newest, "so many are");
    let commits = bed.catalog.metrics().commits;
    bed.forget(&settings).await;
    assert_eq!(bed.catalog.metrics().commits, commits, "and then there is nothing more");
}
