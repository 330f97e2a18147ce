//! `SELECT … FOR UPDATE` and `FOR SHARE`: locks on rows, for which nobody waits.
//!
//! ```text
//! tree → clauses (checked, left as a mark) → plan with addresses → LockRows → the transaction's HeldRows
//! ```
//! A lock lasts until its transaction ends. Who finds a row locked by another fails at once, or passes over it, as it
//! asked. Locks are in memory and keep nobody from changing the rows; so that who holds one can count on it, a
//! transaction that writes requires at its commit that what holds the rows is still there.

mod addressed;
mod clauses;
mod exec;
mod node;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use peristyle_catalog::model::{ChunkId, Oid, PartitionId, Requirement};
use peristyle_catalog::{Catalog, Claim};
use peristyle_storage::merge::RowSet;

pub(crate) use addressed::plant;
pub(crate) use clauses::{MARK, command_of, mark};
pub(crate) use node::RowLockPlanner;

use crate::error::{SqlError, SqlState};
use crate::scan::{RowSource, SourceId};

/// How strong a lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Strength {
    /// Others may have such a lock too.
    Share,
    Update,
}

impl Strength {
    fn conflicts(self, other: Strength) -> bool {
        self == Strength::Update || other == Strength::Update
    }
}

/// What becomes of a row that another transaction has locked; the later counts of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum IfLocked {
    /// 40001: where PostgreSQL waits.
    Fail,
    /// SKIP LOCKED
    Skip,
    /// NOWAIT: 55P03.
    Refuse,
}

/// A lock that rows of one table get.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowLock {
    pub(crate) table: Oid,
    pub(crate) table_name: String,
    pub(crate) strength: Strength,
    pub(crate) if_locked: IfLocked,
}

/// A row to be locked.
struct Place<'a> {
    lock: &'a RowLock,
    source: RowSource,
    position: u64,
}

/// All locks on rows of a server, in memory only.
#[derive(Debug, Default)]
pub(crate) struct RowLocks {
    holders: AtomicU64,
    held: Mutex<HashMap<SourceId, Vec<Held>>>,
}

/// The locks of one transaction and strength on the rows of one partition or chunk.
#[derive(Debug)]
struct Held {
    holder: u64,
    strength: Strength,
    rows: RowSet,
}

/// The locks of one transaction; given up when it goes.
pub(crate) struct HeldRows {
    locks: Arc<RowLocks>,
    catalog: Arc<Catalog>,
    holder: u64,
    sources: Mutex<BTreeMap<SourceId, Source>>,
}

/// What holds locked rows.
struct Source {
    table: Oid,
    /// Keeps the background merge away; `None` if the rows were no longer there when they were locked.
    claim: Option<Claim>,
}

impl RowLocks {
    /// None yet, for a transaction that begins.
    pub(crate) fn holder(self: &Arc<Self>, catalog: &Arc<Catalog>) -> HeldRows {
        HeldRows {
            locks: Arc::clone(self),
            catalog: Arc::clone(catalog),
            holder: self.holders.fetch_add(1, Ordering::Relaxed),
            sources: Mutex::default(),
        }
    }

    /// Locks all of the rows; if another holder has one of them locked, none, and returns that one.
    fn take<'a, 'p>(&self, holder: u64, places: &'a [Place<'p>]) -> Option<&'a Place<'p>> {
        let mut held = self.held.lock();
        let is_taken = |place: &&Place<'_>| {
            let locks = held.get(&place.source.id()).map_or(&[][..], Vec::as_slice);
            locks.iter().any(|other| {
                other.holder != holder
                    && other.strength.conflicts(place.lock.strength)
                    && other.rows.contains(place.position)
            })
        };
        let taken = places.iter().find(is_taken);
        if taken.is_none() {
            for Place { lock, source, position } in places {
                let locks = held.entry(source.id()).or_default();
                let own = locks.iter_mut().find(|own| own.holder == holder && own.strength == lock.strength);
                match own {
                    Some(own) => own.rows.insert(*position),
                    None => {
                        let mut rows = RowSet::default();
                        rows.insert(*position);
                        locks.push(Held { holder, strength: lock.strength, rows });
                        true
                    }
                };
            }
        }
        taken
    }

    fn release(&self, holder: u64, sources: impl Iterator<Item = SourceId>) {
        let mut held = self.held.lock();
        for source in sources {
            if let Some(locks) = held.get_mut(&source) {
                locks.retain(|lock| lock.holder != holder);
                if locks.is_empty() {
                    held.remove(&source);
                }
            }
        }
    }
}

