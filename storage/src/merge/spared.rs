use peristyle_catalog::model::{Chunk, Oid, Partition, Seq};
use peristyle_catalog::{Catalog, Claims, Sources};

use super::{Group, MergeSettings, Urgency};

/// What merges of a table leave to open transactions, which are about to replace it, or may be.
pub struct Spared<'a> {
    claims: &'a Claims,
    /// What was there in this state.
    state: Option<Seq>,
    urgency: Urgency,
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
        let patience_from = sources.clock.now().seconds_before(settings.yield_seconds);
        Spared { claims, state: claims.newest_state(table, patience_from), urgency }
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

    pub(super) fn has_some_of(&self, group: &Group) -> bool {
        group.chunks.iter().any(|chunk| self.has_chunk(chunk))
            || group.partitions.iter().any(|partition| self.has_partition(partition))
    }

    fn is_of_state(&self, added: Seq) -> bool {
        self.state.is_some_and(|state| added <= state)
    }
}
