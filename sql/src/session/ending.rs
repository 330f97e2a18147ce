//! How a transaction ends, and what ends with it: settings, portals, notifications. An implicit one that lost a race may
//! run again.

use peristyle_catalog::model::ChangeSet;

use super::Session;
use super::block::Block;
use super::rerun::Again;
use crate::error::{SqlError, SqlState};
use crate::temporary;
use crate::transaction::{Looks, Transaction};

impl Session {
    /// Ends the implicit transaction: commits what its statements did in one change set, or discards it after an
    /// error. The last CommandComplete, and ReadyForQuery, come after it. A block goes on. A last statement that had to be run
    /// again may have come to another tag: it is given if `may_retell`, as the client was not told the first; else that is
    /// 40001.
    pub async fn end_implicit(&mut self, may_retell: bool) -> Result<Option<String>, SqlError> {
        let ended = match self.block {
            Some(_) => Ok(None),
            None => self.end_transaction_as(may_retell).await.map(|(_, retold)| retold),
        };
        self.activity.end(self.engine.now(), self.transaction_status());
        ended
    }

    /// Commits the transaction, if one is open; false if it had failed and was discarded.
    pub(super) async fn end_transaction(&mut self) -> Result<bool, SqlError> {
        Ok(self.end_transaction_as(false).await?.0)
    }

    async fn end_transaction_as(&mut self, may_retell: bool) -> Result<(bool, Option<String>), SqlError> {
        let is_good = !self.has_failed();
        if is_good && let Err(error) = self.prepare_commit().await {
            self.discard().await;
            return Err(error);
        }
        let ended = self.commit_or_run_again(may_retell).await;
        let is_committed = is_good && ended.is_ok();
        self.end_of_transaction(is_committed);
        ended.map(|retold| (is_good, retold))
    }

    /// What may still fail of what else a transaction does.
    async fn prepare_commit(&mut self) -> Result<(), SqlError> {
        self.listener.check_room()?;
        self.keep_held_rows().await?;
        self.change_temporary_tables()?;
        self.wait_to_commit().await
    }

    /// Waits for statements that write tables anew in which it changed rows: they would lose to it.
    async fn wait_to_commit(&mut self) -> Result<(), SqlError> {
        if !self.locks.are_commits_held() {
            return Ok(());
        }
        let tables = self.transaction.lock().as_ref().map(Transaction::changed_tables).unwrap_or_default();
        let limit = self.settings().timeouts().lock;
        self.statement_guard().watch(self.locks.wait_to_commit(tables, limit)).await
    }

    /// ON COMMIT DELETE ROWS and ON COMMIT DROP.
    fn change_temporary_tables(&mut self) -> Result<(), SqlError> {
        if !self.acts_on_commit {
            return Ok(());
        }
        let scope = self.scope(Looks::AtRows)?;
        let changes = temporary::at_commit(&scope);
        self.stage(ChangeSet { requires: Vec::new(), changes, ingest_id: None })
    }

    /// Adds changes that no statement asked for to the transaction.
    fn stage(&mut self, changes: ChangeSet) -> Result<(), SqlError> {
        if changes.changes.is_empty() {
            return Ok(());
        }
        self.in_transaction(|transaction| transaction.stage(changes))
    }

    /// DISCARD TEMP.
    pub(super) fn discard_temporary(&mut self) -> Result<(), SqlError> {
        let scope = self.scope(Looks::AtDefinitions)?;
        match scope.schema(temporary::ALIAS) {
            Some(schema) => self.stage(temporary::removal(&scope.view, schema)),
            None => Ok(()),
        }
    }

    /// What follows the transaction: settings, portals, notifications, locks.
    fn end_of_transaction(&mut self, is_committed: bool) {
        self.kept.lock().end_transaction(is_committed);
        self.locks.go_back(0);
        if is_committed {
            self.settings.lock().commit();
            self.listener.commit();
        } else {
            self.settings.lock().roll_back();
            self.listener.roll_back();
        }
    }

    async fn commit_or_run_again(&mut self, may_retell: bool) -> Result<Option<String>, SqlError> {
        let durability = self.settings.lock().current().durability();
        let mut rerun = self.rerun.take();
        let (mut turn, mut retold) = (None, None);
        for attempt in 0.. {
            let Some(transaction) = self.transaction.lock().take() else { break };
            let error = match transaction.end(durability).await {
                Ok(_) => break,
                Err(error) => error,
            };
            let retryable = error.code == SqlState::SERIALIZATION_FAILURE && attempt < self.engine.limits().retries_max;
            let Some(again) = rerun.take().filter(|_| retryable) else { return Err(error) };
            if turn.is_none() {
                turn = self.engine.turn().await;
            }
            tracing::debug!(attempt, "implicit transaction lost a race, running it again");
            let ran = match Box::pin(self.run_again(&again)).await {
                Ok(Again::Alike) => Ok(None),
                Ok(Again::Retold(tag)) if may_retell => Ok(Some(tag)),
                Ok(Again::Retold(_) | Again::Differs) => Err(error),
                Err(other) => Err(other),
            };
            let ran = match ran {
                Ok(tag) => self.wait_to_commit().await.map(|()| tag),
                Err(error) => Err(error),
            };
            match ran {
                Ok(tag) => retold = tag,
                Err(error) => {
                    // What it had begun ends with it; the next statement begins anew.
                    self.discard().await;
                    return Err(error);
                }
            }
            rerun = Some(again);
        }
        Ok(retold)
    }

    pub(super) async fn discard(&mut self) {
        self.rerun = None;
        self.end_of_transaction(false);
        let transaction = self.transaction.lock().take();
        if let Some(transaction) = transaction {
            transaction.discard().await;
        }
    }

    /// Marks the transaction as failed, so that nothing of it lasts: an error of a statement, or one that the wire found
    /// and the session did not see.
    pub fn fail(&mut self) {
        self.rerun = None;
        self.in_transaction(Transaction::fail);
        self.locks.go_back(self.block.as_ref().map_or(0, Block::locks_to_keep));
    }

    /// Statements of the transaction that changed something.
    pub(super) fn writers(&self) -> usize {
        self.transaction.lock().as_ref().map_or(0, Transaction::writers)
    }
}