impl HeldRows {
    /// Locks the tables' rows that one row of a result was made of; false for a row to pass over.
    fn lock(&self, places: &[Place<'_>]) -> Result<bool, SqlError> {
        if let Some(place) = self.locks.take(self.holder, places) {
            return passed_over(place, "Another transaction has locked the row.");
        }
        // All are noted, as all are given up later.
        let gone: Vec<&Place<'_>> = places.iter().filter(|place| !self.enter(place)).collect();
        match gone.first() {
            None => Ok(true),
            Some(place) => passed_over(place, "Another transaction has changed what holds the row."),
        }
    }

    /// Takes note of what holds a row; false if others took it away since the statement's snapshot.
    fn enter(&self, place: &Place<'_>) -> bool {
        let (id, table) = (place.source.id(), place.lock.table);
        let mut sources = self.sources.lock();
        if let Some(source) = sources.get(&id) {
            return source.claim.is_some();
        }
        let (partitions, chunks) = match id {
            SourceId::Partition(partition) => (vec![partition], Vec::new()),
            SourceId::Chunk(chunk) => (Vec::new(), vec![chunk]),
        };
        // Claimed first, so that no merge comes between the look and the claim.
        let claim = self.catalog.claims().claim(partitions, chunks);
        let now = self.catalog.snapshot();
        let is_live = now.head().contents(table).is_some_and(|contents| match id {
            SourceId::Partition(partition) => contents.partition(partition).is_some(),
            SourceId::Chunk(chunk) => contents.chunk(chunk).is_some(),
        });
        sources.insert(id, Source { table, claim: is_live.then_some(claim) });
        is_live
    }

    /// What must hold when the transaction commits.
    pub(crate) fn requirements(&self) -> Vec<Requirement> {
        let mut by_table: BTreeMap<Oid, (Vec<PartitionId>, Vec<ChunkId>)> = BTreeMap::new();
        for (id, source) in self.sources.lock().iter().filter(|(_, source)| source.claim.is_some()) {
            let (partitions, chunks) = by_table.entry(source.table).or_default();
            match id {
                SourceId::Partition(partition) => partitions.push(*partition),
                SourceId::Chunk(chunk) => chunks.push(*chunk),
            }
        }
        let requires = by_table.into_iter().flat_map(|(table, (partitions, chunks))| {
            [Requirement::PartitionsLive { table, partitions }, Requirement::ChunksLive { table, chunks }]
        });
        requires.collect()
    }
}

impl Drop for HeldRows {
    fn drop(&mut self) {
        self.locks.release(self.holder, self.sources.get_mut().keys().copied());
    }
}

/// What becomes of a row that cannot be locked.
fn passed_over(place: &Place<'_>, why: &str) -> Result<bool, SqlError> {
    match place.lock.if_locked {
        IfLocked::Skip => Ok(false),
        IfLocked::Refuse => {
            let message = format!("could not obtain lock on row in relation \"{}\"", place.lock.table_name);
            Err(SqlError::new(SqlState::LOCK_NOT_AVAILABLE, message))
        }
        IfLocked::Fail => {
            let message = "could not serialize access due to concurrent update";
            Err(SqlError::new(SqlState::SERIALIZATION_FAILURE, message).detail(why))
        }
    }
}
