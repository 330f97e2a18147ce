//! The machine, the store and the clock of one run, and how a server is started on them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use object_store::ObjectStore;
use peristyle_catalog::model::*;
use peristyle_catalog::simulation::SimulatedDisk;
use peristyle_catalog::{Catalog, Clock, Durability, Entropy, Settings, Sources, simulation};

use super::faulty::SimulatedStore;
use crate::Store;
use crate::objects::catalog_parts;
use crate::settings::StoreSettings;

/// The two tables that every writer writes together.
pub(super) const ROWS: Oid = Oid(20_000);
pub(super) const MIRROR: Oid = Oid(20_010);
/// The schema of tables that were dropped and can be taken back.
pub(super) const DROPPED: Oid = Oid(20_020);
pub(super) const PUBLIC: Oid = Oid(2200);
const DATABASE: Oid = Oid(16_384);
const OWNER: Oid = Oid(10);

const INTENTS: &str = "INTENTS";

/// Moves on by itself a little whenever somebody looks.
struct SimulatedClock(AtomicI64);

const TICK_MICROS: i64 = 700;

impl Clock for SimulatedClock {
    fn now(&self) -> TimestampMicros {
        TimestampMicros(self.0.fetch_add(TICK_MICROS, Ordering::Relaxed))
    }
}

struct SimulatedEntropy(AtomicU64);

impl Entropy for SimulatedEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
            part.copy_from_slice(&number[..part.len()]);
        }
    }
}

/// What outlives a server.
pub(super) struct World {
    pub(super) sources: Sources,
    pub(super) store: SimulatedStore,
    pub(super) disk: SimulatedDisk,
    folders: tempfile::TempDir,
    /// Which data folder is in use: another one after the local disk was lost.
    folder: usize,
    pub(super) durability: Durability,
}

/// A running server.
#[derive(Clone)]
pub(super) struct Life {
    pub(super) catalog: Arc<Catalog>,
    pub(super) store: Arc<Store>,
    pub(super) sources: Sources,
    pub(super) spill: PathBuf,
    /// Whether it ships its log.
    pub(super) ships: bool,
    pub(super) disk: SimulatedDisk,
}

impl Life {
    /// Whether the machine is gone, so that nobody is told anything any more.
    pub(super) fn is_dead(&self) -> bool {
        self.disk.is_dead()
    }
}

impl World {
    pub(super) fn new(seed: u64, durability: Durability) -> World {
        let disk = SimulatedDisk::default();
        World {
            sources: Sources {
                clock: Arc::new(SimulatedClock(AtomicI64::new(1_700_000_000_000_000))),
                entropy: Arc::new(SimulatedEntropy(AtomicU64::new(seed << 32))),
            },
            store: SimulatedStore::new(seed, disk.clone()),
            disk,
            folders: tempfile::tempdir().expect("a folder"),
            folder: 0,
            durability,
        }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.folders.path().join(self.folder.to_string())
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            log_segment_bytes: 4096,
            log_frame_bytes_max: 1 << 20,
            statistics_cache_bytes: 1 << 20,
            index_cache_bytes: 1 << 20,
            commit_queue_max: 16,
            commit_wait_microseconds_max: 0,
            // Every other life commits small sets where they are asked, without the queue.
            commit_here_microseconds_max: if self.folder.is_multiple_of(2) { 1_000 } else { 0 },
            max_table_columns: 16,
            ingest_id_seconds: 3600,
            index_lag_rows_max: 16,
            manifest_deltas_max: 2,
            durability: self.durability,
            log_loss_seconds_max: 3600,
            log_ship_wait_seconds: 0,
            // Nobody's clock writes them: another commit or a checkpoint does, or nobody.
            deferred_write_milliseconds: 3_600_000,
        }
    }

    pub(super) fn open_store(&self, objects: &SimulatedStore) -> Arc<Store> {
        let objects: Arc<dyn ObjectStore> = Arc::new(objects.clone());
        Store::over(objects, StoreSettings::default())
    }

    /// Starts a server; an error is a start that the store or the disk refused.
    pub(super) async fn start(&self, objects: &SimulatedStore) -> Result<Life, crate::Error> {
        let store = self.open_store(objects);
        store.intents().keep_in(&self.folders.path().join(INTENTS)).expect("a file can be written");
        let parts = catalog_parts(&store, &self.sources);
        let catalog = simulation::open(&self.folder(), self.settings(), parts, self.disk.clone()).await?;
        store.claim_identity(catalog.id()).await?;
        let spill = self.folders.path().join("spill");
        let (sources, disk) = (self.sources.clone(), self.disk.clone());
        Ok(Life { catalog, store, sources, spill, ships: self.durability == Durability::Object, disk })
    }

    /// The process is killed: what it wrote is there, synced or not.
    pub(super) fn kill(&mut self) {
        self.boot(self.disk.after_kill());
    }

    /// The power goes: of what was not synced some is there, and sled's files are not to be trusted.
    pub(super) fn power_off(&mut self, seed: u64) {
        self.boot(self.disk.after_crash(seed));
        drop(std::fs::remove_dir_all(self.folder().join("index")));
        // It is not synced, so all of it may be gone.
        if seed.is_multiple_of(2) {
            drop(std::fs::remove_file(self.folders.path().join(INTENTS)));
        }
    }

    /// The local disk is gone, and there is an empty one.
    pub(super) fn lose_disk(&mut self) {
        self.boot(SimulatedDisk::default());
        self.folder += 1;
    }

    fn boot(&mut self, disk: SimulatedDisk) {
        self.store = self.store.on(disk.clone());
        self.disk = disk;
    }
}

/// Both tables and the place for dropped ones, made by one commit.
pub(super) fn create_tables() -> ChangeSet {
    let create = |oid, name| Change::CreateRelation(table(oid, name));
    let dropped = Schema {
        oid: DROPPED,
        database: DATABASE,
        name: Schema::DROPPED.to_owned(),
        owner: OWNER,
        comment: None,
        acl: None,
    };
    let changes = vec![Change::CreateSchema(dropped), create(ROWS, "rows"), create(MIRROR, "mirror")];
    ChangeSet { changes, ..ChangeSet::default() }
}

pub(super) fn table(oid: Oid, name: &str) -> Relation {
    let column = |id: u32, name: &str| Column {
        id: ColumnId(id),
        attnum: id as i16,
        name: name.to_owned(),
        ty: PgType::INT8,
        not_null: false,
        default: None,
        missing: None,
        comment: None,
        rule: peristyle_catalog::model::ColumnRule::Plain,
    };
    let table = Table {
        row_type: Oid(oid.0 + 1),
        array_type: Oid(oid.0 + 2),
        openness: Openness::Open,
        partition_key: PartitionKey::None,
        order_key: Vec::new(),
        columns: vec![column(1, "number"), column(2, "worth")],
        constraints: Vec::new(),
        next_column: ColumnId(3),
        next_attnum: 3,
        options: Vec::new(),
        materialized: None,
    };
    Relation {
        oid,
        schema: PUBLIC,
        name: name.to_owned(),
        owner: OWNER,
        comment: None,
        acl: None,
        version: Seq::ZERO,
        kind: RelationKind::Table(table),
    }
}
