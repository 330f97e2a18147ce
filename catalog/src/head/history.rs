//! States of the past, made of the newest head: what it holds still, what it keeps with an end mark, and definitions as
//! they were.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Head, TableContents};
use crate::model::{Chunk, Column, Oid, PgType, Relation, RelationKind, Seq, TimestampMicros};

impl Head {
    /// The oldest commit whose state can still be read.
    pub fn history_from(&self) -> Seq {
        let remembered = self.commits.get_min().map_or(self.seq, |(seq, _)| *seq);
        remembered.max(self.unkept)
    }

    /// Commits whose states can be read, with their times, oldest first. All of the newest; of older ones, the last of
    /// each second.
    pub fn commits(&self) -> impl DoubleEndedIterator<Item = (Seq, TimestampMicros)> {
        self.commits.range(self.history_from()..).map(|(seq, commit)| (*seq, commit.at))
    }

    /// The newest of these commits at a time; `None` if all came later.
    pub fn commit_at(&self, at: TimestampMicros) -> Option<Seq> {
        // Times never go backwards.
        self.commits().rev().find(|(_, committed)| *committed <= at).map(|(seq, _)| seq)
    }

    /// Chunks that were removed and that a state of the past saw.
    pub fn ended_chunks(&self) -> impl Iterator<Item = (Seq, &Arc<Chunk>)> {
        self.ended_chunks.iter().map(|((end, ..), chunk)| (*end, chunk))
    }

    /// Definitions that were changed or dropped, by the commit that did it.
    pub fn past_relations(&self) -> impl Iterator<Item = (Seq, &Arc<Relation>)> {
        self.past_relations.iter().map(|((end, _), relation)| (*end, relation))
    }

    /// Where the log begins that states which can be read need.
    pub(crate) fn log_needed_from(&self) -> Option<u64> {
        let ended = self.ended_chunks.values().map(|chunk| chunk.log_position).min();
        self.oldest_chunk_position().into_iter().chain(ended).min()
    }

    /// Names and definitions as of a commit; schemas and views are those of now. What tables hold comes by
    /// [`Self::contents_as_of`], the types to read it as by [`Self::wide_definition`].
    pub(crate) fn definitions_as_of(&self, seq: Seq) -> Head {
        let mut past = self.clone();
        past.seq = seq;
        past.at = self.commits.range(..=seq).next_back().map_or(self.at, |(_, commit)| commit.at);
        past.contents.clear();
        let later = self.relations.values().filter(|relation| relation.version > seq && relation.as_table().is_some());
        for relation in later {
            past.delete_relation(relation.oid);
        }
        for relation in self.replaced_since(seq).into_values() {
            past.put_whole(relation);
        }
        past
    }

    /// The definitions that a state saw and that were changed or dropped since.
    fn replaced_since(&self, seq: Seq) -> BTreeMap<Oid, Relation> {
        let mut replaced = BTreeMap::new();
        for ((_, oid), relation) in self.past_relations.range((seq.next(), Oid(0))..) {
            if relation.version <= seq {
                replaced.entry(*oid).or_insert_with(|| (**relation).clone());
            }
        }
        replaced
    }

    pub(crate) fn put_contents(&mut self, table: Oid, contents: TableContents) {
        self.contents.insert(table, Arc::new(contents));
    }

    pub(crate) fn put_whole(&mut self, relation: Relation) {
        self.names.insert((relation.schema, relation.name.clone()), relation.oid);
        self.relations.insert(relation.oid, Arc::new(relation));
    }

    /// The table of a past state with the types that its columns have come to have, up to where they were dropped: they
    /// only widen, and files that were merged since hold the wide ones.
    pub(crate) fn wide_definition(&self, table: Oid, past: &Head) -> Option<Relation> {
        let mut relation = past.relation(table)?.as_ref().clone();
        let RelationKind::Table(then) = &mut relation.kind else { return None };
        let before = self.past_relations.range((past.seq.next(), Oid(0))..).map(|(_, relation)| relation);
        let before = before.filter(|relation| relation.oid == table);
        // Oldest first: what a later definition says counts.
        for newer in before.chain(self.relation(table)).filter_map(|relation| relation.as_table()) {
            for column in &mut then.columns {
                if let Some(newer) = newer.column_by_id(column.id) {
                    column.ty = newer.ty;
                    column.missing.clone_from(&newer.missing);
                }
            }
        }
        Some(self.with_types_that_exist(relation))
    }

    /// The definition with columns of enum types that are gone as the texts that were stored.
    pub fn with_types_that_exist(&self, mut relation: Relation) -> Relation {
        let RelationKind::Table(table) = &mut relation.kind else { return relation };
        let is_gone = |ty: PgType| ty.enum_definition().is_some() && self.enum_definition(ty).is_none();
        table.columns.iter_mut().filter(|column| is_gone(column.ty)).for_each(Column::to_text);
        relation
    }

    /// What a table held. The rows of the chunks that were removed since are left in the log.
    pub(crate) fn contents_as_of(&self, table: Oid, seq: Seq) -> Option<TableContents> {
        let now = self.contents(table)?;
        let mut past = TableContents {
            layouts: now.layouts.clone(),
            real_time: now.real_time.clone(),
            ..TableContents::default()
        };
        let ended = self.ended.range((seq.next(), Oid(0), crate::model::PartitionId(uuid::Uuid::nil()))..);
        let ended = ended.map(|(_, partition)| partition).filter(|partition| partition.table == table);
        for partition in now.partitions().chain(ended).filter(|partition| partition.added <= seq) {
            past.insert_partition(Arc::clone(partition));
        }
        let ended = self.ended_chunks.iter().filter(|((end, of, _), _)| *end > seq && *of == table);
        let ended = ended.map(|(_, chunk)| Arc::clone(chunk)).filter(|chunk| chunk.added() <= seq);
        let mut ended: Vec<Arc<Chunk>> = ended.collect();
        ended.sort_unstable_by_key(|chunk| (chunk.log_position, chunk.id));
        for chunk in now.chunks().filter(|chunk| chunk.added() <= seq).chain(&ended) {
            past.insert_chunk(Arc::clone(chunk));
        }
        Some(TableContents { in_log: ended, ..past })
    }
}
