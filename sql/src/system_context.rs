//! What system relations and catalog functions are computed from, gathered from the scope.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::ScalarUDF;
use peristyle_catalog::Catalog;
use peristyle_catalog::model::{Database, Oid, SequencePlace};
use peristyle_storage::Store;
use peristyle_storage::gc;

use crate::error::{SqlError, SqlState};
use crate::outcome::Notice;
use crate::pg_catalog::functions::{CatalogContext, SessionControl, function_names, register};
use crate::relation::{
    CopyView, LockView, LockedView, Objects, Orphan, Orphans, RelationContext, SequencePlaces, ServerView, SessionView,
    Setting, SnapshotView, StatementView, VirtualRelation,
};
use crate::scope::Scope;
use crate::session::settings::{SettingDefinition, SettingKind, Settings};
use crate::session::{ActivityState, LockKey, LockMode, LockNumber, LockRow, LockSpan};

/// The rows of a system relation.
pub(crate) async fn rows(scope: &Arc<Scope>, relation: &'static dyn VirtualRelation) -> Result<RecordBatch, SqlError> {
    let database = database(scope)?;
    let (mut session, server) = (session_view(scope), server_view(scope));
    if let Some(kept) = scope.kept.upgrade() {
        let kept = kept.lock();
        (session.prepared, session.cursors) = (kept.prepared_views(), kept.cursor_views());
    }
    let context = RelationContext {
        head: scope.view.head().as_ref() as &dyn Objects,
        database: &database,
        session: &session,
        server: &server,
    };
    Ok(relation.rows(&context).await?)
}

/// The catalog functions of one statement, by name.
pub(crate) struct CatalogFunctions {
    by_name: HashMap<String, Arc<ScalarUDF>>,
}

impl CatalogFunctions {
    pub(crate) fn new(scope: &Arc<Scope>) -> CatalogFunctions {
        let Ok(database) = database(scope) else { return CatalogFunctions { by_name: HashMap::new() } };
        let context = CatalogContext {
            head: Arc::clone(scope.view.head()) as _,
            database,
            session: Arc::new(session_view(scope)),
            server: Arc::new(server_view(scope)),
            control: Arc::new(Control { scope: Arc::clone(scope) }),
        };
        let functions = register(&Arc::new(context));
        CatalogFunctions { by_name: functions.into_iter().map(|f| (f.name().to_owned(), f)).collect() }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.by_name.get(name).cloned()
    }
}

fn database(scope: &Scope) -> Result<Arc<Database>, SqlError> {
    scope.view.database_by_name(&scope.session.database).cloned().ok_or_else(|| {
        let message = format!("database \"{}\" does not exist", scope.session.database);
        SqlError::new(SqlState::INVALID_CATALOG_NAME, message)
    })
}

fn session_view(scope: &Scope) -> SessionView {
    SessionView {
        user: scope.session.user.clone(),
        process_id: scope.session.process_id,
        client_address: client_address(scope),
        search_path: scope.found_schemas(),
        settings: scope.settings.all().map(|(definition, value)| setting(definition, value, &scope.settings)).collect(),
        prepared: Vec::new(),
        cursors: Vec::new(),
        now: scope.transaction_started,
        transaction_id: scope.view.seq().0,
    }
}

fn client_address(scope: &Scope) -> Option<SocketAddr> {
    let sessions = scope.engine.activities().list();
    sessions.into_iter().find(|row| row.process_id == scope.session.process_id)?.client_address
}

