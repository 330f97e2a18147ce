//! An engine in this process, put together as the server puts it together, without its listener and background jobs.

use std::path::PathBuf;
use std::sync::Arc;

use peristyle::config::Config;
use peristyle::system::system_sources;
use peristyle_catalog::model::{Oid, Relation};
use peristyle_catalog::{Catalog, Metrics, Sources, TableContents};
use peristyle_sql::{ConnectOptions, Engine, EngineParts};
use peristyle_storage::objects::catalog_parts;
use peristyle_storage::{GcSettings, Store, gc};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use super::Client;

/// Name of the database and of the role that a new data folder has.
const NAME: &str = "peristyle";

/// A data folder with its settings, which can be opened again and again. Gone when dropped.
pub(crate) struct Place {
    pub(crate) config: Config,
    pub(crate) sources: Sources,
    folder: TempDir,
}

/// An open engine.
pub(crate) struct TestBed {
    pub(crate) engine: Arc<Engine>,
    pub(crate) catalog: Arc<Catalog>,
    store: Arc<Store>,
    /// What drives sessions, as the server's threads for sockets do.
    pub(crate) runtime: Runtime,
    /// Where statements compute; only dropped.
    _cpu: Runtime,
    place: Place,
}

impl Place {
    /// An empty folder beside the build's output, so that fsync meets a disk and not memory.
    pub(crate) fn new() -> Place {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made");
        let mut config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        config.storage.write.spill_folder = folder.path().join("spill");
        std::fs::create_dir(&config.storage.write.spill_folder).expect("a folder can be made");
        Place { config, sources: system_sources(), folder }
    }

    /// The local index, which can be rebuilt.
    pub(crate) fn index_folder(&self) -> PathBuf {
        self.folder.path().join("index")
    }

    pub(crate) async fn open_catalog(&self) -> (Arc<Store>, Arc<Catalog>) {
        let store = Store::open(&self.config.store_url(), self.config.storage.store.clone()).expect("the store opens");
        let parts = catalog_parts(&store, &self.sources);
        let catalog = Catalog::open(self.folder.path(), self.config.catalog.clone(), parts).await;
        (store, catalog.expect("the catalog opens"))
    }
}

impl TestBed {
    /// An engine over an empty folder, with the server's default settings.
    pub(crate) fn new() -> TestBed {
        TestBed::open(Place::new())
    }

    pub(crate) fn open(place: Place) -> TestBed {
        let runtime = runtime(place.config.io_threads);
        let cpu = runtime_of_all_cores();
        let (store, catalog) = runtime.block_on(place.open_catalog());
        let parts = EngineParts {
            catalog: Arc::clone(&catalog),
            store: Arc::clone(&store),
            sources: place.sources.clone(),
            cpu: cpu.handle().clone(),
        };
        let engine = Engine::new(parts, place.config.engine.clone(), place.config.storage.clone());
        TestBed { engine: engine.expect("the engine is built"), catalog, store, runtime, _cpu: cpu, place }
    }

    pub(crate) fn connect(&self) -> Client {
        let options = ConnectOptions { user: NAME.to_owned(), database: NAME.to_owned(), ..ConnectOptions::default() };
        Client::new(self.engine.connect(options).expect("the first role can connect"))
    }

    /// Runs a statement on a session of its own.
    pub(crate) fn run(&self, sql: &str) -> u64 {
        self.runtime.block_on(self.connect().run(sql))
    }

    /// The table of that name in schema `public`.
    pub(crate) fn table(&self, name: &str) -> Arc<Relation> {
        let head = self.catalog.snapshot();
        let database = head.database_by_name(NAME).expect("there is a database").oid;
        let schema = head.schema_by_name(database, "public").expect("there is a schema public").oid;
        Arc::clone(head.relation_by_name(schema, name).expect("the table was made"))
    }

    /// What a table holds now, if anything.
    pub(crate) fn contents(&self, table: Oid) -> Option<Arc<TableContents>> {
        self.catalog.snapshot().contents(table).cloned()
    }

    /// A new identity.
    pub(crate) fn uuid(&self) -> Uuid {
        self.place.sources.uuid()
    }

    /// Empties a table and deletes its objects at once.
    pub(crate) fn truncate(&self, table: &str) {
        self.run(&format!("truncate {table}"));
        let at_once = GcSettings { ended_age_seconds: 0, history_seconds: 0, ..self.place.config.storage.gc.clone() };
        let forgetting = gc::forget_history(&self.catalog, &self.place.sources, &at_once);
        self.runtime.block_on(forgetting).expect("states of the past can be forgotten");
        self.runtime.block_on(self.catalog.checkpoint()).expect("a manifest can be written");
        let deletion = gc::run(&self.store, &self.catalog, &self.place.sources, &at_once);
        self.runtime.block_on(deletion).expect("ended objects can be deleted");
    }

    /// Stops in order; the folder can be opened again.
    pub(crate) fn close(self) -> Place {
        self.runtime.block_on(self.catalog.close()).expect("the catalog closes");
        self.place
    }

    /// Prints how well commits shared their fsync since `before`; nothing if there were none.
    pub(crate) fn print_groups(&self, name: &str, before: Metrics) {
        let now = self.catalog.metrics();
        let (commits, groups) = (now.commits - before.commits, now.groups - before.groups);
        if commits == 0 {
            return;
        }
        let per_group = commits as f64 / groups as f64;
        let bytes = (now.log_bytes - before.log_bytes) / commits;
        println!("{name}: {per_group:.2} commits per group ({commits} in {groups}), {bytes} B of log per commit\n");
    }
}

fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(threads).enable_all().build().expect("threads can be made")
}

fn runtime_of_all_cores() -> Runtime {
    Builder::new_multi_thread().enable_all().build().expect("threads can be made")
}
