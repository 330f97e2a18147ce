//! SQL: parse, resolve, plan, execute; functions; the system catalogs.

mod copy_in;
mod engine;
mod error;
mod outcome;
mod session;

pub use copy_in::CopyIn;
pub use engine::Engine;
pub use error::SqlError;
pub use outcome::{BatchStream, ByteStream, ColumnDescription, CopyOut, CopyPiece, Notice, Outcome, Rows, RowsTag};
pub use session::{ConnectOptions, Interrupts, Parameter, Prepared, Session, Statement, TransactionStatus, WireFormat};
