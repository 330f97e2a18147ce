//! A connection's session: settings, prepared statements, the transaction, and the statements it runs.
//!
//! Every statement runs in a transaction object. One query string, or all up to one Sync, is one implicit
//! transaction; the caller says where it ends ([`Session::end_implicit`]), since only the protocol knows.

use std::sync::Arc;

use bytes::Bytes;
use peristyle_catalog::model::PgType;

use crate::error::SqlError;
use crate::outcome::{ColumnDescription, Notice, Outcome};

/// What a start-up packet says.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    pub user: String,
    pub database: String,
    /// Other start-up parameters and those of `options=-c …`, in order, names as sent.
    pub parameters: Vec<(String, String)>,
    /// Number that `pg_backend_pid()` shows.
    pub process_id: i32,
    /// Address of the client, if it is a TCP one.
    pub client_address: Option<std::net::SocketAddr>,
}

/// One connection's state. Not shared: a connection runs one statement at a time.
pub struct Session {}

/// One parsed statement with its text. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Statement {
    pub(crate) text: Arc<str>,
}

/// A statement with its parameters' types resolved. Resolved anew when an object or setting that it rests on
/// changed; if its result type then differs it fails with 0A000.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub parameters: Vec<PgType>,
    /// Columns of the result, `None` for a statement without rows.
    pub columns: Option<Vec<ColumnDescription>>,
    pub statement: Statement,
}

/// The wire's form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WireFormat {
    Text,
    Binary,
}

/// A parameter as Bind sent it; `None` is NULL.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub format: WireFormat,
    pub value: Option<Bytes>,
}

/// The byte of ReadyForQuery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionStatus {
    Idle,
    InBlock,
    Failed,
}

/// Stops a session's running statement from another task.
#[derive(Clone)]
pub struct Interrupts {}

impl Interrupts {
    /// The running statement ends with 57014; without one, nothing happens.
    pub fn cancel(&self) {
        todo!()
    }

    /// The session ends with 57P01 as soon as it can.
    pub fn terminate(&self) {
        todo!()
    }
}

impl Session {
    /// Cuts a query string into statements; nothing in it is run if one does not parse (42601 with position).
    pub fn parse(&self, _text: &str) -> Result<Vec<Statement>, SqlError> {
        todo!()
    }

    /// Resolves a statement; `types` are those the client named for `$1`, `$2`, …
    pub async fn prepare(&mut self, _statement: &Statement, _types: &[Option<PgType>]) -> Result<Prepared, SqlError> {
        todo!()
    }

    /// Runs a statement within the implicit transaction, which it opens if none is open. Reading starts here; a
    /// result's rows come as they are taken. An error leaves the transaction failed until it is ended.
    pub async fn execute(&mut self, _statement: &Statement) -> Result<Outcome, SqlError> {
        todo!()
    }

    /// As [`Self::execute`], with bound parameters.
    pub async fn execute_prepared(
        &mut self,
        _prepared: &Prepared,
        _parameters: &[Parameter],
    ) -> Result<Outcome, SqlError> {
        todo!()
    }

    /// Ends the implicit transaction: commits what its statements did in one change set, or discards it after an
    /// error. The last CommandComplete of a simple query, and ReadyForQuery after Sync, come after it.
    pub async fn end_implicit(&mut self) -> Result<(), SqlError> {
        todo!()
    }

    /// Marks the implicit transaction as failed: the wire found an error that the session did not see.
    pub fn fail(&mut self) {
        todo!()
    }

    pub fn transaction_status(&self) -> TransactionStatus {
        todo!()
    }

    /// Notices since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        todo!()
    }

    /// Settings of those that the protocol reports (ParameterStatus) that changed since the last call; at first all.
    pub fn take_parameter_changes(&mut self) -> Vec<(String, String)> {
        todo!()
    }

    /// For another task to stop this session's statement.
    pub fn interrupts(&self) -> Interrupts {
        todo!()
    }

    /// How values are to be written for this session (TimeZone, extra_float_digits, …): see [`crate::values`].
    pub fn is_idle(&self) -> bool {
        todo!()
    }
}
