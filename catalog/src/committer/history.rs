//! What commits keep so that states before them can be read, and how that is forgotten.

use std::sync::Arc;

use super::require::{self, conflict};
use super::resolve::Resolver;
use crate::Result;
use crate::model::{Chunk, ChunkId, ColumnId, NewPartition, Oid, PartitionId, Seq};
use crate::records::{CommitRow, Key, Record};

/// Newest commits that are all remembered; of older ones, the last of each second.
const RECENT_COMMITS: u64 = 65_536;
/// Commits that are remembered at most.
const COMMITS_REMEMBERED_MAX: usize = 262_144;
/// Remembered commits that one commit forgets, and about so many chunks, and so many definitions.
const FORGOTTEN_MAX: usize = 10_000;

impl Resolver<'_> {
    /// Puts partitions in the place of partitions and chunks. Partitions that are made of chunks alone stand for them in
    /// earlier states too, since each of their rows has its commit; else what they replace is kept for these.
    pub(super) fn merge(
        &mut self,
        table: Oid,
        partitions: &[PartitionId],
        chunks: &[ChunkId],
        into: &[NewPartition],
    ) -> Result<()> {
        let live = |id: &ChunkId| self.head.contents(table).and_then(|contents| contents.chunks.get(id)).cloned();
        let merged: Option<Vec<Arc<Chunk>>> = chunks.iter().map(live).collect();
        let merged = merged.ok_or_else(|| conflict(table))?;
        let stands_for_them = partitions.is_empty() && self.can_stand_for(table, &merged)?;
        if stands_for_them {
            merged.iter().try_for_each(|chunk| self.forget_chunk(chunk))?;
        } else {
            self.remove(table, partitions, chunks)?;
        }
        for partition in into {
            let first = partition.row_seqs.map_or(self.seq, |(first, _)| first);
            self.append_partition(table, partition, if stands_for_them { first } else { self.seq })?;
        }
        self.check_decimals(table)
    }

    /// Whether a partition tells all that these chunks do: each holds what one commit inserted, and no column that the
    /// table had then is gone.
    fn can_stand_for(&self, table: Oid, chunks: &[Arc<Chunk>]) -> Result<bool> {
        let definition = require::table(&self.head, table)?;
        let is_kept = |id: ColumnId| id != ColumnId::ROW_SEQ && definition.column_by_id(id).is_some();
        Ok(chunks.iter().all(|chunk| chunk.layout.columns.iter().all(|(id, _)| is_kept(*id))))
    }

    /// Whether anybody can ask for states of a table's past: a temporary one ends with who could.
    pub(super) fn has_history(&self, table: Oid) -> bool {
        let schema = self.head.relation(table).and_then(|relation| self.head.schemas.get(&relation.schema));
        !schema.is_some_and(|schema| schema.is_temporary())
    }

    /// Remembers this commit with its time, and thins out the older ones.
    pub(super) fn remember_commit(&mut self) -> Result<()> {
        self.put(Record::Commit(CommitRow { seq: self.seq, at: self.at, keeps_history: true }))?;
        self.thin_out(Seq(self.seq.0.saturating_sub(RECENT_COMMITS)))?;
        match self.head.commits.get_min() {
            Some((oldest, _)) if self.head.commits.len() > COMMITS_REMEMBERED_MAX => {
                let after = self.head.commits.keys().nth(1).copied().unwrap_or(*oldest);
                self.forget_history(after)
            }
            _ => Ok(()),
        }
    }

    /// Forgets a commit that shares its second with the next. The oldest stays: it is how far back states can be read.
    fn thin_out(&mut self, seq: Seq) -> Result<()> {
        let mut from = self.head.commits.range(seq..);
        let (Some((found, commit)), Some((_, next))) = (from.next(), from.next()) else { return Ok(()) };
        let is_oldest = self.head.commits.get_min().is_some_and(|(oldest, _)| *oldest == seq);
        if *found != seq || is_oldest || commit.at.whole_seconds() != next.at.whole_seconds() {
            return Ok(());
        }
        self.delete(Key::Commit(seq))
    }

    /// Forgets what only states before that commit see, or the oldest part of it.
    pub(super) fn forget_history(&mut self, before: Seq) -> Result<()> {
        let before = before.min(self.head.seq).min(self.forgettable_before());
        let commits = self.head.commits.range(..before);
        let commits: Vec<Seq> = commits.map(|(seq, _)| *seq).take(FORGOTTEN_MAX).collect();
        commits.into_iter().try_for_each(|seq| self.delete(Key::Commit(seq)))?;
        let oldest = self.head.history_from();
        let chunks = self.head.ended_chunks.keys().take_while(|(end, ..)| *end <= oldest);
        for (end, table, id) in chunks.copied().collect::<Vec<_>>() {
            self.touched.insert(table);
            self.delete(Key::EndedChunk(end, table, id))?;
        }
        let definitions = self.head.past_relations.keys().take_while(|(end, _)| *end <= oldest);
        for (end, oid) in definitions.copied().collect::<Vec<_>>() {
            self.delete(Key::PastRelation(end, oid))?;
        }
        Ok(())
    }

    /// Up to where forgetting is not too much for one commit. What one commit ended goes together.
    fn forgettable_before(&self) -> Seq {
        let chunk = self.head.ended_chunks.keys().nth(FORGOTTEN_MAX).map(|(end, ..)| *end);
        let definition = self.head.past_relations.keys().nth(FORGOTTEN_MAX).map(|(end, _)| *end);
        chunk.into_iter().chain(definition).min().unwrap_or(self.head.seq)
    }
}
