//! The extended protocol's side of what a session keeps: Parse, Bind, Describe, Execute, Close.

use std::sync::Arc;

use peristyle_catalog::model::PgType;

use super::cursor_rows::{CursorRows, Give};
use super::kept::{CursorFacts, KeptStatement, Portal, Progress, SharedRows};
use super::named::{cannot_run, unknown_portal, unknown_statement};
use super::{BoundParameters, Guard, Parameter, Prepared, Session, WireFormat};
use crate::error::SqlError;
use crate::outcome::{BatchStream, ColumnDescription, Outcome, Rows, RowsTag};

/// What Describe says of a portal.
pub struct PortalDescription {
    /// `None` without rows.
    pub columns: Option<Vec<ColumnDescription>>,
    /// None, one for all, or one for each.
    pub formats: Vec<WireFormat>,
}

/// What a portal begins with when it is executed.
enum Start {
    Empty,
    First(Arc<Prepared>, BoundParameters),
    Next(SharedRows, RowsTag, Vec<ColumnDescription>),
}

impl Session {
    /// Parses and resolves a query string of at most one statement, and keeps it. `types` are those the client named for
    /// `$1`, `$2`, …
    pub async fn keep_statement(
        &mut self,
        name: Option<&str>,
        text: &str,
        types: &[Option<PgType>],
    ) -> Result<(), SqlError> {
        {
            let mut kept = self.kept.lock();
            kept.statements.admits(name).map_err(|refused| refused.of_statement(name))?;
            if name.is_none() {
                kept.statements.remove(None);
            }
        }
        let mut statements = self.parse(text)?;
        let statement = statements.pop();
        if !statements.is_empty() {
            return Err(SqlError::syntax("cannot insert multiple commands into a prepared statement"));
        }
        let prepared = match &statement {
            Some(statement) => Some(self.prepare(statement, types).await?),
            None => None,
        };
        self.keep_prepared(name, KeptStatement::new(prepared, text.to_owned(), self.engine.now(), false))
    }

    pub(super) fn keep_prepared(&mut self, name: Option<&str>, kept: Arc<KeptStatement>) -> Result<(), SqlError> {
        let inserted = self.kept.lock().statements.insert(name.map(str::to_owned), kept);
        inserted.map_err(|refused| refused.of_statement(name))
    }

    pub(super) fn kept_statement(&self, name: Option<&str>) -> Result<Arc<KeptStatement>, SqlError> {
        self.kept.lock().statements.get(name).cloned().ok_or_else(|| unknown_statement(name))
    }

    /// A prepared statement; `None` is the empty one.
    pub fn statement(&self, name: Option<&str>) -> Result<Option<Arc<Prepared>>, SqlError> {
        Ok(self.kept_statement(name)?.prepared.clone())
    }

    /// Forgets a prepared statement, if it is there.
    pub fn close_statement(&mut self, name: Option<&str>) {
        self.kept.lock().statements.remove(name);
    }

    /// Binds a prepared statement to values, as a portal.
    pub fn bind_portal(
        &mut self,
        portal: Option<&str>,
        statement: Option<&str>,
        parameters: &[Parameter],
        formats: Vec<WireFormat>,
    ) -> Result<(), SqlError> {
        let kept = self.kept_statement(statement)?;
        let (columns, bound) = match &kept.prepared {
            None => (None, None),
            Some(prepared) => {
                let bound = self.bind(portal, prepared, parameters)?;
                (prepared.columns.clone(), Some((Arc::clone(prepared), bound)))
            }
        };
        kept.count_execution();
        let cursor = CursorFacts {
            source: portal.map_or_else(String::new, |_| kept.source().to_owned()),
            is_held: false,
            is_binary: formats.first() == Some(&WireFormat::Binary),
            scrolls: false,
            created_at: self.engine.now(),
        };
        self.keep_portal(portal, columns, formats, Progress::Bound(bound), cursor)
    }

