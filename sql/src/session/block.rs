//! Transaction blocks: BEGIN, COMMIT, ROLLBACK, SAVEPOINT.
//!
//! A block is the session's transaction, kept open over the ends of query strings and pipelines. Statements that came
//! before BEGIN in the same string or pipeline belong to it, as in PostgreSQL.

use peristyle_catalog::model::TimestampMicros;
use sqlparser::ast::{self, Ident, TransactionAccessMode, TransactionIsolationLevel, TransactionMode};

use super::Session;
use super::settings::Mark;
use crate::error::{SqlError, SqlState};
use crate::names::fold;
use crate::outcome::{Notice, Outcome};
use crate::transaction::{Isolation, Modes, Savepoint, Transaction};

/// An open block.
#[derive(Default)]
pub(super) struct Block {
    /// Oldest first; the last of a name is the one that counts.
    savepoints: Vec<NamedSavepoint>,
}

struct NamedSavepoint {
    name: String,
    staged: Savepoint,
    modes: Modes,
    settings: Mark,
    portals: u64,
    notifications: usize,
    locks: usize,
}

impl Session {
    /// Runs a statement that begins, ends or marks a transaction; `None` for any other.
    pub(super) async fn run_transaction_control(&mut self, tree: &ast::Statement) -> Result<Option<Outcome>, SqlError> {
        let tag = match tree {
            ast::Statement::StartTransaction { modes, begin, .. } => {
                self.begin_block(modes)?;
                if *begin { "BEGIN" } else { "START TRANSACTION" }
            }
            ast::Statement::Commit { chain, .. } => Box::pin(self.commit_block(*chain)).await?,
            ast::Statement::Rollback { savepoint: None, chain } => Box::pin(self.roll_back_block(*chain)).await?,
            ast::Statement::Rollback { savepoint: Some(name), .. } => {
                Box::pin(self.roll_back_to(name)).await?;
                "ROLLBACK"
            }
            ast::Statement::Savepoint { name } => {
                self.set_savepoint(name)?;
                "SAVEPOINT"
            }
            ast::Statement::ReleaseSavepoint { name } => {
                self.release(name)?;
                "RELEASE"
            }
            ast::Statement::Lock(lock) => {
                Box::pin(self.lock_tables(lock)).await?;
                "LOCK TABLE"
            }
            _ => return Ok(None),
        };
        Ok(Some(Outcome::Command(tag.to_owned())))
    }

    fn begin_block(&mut self, asked: &[TransactionMode]) -> Result<(), SqlError> {
        if self.block.is_some() {
            self.warn(SqlState::ACTIVE_SQL_TRANSACTION, "there is already a transaction in progress");
            return self.set_modes(asked);
        }
        let modes = with_modes(self.default_modes(), asked);
        self.open_block(modes)
    }

    fn open_block(&mut self, modes: Modes) -> Result<(), SqlError> {
        self.rerun = None;
        self.block = Some(Block::default());
        self.in_transaction(|transaction| {
            transaction.open_block();
            transaction.set_modes(modes);
        });
        self.show_modes(modes)
    }

