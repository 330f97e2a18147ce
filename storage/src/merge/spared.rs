//! What merges leave to open transactions (`catalog/src/claims.rs`), and for how long (decision 0053).

use std::cell::Cell;

use peristyle_catalog::model::{Chunk, Oid, Partition, Seq, TimestampMicros};
use peristyle_catalog::{Catalog, Claims, Sources};

use super::{Group, MergeSettings, Urgency};

/// What merges of a table leave to open transactions, which are about to replace it, or may be.
pub struct Spared<'a> {
    claims: &'a Claims,
    table: Oid,
    now: TimestampMicros,
    /// Claims that have held up merges since before then do so no more.
    patience_from: TimestampMicros,
    /// What was there in this state.
    state: Option<Seq>,
    urgency: Urgency,
    /// Whether something was spared that only may be replaced.
    holds_up: Cell<bool>,
}

impl<'a> Spared<'a> {
    pub fn of(
        catalog: &'a Catalog,
        sources: &Sources,
        table: Oid,
        settings: &MergeSettings,
        urgency: Urgency,
    ) -> Spared<'a> {
        let claims = catalog.claims();
        let now = sources.clock.now();
        let patience_from = now.seconds_before(settings.yield_seconds);
        let state = claims.newest_state(table, patience_from);
        Spared { claims, table, now, patience_from, state, urgency, holds_up: Cell::new(false) }
    }

    /// Where room must be made, writers wait for chunks to go, and a transaction that only may replace some does not
    /// keep them waiting.
    pub fn has_chunk(&self, chunk: &Chunk) -> bool {
        let may_be_replaced = self.urgency == Urgency::Normal && self.is_of_state(chunk.added());
        may_be_replaced || self.claims.has_chunk(chunk.id)
    }

    pub fn has_partition(&self, partition: &Partition) -> bool {
        self.is_of_state(partition.added) || self.claims.has_partition(partition.id)
    }

    /// Takes note of what became of a look at all of the table.
    pub fn note(&self, has_group: bool) {
        match (self.holds_up.get(), has_group) {
            (true, _) => self.claims.hold_up(self.table, self.now),
            (false, false) => self.claims.let_through(self.table),
            (false, true) => {}
        }
    }

    pub(super) fn note_commit(&self) {
        self.claims.came_through(self.table, self.patience_from);
    }

    pub(super) fn has_some_of(&self, group: &Group) -> bool {
        let is_spared = group.chunks.iter().any(|chunk| self.has_chunk(chunk))
            || group.partitions.iter().any(|partition| self.has_partition(partition));
        self.note(true);
        is_spared
    }

    fn is_of_state(&self, added: Seq) -> bool {
        let is_spared = self.state.is_some_and(|state| added <= state);
        self.holds_up.set(self.holds_up.get() || is_spared);
        is_spared
    }
}
