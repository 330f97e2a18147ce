//! Who has and who wants which lock, of all sessions.

use std::collections::{BTreeMap, HashSet, VecDeque};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{LockKey, LockMode};
use crate::error::{SqlError, SqlState};

/// One line of `pg_locks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LockRow {
    pub(crate) key: LockKey,
    pub(crate) process_id: i32,
    pub(crate) mode: LockMode,
    pub(crate) is_granted: bool,
}

/// The locks of all sessions of a server.
#[derive(Default)]
pub(crate) struct Locks {
    locks: Mutex<BTreeMap<LockKey, Lock>>,
}

/// Who has and who wants one key. It is dropped when nobody does.
#[derive(Default)]
struct Lock {
    held: Vec<Held>,
    waiting: VecDeque<Waiter>,
}

struct Held {
    process_id: i32,
    mode: LockMode,
    /// How many times it was taken and not given back.
    count: usize,
}

struct Waiter {
    process_id: i32,
    mode: LockMode,
    granted: oneshot::Sender<()>,
}

impl Lock {
    /// Sessions that stand between a session and the lock, were it to wait behind the first `ahead` who do.
    fn in_the_way(&self, process_id: i32, mode: LockMode, ahead: usize) -> impl Iterator<Item = i32> {
        let holders = self.held.iter().map(|held| (held.process_id, held.mode));
        // Who holds it already goes before those who wait for its end.
        let ahead = if self.is_held_by(process_id) { 0 } else { ahead };
        let waiters = self.waiting.iter().take(ahead).map(|waiter| (waiter.process_id, waiter.mode));
        let stands =
            move |(other, theirs): (i32, LockMode)| (other != process_id && mode.excludes(theirs)).then_some(other);
        holders.chain(waiters).filter_map(stands)
    }

    fn is_held_by(&self, process_id: i32) -> bool {
        self.held.iter().any(|held| held.process_id == process_id)
    }

    fn is_free_for(&self, process_id: i32, mode: LockMode, ahead: usize) -> bool {
        self.in_the_way(process_id, mode, ahead).next().is_none()
    }

    fn grant(&mut self, process_id: i32, mode: LockMode) {
        match self.held_by(process_id, mode) {
            Some(at) => self.held[at].count += 1,
            None => self.held.push(Held { process_id, mode, count: 1 }),
        }
    }

    fn held_by(&self, process_id: i32, mode: LockMode) -> Option<usize> {
        self.held.iter().position(|held| held.process_id == process_id && held.mode == mode)
    }

    fn give_back(&mut self, process_id: i32, mode: LockMode) {
        let Some(at) = self.held_by(process_id, mode) else { return };
        self.held[at].count -= 1;
        if self.held[at].count == 0 {
            self.held.remove(at);
        }
    }

    /// The session waits no longer. A session waits for one lock at a time.
    fn leave(&mut self, process_id: i32) {
        self.waiting.retain(|waiter| waiter.process_id != process_id);
    }

    /// Grants what is free now, in the order of asking.
    fn wake(&mut self) {
        let mut at = 0;
        while let Some(waiter) = self.waiting.get(at) {
            let (process_id, mode) = (waiter.process_id, waiter.mode);
            if !self.is_free_for(process_id, mode, at) {
                at += 1;
                continue;
            }
            // One that has just stopped waiting does not take it.
            let is_taken = self.waiting.remove(at).is_some_and(|waiter| waiter.granted.send(()).is_ok());
            if is_taken {
                self.grant(process_id, mode);
            }
        }
    }

    fn is_of_nobody(&self) -> bool {
        self.held.is_empty() && self.waiting.is_empty()
    }
}

impl Locks {
    /// Everything that is held and waited for.
    pub(crate) fn list(&self) -> Vec<LockRow> {
        let locks = self.locks.lock();
        let rows = locks.iter().flat_map(|(&key, lock)| {
            let row = move |process_id, mode, is_granted| LockRow { key, process_id, mode, is_granted };
            let held = lock.held.iter().map(move |held| row(held.process_id, held.mode, true));
            held.chain(lock.waiting.iter().map(move |waiter| row(waiter.process_id, waiter.mode, false)))
        });
        rows.collect()
    }

    /// Whether one of these keys, or of those that come after it, is had or wanted.
    pub(super) fn has_after(&self, first: LockKey) -> bool {
        self.locks.lock().range(first..).next().is_some()
    }

