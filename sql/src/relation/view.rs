//! Plain data that a server gives beside the snapshot: the session, other sessions, pins, objects nothing names.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::error::Result;
use peristyle_catalog::model::{Oid, Partition, PgType, Seq, SequencePlace, TimestampMicros};
use peristyle_storage::merge::{MergeRecord, MergeTotals, Upkeep};

/// What the running session shows of itself.
#[derive(Clone, Debug, Default)]
pub struct SessionView {
    pub user: String,
    /// `pg_backend_pid()`.
    pub process_id: i32,
    pub client_address: Option<SocketAddr>,
    /// Schemas of `search_path` that exist, in order, `$user` resolved, without the implicit `pg_catalog`.
    pub search_path: Vec<String>,
    pub settings: Vec<Setting>,
    pub prepared: Vec<PreparedStatement>,
    pub cursors: Vec<Cursor>,
    /// Start of the transaction.
    pub now: TimestampMicros,
    /// The transaction's number, for `txid_current()`.
    pub transaction_id: u64,
}

/// A configuration parameter as the session sees it.
#[derive(Clone, Debug)]
pub struct Setting {
    pub name: String,
    pub value: String,
    /// Unit of the value, if it has one.
    pub unit: Option<String>,
    pub category: String,
    pub description: String,
    /// Who may set it: `internal`, `postmaster`, `superuser` or `user`.
    pub context: &'static str,
    /// `bool`, `enum`, `integer`, `real` or `string`.
    pub kind: &'static str,
    /// Where the value comes from: `default`, `client`, `session`, `configuration file`.
    pub source: &'static str,
    pub min: Option<String>,
    pub max: Option<String>,
    pub enum_values: Vec<String>,
    /// The value at start-up of the server.
    pub boot: String,
    /// The value that RESET gives.
    pub reset: String,
}

/// A prepared statement of the session.
#[derive(Clone, Debug)]
pub struct PreparedStatement {
    pub name: String,
    pub text: String,
    pub prepared_at: TimestampMicros,
    pub parameters: Vec<PgType>,
    /// Made by SQL's PREPARE, not by the protocol.
    pub from_sql: bool,
    pub executions: u64,
}

/// An open cursor of the session.
#[derive(Clone, Debug)]
pub struct Cursor {
    pub name: String,
    pub text: String,
    pub holdable: bool,
    pub binary: bool,
    pub scrollable: bool,
    pub created_at: TimestampMicros,
}

/// What a server shows beside the snapshot.
#[derive(Clone, Default)]
pub struct ServerView {
    /// One entry per session.
    pub statements: Vec<StatementView>,
    /// The COPYs that run.
    pub copies: Vec<CopyView>,
    /// Locks, held and waited for.
    pub locks: Vec<LockView>,
    /// The newest merges.
    pub merges: Vec<MergeRecord>,
    /// All merges, by table.
    pub merge_totals: BTreeMap<Oid, MergeTotals>,
    /// When tables were vacuumed.
    pub upkeep: BTreeMap<Oid, Upkeep>,
    /// The head and every pinned snapshot.
    pub snapshots: Vec<SnapshotView>,
    /// Lower-case names of the functions that can be called.
    pub functions: HashSet<String>,
    pub started_at: TimestampMicros,
    /// Where a partition's object lies in the store.
    pub partition_path: Option<fn(&Partition) -> String>,
    pub orphans: Option<Arc<dyn Orphans>>,
    pub sequences: Option<Arc<dyn SequencePlaces>>,
}

/// A session and what it runs or ran last.
#[derive(Clone, Debug)]
pub struct StatementView {
    pub process_id: i32,
    pub user: String,
    pub database: String,
    pub application: String,
    pub client_address: Option<SocketAddr>,
    pub is_encrypted: bool,
    /// `active`, `idle`, `idle in transaction` or `idle in transaction (aborted)`.
    pub state: &'static str,
    pub connected_at: TimestampMicros,
    pub transaction_started_at: Option<TimestampMicros>,
    pub started_at: Option<TimestampMicros>,
    pub state_changed_at: TimestampMicros,
    pub text: String,
}

/// A COPY that runs.
#[derive(Clone, Debug)]
pub struct CopyView {
    pub process_id: i32,
    pub database_oid: Oid,
    pub database: String,
    /// 0 for a query.
    pub relation: Oid,
    /// `COPY FROM` or `COPY TO`.
    pub command: &'static str,
    /// `FILE` or `PIPE`.
    pub end: &'static str,
    pub bytes: u64,
    /// 0 where it is not known.
    pub bytes_total: u64,
    pub rows: u64,
    /// Rows that a WHERE left out.
    pub excluded: u64,
}

/// A lock that a session holds or waits for.
#[derive(Clone, Debug)]
pub struct LockView {
    pub process_id: i32,
    pub on: LockedView,
    pub mode: &'static str,
    pub is_granted: bool,
}

/// What a lock is on.
#[derive(Clone, Copy, Debug)]
pub enum LockedView {
    Advisory {
        database: Oid,
        /// The upper half of a bigint, or the first of two integers.
        class: u32,
        /// The lower half, or the second.
        object: u32,
        /// 1 for a bigint, 2 for two integers.
        part: i16,
    },
    /// A transaction that has locked rows.
    Transaction(u32),
    Table(Oid),
}

/// A snapshot that somebody can read.
#[derive(Clone, Debug)]
pub struct SnapshotView {
    pub seq: Seq,
    pub committed_at: TimestampMicros,
    pub is_head: bool,
    /// Readers that hold it.
    pub pins: u64,
}

/// An object in the store that nothing names.
#[derive(Clone, Debug)]
pub struct Orphan {
    pub path: String,
    pub bytes: u64,
    pub modified_at: TimestampMicros,
}

/// How far sequences have come now; that is of no snapshot.
pub trait SequencePlaces: Send + Sync {
    /// `None` for what is no sequence.
    fn place(&self, sequence: Oid) -> Option<SequencePlace>;
}

/// Lists the store for objects that the catalog does not name.
#[async_trait]
pub trait Orphans: Send + Sync {
    async fn list(&self) -> Result<Vec<Orphan>>;
}
