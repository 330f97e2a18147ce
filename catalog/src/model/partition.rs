use std::sync::Arc;

use super::{ChunkId, ColumnId, Oid, PartitionId, PgType, Seq, TimestampMicros};

/// Number of a [`Layout`] within its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayoutId(pub u32);

/// Which columns a file or chunk holds, with the types they were written in. Shared by all partitions and chunks
/// of a table that were written alike, so that a row of the catalog carries a number, not a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub id: LayoutId,
    /// In file order.
    pub columns: Vec<(ColumnId, PgType)>,
}

/// A column that a file holds under another id, because two writers proposed the same new column at once and the
/// committer gave it one id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnRemap {
    pub in_file: ColumnId,
    pub in_table: ColumnId,
}

/// Bounds of the partition key's values, always in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// Least and greatest value of the time column in µs since 1970 UTC, both included; `None` if the key has no
    /// time part or every value is NULL.
    pub time: Option<(i64, i64)>,
    /// The hash bucket, if the key has one.
    pub bucket: Option<u32>,
    /// Whether a row's key column is NULL.
    pub nulls: bool,
}

/// When a partition or chunk stopped being visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndMark {
    /// Invisible from this commit on.
    pub seq: Seq,
    /// That commit's time; the object lives at least a minimum age beyond it.
    pub at: TimestampMicros,
}

/// One immutable Parquet object as the catalog knows it. Visible at S when `added ≤ S < removed`.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    pub id: PartitionId,
    pub table: Oid,
    /// The table under whose name the object lies: another one for a partition that came by a clone.
    pub home: Oid,
    pub layout: Arc<Layout>,
    pub remap: Vec<ColumnRemap>,
    pub rows: u64,
    /// Size of the object.
    pub bytes: u64,
    /// CRC-32C of the object; `None` if it was written before checksums were kept.
    pub checksum: Option<u32>,
    pub added: Seq,
    pub removed: Option<EndMark>,
    /// Least and greatest commit of its rows. Where they differ the file has the hidden column
    /// [`ColumnId::ROW_SEQ`]; where they are equal it has not.
    pub row_seqs: (Seq, Seq),
    pub key: KeyRange,
    /// How often its rows were merged: 0 as loaded.
    pub level: u8,
}

/// Rows of one commit in the log, not yet in a partition.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    pub id: ChunkId,
    pub table: Oid,
    pub layout: Arc<Layout>,
    pub rows: u64,
    /// Bytes of the body in the log.
    pub bytes: u64,
    pub key: KeyRange,
    /// Where its frame starts in the log.
    pub log_position: u64,
    /// When it was committed.
    pub at: TimestampMicros,
}

impl Chunk {
    /// The commit from which on the chunk is visible.
    pub fn added(&self) -> Seq {
        self.id.seq
    }
}
