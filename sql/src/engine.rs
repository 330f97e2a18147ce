//! The engine: what all sessions of a server share.

use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::SessionState;
use peristyle_catalog::model::TimestampMicros;
use peristyle_catalog::{Catalog, Sources};
use peristyle_storage::files::Files;
use peristyle_storage::merge::MergeLog;
use peristyle_storage::{StorageSettings, Store};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinHandle;

use crate::error::{SqlError, SqlState};
use crate::functions::Chance;
use crate::plan;
use crate::row_locks::RowLocks;
use crate::session::{Activities, Channels, ConnectOptions, Copies, Locks, OwnLocks, Session, SessionFacts};
use crate::transaction::{Modes, Transaction};

/// How long a statement that is run again waits for others.
const TURN_WAIT: Duration = Duration::from_secs(5);

/// What an engine is built from.
pub struct EngineParts {
    pub catalog: Arc<Catalog>,
    pub store: Arc<Store>,
    pub sources: Sources,
    /// Where statements compute, apart from the sockets' runtime, so that a busy query does not starve them.
    pub cpu: Handle,
}

/// Limits of the engine, each a setting of the server.
#[derive(Clone, Debug)]
pub struct EngineLimits {
    /// Streams that one statement computes with at once.
    pub streams: usize,
    /// Memory that all statements may hold together, in bytes.
    pub memory_bytes: usize,
    /// Memory that one statement may hold before it spills or fails, in bytes.
    pub query_memory_bytes: usize,
    /// Disk that one statement may spill to, in bytes.
    pub spill_bytes: u64,
    /// Times that a lone statement whose commit lost a race is run again.
    pub retries_max: usize,
    /// Savepoints of one transaction.
    pub savepoints_max: usize,
    /// Prepared statements of one session that have names.
    pub prepared_statements_max: usize,
    /// Portals and cursors of one session that have names.
    pub portals_max: usize,
    /// Memory for the rows that one cursor WITH HOLD or SCROLL keeps, in bytes.
    pub cursor_bytes_max: usize,
    /// Notifications that wait for one session that listens.
    pub notifications_max: usize,
    /// Rows of one statement that go to the log as a chunk; more become partitions.
    pub chunk_rows_max: usize,
    /// The same in bytes.
    pub chunk_bytes_max: usize,
    /// Chunks of one table that wait in one transaction; past it they become one, or partitions.
    pub transaction_chunks_max: usize,
    /// Rows in memory that are not yet in partitions, of all tables, in bytes; past it writers wait for the merge.
    pub real_time_bytes_max: u64,
    /// How long a writer waits for the merge, in seconds, before it fails with 53200.
    pub real_time_wait_seconds: u64,
    /// Longest record of a COPY, in bytes.
    pub copy_record_bytes_max: usize,
    /// Size of the pieces that a COPY is cut into for parallel decoding, in bytes.
    pub copy_piece_bytes: usize,
    /// Most columns of a table.
    pub max_table_columns: usize,
    /// How long a dropped table can be taken back, in seconds; 0 for never.
    pub dropped_table_seconds: u64,
}

impl Default for EngineLimits {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        let streams = std::thread::available_parallelism().map_or(1, usize::from);
        EngineLimits {
            streams,
            memory_bytes: 4096 * MIB,
            query_memory_bytes: 2048 * MIB,
            spill_bytes: 100 << 30,
            retries_max: 100,
            savepoints_max: 10_000,
            prepared_statements_max: 10_000,
            portals_max: 1_000,
            cursor_bytes_max: 64 * MIB,
            notifications_max: 10_000,
            chunk_rows_max: 16 * 1024,
            chunk_bytes_max: MIB,
            transaction_chunks_max: 256,
            real_time_bytes_max: 512 << 20,
            real_time_wait_seconds: 30,
            copy_record_bytes_max: 64 * MIB,
            copy_piece_bytes: MIB,
            max_table_columns: 1600,
            dropped_table_seconds: 86_400,
        }
    }
}

/// One server's engine over one catalog and one store.
pub struct Engine {
    parts: EngineParts,
    limits: EngineLimits,
    storage: StorageSettings,
    state: SessionState,
    activities: Activities,
    copies: Copies,
    files: Files,
    merge_log: Arc<MergeLog>,
    /// Held by a statement that is run again after it lost a race.
    turn: Arc<Mutex<()>>,
    channels: Arc<Channels>,
    locks: Arc<Locks>,
    row_locks: Arc<RowLocks>,
    started: TimestampMicros,
}

