//! DECLARE, FETCH, MOVE and CLOSE.

use std::sync::Arc;

use sqlparser::ast;

use super::cursor_rows::CursorRows;
use super::kept::{CursorFacts, Progress, SharedRows};
use super::named::{cannot_run, unknown_cursor};
use super::portals::{given, share};
use super::{BoundParameters, Prepared, Session, WireFormat};
use crate::error::SqlError;
use crate::outcome::{ColumnDescription, Outcome, Rows, RowsTag};
use crate::parse::{Declare, Movement, Tree};
use crate::plan::parameters::Bound;
use crate::{statement, with_changes};

impl Session {
    /// Opens a cursor. Its query starts now and waits for FETCH; time limits are those of each FETCH.
    pub(super) async fn run_declare(&mut self, declare: &Declare, bound: &Arc<Bound>) -> Result<Outcome, SqlError> {
        refuse_changes(declare)?;
        if !declare.is_held && self.block.is_none() {
            return Err(super::block::needs_block("DECLARE CURSOR"));
        }
        let name = Some(declare.cursor.as_str());
        let admitted = self.kept.lock().portals.admits(name).map_err(|refused| refused.of_portal(name));
        admitted?;
        let Rows { columns, batches, .. } = self.open_query(declare, bound).await?;
        let rows = CursorRows::new(batches, declare.scrolls, self.engine.limits().cursor_bytes_max);
        let facts = CursorFacts {
            source: declare.source.clone(),
            is_held: declare.is_held,
            is_binary: declare.is_binary,
            scrolls: declare.scrolls,
            created_at: self.transaction_started(),
        };
        let format = if declare.is_binary { WireFormat::Binary } else { WireFormat::Text };
        let progress = Progress::Open(share(rows), RowsTag::Select);
        self.keep_portal(name, Some(columns), vec![format], progress, facts)?;
        Ok(Outcome::Command("DECLARE CURSOR".to_owned()))
    }

    async fn open_query(&mut self, declare: &Declare, bound: &Arc<Bound>) -> Result<Rows, SqlError> {
        let limited = self.statement_guard();
        let scope = self.scope_under(statement::looks(&declare.query), self.interrupts.detached_guard())?;
        let (transaction, query, bound) = (Arc::clone(&self.transaction), declare.query.clone(), Arc::clone(bound));
        let work = async move { statement::run(scope, transaction, &query, &bound).await };
        match limited.watch(self.engine.on_cpu(work)).await? {
            Outcome::Rows(rows) => Ok(rows),
            _ => Err(SqlError::internal("a cursor's query gave no rows")),
        }
    }

    pub(super) async fn run_fetch(
        &mut self,
        cursor: &str,
        movement: Movement,
        is_move: bool,
    ) -> Result<Outcome, SqlError> {
        self.open_bound(cursor).await?;
        let guard = self.statement_guard();
        let (rows, columns, is_binary) = self.open_cursor(cursor)?;
        let moved = guard.watch(async {
            let mut rows = rows.lock().await;
            let give = rows.seek(movement).await?;
            let passed = if is_move { rows.pass(give).await? } else { 0 };
            Ok((give, passed))
        });
        match moved.await {
            Ok((_, passed)) if is_move => Ok(Outcome::Command(format!("MOVE {passed}"))),
            Ok((give, _)) => {
                let batches = given(rows, give, guard);
                Ok(Outcome::Rows(Rows { columns, batches, tag: RowsTag::Fetch { is_binary } }))
            }
            Err(error) => {
                rows.lock().await.fail();
                Err(error)
            }
        }
    }

    /// Starts the query of a portal that Bind made and nobody has executed: drivers MOVE in those too.
    async fn open_bound(&mut self, name: &str) -> Result<(), SqlError> {
        let Some((prepared, bound)) = self.take_bound_query(name) else { return Ok(()) };
        match self.run_once(&prepared.statement, &bound.0).await? {
            Outcome::Rows(rows) => drop(self.open_portal(Some(name), rows, 0)),
            _ => return Err(SqlError::internal("a query gave no rows")),
        }
        Ok(())
    }

    fn take_bound_query(&self, name: &str) -> Option<(Arc<Prepared>, BoundParameters)> {
        let mut kept = self.kept.lock();
        let portal = kept.portals.get_mut(Some(name))?;
        let Progress::Bound(Some((prepared, _))) = &portal.progress else { return None };
        if !matches!(&*prepared.statement.tree, Tree::Sql(tree) if matches!(tree.as_ref(), ast::Statement::Query(_))) {
            return None;
        }
        match std::mem::replace(&mut portal.progress, Progress::Done) {
            Progress::Bound(bound) => bound,
            Progress::Open(..) | Progress::Done => None,
        }
    }

    /// The rows and columns of a cursor, or of a portal that Execute has opened, and whether they go out in binary.
    fn open_cursor(&self, name: &str) -> Result<(SharedRows, Vec<ColumnDescription>, bool), SqlError> {
        let kept = self.kept.lock();
        let portal = kept.portals.get(Some(name)).ok_or_else(|| unknown_cursor(name))?;
        let columns = portal.columns.clone().unwrap_or_default();
        match &portal.progress {
            Progress::Open(rows, _) => {
                if rows.try_lock().is_ok_and(|rows| rows.has_failed()) {
                    return Err(cannot_run(Some(name)));
                }
                Ok((Arc::clone(rows), columns, portal.cursor.is_binary))
            }
            Progress::Bound(_) | Progress::Done => Err(cannot_run(Some(name))),
        }
    }

    pub(super) fn run_close(&mut self, cursor: Option<&str>) -> Result<Outcome, SqlError> {
        let mut kept = self.kept.lock();
        match cursor {
            None => kept.portals.clear_named(),
            Some(_) if kept.portals.remove(cursor) => {}
            Some(name) => return Err(unknown_cursor(name)),
        }
        Ok(Outcome::Command(if cursor.is_none() { "CLOSE CURSOR ALL" } else { "CLOSE CURSOR" }.to_owned()))
    }

    /// The columns that FETCH of a cursor gives; `None` while there is no such cursor.
    pub(super) fn cursor_columns(&self, name: &str) -> Option<Vec<ColumnDescription>> {
        self.kept.lock().portals.get(Some(name)).and_then(|portal| portal.columns.clone())
    }

    /// Reads what cursors WITH HOLD have left, before the transaction that they read in commits.
    pub(super) async fn keep_held_rows(&mut self) -> Result<(), SqlError> {
        let held = self.kept.lock().rows_to_hold();
        if held.is_empty() {
            return Ok(());
        }
        let guard = self.statement_guard();
        for rows in held {
            guard.watch(async { rows.lock().await.keep_rest().await }).await?;
        }
        Ok(())
    }
}

/// 0A000 if the cursor's query changes rows in its WITH.
pub(super) fn refuse_changes(declare: &Declare) -> Result<(), SqlError> {
    match &*declare.query.tree {
        Tree::Sql(tree) if let ast::Statement::Query(query) = tree.as_ref() => {
            with_changes::refuse_in("DECLARE CURSOR must not contain", query)
        }
        _ => Ok(()),
    }
}
