//! Plain data that every room speaks: identities, PostgreSQL types, relations, partitions, change sets.
//!
//! Nothing here is serialisable. The bytes that reach a disk are made by [`crate::records`], which carries
//! a version byte and golden-bytes tests, so a field may be added here without touching a format by accident.

mod built_in_types;
mod changes;
mod enum_type;
mod ids;
mod key_types;
mod partition;
mod relation;
mod sequence;
mod statistics;
mod types;
mod widen;
mod written_keys;

pub use changes::{Change, ChangeSet, Commit, NewChunk, NewPartition, Requirement, SharedObject};
pub use enum_type::{EnumLabel, EnumType};
pub use ids::{ChunkId, ColumnId, IngestId, Oid, PartitionId, Seq, TimestampMicros};
pub use key_types::{BucketFamily, bucket_family, is_time_key};
pub use partition::{Chunk, ColumnRemap, EndMark, KeyRange, Layout, LayoutId, Partition};
pub use relation::{
    Column, ColumnDefault, ColumnRule, Constraint, ConstraintKind, Database, Index, Materialized, MissingValue,
    Openness, OrderColumn, PartitionKey, Relation, RelationKind, Role, Schema, StoredQuery, Table, TimeUnit, View,
    ViewDependency,
};
pub use sequence::{Sequence, SequenceOwner, SequencePlace, SequenceRule};
pub use statistics::{BOUND_BYTES_MAX, Bound, BoundValue, ColumnStatistics};
pub use types::{PgType, TypeKind};
pub use widen::widen;
pub use written_keys::{KEY_BYTES_MAX, KEYS_LISTED_MAX, KeySet, WrittenKeys};