impl Engine {
    /// Builds an engine; the functions and rules of SQL are set up once here.
    pub fn new(parts: EngineParts, limits: EngineLimits, storage: StorageSettings) -> Result<Arc<Engine>, SqlError> {
        let state = plan::base_state(&limits, &storage.write.spill_folder)?;
        let started = parts.sources.clock.now();
        let files = Files::new(storage.copy_locations.clone(), storage.store.clone());
        Ok(Arc::new(Engine {
            parts,
            limits,
            storage,
            state,
            activities: Activities::default(),
            copies: Copies::default(),
            files,
            merge_log: Arc::default(),
            turn: Arc::default(),
            channels: Arc::default(),
            locks: Arc::default(),
            row_locks: Arc::default(),
            started,
        }))
    }

    /// Makes the places that statements count on, in a catalog that may be of an earlier version.
    pub async fn prepare(&self) -> Result<(), SqlError> {
        crate::ddl::prepare_for_dropped(&self.parts.catalog).await
    }

    /// A new session; 3D000 for an unknown database, 28000 for an unknown role, 22023 for a bad parameter.
    pub fn connect(self: &Arc<Self>, options: ConnectOptions) -> Result<Session, SqlError> {
        let head = self.parts.catalog.snapshot();
        let role = head.role_by_name(&options.user).filter(|role| role.login).ok_or_else(|| {
            let message = format!("role \"{}\" does not exist", options.user);
            SqlError::new(SqlState::INVALID_AUTHORIZATION_SPECIFICATION, message)
        })?;
        let database = head.database_by_name(&options.database).ok_or_else(|| {
            let message = format!("database \"{}\" does not exist", options.database);
            SqlError::new(SqlState::INVALID_CATALOG_NAME, message)
        })?;
        let facts = SessionFacts {
            user: role.name.clone(),
            user_oid: role.oid,
            database: database.name.clone(),
            database_oid: database.oid,
            process_id: options.process_id,
            chance: Chance::default(),
        };
        Session::open(Arc::clone(self), facts, &options)
    }

    pub(crate) fn catalog(&self) -> &Arc<Catalog> {
        &self.parts.catalog
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.parts.store
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.parts.sources
    }

    pub(crate) fn limits(&self) -> &EngineLimits {
        &self.limits
    }

    pub(crate) fn storage(&self) -> &StorageSettings {
        &self.storage
    }

    /// The engine's state that every statement's starts from.
    pub(crate) fn state(&self) -> &SessionState {
        &self.state
    }

    pub(crate) fn activities(&self) -> &Activities {
        &self.activities
    }

    pub(crate) fn locks(&self) -> &Arc<Locks> {
        &self.locks
    }

    /// The COPYs that run.
    pub(crate) fn copies(&self) -> &Copies {
        &self.copies
    }

    /// What was merged since this engine was built; the background's merges are to be entered too.
    pub fn merge_log(&self) -> &Arc<MergeLog> {
        &self.merge_log
    }

    /// The files that COPY may read and write.
    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// Waits for the other statements that are run again, so that they do not make each other lose time after time. One
    /// that takes long is not waited for: then they race.
    pub(crate) async fn turn(&self) -> Option<OwnedMutexGuard<()>> {
        tokio::time::timeout(TURN_WAIT, Arc::clone(&self.turn).lock_owned()).await.ok()
    }

    pub(crate) fn channels(&self) -> &Arc<Channels> {
        &self.channels
    }

    /// When this engine was built: `pg_postmaster_start_time()`.
    pub(crate) fn started(&self) -> TimestampMicros {
        self.started
    }

    pub(crate) fn now(&self) -> TimestampMicros {
        self.parts.sources.clock.now()
    }

    pub(crate) fn begin(&self, modes: Modes, locks: &Arc<OwnLocks>) -> Transaction {
        let locked_rows = self.row_locks.holder(&self.parts.catalog, locks);
        Transaction::begin(&self.parts.catalog, &self.parts.store, self.now(), modes, locked_rows)
    }

    /// Runs a future on the computing threads; dropping the result stops it.
    pub(crate) async fn on_cpu<T: Send + 'static>(
        &self,
        future: impl Future<Output = Result<T, SqlError>> + Send + 'static,
    ) -> Result<T, SqlError> {
        let mut task = AbortOnDrop(self.parts.cpu.spawn(future));
        match (&mut task.0).await {
            Ok(result) => result,
            Err(error) if error.is_cancelled() => Err(SqlError::new(SqlState::QUERY_CANCELED, "statement was stopped")),
            Err(error) => {
                tracing::error!(%error, "a statement panicked");
                Err(SqlError::internal("internal error: a statement stopped unexpectedly, see the server's trace"))
            }
        }
    }

    /// Runs a future on the computing threads on its own.
    pub(crate) fn spawn<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.parts.cpu.spawn(future)
    }
}

/// A task that ends with its owner.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
