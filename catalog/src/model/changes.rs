use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{
    ChunkId, ColumnId, ColumnRemap, ColumnStatistics, Database, IngestId, KeyRange, Oid, PartitionId, PartitionKey,
    PgType, Relation, Schema, Seq, SequencePlace, TimestampMicros, WrittenKeys,
};

/// The unit of commit: what must still hold, and what then changes. Plain data, never closures, so that a
/// shared catalog can check it on another machine later.
#[derive(Clone, Debug, Default)]
pub struct ChangeSet {
    /// Checked against the head plus all change sets queued before this one.
    pub requires: Vec<Requirement>,
    /// Applied in order.
    pub changes: Vec<Change>,
    /// A name seen before makes the whole set commit nothing and succeed.
    pub ingest_id: Option<IngestId>,
}

impl ChangeSet {
    /// Whether it only adds rows in chunks, and columns for them.
    pub fn are_rows_alone(&self) -> bool {
        self.changes.iter().all(|change| match change {
            Change::Append { partitions, .. } => partitions.is_empty(),
            Change::EnsureColumn { .. } => true,
            _ => false,
        })
    }
}

/// What must hold for a change set to commit.
#[derive(Clone, Debug, PartialEq)]
pub enum Requirement {
    /// The schema exists, else 3F000.
    SchemaLive(Oid),
    /// Nothing lies in the schema, else 2BP01.
    SchemaEmpty(Oid),
    /// No schema of that name exists in the database, else 42P06.
    SchemaNameFree { database: Oid, name: String },
    /// No relation of that name exists in the schema, else 42P07.
    NameFree { schema: Oid, name: String },
    /// The relation exists, else 42P01.
    RelationLive(Oid),
    /// Its definition is the one of that commit, else 40001.
    RelationVersion { oid: Oid, version: Seq },
    /// Nothing depends on the relation but what is named here, else 2BP01: no view reads it, no table has columns of the
    /// enum type.
    NoDependents { oid: Oid, except: Vec<Oid> },
    /// No view reads the column but those that are named here, else 2BP01.
    NoColumnDependents { table: Oid, column: ColumnId, except: Vec<Oid> },
    /// These columns are live and their types take values of the given ones, else 40001 (42P01 without the table).
    ColumnsAccept { table: Oid, columns: Vec<(ColumnId, PgType)> },
    /// The table enforces no NOT NULL and no CHECK, and computes no column, beyond these, which the writer knew, else 40001.
    /// A computed column is named by its expression's oid.
    EnforcesOnly { table: Oid, not_null: Vec<ColumnId>, checks: Vec<Oid> },
    /// The table's partition key is this one, by which the key ranges of what is written were made, else 40001.
    KeyedBy { table: Oid, key: PartitionKey },
    /// The table holds no row, else 40001: a constraint is added that nobody checked its rows against.
    TableEmpty(Oid),
    /// The table has no row of a commit after that one, else 40001: all its rows were looked at.
    NoRowsSince { table: Oid, since: Seq },
    /// No commit after that one wrote one of these keys, else 40001: they were found free. The rows that the set itself adds to
    /// the table have no others. One entry for each constraint that the table enforces.
    KeysFreeSince { table: Oid, since: Seq, written: Vec<WrittenKeys> },
    /// Neither the relation's definition nor its rows changed after that commit, else 40001: a serializable transaction read
    /// them as they were then. A merge changes neither.
    UnchangedSince { relation: Oid, since: Seq },
    /// These partitions have no end mark, else 40001.
    PartitionsLive { table: Oid, partitions: Vec<PartitionId> },
    /// These chunks are live, else 40001.
    ChunksLive { table: Oid, chunks: Vec<ChunkId> },
}

