use std::fmt;

use uuid::Uuid;

/// A commit's sequence number. 0 is the empty catalog, the first commit is 1; never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// The state before any commit.
    pub const ZERO: Seq = Seq(0);

    /// The sequence number of the commit after this one.
    #[must_use]
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

/// PostgreSQL's object identifier. Objects of users take numbers from one durable counter that starts at
/// [`Oid::FIRST_USER`]; built-in objects have PostgreSQL's own numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(pub u32);

impl Oid {
    /// The first number that a user's object can get (PostgreSQL's `FirstNormalObjectId`).
    pub const FIRST_USER: Oid = Oid(16384);
}

/// A column's identity within its table. Given once, never reused, so a rename, a drop or a re-add never
/// reads another column's bytes. Parquet fields carry it as their field id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnId(pub u32);

impl ColumnId {
    /// The hidden column that holds each row's commit ([`Seq`]) in partitions that several commits wrote.
    pub const ROW_SEQ: ColumnId = ColumnId(2_147_483_645);
    /// The hidden column that says where a row lies in its partition or chunk. It is computed, never stored.
    pub const ROW_POSITION: ColumnId = ColumnId(2_147_483_644);
}

/// A partition's identity, a time-ordered UUID (version 7). The object's path derives from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(pub Uuid);

/// A chunk's identity: the commit that wrote it and its position within that commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId {
    /// The commit.
    pub seq: Seq,
    /// Position among the commit's chunks, from 0.
    pub ordinal: u32,
}

/// A client's name for a load. A name that was committed before commits nothing and succeeds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IngestId(pub String);

/// Microseconds since 1970-01-01 00:00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimestampMicros(pub i64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.seq, self.ordinal)
    }
}
