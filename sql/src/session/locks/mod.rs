//! Locks for which a statement waits for another session: advisory ones, which are on numbers that applications agree
//! upon, as PostgreSQL has them; one on each transaction that has locked rows ([`crate::row_locks`]), for whose end
//! waits who wants one of these; those of LOCK TABLE on tables; and those that keep others from committing rows to a table
//! which is written anew.
//!
//! A session holds a lock until it gives it back or ends, or until its transaction ends. It is granted at once what no
//! other session's lock, and nobody who waits already, stands against; else it waits in the order of asking. Who would
//! wait for somebody that waits for them is refused (40P01) before it waits.

mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use peristyle_catalog::model::Oid;
use tokio::sync::oneshot;

use crate::error::{SqlError, SqlState};
pub(crate) use table::{LockRow, Locks};

/// What is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum LockKey {
    /// A number of a database. One of 64 bits and a pair of 32 are never the same.
    Advisory { database: Oid, number: LockNumber },
    /// A transaction that has locked rows, by a number that counts such.
    Transaction(u64),
    /// LOCK TABLE. Who writes to the table does not ask for it.
    Table(Oid),
    /// The locks that statements take on rows of a table which they change, where one has begun again and again.
    Changes(Oid),
    /// The commits of rows to a table of which a statement looks at all rows, or writes them anew.
    Commits(Oid),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockNumber {
    One(i64),
    Pair(i32, i32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockMode {
    Shared,
    Exclusive,
}

/// When a lock is given back without being asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockSpan {
    Session,
    Transaction,
}

/// A session's own locks.
pub(crate) struct OwnLocks {
    all: Arc<Locks>,
    database: Oid,
    process_id: i32,
    /// Of the session, and of the transaction in the order of taking.
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    session: BTreeMap<(LockKey, LockMode), usize>,
    transaction: Vec<(LockKey, LockMode)>,
    /// The session is over: what still computes for it takes nothing.
    is_over: bool,
}

impl LockMode {
    /// As `pg_locks` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            LockMode::Shared => "ShareLock",
            LockMode::Exclusive => "ExclusiveLock",
        }
    }

    fn excludes(self, other: LockMode) -> bool {
        self == LockMode::Exclusive || other == LockMode::Exclusive
    }
}

impl LockNumber {
    /// The three numbers by which `pg_locks` shows it.
    pub(crate) fn parts(self) -> (u32, u32, i16) {
        match self {
            LockNumber::One(number) => ((number >> 32) as u32, number as u32, 1),
            LockNumber::Pair(first, second) => (first.cast_unsigned(), second.cast_unsigned(), 2),
        }
    }
}

/// The lock on a transaction.
pub(crate) struct HeldTransaction {
    all: Arc<Locks>,
    key: LockKey,
    process_id: i32,
}

impl Drop for HeldTransaction {
    fn drop(&mut self) {
        self.all.give_back(self.key, self.process_id, LockMode::Exclusive);
    }
}

/// A place among those who wait: left when dropped, whether the lock was granted meanwhile or not.
struct Place<'a> {
    own: &'a OwnLocks,
    key: LockKey,
    mode: LockMode,
    rings: oneshot::Receiver<()>,
    is_granted: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.is_granted {
            return;
        }
        self.own.all.give_up(self.key, self.own.process_id, self.mode, &mut self.rings);
    }
}

impl OwnLocks {
    pub(crate) fn new(all: &Arc<Locks>, database: Oid, process_id: i32) -> OwnLocks {
        OwnLocks { all: Arc::clone(all), database, process_id, taken: Mutex::default() }
    }

    fn key(&self, number: LockNumber) -> LockKey {
        LockKey::Advisory { database: self.database, number }
    }

    /// Takes a lock, and waits for it no longer than the limit: 55P03 after it, 40P01 for a deadlock.
    pub(crate) async fn take(
        &self,
        number: LockNumber,
        mode: LockMode,
        span: LockSpan,
        limit: Option<Duration>,
    ) -> Result<(), SqlError> {
        let key = self.key(number);
        self.obtain(key, mode, limit).await?;
        self.remember(key, mode, span);
        Ok(())
    }

    async fn obtain(&self, key: LockKey, mode: LockMode, limit: Option<Duration>) -> Result<(), SqlError> {
        match self.all.ask(key, self.process_id, mode)? {
            None => Ok(()),
            Some(rings) => Place { own: self, key, mode, rings, is_granted: false }.wait(limit).await,
        }
    }

    /// Holds the lock on a transaction of the session until that is dropped.
    pub(crate) fn hold_transaction(&self, transaction: u64) -> HeldTransaction {
        let key = LockKey::Transaction(transaction);
        let is_held = self.all.try_take(key, self.process_id, LockMode::Exclusive);
        debug_assert!(is_held, "nobody waits for a transaction before it has locked rows");
        HeldTransaction { all: Arc::clone(&self.all), key, process_id: self.process_id }
    }

    /// Waits no longer than the limit for the end of a transaction that has locked rows: 55P03 after it, 40P01 for a
    /// deadlock.
    pub(crate) async fn wait_for(&self, transaction: u64, limit: Option<Duration>) -> Result<(), SqlError> {
        self.pass(LockKey::Transaction(transaction), limit).await
    }

