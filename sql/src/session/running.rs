//! How a statement is run: about the session itself or by the engine, once or, if it waited for rows, until it finds them.

use std::sync::Arc;

use tokio::time::Instant;

use super::Session;
use crate::error::SqlError;
use crate::modify::gather;
use crate::outcome::Outcome;
use crate::parse::Statement;
use crate::plan::parameters::Bound;
use crate::statement;
use crate::transaction::{Isolation, Looks, Pile};

/// Attempts of a statement that loses to quicker ones, before these wait for it.
const ATTEMPTS_BESIDE_OTHERS: usize = 2;

impl Session {
    pub(super) async fn run(&mut self, statement: &Statement, bound: Arc<Bound>) -> Result<Outcome, SqlError> {
        self.refuse_if_failed(statement)?;
        self.activity.begin(statement.text(), self.engine.now());
        self.began = Some(Instant::now());
        let result = match self.executed(statement).await {
            // Places in the text of what was prepared are none in the text of EXECUTE.
            Ok(Some((executed, values))) => {
                let ran = self.run_any(&executed.statement, values).await;
                ran.and_then(|outcome| executed.check_result(outcome))
            }
            Ok(None) => self.run_any(statement, bound).await.map_err(|error| statement::place(error, statement)),
            Err(error) => Err(error),
        };
        self.began = None;
        result.inspect_err(|_| self.fail())
    }

    async fn run_any(&mut self, statement: &Statement, bound: Arc<Bound>) -> Result<Outcome, SqlError> {
        let writers = self.writers();
        let outcome = match self.run_control(statement, &bound).await? {
            None => self.run_once(statement, &bound).await?,
            Some(outcome) => outcome,
        };
        self.remember_for_rerun(writers, statement, bound, outcome).await
    }

    /// Runs a statement. One that waited for rows which are changed now begins again, in READ COMMITTED.
    pub(super) async fn run_once(&mut self, statement: &Statement, bound: &Arc<Bound>) -> Result<Outcome, SqlError> {
        if !statement::waits_for_rows(statement) {
            return self.attempt(statement, bound).await;
        }
        let rows = self.in_transaction(|transaction| transaction.locked_rows());
        let before = rows.held();
        let reads_anew = self.modes().isolation == Isolation::ReadCommitted;
        for attempt in 1..=self.engine.limits().retries_max {
            rows.begin_statement(reads_anew);
            let (outcome, has_failed) = match self.attempt(statement, bound).await {
                Ok(Outcome::Rows(rows)) => {
                    let (rows, has_failed) = rows.begun().await;
                    (Ok(Outcome::Rows(rows)), has_failed)
                }
                Ok(outcome) => (Ok(outcome), false),
                Err(error) => (Err(error), true),
            };
            let Some(table) = rows.begins_again_for().filter(|_| has_failed) else { return outcome };
            rows.keep_only(&before);
            if attempt >= ATTEMPTS_BESIDE_OTHERS {
                let limit = self.settings().timeouts().lock;
                self.statement_guard().watch(self.locks.hold_changes(table, limit)).await?;
            }
        }
        self.attempt(statement, bound).await
    }

    async fn attempt(&mut self, statement: &Statement, bound: &Arc<Bound>) -> Result<Outcome, SqlError> {
        self.refuse_if_read_only(statement)?;
        self.gather_chunks().await?;
        self.acts_on_commit |= statement::acts_on_commit(statement);
        let scope = self.scope(statement::looks(statement))?;
        let guard = scope.guard.clone();
        let transaction = Arc::clone(&self.transaction);
        if statement::is_quick(statement, bound) {
            return guard.watch(statement::run(scope, transaction, statement, bound)).await;
        }
        let (statement, bound) = (statement.clone(), Arc::clone(bound));
        let work = async move { statement::run(scope, transaction, &statement, &bound).await };
        guard.watch(self.engine.on_cpu(work)).await
    }

    /// Keeps the chunks of earlier statements few.
    async fn gather_chunks(&mut self) -> Result<(), SqlError> {
        let limits = self.engine.limits();
        // Gathered, a table has two chunks at most: of new rows, and of changed ones that keep their commits.
        let most = Pile { chunks: limits.transaction_chunks_max, bytes: 2 * limits.chunk_bytes_max as u64 };
        for table in self.in_transaction(|transaction| transaction.piled_up(most)) {
            let scope = self.scope(Looks::AtRows)?;
            let guard = scope.guard.clone();
            let work = gather(scope, Arc::clone(&self.transaction), table);
            guard.watch(self.engine.on_cpu(work)).await?;
        }
        Ok(())
    }
}
