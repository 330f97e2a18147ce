//! What one statement runs in: its snapshot, its session, its clock, its guard.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use peristyle_catalog::Snapshot;
use peristyle_catalog::model::{Oid, Relation, Schema, TimestampMicros};

use crate::engine::Engine;
use crate::enum_types::EnumTypes;
use crate::error::{SqlError, SqlState};
use crate::names::QualifiedName;
use crate::outcome::Notice;
use crate::row_locks::{HeldRows, Rows};
use crate::scan::RowSource;
use crate::sequence::{SharedRuns, SharedTaken};
use crate::session::settings::{Settings, SharedSettings};
use crate::session::{Guard, KeptObjects, OwnLocks, SessionFacts, SharedPending};
use crate::temporary;
use crate::transaction::{Reads, View};
use crate::values::InputStyle;
use crate::with_changes::Returned;

/// Schemas that every session searches first, before its search path.
pub(crate) const PG_CATALOG: &str = "pg_catalog";
/// Longest identifier in bytes; longer ones are cut, as PostgreSQL does.
pub(crate) const IDENTIFIER_BYTES_MAX: usize = 63;

/// One statement's surroundings. Plain data and handles; cheap to share among the statement's tasks.
pub(crate) struct Scope {
    pub(crate) engine: Arc<Engine>,
    pub(crate) session: Arc<SessionFacts>,
    pub(crate) settings: Arc<Settings>,
    /// The session's own, which `set_config` changes.
    pub(crate) session_settings: SharedSettings,
    pub(crate) view: View,
    pub(crate) transaction_started: TimestampMicros,
    pub(crate) started: TimestampMicros,
    pub(crate) guard: Guard,
    pub(crate) notices: Arc<Mutex<Vec<Notice>>>,
    /// The session's prepared statements and cursors. Weak, because an open cursor holds its scope.
    pub(crate) kept: Weak<Mutex<KeptObjects>>,
    /// What the transaction sends when it commits.
    pub(crate) pending: SharedPending,
    /// The values that the session took of sequences.
    pub(crate) taken: SharedTaken,
    /// The locks for which its statements wait.
    pub(crate) locks: Arc<OwnLocks>,
    /// The runs of sequences' values that the transaction began.
    pub(crate) begun_runs: SharedRuns,
    /// What the transaction's statements read.
    pub(crate) reads: Reads,
    /// What the transaction's statements locked.
    pub(crate) locked_rows: Arc<HeldRows>,
    /// What parts of the statement returned so far.
    pub(crate) returned: Returned,
}

impl Scope {
    /// The same surroundings with another view.
    pub(crate) fn with_view(&self, view: View) -> Scope {
        Scope {
            engine: Arc::clone(&self.engine),
            session: Arc::clone(&self.session),
            settings: Arc::clone(&self.settings),
            session_settings: Arc::clone(&self.session_settings),
            view,
            transaction_started: self.transaction_started,
            started: self.started,
            guard: self.guard.clone(),
            notices: Arc::clone(&self.notices),
            kept: Weak::clone(&self.kept),
            pending: Arc::clone(&self.pending),
            taken: Arc::clone(&self.taken),
            locks: Arc::clone(&self.locks),
            begun_runs: Arc::clone(&self.begun_runs),
            reads: self.reads.clone(),
            locked_rows: Arc::clone(&self.locked_rows),
            returned: self.returned.clone(),
        }
    }

    /// The same surroundings in a state of the past, as they were when it was the newest.
    pub(crate) fn in_the_past(&self, snapshot: Snapshot) -> Scope {
        let then = snapshot.at();
        Scope { transaction_started: then, ..self.with_view(View::of_past(snapshot)) }
    }

    /// Takes note of a relation that the statement reads as it is now; what a state of the past holds nobody changes.
    pub(crate) fn note_read(&self, relation: &Relation) {
        if !self.view.is_past() {
            self.reads.note(relation.oid);
        }
    }

    /// How long a statement waits for a lock: `lock_timeout`.
    pub(crate) fn lock_wait_max(&self) -> Option<Duration> {
        self.settings.timeouts().lock
    }

    /// Locks the rows that the statement changes of a table. Nobody else knows of those of the transaction's own.
    pub(crate) async fn lock_changed(
        &self,
        table: Oid,
        changed: impl Iterator<Item = (&RowSource, Rows)>,
    ) -> Result<(), SqlError> {
        let committed = self.view.committed();
        let known_to_others = changed.filter(|(source, _)| source.added() <= committed);
        let changed = known_to_others.map(|(source, rows)| (source.id(), rows)).collect();
        self.locked_rows.lock_changed(table, changed, self.lock_wait_max()).await
    }

    /// Tells the client something that is not an error.
    pub(crate) fn notice(&self, code: SqlState, message: impl Into<String>) {
        let message = message.into();
        self.notices.lock().push(Notice { severity: "NOTICE", code: code.code(), message, detail: None, hint: None });
    }