    pub(super) fn keep_portal(
        &mut self,
        name: Option<&str>,
        columns: Option<Vec<ColumnDescription>>,
        formats: Vec<WireFormat>,
        progress: Progress,
        cursor: CursorFacts,
    ) -> Result<(), SqlError> {
        let mut kept = self.kept.lock();
        let number = kept.next_number();
        let portal = Portal { columns, formats, progress, cursor, number, is_older_than_transaction: false };
        kept.portals.insert(name.map(str::to_owned), portal).map_err(|refused| refused.of_portal(name))
    }

    /// What a portal returns.
    pub fn describe_portal(&self, name: Option<&str>) -> Result<PortalDescription, SqlError> {
        let kept = self.kept.lock();
        let portal = kept.portals.get(name).ok_or_else(|| unknown_portal(name))?;
        Ok(PortalDescription { columns: portal.columns.clone(), formats: portal.formats.clone() })
    }

    /// Forgets a portal, if it is there.
    pub fn close_portal(&mut self, name: Option<&str>) {
        self.kept.lock().portals.remove(name);
    }

    /// Runs a portal, or goes on with it; of a result at most `rows_max` rows. Its formats come with it.
    pub async fn execute_portal(
        &mut self,
        name: Option<&str>,
        rows_max: u64,
    ) -> Result<(Outcome, Vec<WireFormat>), SqlError> {
        let (start, formats) = self.take_start(name)?;
        let outcome = match start {
            Start::Empty => Outcome::Empty,
            Start::First(prepared, bound) => match self.execute_prepared(&prepared, &bound).await? {
                Outcome::Rows(rows) => self.open_portal(name, rows, rows_max),
                other => other,
            },
            Start::Next(rows, tag, columns) => {
                self.refuse_in_failed_transaction()?;
                let guard = self.statement_guard();
                Outcome::Rows(Rows { columns, batches: given(rows, Give::Forward(rows_max), guard), tag })
            }
        };
        Ok((outcome, formats))
    }

    fn take_start(&mut self, name: Option<&str>) -> Result<(Start, Vec<WireFormat>), SqlError> {
        let mut kept = self.kept.lock();
        let portal = kept.portals.get_mut(name).ok_or_else(|| unknown_portal(name))?;
        let start = match std::mem::replace(&mut portal.progress, Progress::Done) {
            Progress::Bound(None) => Start::Empty,
            Progress::Bound(Some((prepared, bound))) => Start::First(prepared, bound),
            Progress::Open(rows, tag) => {
                // What failed is not kept open: nobody else reads these rows now.
                if rows.try_lock().is_ok_and(|rows| rows.has_failed()) {
                    return Err(cannot_run(name));
                }
                portal.progress = Progress::Open(Arc::clone(&rows), tag.clone());
                Start::Next(rows, tag, portal.columns.clone().unwrap_or_default())
            }
            Progress::Done => return Err(cannot_run(name)),
        };
        Ok((start, portal.formats.clone()))
    }

    /// Keeps the result of a portal open, and gives its first rows.
    pub(super) fn open_portal(&mut self, name: Option<&str>, rows: Rows, rows_max: u64) -> Outcome {
        let Rows { columns, batches, tag } = rows;
        let shared = share(CursorRows::new(batches, false, 0));
        if let Some(portal) = self.kept.lock().portals.get_mut(name) {
            portal.columns = Some(columns.clone());
            portal.progress = Progress::Open(Arc::clone(&shared), tag.clone());
        }
        let guard = self.interrupts.detached_guard();
        Outcome::Rows(Rows { columns, batches: given(shared, Give::Forward(rows_max), guard), tag })
    }
}

pub(super) fn share(rows: CursorRows) -> SharedRows {
    Arc::new(tokio::sync::Mutex::new(rows))
}

/// Rows of a cursor as a result of their own; what takes them stops when the guard does.
pub(super) fn given(rows: SharedRows, give: Give, guard: Guard) -> BatchStream {
    let start = Some((rows, give, guard));
    Box::pin(futures::stream::unfold(start, |state| async move {
        let (rows, mut give, guard) = state?;
        let next = guard.watch(async { rows.lock().await.next(&mut give).await }).await;
        match next {
            Ok(batch) => batch.map(|batch| (Ok(batch), Some((rows, give, guard)))),
            Err(error) => {
                rows.lock().await.fail();
                Some((Err(error), None))
            }
        }
    }))
}
