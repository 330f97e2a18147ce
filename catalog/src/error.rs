use std::io;
use std::path::PathBuf;

use crate::model::{ColumnId, Oid, Seq, TimestampMicros};
use crate::tier::TierError;

/// Why the catalog refused or failed. What a caller must do is said per variant; `sql` maps each to one SQLSTATE.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else changed what this change set rests on: take a new snapshot and try again (40001).
    #[error("could not serialize access due to concurrent update")]
    Conflict { relation: Option<Oid> },
    /// Somebody else changed what a serializable transaction read: begin it anew (40001).
    #[error("could not serialize access due to read/write dependencies among transactions")]
    ReadChanged { relation: Oid },
    /// The relation is gone (42P01).
    #[error("relation with OID {} does not exist", .0)]
    RelationGone(Oid),
    /// The schema is gone (3F000).
    #[error("schema with OID {} does not exist", .0)]
    SchemaGone(Oid),
    /// (42P07)
    #[error("relation \"{0}\" already exists")]
    DuplicateRelation(String),
    /// (42P06)
    #[error("schema \"{0}\" already exists")]
    DuplicateSchema(String),
    /// Objects depend on what was to be dropped (2BP01).
    #[error("cannot drop because other objects depend on it")]
    DependentObjects { dependents: Vec<Oid> },
    /// A table would have more columns than `max_table_columns` (54011).
    #[error("tables can have at most {limit} columns")]
    TooManyColumns { limit: usize },
    /// The column is gone or its type does not take the written one; plan again on a new snapshot (40001).
    #[error("could not serialize access due to concurrent change of a column")]
    ColumnChanged { table: Oid, column: ColumnId },
    /// Rows lie by what the partition key computed of the column's type, and values of the wider one would lie elsewhere
    /// (42804).
    #[error("column \"{column}\" of the partition key cannot take values of another type")]
    KeyColumnType { column: String },
    /// No decimal would hold all values of a bare numeric any more, so that it could not be read (22003).
    #[error(
        "numeric column \"{column}\" would need {whole} digits before and {scale} behind the decimal point, more than 76 together"
    )]
    NumericTooWide { column: String, whole: i16, scale: i16 },
    /// The state of that commit cannot be read: nothing is kept of it any more, or it is not there yet (72000, 22023).
    #[error("the state of commit {asked} cannot be read")]
    NotInHistory { asked: Seq, oldest: (Seq, TimestampMicros), newest: Seq },
    /// A sequence has no value after its last (2200H).
    #[error("reached {} value of sequence \"{name}\" ({limit})", if *.is_ascending { "maximum" } else { "minimum" })]
    SequenceEnded { name: String, limit: i64, is_ascending: bool },
    /// The log's disk is full; nothing was committed (53100).
    #[error("could not write to the log: no space left on device")]
    DiskFull,
    /// The log could not be written; nothing was committed (58030).
    #[error("could not write to the log: {0}")]
    LogWrite(#[source] io::Error),
    /// The change set is larger than one frame may be (54000).
    #[error("commit of {bytes} bytes exceeds log_frame_bytes_max of {limit} bytes")]
    CommitTooLarge { bytes: u64, limit: u64 },
    /// The real-time tier or the log is at its limit and the merge did not make room in time (53200).
    #[error("real-time tier is full")]
    RealTimeFull,
    /// The store did not take the log in time, which `durability = object` promises (58000).
    #[error("the object store lacks commits that are older than log_loss_seconds_max = {seconds} seconds")]
    LogNotShipped { seconds: u64 },
    /// The catalog is shutting down (57P01).
    #[error("the database system is shutting down")]
    Closed,
    /// Another process holds the folder.
    #[error("data folder {} is in use by process {holder}", .folder.display())]
    FolderInUse { folder: PathBuf, holder: String },
    /// Made by a version that this one does not know.
    #[error("{what} has format {found}, this version reads up to {known}")]
    NewerFormat { what: String, found: u32, known: u32 },
    /// Bytes that were durable are not what was written; start is refused.
    #[error("{what} is damaged: {detail}")]
    Corrupt { what: String, detail: String },
    /// A change set that contradicts itself or the catalog in a way that no correct caller makes (XX000).
    #[error("invalid change set: {0}")]
    Invalid(String),
    /// The data folder and the store are not each other's.
    #[error("{0}")]
    Mismatch(String),
    /// (58030)
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    /// The room above failed.
    #[error(transparent)]
    Tier(#[from] TierError),
}

/// The catalog's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Whether a commit that ended with this error surely made nothing durable, so that the objects that it would have
    /// named may be deleted. Else the log may name them.
    pub fn left_nothing(&self) -> bool {
        match self {
            Error::Conflict { .. }
            | Error::ReadChanged { .. }
            | Error::RelationGone(_)
            | Error::SchemaGone(_)
            | Error::DuplicateRelation(_)
            | Error::DuplicateSchema(_)
            | Error::DependentObjects { .. }
            | Error::TooManyColumns { .. }
            | Error::ColumnChanged { .. }
            | Error::KeyColumnType { .. }
            | Error::NumericTooWide { .. }
            | Error::NotInHistory { .. }
            | Error::SequenceEnded { .. }
            | Error::Invalid(_)
            | Error::DiskFull
            | Error::LogWrite(_)
            | Error::CommitTooLarge { .. }
            | Error::RealTimeFull
            | Error::LogNotShipped { .. } => true,
            Error::Closed
            | Error::FolderInUse { .. }
            | Error::NewerFormat { .. }
            | Error::Corrupt { .. }
            | Error::Mismatch(_)
            | Error::Io { .. }
            | Error::Tier(_) => false,
        }
    }
}