    /// Names of the schemas to search for a bare name, those that exist or are built in.
    pub(crate) fn search_path(&self) -> impl Iterator<Item = &str> {
        self.settings.search_path(&self.session.user)
    }

    /// The schemas of the search path that exist, as `current_schemas` tells them.
    pub(crate) fn found_schemas(&self) -> Vec<String> {
        self.search_path().filter(|name| self.schema(name).is_some()).map(str::to_owned).collect()
    }

    pub(crate) fn schema(&self, name: &str) -> Option<&Arc<Schema>> {
        if name == temporary::ALIAS {
            return self.view.schema_by_name(self.session.database_oid, &self.temporary_schema());
        }
        self.view.schema_by_name(self.session.database_oid, name)
    }

    /// The name of the session's schema of temporary objects, which may not exist.
    pub(crate) fn temporary_schema(&self) -> String {
        temporary::schema_name(self.session.process_id)
    }

    /// Schemas to search for a relation's bare name: temporary ones come first unless the path says otherwise.
    pub(crate) fn relation_path(&self) -> impl Iterator<Item = &str> {
        let names_temporary = self.search_path().any(|schema| schema == temporary::ALIAS);
        (!names_temporary).then_some(temporary::ALIAS).into_iter().chain(self.search_path())
    }

    /// The schema of that name; 3F000 if there is none.
    pub(crate) fn require_schema(&self, name: &str) -> Result<&Arc<Schema>, SqlError> {
        self.schema(name)
            .ok_or_else(|| SqlError::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{name}\" does not exist")))
    }

    /// The schema that new objects go to.
    pub(crate) fn creation_schema(&self) -> Result<&Arc<Schema>, SqlError> {
        self.search_path()
            .find_map(|name| self.schema(name))
            .ok_or_else(|| SqlError::new(SqlState::INVALID_SCHEMA_NAME, "no schema has been selected to create in"))
    }

    /// A user's table, view, index or sequence by name, through the search path if no schema is given.
    pub(crate) fn relation(&self, schema: Option<&str>, name: &str) -> Option<&Arc<Relation>> {
        self.named(schema, name, |relation| relation.as_enum().is_none())
    }

    fn named(&self, schema: Option<&str>, name: &str, is_one: impl Fn(&Relation) -> bool) -> Option<&Arc<Relation>> {
        let in_schema = |schema: &str| {
            let found = self.view.relation_by_name(self.schema(schema)?.oid, name);
            found.filter(|relation| is_one(relation))
        };
        match schema {
            Some(schema) => in_schema(schema),
            None => self.relation_path().find_map(in_schema),
        }
    }

    /// As [`Self::relation`]; 42P01 if there is none.
    pub(crate) fn require_relation(&self, schema: Option<&str>, name: &str) -> Result<&Arc<Relation>, SqlError> {
        self.relation(schema, name).ok_or_else(|| undefined_table(schema, name))
    }

    /// As [`Self::require_relation`]; 42809 if it is no table.
    pub(crate) fn require_table(&self, name: &QualifiedName) -> Result<&Arc<Relation>, SqlError> {
        self.require_stored(name).and_then(|relation| match relation.as_materialized() {
            Some(_) => Err(not_a_table(relation)),
            None => Ok(relation),
        })
    }

    /// As [`Self::require_table`], a materialized view too: what holds rows.
    pub(crate) fn require_stored(&self, name: &QualifiedName) -> Result<&Arc<Relation>, SqlError> {
        let relation = self.require_relation(name.schema(), &name.name)?;
        if relation.as_table().is_none() { Err(not_a_table(relation)) } else { Ok(relation) }
    }

    /// The users' enum types as the statement sees them.
    pub(crate) fn enums(&self) -> EnumTypes {
        let (head, committed) = (Arc::clone(self.view.head()), Arc::clone(self.view.committed_head()));
        EnumTypes::new(head, committed, Arc::clone(&self.session), Arc::clone(&self.settings))
    }

    /// How the statement reads values.
    pub(crate) fn input_style(&self) -> InputStyle {
        InputStyle { enums: Some(self.enums()), ..self.settings.input_style(self.transaction_started) }
    }

    /// A user's enum type by name, through the search path if no schema is given.
    pub(crate) fn enum_type(&self, schema: Option<&str>, name: &str) -> Option<&Arc<Relation>> {
        self.named(schema, name, |relation| relation.as_enum().is_some())
    }

    /// The name of the schema with that oid.
    pub(crate) fn schema_name(&self, oid: Oid) -> &str {
        self.view.schema(oid).map_or("", |schema| &schema.name)
    }
}

fn not_a_table(relation: &Relation) -> SqlError {
    SqlError::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a table", relation.name))
}

/// PostgreSQL's words for a relation that is not there.
pub(crate) fn undefined_table(schema: Option<&str>, name: &str) -> SqlError {
    let full = schema.map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}"));
    SqlError::new(SqlState::UNDEFINED_TABLE, format!("relation \"{full}\" does not exist"))
}
