//! The background merge: chunks become partitions, small partitions become larger ones, so that nothing grows without
//! limit. [`policy`] picks what to merge, a pure function; [`run`] does it: reads the rows as they are with each
//! row's commit, sorts them, writes them with the same writer as any load and replaces the old by the new in one
//! ChangeSet. Who loses a race deletes its output; a client's statement never fails because of a merge.

pub mod policy;

mod log;
mod on_demand;
mod pace;
mod removed;
mod rewrite;
mod settings;
mod spared;

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::FieldRef;
use peristyle_catalog::fail_points::{self, Done, Step};
use peristyle_catalog::model::{
    Change, ChangeSet, ChunkId, ColumnId, MissingValue, NewPartition, Oid, PartitionId, PgType, Requirement, Seq,
};
use peristyle_catalog::{Catalog, Error as CatalogError, Sources};

pub use log::{MergeLog, MergeRecord, MergeTotals, Times, Upkeep};
pub use on_demand::{Extent, groups};
pub use pace::Pace;
pub use policy::{Group, State, Urgency, pick};
pub use removed::{Removed, RowSet};
pub use rewrite::{Rewrite, Rewritten};
pub use settings::MergeSettings;
pub use spared::Spared;

use crate::objects::Store;
use crate::partition::WriteOptions;
use crate::schema::table_fields;
use crate::{Error, Result};

/// How the text of a missing value becomes one value of a field's type. `sql` knows the types' input functions.
pub type ParseMissing = dyn Fn(&MissingValue, &FieldRef) -> Result<ArrayRef> + Send + Sync;

/// What a merge works with.
#[derive(Clone)]
pub struct Merger {
    pub store: Arc<Store>,
    pub catalog: Arc<Catalog>,
    pub sources: Sources,
    pub options: WriteOptions,
    pub parse_missing: Arc<ParseMissing>,
    /// How fast it reads.
    pub pace: Pace,
    pub settings: MergeSettings,
    /// Whether room must be made.
    pub urgency: Urgency,
    /// Takes note of what was merged.
    pub log: Arc<MergeLog>,
}

/// What became of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Committed: the new partitions stand for the group's rows.
    Merged { seq: Seq, partitions: usize, rows: u64, bytes: u64 },
    /// Somebody changed the group or the table meanwhile, or is about to; nothing is left of the attempt.
    Lost,
}

impl Merger {
    /// Merges a group that [`policy::pick`] found in the newest head.
    pub async fn run(&self, table: Oid, group: &Group) -> Result<Outcome> {
        let started_at = self.sources.clock.now();
        if self.spares_some_of(table, group) {
            return Ok(Outcome::Lost);
        }
        let snapshot = self.catalog.snapshot();
        let Some(definition) = snapshot.relation(table).and_then(|relation| relation.as_table()) else {
            return Ok(Outcome::Lost);
        };
        let contents = snapshot.contents(table).map(Arc::as_ref);
        let rewrite = Rewrite {
            store: &self.store,
            sources: &self.sources,
            options: &self.options,
            parse_missing: &*self.parse_missing,
            oid: table,
            table: definition,
            fields: table_fields(definition, contents)?,
            real_time: contents.and_then(|contents| contents.real_time()),
            keeps_seqs: true,
            without: &Removed::default(),
            pace: &self.pace,
        };
        fail_points::reach(Step::MergeRewrite)?;
        let rewritten = rewrite.run(group, group.level()).await?;
        if let Err(error) = fail_points::reach(Step::MergeCommit) {
            rewritten.discard().await;
            return Err(error.into());
        }
        let (rows, bytes) = rewritten.partitions.iter().fold((0, 0), |(r, b), p| (r + p.rows, b + p.bytes));
        let partitions = rewritten.partitions.len();
        if self.spares_some_of(table, group) {
            rewritten.discard().await;
            return Ok(Outcome::Lost);
        }
        let key = definition.partition_key.clone();
        let mut changes = change_set(table, group, &rewritten.partitions);
        changes.requires.push(Requirement::KeyedBy { table, key });
        // The rows of a dropped table leave memory and log as others do.
        if snapshot.relation(table).is_some_and(|relation| snapshot.is_dropped(relation)) {
            changes.requires.retain(|requirement| *requirement != Requirement::RelationLive(table));
        }
        match self.catalog.commit(changes).await {
            Ok(commit) => {
                fail_points::pass(Done::MergeCommitted);
                self.spared(table).note_commit();
                let record = MergeRecord {
                    table,
                    started_at,
                    finished_at: self.sources.clock.now(),
                    seq: commit.seq,
                    chunks: group.chunks.len() as u64,
                    partitions: group.partitions.len() as u64,
                    made: partitions as u64,
                    rows,
                    bytes_read: group.bytes(),
                    bytes_fresh: group.fresh_bytes(),
                    bytes_written: bytes,
                    level: group.level(),
                    totals: MergeTotals::default(),
                };
                self.log.add(record, |table| snapshot.relation(table).is_some());
                Ok(Outcome::Merged { seq: commit.seq, partitions, rows, bytes })
            }
            Err(error) => {
                if error.left_nothing() {
                    rewritten.discard().await;
                }
                if is_lost_race(&error) { Ok(Outcome::Lost) } else { Err(Error::Catalog(error)) }
            }
        }
    }

    /// What merges of a table leave to open transactions now.
    pub fn spared(&self, table: Oid) -> Spared<'_> {
        Spared::of(&self.catalog, &self.sources, table, &self.settings, self.urgency)
    }

    fn spares_some_of(&self, table: Oid, group: &Group) -> bool {
        self.spared(table).has_some_of(group)
    }
}

/// Takes the group's chunks and partitions away and puts the new partitions in, if all are still there.
pub fn change_set(table: Oid, group: &Group, partitions: &[NewPartition]) -> ChangeSet {
    let chunk_ids: Vec<ChunkId> = group.chunks.iter().map(|chunk| chunk.id).collect();
    let partition_ids: Vec<PartitionId> = group.partitions.iter().map(|partition| partition.id).collect();
    let mut columns: Vec<(ColumnId, PgType)> = partitions.iter().flat_map(|p| p.columns.iter().copied()).collect();
    columns.sort_unstable();
    columns.dedup();
    let requires = vec![
        Requirement::RelationLive(table),
        Requirement::PartitionsLive { table, partitions: partition_ids.clone() },
        Requirement::ChunksLive { table, chunks: chunk_ids.clone() },
        Requirement::ColumnsAccept { table, columns },
    ];
    let changes =
        vec![Change::Merge { table, partitions: partition_ids, chunks: chunk_ids, into: partitions.to_vec() }];
    ChangeSet { requires, changes, ingest_id: None }
}

fn is_lost_race(error: &CatalogError) -> bool {
    matches!(
        error,
        CatalogError::Conflict { .. }
            | CatalogError::RelationGone(_)
            | CatalogError::ColumnChanged { .. }
            | CatalogError::NumericTooWide { .. }
    )
}

#[cfg(test)]
mod day;
#[cfg(test)]
mod tests;
