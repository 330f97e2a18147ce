//! What executing a statement yields. The wire room turns these into messages; it knows no more of the engine.

use std::pin::Pin;

use arrow::array::RecordBatch;
use arrow::datatypes::FieldRef;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use peristyle_catalog::model::{Oid, PgType};
use peristyle_storage::types::{arrow_type, pg_field};

use crate::error::{SqlError, SqlState};
use crate::session::WireFormat;
use crate::write::CopyIn;

/// Batches of a result, each of the shape that [`Rows::columns`] says. Bounded: a batch waits until it is taken.
/// Ends with an error when the statement is cancelled or runs out of time.
pub type BatchStream = Pin<Box<dyn Stream<Item = Result<RecordBatch, SqlError>> + Send>>;

/// Bytes of `COPY … TO STDOUT`, cut at row ends.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<CopyPiece, SqlError>> + Send>>;

/// One column of a result, as RowDescription shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDescription {
    pub name: String,
    pub ty: PgType,
    /// Table and attribute number that the column comes from, if it is a plain column of a table.
    pub origin: Option<(Oid, i16)>,
}

impl ColumnDescription {
    /// A column that is computed, not read from a table.
    pub(crate) fn computed(name: &str, ty: PgType) -> ColumnDescription {
        ColumnDescription { name: name.to_owned(), ty, origin: None }
    }
}

/// The result of one statement.
pub enum Outcome {
    /// The query string held nothing.
    Empty,
    /// A statement without rows; the command tag.
    Command(String),
    Rows(Rows),
    CopyIn(CopyIn),
    CopyOut(CopyOut),
}

/// A statement that returns rows.
pub struct Rows {
    pub columns: Vec<ColumnDescription>,
    pub batches: BatchStream,
    pub tag: RowsTag,
}

impl Rows {
    /// The same with the first batch computed, and whether that failed.
    pub(crate) async fn begun(self) -> (Rows, bool) {
        let mut batches = self.batches.peekable();
        let has_failed = matches!(Pin::new(&mut batches).peek().await, Some(Err(_)));
        (Rows { batches: Box::pin(batches), ..self }, has_failed)
    }

    /// The batches, and the fields of their columns: those of the first batch, if there is one.
    pub(crate) async fn with_fields(self) -> (Vec<FieldRef>, BatchStream) {
        let mut batches = self.batches.peekable();
        let first = match Pin::new(&mut batches).peek().await {
            Some(Ok(batch)) => Some(batch.schema()),
            _ => None,
        };
        let fields = self.columns.iter().enumerate().map(|(at, column)| {
            let arrow = first.as_ref().map(|schema| schema.field(at).data_type().clone());
            pg_field(&column.name, column.ty, arrow.unwrap_or_else(|| arrow_type(column.ty, None)), true)
        });
        (fields.collect(), Box::pin(batches))
    }
}

/// How the command tag of a statement that returns rows is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowsTag {
    /// `SELECT n`, n the rows sent.
    Select,
    /// `INSERT 0 n`, n the rows sent.
    InsertReturning,
    /// `DELETE n` and its like, n the rows sent.
    Changed(&'static str),
    /// `FETCH n`, n the rows sent; of a cursor that is BINARY or not.
    Fetch { is_binary: bool },
    /// The tag itself (`SHOW`, `EXPLAIN`).
    Fixed(&'static str),
}

/// `COPY … TO STDOUT`.
pub struct CopyOut {
    pub column_count: usize,
    /// Whether the format is binary.
    pub binary: bool,
    pub pieces: ByteStream,
}

/// Some whole rows of a COPY, each one CopyData message.
pub struct CopyPiece {
    pub bytes: Bytes,
    /// Where each row (or the header) ends in `bytes`.
    pub row_ends: Vec<usize>,
    /// Data rows in it, a header not counted.
    pub rows: u64,
}

impl CopyPiece {
    /// A piece of one data row.
    pub fn row(bytes: Bytes) -> CopyPiece {
        CopyPiece { row_ends: vec![bytes.len()], bytes, rows: 1 }
    }
}

/// A message to the client that is not an error.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// `NOTICE`, `WARNING`, `INFO`.
    pub severity: &'static str,
    pub code: &'static str,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

impl Notice {
    pub(crate) fn warning(code: SqlState, message: impl Into<String>) -> Notice {
        Notice { severity: "WARNING", code: code.code(), message: message.into(), detail: None, hint: None }
    }
}

impl RowsTag {
    /// The format of the values if the client names none.
    pub fn default_format(&self) -> WireFormat {
        match self {
            RowsTag::Fetch { is_binary: true } => WireFormat::Binary,
            RowsTag::Fetch { .. }
            | RowsTag::Select
            | RowsTag::InsertReturning
            | RowsTag::Changed(_)
            | RowsTag::Fixed(_) => WireFormat::Text,
        }
    }

    /// The command tag after `rows` rows were sent.
    pub fn render(&self, rows: u64) -> String {
        match self {
            RowsTag::Select => format!("SELECT {rows}"),
            RowsTag::InsertReturning => format!("INSERT 0 {rows}"),
            RowsTag::Changed(verb) => format!("{verb} {rows}"),
            RowsTag::Fetch { .. } => format!("FETCH {rows}"),
            RowsTag::Fixed(tag) => (*tag).to_owned(),
        }
    }
}
