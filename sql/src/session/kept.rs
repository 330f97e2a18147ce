//! What a session keeps between statements under names: prepared statements, portals and cursors. SQL and the protocol
//! share both namespaces, as in PostgreSQL: `EXECUTE` runs what Parse prepared, and Describe finds a cursor of DECLARE.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use peristyle_catalog::model::TimestampMicros;

use super::cursor_rows::CursorRows;
use super::named::Named;
use super::{BoundParameters, Prepared, WireFormat};
use crate::engine::EngineLimits;
use crate::outcome::{ColumnDescription, RowsTag};
use crate::relation;

/// The statements and portals of a session, which `pg_prepared_statements` and `pg_cursors` show.
pub(crate) type SharedKept = Arc<Mutex<Kept>>;

pub(crate) struct Kept {
    pub(super) statements: Named<Arc<KeptStatement>>,
    pub(super) portals: Named<Portal>,
    /// Portals made so far.
    portals_made: u64,
}

/// A prepared statement with what is shown of it.
pub(super) struct KeptStatement {
    /// `None` of an empty query string.
    pub(super) prepared: Option<Arc<Prepared>>,
    source: String,
    prepared_at: TimestampMicros,
    is_from_sql: bool,
    executions: AtomicU64,
}

/// Rows that a portal and the statement that gives them share.
pub(super) type SharedRows = Arc<tokio::sync::Mutex<CursorRows>>;

/// A statement that was bound, or a cursor.
pub(super) struct Portal {
    pub(super) columns: Option<Vec<ColumnDescription>>,
    /// As Bind says them: none, one for all, or one for each.
    pub(super) formats: Vec<WireFormat>,
    pub(super) progress: Progress,
    pub(super) cursor: CursorFacts,
    /// Which of the session's portals it is.
    pub(super) number: u64,
    /// Whether the transaction that made it has committed.
    pub(super) is_older_than_transaction: bool,
}

/// What `pg_cursors` shows of a portal.
#[derive(Clone)]
pub(super) struct CursorFacts {
    pub(super) source: String,
    pub(super) is_held: bool,
    pub(super) is_binary: bool,
    pub(super) scrolls: bool,
    pub(super) created_at: TimestampMicros,
}

/// How far a portal has run.
pub(super) enum Progress {
    /// Not at all; `None` is the empty query.
    Bound(Option<(Arc<Prepared>, BoundParameters)>),
    Open(SharedRows, RowsTag),
    /// It ran, or failed while it did, and cannot run again.
    Done,
}

impl Kept {
    pub(super) fn new(limits: &EngineLimits) -> Kept {
        Kept {
            statements: Named::new(limits.prepared_statements_max),
            portals: Named::new(limits.portals_max),
            portals_made: 0,
        }
    }

    /// A number for the next portal.
    pub(super) fn next_number(&mut self) -> u64 {
        self.portals_made += 1;
        self.portals_made
    }

    /// How many portals were made: those after it did not exist yet.
    pub(super) fn mark(&self) -> u64 {
        self.portals_made
    }

    /// Forgets the portals that were made since.
    pub(super) fn go_back(&mut self, mark: u64) {
        self.portals.retain(|portal| portal.number <= mark || portal.is_older_than_transaction);
    }

    /// Cursors that must outlive the transaction if it commits.
    pub(super) fn rows_to_hold(&self) -> Vec<SharedRows> {
        let held = self.portals.all().filter(|portal| portal.cursor.is_held && !portal.is_older_than_transaction);
        held.filter_map(|portal| match &portal.progress {
            Progress::Open(rows, _) => Some(Arc::clone(rows)),
            Progress::Bound(_) | Progress::Done => None,
        })
        .collect()
    }

    /// Portals do not outlive their transaction, but for cursors WITH HOLD of one that committed.
    pub(super) fn end_transaction(&mut self, is_committed: bool) {
        self.portals.retain(|portal| portal.is_older_than_transaction || (is_committed && portal.cursor.is_held));
        self.portals.all_mut().for_each(|portal| portal.is_older_than_transaction = true);
    }

    /// Whether there are cursors, or portals whose rows were not all taken.
    pub(crate) fn has_open_portals(&self) -> bool {
        self.portals.all().any(|portal| matches!(portal.progress, Progress::Open(..)))
    }

    /// Rows of `pg_prepared_statements`.
    pub(crate) fn prepared_views(&self) -> Vec<relation::PreparedStatement> {
        let view = |(name, kept): (&String, &Arc<KeptStatement>)| relation::PreparedStatement {
            name: name.clone(),
            text: kept.source.clone(),
            prepared_at: kept.prepared_at,
            parameters: kept.prepared.as_ref().map_or_else(Vec::new, |prepared| prepared.parameters.clone()),
            from_sql: kept.is_from_sql,
            executions: kept.executions.load(Ordering::Relaxed),
        };
        self.statements.named().map(view).collect()
    }

    /// Rows of `pg_cursors`; the unnamed portal is the one that runs.
    pub(crate) fn cursor_views(&self) -> Vec<relation::Cursor> {
        let view = |(name, portal): (&String, &Portal)| relation::Cursor {
            name: name.clone(),
            text: portal.cursor.source.clone(),
            holdable: portal.cursor.is_held,
            binary: portal.cursor.is_binary,
            scrollable: portal.cursor.scrolls,
            created_at: portal.cursor.created_at,
        };
        self.portals.named().map(view).collect()
    }
}

impl KeptStatement {
    pub(super) fn new(
        prepared: Option<Prepared>,
        source: String,
        prepared_at: TimestampMicros,
        is_from_sql: bool,
    ) -> Arc<KeptStatement> {
        let prepared = prepared.map(Arc::new);
        Arc::new(KeptStatement { prepared, source, prepared_at, is_from_sql, executions: AtomicU64::new(0) })
    }

    /// Its query string.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn count_execution(&self) {
        self.executions.fetch_add(1, Ordering::Relaxed);
    }
}