    /// Takes a lock if it is free; whether it was.
    pub(crate) fn try_take(&self, number: LockNumber, mode: LockMode, span: LockSpan) -> bool {
        let key = self.key(number);
        let is_taken = self.all.try_take(key, self.process_id, mode);
        if is_taken {
            self.remember(key, mode, span);
        }
        is_taken
    }

    /// Takes the lock of LOCK TABLE until the transaction ends.
    pub(super) async fn take_table(&self, table: Oid, mode: LockMode, limit: Option<Duration>) -> Result<(), SqlError> {
        self.take_until_end(LockKey::Table(table), mode, limit).await
    }

    /// The same if it is free; whether it was.
    pub(super) fn try_take_table(&self, table: Oid, mode: LockMode) -> bool {
        let key = LockKey::Table(table);
        let is_taken = self.all.try_take(key, self.process_id, mode);
        if is_taken {
            self.remember(key, mode, LockSpan::Transaction);
        }
        is_taken
    }

    /// Has others wait who want to commit rows to a table, until the transaction ends.
    pub(crate) async fn hold_commits(&self, table: Oid, limit: Option<Duration>) -> Result<(), SqlError> {
        self.take_until_end(LockKey::Commits(table), LockMode::Exclusive, limit).await
    }

    /// Has others wait who want to change rows of a table, until the transaction ends.
    pub(super) async fn hold_changes(&self, table: Oid, limit: Option<Duration>) -> Result<(), SqlError> {
        self.take_until_end(LockKey::Changes(table), LockMode::Exclusive, limit).await
    }

    /// Waits until the session may lock rows of a table that it changes.
    pub(crate) async fn wait_to_change(&self, table: Oid, limit: Option<Duration>) -> Result<(), SqlError> {
        match self.all.has_after(LockKey::Changes(Oid(0))) {
            true => self.pass(LockKey::Changes(table), limit).await,
            false => Ok(()),
        }
    }

    /// Whether commits of rows to some table are to wait.
    pub(super) fn are_commits_held(&self) -> bool {
        self.all.has_after(LockKey::Commits(Oid(0)))
    }

    /// Waits until the session may commit rows to the tables.
    pub(super) async fn wait_to_commit(
        &self,
        tables: impl IntoIterator<Item = Oid>,
        limit: Option<Duration>,
    ) -> Result<(), SqlError> {
        for table in tables {
            self.pass(LockKey::Commits(table), limit).await?;
        }
        Ok(())
    }

    /// Waits until nobody has a lock for itself alone.
    async fn pass(&self, key: LockKey, limit: Option<Duration>) -> Result<(), SqlError> {
        self.obtain(key, LockMode::Shared, limit).await?;
        self.all.give_back(key, self.process_id, LockMode::Shared);
        Ok(())
    }

    async fn take_until_end(&self, key: LockKey, mode: LockMode, limit: Option<Duration>) -> Result<(), SqlError> {
        self.obtain(key, mode, limit).await?;
        self.remember(key, mode, LockSpan::Transaction);
        Ok(())
    }

    fn remember(&self, key: LockKey, mode: LockMode, span: LockSpan) {
        let mut taken = self.taken.lock();
        if taken.is_over {
            return self.all.give_back(key, self.process_id, mode);
        }
        match span {
            LockSpan::Session => *taken.session.entry((key, mode)).or_default() += 1,
            LockSpan::Transaction => taken.transaction.push((key, mode)),
        }
    }

    /// Gives back a lock of the session; whether there was one.
    pub(crate) fn give_back(&self, number: LockNumber, mode: LockMode) -> bool {
        let key = self.key(number);
        let mut taken = self.taken.lock();
        let Some(count) = taken.session.get_mut(&(key, mode)) else { return false };
        *count -= 1;
        if *count == 0 {
            taken.session.remove(&(key, mode));
        }
        self.all.give_back(key, self.process_id, mode);
        true
    }

    /// Gives back all locks of the session, not those of the transaction.
    pub(crate) fn give_back_all(&self) {
        let session = std::mem::take(&mut self.taken.lock().session);
        for ((key, mode), count) in session {
            for _ in 0..count {
                self.all.give_back(key, self.process_id, mode);
            }
        }
    }

    /// How many the transaction took, to go back to.
    pub(super) fn mark(&self) -> usize {
        self.taken.lock().transaction.len()
    }

    /// Gives back what the transaction took after a mark; 0 is its end.
    pub(super) fn go_back(&self, mark: usize) {
        let taken = self.taken.lock().transaction.split_off(mark);
        for (key, mode) in taken.into_iter().rev() {
            self.all.give_back(key, self.process_id, mode);
        }
    }

    /// Gives everything back; the session is over.
    pub(super) fn end(&self) {
        self.taken.lock().is_over = true;
        self.go_back(0);
        self.give_back_all();
    }
}

impl Place<'_> {
    async fn wait(mut self, limit: Option<Duration>) -> Result<(), SqlError> {
        let granted = match limit {
            None => (&mut self.rings).await,
            Some(limit) => tokio::time::timeout(limit, &mut self.rings).await.map_err(|_| out_of_time())?,
        };
        granted.map_err(|_| SqlError::internal("a lock was dropped while a session waited for it"))?;
        self.is_granted = true;
        Ok(())
    }
}

fn out_of_time() -> SqlError {
    SqlError::new(SqlState::LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout")
}