    /// For whom a session waits.
    pub(crate) fn blocking(&self, process_id: i32) -> Vec<i32> {
        let mut sessions = blocking(&self.locks.lock(), process_id);
        sessions.sort_unstable();
        sessions.dedup();
        sessions
    }

    /// Takes the lock if it is free, else a place among those who wait: what rings when it is granted.
    pub(super) fn ask(
        &self,
        key: LockKey,
        process_id: i32,
        mode: LockMode,
    ) -> Result<Option<oneshot::Receiver<()>>, SqlError> {
        let mut locks = self.locks.lock();
        let lock = locks.entry(key).or_default();
        if lock.is_free_for(process_id, mode, lock.waiting.len()) {
            lock.grant(process_id, mode);
            return Ok(None);
        }
        let (granted, rings) = oneshot::channel();
        lock.waiting.push_back(Waiter { process_id, mode, granted });
        if let Some(other) = waits_for_itself(&locks, process_id) {
            Self::change(&mut locks, key, |lock| lock.leave(process_id));
            return Err(deadlock(key, process_id, mode, other));
        }
        Ok(Some(rings))
    }

    pub(super) fn try_take(&self, key: LockKey, process_id: i32, mode: LockMode) -> bool {
        let mut locks = self.locks.lock();
        let lock = locks.entry(key).or_default();
        let is_free = lock.is_free_for(process_id, mode, lock.waiting.len());
        if is_free {
            lock.grant(process_id, mode);
        }
        is_free
    }

    pub(super) fn give_back(&self, key: LockKey, process_id: i32, mode: LockMode) {
        Self::change(&mut self.locks.lock(), key, |lock| lock.give_back(process_id, mode));
    }

    /// Gives up a place among those who wait, or the lock if it was granted meanwhile: `rings` tells which.
    pub(super) fn give_up(&self, key: LockKey, process_id: i32, mode: LockMode, rings: &mut oneshot::Receiver<()>) {
        let mut locks = self.locks.lock();
        // Locks are granted under the same mutex, so it is one or the other.
        let was_granted = rings.try_recv().is_ok();
        Self::change(&mut locks, key, |lock| match was_granted {
            true => lock.give_back(process_id, mode),
            false => lock.leave(process_id),
        });
    }

    /// Changes what is had or wanted of a key, and grants what is free by that.
    fn change(locks: &mut BTreeMap<LockKey, Lock>, key: LockKey, change: impl FnOnce(&mut Lock)) {
        let Some(lock) = locks.get_mut(&key) else { return };
        change(lock);
        lock.wake();
        if lock.is_of_nobody() {
            locks.remove(&key);
        }
    }
}

/// For whom a session waits.
fn blocking(locks: &BTreeMap<LockKey, Lock>, process_id: i32) -> Vec<i32> {
    let place = |lock: &Lock| lock.waiting.iter().position(|waiter| waiter.process_id == process_id);
    let found = locks.values().find_map(|lock| {
        let at = place(lock)?;
        Some(lock.in_the_way(process_id, lock.waiting[at].mode, at).collect())
    });
    found.unwrap_or_default()
}

/// Whether those for whom a session waits wait, in the end, for it: the one that it meets first.
fn waits_for_itself(locks: &BTreeMap<LockKey, Lock>, process_id: i32) -> Option<i32> {
    let first = blocking(locks, process_id);
    let leads_back = |&start: &i32| {
        let (mut seen, mut next) = (HashSet::new(), vec![start]);
        while let Some(other) = next.pop() {
            if other == process_id {
                return true;
            }
            if seen.insert(other) {
                next.extend(blocking(locks, other));
            }
        }
        false
    };
    first.into_iter().find(leads_back)
}

/// 40P01, as PostgreSQL words it.
fn deadlock(key: LockKey, process_id: i32, mode: LockMode, other: i32) -> SqlError {
    let what = match key {
        LockKey::Advisory { database, number } => {
            let (class, object, kind) = number.parts();
            format!("advisory lock [{},{class},{object},{kind}]", database.0)
        }
        LockKey::Transaction(transaction) => format!("transaction {transaction}"),
        LockKey::Table(table) | LockKey::Changes(table) | LockKey::Commits(table) => format!("relation {table}"),
    };
    let lock = format!("{} on {what}", mode.name());
    SqlError::new(SqlState::DEADLOCK_DETECTED, "deadlock detected")
        .detail(format!("Process {process_id} waits for {lock}; blocked by process {other}, which waits for it."))
        .hint("See server log for query details.")
}