fn setting(definition: &SettingDefinition, value: &str, settings: &Settings) -> Setting {
    let (kind, enum_values, min, max) = match definition.kind {
        SettingKind::Bool => ("bool", Vec::new(), None, None),
        SettingKind::Integer(least, greatest) => ("integer", Vec::new(), Some(least), Some(greatest)),
        SettingKind::Milliseconds => ("integer", Vec::new(), Some(0), Some(i64::from(i32::MAX))),
        SettingKind::Enum(words) => ("enum", words.iter().map(|word| (*word).to_owned()).collect(), None, None),
        SettingKind::Kilobytes(least) => ("integer", Vec::new(), Some(least as i64), Some(i64::from(i32::MAX))),
        SettingKind::Text
        | SettingKind::Role
        | SettingKind::TimeZone
        | SettingKind::DateStyle
        | SettingKind::Encoding
        | SettingKind::SearchPath => ("string", Vec::new(), None, None),
    };
    let unit = match definition.kind {
        SettingKind::Milliseconds => Some("ms"),
        SettingKind::Kilobytes(_) => Some("kB"),
        _ => None,
    };
    Setting {
        name: definition.name.to_owned(),
        value: value.to_owned(),
        unit: unit.map(str::to_owned),
        category: "Client Connection Defaults".to_owned(),
        description: definition.description.to_owned(),
        context: if definition.fixed { "internal" } else { "user" },
        kind,
        source: if value == definition.default { "default" } else { "session" },
        min: min.map(|min| min.to_string()),
        max: max.map(|max| max.to_string()),
        enum_values,
        boot: definition.default.to_owned(),
        reset: settings.reset_value(definition).to_owned(),
    }
}

fn server_view(scope: &Arc<Scope>) -> ServerView {
    let state = scope.engine.state();
    let names = state
        .scalar_functions()
        .keys()
        .chain(state.aggregate_functions().keys())
        .chain(state.window_functions().keys());
    ServerView {
        statements: scope.engine.activities().list().into_iter().map(statement_view).collect(),
        copies: scope.engine.copies().list().iter().map(|copy| copy_view(copy)).collect(),
        locks: scope.engine.locks().list().into_iter().map(lock_view).collect(),
        merges: scope.engine.merge_log().list(),
        upkeep: scope.engine.merge_log().upkeep(),
        merge_totals: scope.engine.merge_log().totals(),
        snapshots: snapshots(scope),
        functions: names.cloned().chain(function_names().map(str::to_owned)).collect(),
        started_at: scope.engine.started(),
        partition_path: Some(|partition| peristyle_storage::objects::path_of(partition).to_string()),
        orphans: Some(Arc::new(StoreOrphans {
            store: Arc::clone(scope.engine.store()),
            catalog: Arc::clone(scope.engine.catalog()),
        })),
        sequences: Some(Arc::clone(scope) as _),
    }
}

fn copy_view(copy: &crate::session::CopyProgress) -> CopyView {
    let figures = copy.figures();
    CopyView {
        process_id: copy.process_id,
        database_oid: copy.database.0,
        database: copy.database.1.clone(),
        relation: copy.relation,
        command: copy.command,
        end: copy.end,
        bytes: figures.bytes,
        bytes_total: copy.bytes_total,
        rows: figures.rows,
        excluded: figures.excluded,
    }
}

fn lock_view(row: LockRow) -> LockView {
    let on = match row.key {
        LockKey::Advisory { database, number } => {
            let (class, object, part) = number.parts();
            LockedView::Advisory { database, class, object, part }
        }
        // An xid has 32 bits.
        LockKey::Transaction(transaction) => LockedView::Transaction(transaction as u32),
        LockKey::Table(table) | LockKey::Changes(table) | LockKey::Commits(table) => LockedView::Table(table),
    };
    LockView { process_id: row.process_id, on, mode: row.mode.name(), is_granted: row.is_granted }
}

fn statement_view(row: crate::session::ActivityRow) -> StatementView {
    StatementView {
        process_id: row.process_id,
        user: row.user,
        database: row.database,
        application: row.application,
        client_address: row.client_address,
        is_encrypted: row.is_encrypted,
        state: row.state.name(),
        connected_at: row.connected_at,
        transaction_started_at: row.started.filter(|_| row.state != ActivityState::Idle),
        started_at: row.started,
        state_changed_at: row.state_changed_at,
        text: row.text,
    }
}

fn snapshots(scope: &Scope) -> Vec<SnapshotView> {
    let head = scope.view.seq();
    let pinned = scope.engine.catalog().pins();
    let view = |(seq, committed_at)| SnapshotView {
        seq,
        committed_at,
        is_head: seq == head,
        pins: pinned.iter().find(|(pin, _)| *pin == seq).map_or(0, |(_, count)| *count),
    };
    scope.view.commits().map(view).collect()
}