    async fn commit_block(&mut self, chain: bool) -> Result<&'static str, SqlError> {
        let modes = self.modes();
        if self.block.take().is_none() {
            self.without_block("COMMIT", chain)?;
            return self.end_transaction().await.map(|_| "COMMIT");
        }
        // A commit that fails begins no other block.
        let is_committed = self.end_transaction().await?;
        if chain {
            self.open_block(modes)?;
        }
        Ok(if is_committed { "COMMIT" } else { "ROLLBACK" })
    }

    async fn roll_back_block(&mut self, chain: bool) -> Result<&'static str, SqlError> {
        let modes = self.modes();
        if self.block.take().is_none() {
            self.without_block("ROLLBACK", chain)?;
        }
        self.discard().await;
        if chain {
            self.open_block(modes)?;
        }
        Ok("ROLLBACK")
    }

    /// The end of a transaction that no BEGIN opened: what came before in the string or pipeline ends.
    fn without_block(&mut self, command: &str, chain: bool) -> Result<(), SqlError> {
        if chain {
            return Err(needs_block(&format!("{command} AND CHAIN")));
        }
        self.warn(SqlState::NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress");
        Ok(())
    }

    fn set_savepoint(&mut self, name: &Ident) -> Result<(), SqlError> {
        let (staged, modes) = self.in_transaction(|transaction| (transaction.savepoint(), transaction.modes()));
        let settings = self.settings.lock().mark();
        let (portals, notifications) = (self.kept.lock().mark(), self.listener.mark());
        let locks = self.locks.mark();
        let block = self.block.as_mut().ok_or_else(|| needs_block("SAVEPOINT"))?;
        if block.savepoints.len() >= self.engine.limits().savepoints_max {
            let message =
                format!("too many savepoints in one transaction (savepoints_max = {})", block.savepoints.len());
            return Err(SqlError::new(SqlState::CONFIGURATION_LIMIT_EXCEEDED, message));
        }
        let name = fold(name);
        block.savepoints.push(NamedSavepoint { name, staged, modes, settings, portals, notifications, locks });
        Ok(())
    }

    fn release(&mut self, name: &Ident) -> Result<(), SqlError> {
        let block = self.block.as_mut().ok_or_else(|| needs_block("RELEASE SAVEPOINT"))?;
        let at = block.find(name)?;
        let modes = block.savepoints[at].modes;
        block.savepoints.truncate(at);
        if let Some(transaction) = &mut *self.transaction.lock() {
            transaction.release(block.savepoints.last().map(|savepoint| &savepoint.staged));
        }
        // READ ONLY holds for what is under the savepoint.
        if self.modes() == modes {
            return Ok(());
        }
        self.in_transaction(|transaction| transaction.set_modes(modes));
        self.show_modes(modes)
    }

    async fn roll_back_to(&mut self, name: &Ident) -> Result<(), SqlError> {
        let block = self.block.as_mut().ok_or_else(|| needs_block("ROLLBACK TO SAVEPOINT"))?;
        let at = block.find(name)?;
        block.savepoints.truncate(at + 1);
        let savepoint = &block.savepoints[at];
        self.settings.lock().go_back(&savepoint.settings);
        self.kept.lock().go_back(savepoint.portals);
        self.listener.go_back(savepoint.notifications);
        self.locks.go_back(savepoint.locks);
        let slot = self.transaction.lock().as_mut().map(|transaction| {
            transaction.set_modes(savepoint.modes);
            transaction.go_back(&savepoint.staged)
        });
        if let Some(deleted) = slot {
            deleted.await;
        }
        Ok(())
    }

    /// `SET TRANSACTION`: how the open block runs.
    pub(super) fn set_transaction(&mut self, asked: &[TransactionMode]) -> Result<(), SqlError> {
        if self.block.is_none() {
            let message = "SET TRANSACTION can only be used in transaction blocks";
            self.warn(SqlState::NO_ACTIVE_SQL_TRANSACTION, message);
            return Ok(());
        }
        self.set_modes(asked)
    }

    pub(super) fn set_modes(&mut self, asked: &[TransactionMode]) -> Result<(), SqlError> {
        let modes = with_modes(self.modes(), asked);
        self.go_on_in(modes)
    }

    /// The transaction runs in these modes from here on, if they can still be changed.
    pub(super) fn go_on_in(&mut self, modes: Modes) -> Result<(), SqlError> {
        self.check_change_to(modes)?;
        self.in_transaction(|transaction| transaction.set_modes(modes));
        self.show_modes(modes)
    }

    /// 25001 for modes that the transaction can no longer change to.
    fn check_change_to(&mut self, modes: Modes) -> Result<(), SqlError> {
        let (before, is_used) = self.in_transaction(|transaction| (transaction.modes(), transaction.is_used()));
        let is_under_savepoint = self.block.as_ref().is_some_and(|block| !block.savepoints.is_empty());
        let (changes_level, opens) = (modes.isolation != before.isolation, before.is_read_only && !modes.is_read_only);
        let defers = modes.is_deferrable != before.is_deferrable;
        let message = match (is_used, is_under_savepoint) {
            (true, _) if changes_level => "SET TRANSACTION ISOLATION LEVEL must be called before any query",
            (_, true) if changes_level => "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction",
            (_, true) if opens => "cannot set transaction read-write mode inside a read-only transaction",
            (true, _) if opens => "transaction read-write mode must be set before any query",
            (_, true) if defers => "SET TRANSACTION [NOT] DEFERRABLE cannot be called within a subtransaction",
            (true, _) if defers => "SET TRANSACTION [NOT] DEFERRABLE must be called before any query",
            _ => return Ok(()),
        };
        Err(SqlError::new(SqlState::ACTIVE_SQL_TRANSACTION, message))
    }

    /// `SET SESSION CHARACTERISTICS AS TRANSACTION`: how later transactions run.
    pub(super) fn set_characteristics(&mut self, asked: &[TransactionMode]) -> Result<(), SqlError> {
        let modes = with_modes(self.default_modes(), asked);
        self.change(false, |settings| {
            settings.set("default_transaction_isolation", &[modes.isolation.name().to_owned()])?;
            settings.set("default_transaction_read_only", &[on_off(modes.is_read_only)])?;
            settings.set("default_transaction_deferrable", &[on_off(modes.is_deferrable)])
        })
    }

    /// What `SHOW transaction_isolation` says until the transaction ends.
    fn show_modes(&mut self, modes: Modes) -> Result<(), SqlError> {
        self.settings.lock().change(true, |settings| {
            settings.set("transaction_isolation", &[modes.isolation.name().to_owned()])?;
            settings.set("transaction_read_only", &[on_off(modes.is_read_only)])?;
            settings.set("transaction_deferrable", &[on_off(modes.is_deferrable)])
        })
    }

    /// How transactions run that do not say so.
    pub(super) fn default_modes(&self) -> Modes {
        self.settings.lock().current().default_modes()
    }

    pub(super) fn modes(&mut self) -> Modes {
        self.in_transaction(|transaction| transaction.modes())
    }

    /// Does something with the transaction, which it begins if none is open.
    pub(super) fn in_transaction<T>(&mut self, act: impl FnOnce(&mut Transaction) -> T) -> T {
        let mut slot = self.transaction.lock();
        act(slot.get_or_insert_with(|| self.engine.begin(self.default_modes(), &self.locks)))
    }

    /// When the transaction began.
    pub(super) fn transaction_started(&mut self) -> TimestampMicros {
        self.in_transaction(|transaction| transaction.started())
    }

    pub(super) fn warn(&self, code: SqlState, message: &str) {
        self.notices.lock().push(Notice::warning(code, message));
    }
}

