//! SQL: parse, resolve, plan, execute; functions; the system catalogs.
//!
//! A statement's life: [`parse`] makes a tree of its text, once. [`session`] opens or continues a transaction and takes
//! a snapshot of the catalog with the transaction's own changes: the [`scope`]. [`statement`] decides who runs it:
//!
//! | statement | module | ends as |
//! |---|---|---|
//! | SELECT, VALUES | [`plan`] → [`scan`] | a stream of batches |
//! | INSERT, COPY FROM, CREATE TABLE AS | [`write`] | a change set in the transaction |
//! | DELETE, UPDATE, MERGE | [`modify`] | a change set in the transaction |
//! | WITH … AS (DELETE …) … | `with_changes` | a change set of all its parts |
//! | COPY TO | [`copy_out`] | a stream of bytes |
//! | CREATE, ALTER, DROP, TRUNCATE, COMMENT | [`ddl`] | a change set in the transaction |
//! | VACUUM, ANALYZE, OPTIMIZE TABLE, CLUSTER, CHECKPOINT | `maintenance` | commits of its own |
//! | SET, SHOW, PREPARE, DECLARE, FETCH, NOTIFY, … | [`session`] | |
//!
//! [`transaction`] commits the change sets of its statements as one. [`functions`] and [`semantics`] make DataFusion
//! mean what PostgreSQL means; [`values`] and [`copy`] are the text and binary forms of values, [`charset`] the encodings of clients; [`relation`],
//! [`pg_catalog`], [`information_schema`] and [`system`] are relations computed from the snapshot.
//!
//! `datafusion` and `sqlparser` are named in this crate only; nothing of them crosses its door.

mod admission;
mod charset;
pub mod copy;
mod copy_out;
mod ddl;
mod engine;
mod engine_errors;
mod enum_types;
pub mod error;
mod explain;
pub mod functions;
mod history;
mod information_schema;
mod keywords;
mod maintenance;
mod modify;
mod names;
mod outcome;
mod parse;
pub mod pg_catalog;
mod plan;
pub mod relation;
mod retention;
mod row_locks;
mod scan;
mod scope;
pub mod semantics;
mod sequence;
mod session;
mod single_value;
mod statement;
mod system;
mod system_context;
mod temporary;
mod transaction;
pub mod values;
mod with_changes;
mod write;

pub use charset::Charset;
pub use ddl::dropped_at;
pub use engine::{Engine, EngineLimits, EngineParts};
pub use enum_types::EnumTypes;
pub use error::{SqlError, SqlState};
pub use outcome::{BatchStream, ByteStream, ColumnDescription, CopyOut, CopyPiece, Notice, Outcome, Rows, RowsTag};
pub use parse::Statement;
pub use retention::{Expired, expired};
pub use session::{
    BoundParameters, ConnectOptions, Interrupts, LockMode, LockNumber, LockSpan, Notification, Parameter,
    PortalDescription, Prepared, Session, TransactionStatus, WireFormat, named,
};
pub use single_value::parse_missing;
pub use write::CopyIn;

/// What `version()` says.
pub(crate) const VERSION: &str = concat!("PostgreSQL 15.0 (Peristyle ", env!("CARGO_PKG_VERSION"), ")");
