//! SQL: parse, resolve, plan, execute; functions; the system catalogs.

mod copy_in;
mod engine;
mod error;
mod information_schema;
mod outcome;
pub mod pg_catalog;
pub mod relation;
mod session;
mod system;

pub use copy_in::CopyIn;
pub use engine::Engine;
pub use error::SqlError;
pub use outcome::{BatchStream, ByteStream, ColumnDescription, CopyOut, CopyPiece, Notice, Outcome, Rows, RowsTag};
pub use session::{ConnectOptions, Interrupts, Parameter, Prepared, Session, Statement, TransactionStatus, WireFormat};
