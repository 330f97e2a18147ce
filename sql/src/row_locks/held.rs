//! What one transaction has locked, and how it waits for others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use peristyle_catalog::model::{ChunkId, Oid, PartitionId, Requirement};
use peristyle_catalog::{Catalog, Claim, Head};

use super::{IfLocked, Place, RowLocks, Rows};
use crate::error::{SqlError, SqlState};
use crate::scan::SourceId;
use crate::session::{HeldTransaction, OwnLocks};

/// The locks of one transaction; given up when it goes.
pub(crate) struct HeldRows {
    locks: Arc<RowLocks>,
    catalog: Arc<Catalog>,
    holder: u64,
    sources: Mutex<BTreeMap<SourceId, Source>>,
    /// What holds rows that it changed: their own removal is what the commit requires to be possible.
    changed: Mutex<BTreeSet<SourceId>>,
    waits: Arc<OwnLocks>,
    /// For whose end others wait, from the first lock on. Given up after the rows.
    transaction: OnceLock<HeldTransaction>,
    /// Whether statements see what was committed before they began, and not before the transaction did.
    reads_anew: AtomicBool,
    /// The table of which the statement found rows changed.
    found_changed: Mutex<Option<Oid>>,
}

/// What held locked rows at some moment.
pub(crate) struct Held {
    locked: BTreeSet<SourceId>,
    changed: BTreeSet<SourceId>,
}

/// What holds locked rows.
struct Source {
    table: Oid,
    /// Keeps the background merge away; `None` if the rows were no longer there when they were locked.
    claim: Option<Claim>,
}

impl HeldRows {
    pub(super) fn new(locks: &Arc<RowLocks>, holder: u64, catalog: &Arc<Catalog>, waits: &Arc<OwnLocks>) -> HeldRows {
        HeldRows {
            locks: Arc::clone(locks),
            catalog: Arc::clone(catalog),
            holder,
            sources: Mutex::default(),
            changed: Mutex::default(),
            waits: Arc::clone(waits),
            transaction: OnceLock::new(),
            reads_anew: AtomicBool::new(false),
            found_changed: Mutex::new(None),
        }
    }

    /// Locks the tables' rows that one row of a result was made of, and waits no longer than the limit for who has locked
    /// one of them; false for a row to pass over.
    pub(super) async fn lock(&self, places: &[Place<'_>], limit: Option<Duration>) -> Result<bool, SqlError> {
        self.begin();
        while let Some((place, other)) = self.locks.take(self.holder, places) {
            match place.lock.if_locked {
                IfLocked::Wait => self.waits.wait_for(other, limit).await?,
                IfLocked::Skip => return Ok(false),
                IfLocked::Refuse => return Err(refused(place)),
            }
        }
        // All are noted, as all are given up later.
        let is_gone = |place: &&Place<'_>| !self.enter(place.source.id(), place.lock.table);
        let gone: Vec<_> = places.iter().filter(is_gone).collect();
        let Some(place) = gone.first() else { return Ok(true) };
        match place.lock.if_locked {
            IfLocked::Wait => Err(self.moved_on(place.lock.table)),
            IfLocked::Skip => Ok(false),
            IfLocked::Refuse => Err(refused(place)),
        }
    }

    /// Locks the rows that a statement changes of a table, and waits no longer than the limit for who has locked some or
    /// changes others beside them.
    pub(crate) async fn lock_changed(
        &self,
        table: Oid,
        mut changed: Vec<(SourceId, Rows)>,
        limit: Option<Duration>,
    ) -> Result<(), SqlError> {
        if changed.is_empty() {
            return Ok(());
        }
        // Who has changed something already is waited for, and does not wait.
        if self.changed.lock().is_empty() {
            self.waits.wait_to_change(table, limit).await?;
        }
        self.begin();
        let sources: Vec<SourceId> = changed.iter().map(|(source, _)| *source).collect();
        while let Some((other, rest)) = self.locks.take_changed(self.holder, changed) {
            self.waits.wait_for(other, limit).await?;
            changed = rest;
        }
        let now = self.catalog.snapshot();
        let is_gone = sources.iter().any(|source| !is_live(&now, *source, table));
        self.changed.lock().extend(sources);
        // Else the commit tells that another was there first.
        let begins_again = self.reads_anew.load(Ordering::Relaxed);
        if is_gone && begins_again { Err(self.moved_on(table)) } else { Ok(()) }
    }

    /// From now on others can wait for the transaction's end.
    fn begin(&self) {
        self.transaction.get_or_init(|| self.waits.hold_transaction(self.holder));
    }

    /// 40001, of which the session may make a new try.
    fn moved_on(&self, table: Oid) -> SqlError {
        *self.found_changed.lock() = Some(table);
        SqlError::new(SqlState::SERIALIZATION_FAILURE, "could not serialize access due to concurrent update")
            .detail("Another transaction has changed what holds the row.")
    }

    /// A statement begins, or begins again.
    pub(crate) fn begin_statement(&self, reads_anew: bool) {
        self.reads_anew.store(reads_anew, Ordering::Relaxed);
        *self.found_changed.lock() = None;
    }

    /// The table of which the statement that failed may find other rows when it begins again.
    pub(crate) fn begins_again_for(&self) -> Option<Oid> {
        let found = *self.found_changed.lock();
        found.filter(|_| self.reads_anew.load(Ordering::Relaxed))
    }

    /// What holds the rows that are locked now.
    pub(crate) fn held(&self) -> Held {
        Held { locked: self.sources.lock().keys().copied().collect(), changed: self.changed.lock().clone() }
    }

    /// Gives up the locks on rows of anything else.
    pub(crate) fn keep_only(&self, kept: &Held) {
        let locked = self.sources.lock().extract_if(.., |id, _| !kept.locked.contains(id)).map(|(id, _)| id).collect();
        let changed: Vec<_> = self.changed.lock().extract_if(.., |id| !kept.changed.contains(id)).collect();
        let left: BTreeSet<SourceId> = changed.into_iter().chain::<Vec<_>>(locked).collect();
        let is_kept = |id: &SourceId| kept.locked.contains(id) || kept.changed.contains(id);
        self.locks.release(self.holder, left.into_iter().filter(|id| !is_kept(id)));
    }

    /// Takes note of what holds rows; false if others took it away since the statement's snapshot.
    fn enter(&self, id: SourceId, table: Oid) -> bool {
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
        let is_live = is_live(&self.catalog.snapshot(), id, table);
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
        let changed = std::mem::take(self.changed.get_mut()).into_iter();
        self.locks.release(self.holder, self.sources.get_mut().keys().copied().chain(changed));
    }
}

/// 55P03, for NOWAIT.
fn refused(place: &Place<'_>) -> SqlError {
    let message = format!("could not obtain lock on row in relation \"{}\"", place.lock.table_name);
    SqlError::new(SqlState::LOCK_NOT_AVAILABLE, message)
}

/// Whether a partition or chunk of a table is there, and was not written again.
fn is_live(head: &Head, id: SourceId, table: Oid) -> bool {
    head.contents(table).is_some_and(|contents| match id {
        SourceId::Partition(partition) => contents.partition(partition).is_some(),
        SourceId::Chunk(chunk) => contents.chunk(chunk).is_some(),
    })
}