impl Block {
    /// Locks of the transaction that a failure leaves: those that were taken before the last savepoint.
    pub(super) fn locks_to_keep(&self) -> usize {
        self.savepoints.last().map_or(0, |savepoint| savepoint.locks)
    }

    fn find(&self, name: &Ident) -> Result<usize, SqlError> {
        let name = fold(name);
        self.savepoints.iter().rposition(|savepoint| savepoint.name == name).ok_or_else(|| {
            let message = format!("savepoint \"{name}\" does not exist");
            SqlError::new(SqlState::INVALID_SAVEPOINT_SPECIFICATION, message)
        })
    }
}

impl Isolation {
    fn name(self) -> &'static str {
        match self {
            Isolation::ReadCommitted => "read committed",
            Isolation::RepeatableRead => "repeatable read",
            Isolation::Serializable => "serializable",
        }
    }

    /// The level that a setting's value names; READ UNCOMMITTED is READ COMMITTED, as in PostgreSQL.
    pub(super) fn named(name: &str) -> Isolation {
        let levels = [Isolation::RepeatableRead, Isolation::Serializable];
        levels.into_iter().find(|level| level.name() == name).unwrap_or(Isolation::ReadCommitted)
    }
}

fn with_modes(mut modes: Modes, asked: &[TransactionMode]) -> Modes {
    let is_mark =
        |mode: &&TransactionMode| matches!(mode, TransactionMode::IsolationLevel(TransactionIsolationLevel::Snapshot));
    modes.is_deferrable = match asked.iter().filter(is_mark).count() {
        0 => modes.is_deferrable,
        // NOT DEFERRABLE has two.
        marks => marks == 1,
    };
    for mode in asked {
        match mode {
            TransactionMode::AccessMode(access) => modes.is_read_only = *access == TransactionAccessMode::ReadOnly,
            TransactionMode::IsolationLevel(level) => modes.isolation = isolation(*level).unwrap_or(modes.isolation),
        }
    }
    modes
}

/// READ UNCOMMITTED is READ COMMITTED, as in PostgreSQL. `None` for the level that stands for DEFERRABLE.
fn isolation(level: TransactionIsolationLevel) -> Option<Isolation> {
    match level {
        TransactionIsolationLevel::ReadUncommitted | TransactionIsolationLevel::ReadCommitted => {
            Some(Isolation::ReadCommitted)
        }
        TransactionIsolationLevel::RepeatableRead => Some(Isolation::RepeatableRead),
        TransactionIsolationLevel::Serializable => Some(Isolation::Serializable),
        TransactionIsolationLevel::Snapshot => None,
    }
}

fn on_off(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

pub(super) fn needs_block(what: &str) -> SqlError {
    let message = format!("{what} can only be used in transaction blocks");
    SqlError::new(SqlState::NO_ACTIVE_SQL_TRANSACTION, message)
}
