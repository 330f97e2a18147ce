//! Who has locked which rows, of all transactions.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use peristyle_catalog::Catalog;
use peristyle_storage::merge::RowSet;

use super::{HeldRows, IfLocked, Place, Strength};
use crate::scan::SourceId;
use crate::session::OwnLocks;

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
    rows: Rows,
    /// Whether it writes again what holds the rows.
    rewrites: bool,
}

/// Rows of one partition or chunk.
#[derive(Debug)]
pub(crate) enum Rows {
    All,
    These(RowSet),
}

impl Rows {
    fn has(&self, position: u64) -> bool {
        match self {
            Rows::All => true,
            Rows::These(rows) => rows.contains(position),
        }
    }

    fn meets(&self, other: &Rows) -> bool {
        match (self, other) {
            (Rows::These(rows), Rows::These(others)) => rows.meets(others),
            _ => true,
        }
    }

    fn insert(&mut self, position: u64) {
        if let Rows::These(rows) = self {
            rows.insert(position);
        }
    }

    fn add_all(&mut self, others: Rows) {
        match (&mut *self, others) {
            (Rows::All, _) => {}
            (Rows::These(rows), Rows::These(others)) => rows.add_all(&others),
            (Rows::These(_), Rows::All) => *self = Rows::All,
        }
    }
}

impl Held {
    /// Whether who comes to a row has to do with this lock. One that waits waits for a writer of other rows too: its lock
    /// would be lost with what holds the row.
    fn stops(&self, place: &Place<'_>) -> bool {
        let is_locked = self.strength.conflicts(place.lock.strength) && self.rows.has(place.position);
        is_locked || (self.rewrites && place.lock.if_locked == IfLocked::Wait)
    }
}

impl RowLocks {
    /// None yet, for a transaction that begins.
    pub(crate) fn holder(self: &Arc<Self>, catalog: &Arc<Catalog>, waits: &Arc<OwnLocks>) -> HeldRows {
        HeldRows::new(self, self.holders.fetch_add(1, Ordering::Relaxed), catalog, waits)
    }

    /// Locks all of the rows; if another holder has one of them locked, none, and returns that one and the holder.
    pub(super) fn take<'a, 'p>(&self, holder: u64, places: &'a [Place<'p>]) -> Option<(&'a Place<'p>, u64)> {
        let mut held = self.held.lock();
        let taken_by = |place: &Place<'_>| {
            let locks = held.get(&place.source.id()).map_or(&[][..], Vec::as_slice);
            locks.iter().find(|other| other.holder != holder && other.stops(place)).map(|other| other.holder)
        };
        let taken = places.iter().find_map(|place| Some((place, taken_by(place)?)));
        if taken.is_none() {
            for Place { lock, source, position } in places {
                own_of(held.entry(source.id()).or_default(), holder, lock.strength).rows.insert(*position);
            }
        }
        taken
    }

    /// Locks rows that are changed; if another holder has some of them locked, or changes others beside them, none, and
    /// returns the holder and the rows.
    pub(super) fn take_changed(
        &self,
        holder: u64,
        changed: Vec<(SourceId, Rows)>,
    ) -> Option<(u64, Vec<(SourceId, Rows)>)> {
        let mut held = self.held.lock();
        let taken_by = |(source, rows): &(SourceId, Rows)| {
            let stops = |other: &&Held| other.holder != holder && (other.rewrites || other.rows.meets(rows));
            held.get(source)?.iter().find(stops).map(|other| other.holder)
        };
        if let Some(other) = changed.iter().find_map(taken_by) {
            return Some((other, changed));
        }
        for (source, rows) in changed {
            let own = own_of(held.entry(source).or_default(), holder, Strength::Update);
            own.rows.add_all(rows);
            own.rewrites = true;
        }
        None
    }

    pub(super) fn release(&self, holder: u64, sources: impl Iterator<Item = SourceId>) {
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

/// The holder's locks of a strength on rows of one partition or chunk.
fn own_of(locks: &mut Vec<Held>, holder: u64, strength: Strength) -> &mut Held {
    let own = locks.iter().position(|own| own.holder == holder && own.strength == strength);
    let at = own.unwrap_or_else(|| {
        locks.push(Held { holder, strength, rows: Rows::These(RowSet::default()), rewrites: false });
        locks.len() - 1
    });
    &mut locks[at]
}