impl Requirement {
    /// Both as one, where both are of keys that one table had free since one commit.
    pub fn joined(&self, other: &Requirement) -> Option<Requirement> {
        match (self, other) {
            (
                Requirement::KeysFreeSince { table, since, written },
                Requirement::KeysFreeSince { table: of, since: from, written: more },
            ) if (table, since) == (of, from) => {
                let written = WrittenKeys::of_both(written, more)?;
                Some(Requirement::KeysFreeSince { table: *table, since: *since, written })
            }
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub enum Change {
    CreateDatabase(Database),
    CreateSchema(Schema),
    /// Only an empty one.
    DropSchema(Oid),
    /// A new table, view, index, sequence or enum type. `version` is filled in by the committer.
    CreateRelation(Relation),
    /// A new definition under the same oid. What the table holds is untouched.
    ReplaceRelation(Relation),
    /// Removes the definition and puts an end mark on everything that the table holds; its indexes and the sequences of its
    /// columns go with it.
    DropRelation(Oid),
    /// Values up to a place of a sequence's run may have been given.
    AdvanceSequence {
        sequence: Oid,
        run: Oid,
        place: SequencePlace,
    },
    /// A column of that name exists afterwards and its type takes values of `ty`. Commutes with itself: the
    /// committer resolves `proposed` to the column's id and widens its type by [`super::widen`].
    EnsureColumn {
        table: Oid,
        proposed: ColumnId,
        name: String,
        ty: PgType,
    },
    /// Rows appear.
    Append {
        table: Oid,
        partitions: Vec<NewPartition>,
        chunks: Vec<NewChunk>,
    },
    /// Rows disappear: end marks on partitions, chunks forgotten.
    Remove {
        table: Oid,
        partitions: Vec<PartitionId>,
        chunks: Vec<ChunkId>,
    },
    /// Rows move as they are, each with its commit: what is taken away is in the partitions that take its place.
    Merge {
        table: Oid,
        partitions: Vec<PartitionId>,
        chunks: Vec<ChunkId>,
        into: Vec<NewPartition>,
    },
    /// States before that commit can be read no more. Forgets chunks and definitions that only they saw; partitions are
    /// forgotten once their objects are deleted.
    ForgetHistory {
        before: Seq,
    },
    /// Drops the rows of partitions whose objects were deleted; where several tables have the object, as many rows as it is
    /// named, those first that ended first.
    Forget(Vec<PartitionId>),
}

/// A partition whose object is durable, before the committer gave it a sequence number.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPartition {
    pub id: PartitionId,
    /// Columns in file order with the types as written; ids may be proposals of an `EnsureColumn` before it.
    pub columns: Vec<(ColumnId, PgType)>,
    pub rows: u64,
    pub bytes: u64,
    /// As in [`super::Partition`].
    pub checksum: Option<u32>,
    /// The commits of its rows where a merge kept them; `None` where this commit wrote them all.
    pub row_seqs: Option<(Seq, Seq)>,
    pub key: KeyRange,
    pub level: u8,
    /// One entry per column that has any.
    pub statistics: Vec<ColumnStatistics>,
    /// Of a partition whose object another table has too: nothing was written.
    pub shared: Option<SharedObject>,
}

/// Where the object of a clone's partition lies, and how it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedObject {
    /// The table under whose name it lies.
    pub home: Oid,
    pub remap: Vec<ColumnRemap>,
}

/// Rows that go into the log with the commit.
#[derive(Clone)]
pub struct NewChunk {
    /// As in [`NewPartition`].
    pub columns: Vec<(ColumnId, PgType)>,
    pub rows: u64,
    pub key: KeyRange,
    /// The encoded rows as `storage` wrote them; opaque here.
    pub body: Bytes,
    /// The same rows decoded, so that a commit need not decode what its writer held a moment ago. Opaque here;
    /// absent on replay.
    pub decoded: Option<Arc<dyn Any + Send + Sync>>,
}

/// What a committed change set got.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The new head. For an ingest id seen before, the head at that moment.
    pub seq: Seq,
    /// The commit's time.
    pub at: TimestampMicros,
    /// Whether the ingest id was seen before, so that nothing was committed.
    pub duplicate: bool,
}

impl fmt::Debug for NewChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewChunk").field("rows", &self.rows).field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}
