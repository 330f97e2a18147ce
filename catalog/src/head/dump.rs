//! A head as the rows that it was built from: for the base manifest, and to compare heads.

use super::{Head, TableContents};
use crate::model::{Oid, Relation, RelationKind};
use crate::records::{Key, Record, StatisticsKey, statistics_group};

impl Head {
    /// Every row but the statistics, in an order in which each row needs only rows before it.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record> {
        let names = self
            .roles
            .values()
            .map(|role| Record::Role((**role).clone()))
            .chain(self.databases.values().map(|database| Record::Database((**database).clone())))
            .chain(self.schemas.values().map(|schema| Record::Schema((**schema).clone())))
            .chain(self.relations.values().flat_map(|relation| relation_records(relation)));
        let held = self.contents.iter().flat_map(|(table, contents)| contents_records(*table, contents));
        let ended = self.ended.values().map(|partition| {
            let end = partition.removed.expect("a partition among the ended has an end mark");
            Record::EndedPartition((&**partition).into(), end)
        });
        let ingested = self.ingested.iter().map(|(id, (seq, at))| Record::Ingested(id.clone(), *seq, *at));
        let commits = self.commits.values().map(|commit| Record::Commit(*commit));
        let ended_chunks =
            self.ended_chunks.iter().map(|((end, ..), chunk)| Record::EndedChunk((&**chunk).into(), *end));
        let past = self.past_relations.iter();
        let past = past.map(|((end, _), relation)| Record::PastRelation(*end, Box::new((**relation).clone())));
        let places = self.sequences.iter().map(|(oid, (run, place))| Record::SequencePlace(*oid, *run, *place));
        std::iter::once(Record::Counters(self.counters()))
            .chain(names)
            .chain(held)
            .chain(ended)
            .chain(ingested)
            .chain(commits)
            .chain(ended_chunks)
            .chain(past)
            .chain(places)
    }

    /// Whether the statistics of that row are of a partition that this head knows.
    pub(crate) fn knows_partition(&self, key: &StatisticsKey, ended: &EndedIds) -> bool {
        let is_live =
            self.contents.get(&key.table).is_some_and(|contents| contents.orders.contains_key(&key.partition));
        is_live || ended.contains(&(key.table, key.partition))
    }

    pub(crate) fn ended_ids(&self) -> EndedIds {
        self.ended.keys().map(|(_, table, id)| (*table, *id)).collect()
    }
}

/// Partitions with an end mark.
pub(crate) type EndedIds = std::collections::HashSet<(Oid, crate::model::PartitionId)>;

/// The rows of a definition: a header, a row per column, a row per constraint.
pub(crate) fn relation_records(relation: &Relation) -> Vec<Record> {
    let mut header = relation.clone();
    let (columns, constraints) = match &mut header.kind {
        RelationKind::Table(table) => (std::mem::take(&mut table.columns), std::mem::take(&mut table.constraints)),
        RelationKind::View(view) => (std::mem::take(&mut view.columns), Vec::new()),
        RelationKind::Index(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => (Vec::new(), Vec::new()),
    };
    let oid = header.oid;
    let mut records = vec![Record::Relation(header)];
    records.extend(columns.into_iter().map(|column| Record::Column(oid, column)));
    records.extend(constraints.into_iter().map(|constraint| Record::Constraint(oid, constraint)));
    records
}

fn contents_records(table: Oid, contents: &TableContents) -> impl Iterator<Item = Record> {
    let layouts = contents.layouts.values().map(move |used| Record::Layout(table, (*used.layout).clone()));
    let partitions = contents.partitions.values().map(|partition| Record::Partition((&**partition).into()));
    let chunks = contents.chunks.values().map(|chunk| Record::Chunk((&**chunk).into()));
    layouts.chain(partitions).chain(chunks)
}

/// The keys under which a partition's statistics may lie.
pub(crate) fn statistics_keys(partition: &crate::model::Partition) -> impl Iterator<Item = Key> {
    let (table, id) = (partition.table, partition.id);
    let mut groups: Vec<u32> = partition.layout.columns.iter().map(|(column, _)| statistics_group(*column)).collect();
    groups.sort_unstable();
    groups.dedup();
    groups.into_iter().map(move |group| Key::Statistics(StatisticsKey { table, partition: id, group }))
}
