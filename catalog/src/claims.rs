//! What open transactions are about to replace, or may be. Nobody waits for a claim and no commit checks it: merges leave
//! claimed partitions and chunks alone, so that they do not make a client's statement lose a race.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::model::{ChunkId, Oid, PartitionId, Seq, TimestampMicros};

/// All claims of a server, in memory only.
#[derive(Debug, Default)]
pub struct Claims {
    held: Mutex<Held>,
}

/// How many claims name each.
#[derive(Debug, Default)]
struct Held {
    partitions: HashMap<PartitionId, usize>,
    chunks: HashMap<ChunkId, usize>,
    /// The states of tables that are claimed.
    states: HashMap<Oid, Vec<Seq>>,
    /// Since when merges of tables have been held up by such claims, however many came and went.
    held_up: HashMap<Oid, TimestampMicros>,
}

/// A claim; dropping it gives it up.
#[derive(Debug)]
pub struct Claim {
    claims: Arc<Claims>,
    partitions: Vec<PartitionId>,
    chunks: Vec<ChunkId>,
}

/// A claim on all that tables held in one state, which a transaction that reads no other may still replace. Dropping it
/// gives it up.
#[derive(Debug)]
pub struct StateClaim {
    claims: Arc<Claims>,
    seq: Seq,
    tables: Mutex<BTreeSet<Oid>>,
}

impl Claims {
    /// Claims partitions and chunks. Others may hold claims on them too.
    #[must_use]
    pub fn claim(self: &Arc<Self>, partitions: Vec<PartitionId>, chunks: Vec<ChunkId>) -> Claim {
        let mut held = self.held.lock();
        partitions.iter().for_each(|id| *held.partitions.entry(*id).or_default() += 1);
        chunks.iter().for_each(|id| *held.chunks.entry(*id).or_default() += 1);
        drop(held);
        Claim { claims: Arc::clone(self), partitions, chunks }
    }

    pub fn has_partition(&self, id: PartitionId) -> bool {
        self.held.lock().partitions.contains_key(&id)
    }

    pub fn has_chunk(&self, id: ChunkId) -> bool {
        self.held.lock().chunks.contains_key(&id)
    }

    /// A claim on the state of that commit, of no table yet.
    #[must_use]
    pub fn claim_state(self: &Arc<Self>, seq: Seq) -> StateClaim {
        StateClaim { claims: Arc::clone(self), seq, tables: Mutex::default() }
    }

    /// The newest state of a table that is claimed: what was there by then is. `None` also if claims have held up merges of
    /// the table since before a moment.
    pub fn newest_state(&self, table: Oid, unless_held_up_before: TimestampMicros) -> Option<Seq> {
        let held = self.held.lock();
        let is_over = held.held_up.get(&table).is_some_and(|since| *since < unless_held_up_before);
        held.states.get(&table).filter(|_| !is_over)?.iter().copied().max()
    }

    /// A merge of the table was held up by a claim on a state.
    pub fn hold_up(&self, table: Oid, now: TimestampMicros) {
        self.held.lock().held_up.entry(table).or_insert(now);
    }

    /// Nothing of the table is to be merged that a claim holds up.
    pub fn let_through(&self, table: Oid) {
        self.held.lock().held_up.remove(&table);
    }

    /// A merge of the table was committed. If that was because claims had held up merges since before the moment, they may do so
    /// again.
    pub fn came_through(&self, table: Oid, held_up_before: TimestampMicros) {
        let mut held = self.held.lock();
        if held.held_up.get(&table).is_some_and(|since| *since < held_up_before) {
            held.held_up.remove(&table);
        }
    }
}

impl StateClaim {
    /// Claims what a table held in the state.
    pub fn add(&self, table: Oid) {
        if self.tables.lock().insert(table) {
            self.claims.held.lock().states.entry(table).or_default().push(self.seq);
        }
    }
}

impl Drop for StateClaim {
    fn drop(&mut self) {
        let tables = std::mem::take(self.tables.get_mut());
        let mut held = self.claims.held.lock();
        for table in &tables {
            let Some(states) = held.states.get_mut(table) else { continue };
            if let Some(at) = states.iter().position(|seq| *seq == self.seq) {
                states.swap_remove(at);
            }
            if states.is_empty() {
                held.states.remove(table);
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut held = self.claims.held.lock();
        self.partitions.iter().for_each(|id| release(&mut held.partitions, id));
        self.chunks.iter().for_each(|id| release(&mut held.chunks, id));
    }
}

fn release<T: Eq + Hash>(held: &mut HashMap<T, usize>, id: &T) {
    if let Some(count) = held.get_mut(id) {
        *count -= 1;
        if *count == 0 {
            held.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_holds_until_the_last_is_dropped() {
        let claims = Arc::new(Claims::default());
        let id = PartitionId(uuid::Uuid::from_u128(7));
        let (one, two) = (claims.claim(vec![id], Vec::new()), claims.claim(vec![id], Vec::new()));
        drop(one);
        assert!(claims.has_partition(id));
        drop(two);
        assert!(!claims.has_partition(id));
    }

    #[test]
    fn a_tables_newest_claimed_state_counts_until_it_has_held_merges_up_for_too_long() {
        let claims = Arc::new(Claims::default());
        let (table, at) = (Oid(7), TimestampMicros::from_seconds);
        let (old, new) = (claims.claim_state(Seq(3)), claims.claim_state(Seq(5)));
        old.add(table);
        new.add(table);
        new.add(table);
        assert_eq!(claims.newest_state(table, at(0)), Some(Seq(5)));
        drop(new);
        claims.hold_up(table, at(10));
        drop(old);
        assert_eq!(claims.newest_state(table, at(0)), None);
        let later = claims.claim_state(Seq(6));
        later.add(table);
        claims.hold_up(table, at(20));
        assert_eq!(claims.newest_state(table, at(10)), Some(Seq(6)));
        assert_eq!(claims.newest_state(table, at(11)), None, "since 10, over the gap");
        assert_eq!(claims.newest_state(Oid(8), at(0)), None);
        claims.came_through(table, at(10));
        assert_eq!(claims.newest_state(table, at(11)), None, "another merge");
        claims.came_through(table, at(11));
        assert_eq!(claims.newest_state(table, at(11)), Some(Seq(6)));
        claims.hold_up(table, at(10));
        claims.let_through(table);
        assert_eq!(claims.newest_state(table, at(11)), Some(Seq(6)));
    }
}