/// Lists the store for objects that nothing names now.
struct StoreOrphans {
    store: Arc<Store>,
    catalog: Arc<Catalog>,
}

#[async_trait]
impl Orphans for StoreOrphans {
    async fn list(&self) -> datafusion::error::Result<Vec<Orphan>> {
        let found = gc::orphans(&self.store, &self.catalog).await.map_err(external)?;
        Ok(found
            .into_iter()
            .map(|object| Orphan { path: object.path, bytes: object.bytes, modified_at: object.modified })
            .collect())
    }
}

fn statement_error(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

fn external(error: peristyle_storage::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl SequencePlaces for Scope {
    fn place(&self, sequence: Oid) -> Option<SequencePlace> {
        let definition = self.view.relation(sequence)?.as_sequence()?;
        Some(self.sequence_place(sequence, definition).0)
    }
}

/// What functions may do to their session and to others.
struct Control {
    scope: Arc<Scope>,
}

#[async_trait]
impl SessionControl for Control {
    fn setting(&self, name: &str) -> Option<String> {
        self.scope.session_settings.lock().current().get(name).ok().map(str::to_owned)
    }

    fn set(&self, name: &str, value: Option<&str>, is_local: bool) -> datafusion::error::Result<String> {
        let mut settings = self.scope.session_settings.lock();
        let change = |settings: &mut Settings| match value {
            Some(value) => settings.set_text(name, value),
            None => settings.reset(name),
        };
        let changed = settings.change(is_local, change);
        let shown = changed.and_then(|()| settings.current().get(name).map(str::to_owned));
        shown.map_err(|error| DataFusionError::External(Box::new(error)))
    }

    fn notify(&self, channel: &str, payload: &str) -> datafusion::error::Result<()> {
        self.scope.pending.lock().notify(channel, payload).map_err(|error| DataFusionError::External(Box::new(error)))
    }

    fn next_value(&self, sequence: Oid, expected: usize) -> datafusion::error::Result<i64> {
        let values = self.scope.next_values(sequence, 1, expected).map_err(statement_error)?;
        values.first().copied().ok_or_else(|| statement_error(SqlError::internal("a sequence gave no value")))
    }

    fn current_value(&self, sequence: Oid) -> datafusion::error::Result<i64> {
        self.scope.current_value(sequence).map_err(statement_error)
    }

    fn last_value(&self) -> datafusion::error::Result<i64> {
        self.scope.last_value().map_err(statement_error)
    }

    fn set_value(&self, sequence: Oid, value: i64, is_called: bool) -> datafusion::error::Result<()> {
        self.scope.set_sequence(sequence, value, is_called).map_err(statement_error)
    }

    fn cancel(&self, process_id: i32) -> bool {
        self.scope.engine.activities().interrupt(process_id, false)
    }

    fn terminate(&self, process_id: i32) -> bool {
        self.scope.engine.activities().interrupt(process_id, true)
    }

    fn blocking(&self, process_id: i32) -> Vec<i32> {
        self.scope.engine.locks().blocking(process_id)
    }

    async fn lock(&self, number: LockNumber, mode: LockMode, span: LockSpan) -> datafusion::error::Result<()> {
        let limit = self.scope.lock_wait_max();
        self.scope.locks.take(number, mode, span, limit).await.map_err(statement_error)
    }

    fn try_lock(&self, number: LockNumber, mode: LockMode, span: LockSpan) -> bool {
        self.scope.locks.try_take(number, mode, span)
    }

    fn unlock(&self, number: LockNumber, mode: LockMode) -> bool {
        let was_held = self.scope.locks.give_back(number, mode);
        if !was_held {
            let message = format!("you don't own a lock of type {}", mode.name());
            self.scope.notices.lock().push(Notice::warning(SqlState::WARNING, message));
        }
        was_held
    }

    fn unlock_all(&self) {
        self.scope.locks.give_back_all();
    }
}
