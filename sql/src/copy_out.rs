//! `COPY … TO STDOUT`: a plan's batches as bytes, each row ready to be a message of its own.

use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::BytesMut;
use futures::stream::{self, Stream, StreamExt};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::pg_type;
use sqlparser::ast::{Expr, Ident, Query, SelectItem, SetExpr};

use crate::copy::{CopyDirection, CopyFormat, CopyOptions, Encoder, Header};
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, fold};
use crate::outcome::{BatchStream, CopyOut, CopyPiece, Outcome};
use crate::parse::{CopyEnd, CopyStatement, CopySubject, parse_query};
use crate::plan::parameters::Bound;
use crate::plan::{Planner, shown_name, start};
use crate::scope::Scope;

/// Starts a COPY TO; its rows come as they are taken.
pub(crate) async fn run(scope: Arc<Scope>, copy: &CopyStatement) -> Result<Outcome, SqlError> {
    check_end(&copy.end)?;
    let options = CopyOptions::from_pairs(&copy.options, CopyDirection::To)?;
    let query = match &copy.subject {
        CopySubject::Query(query) => query.clone(),
        CopySubject::Table { name, columns } => table_query(&scope, name, columns)?,
    };
    let planner = Planner::new(&scope)?;
    let plan = planner.shown_query(&query, &[])?;
    let physical = planner.physical(plan, &Bound::default()).await?;
    let columns: Vec<_> =
        physical.schema().fields().iter().map(|field| (shown_name(field).to_owned(), pg_type(field))).collect();
    let column_count = columns.len();
    check_forced(&options, &columns)?;
    let (has_header, binary) = (options.header != Header::Absent, options.format == CopyFormat::Binary);
    let encoder = Encoder::new(options, columns, scope.settings.output_style());
    let batches = start(&scope, physical, planner.task())?;
    let header = has_header.then(|| header_piece(&encoder));
    let rows = encoded(batches, encoder);
    let pieces = Box::pin(stream::iter(header.map(Ok)).chain(rows));
    Ok(Outcome::CopyOut(CopyOut { column_count, binary, pieces }))
}

/// The rows of a COPY TO on their way.
struct Encoding {
    batches: BatchStream,
    encoder: Encoder,
    /// What goes out with the next row.
    head: BytesMut,
}

fn encoded(batches: BatchStream, encoder: Encoder) -> impl Stream<Item = Result<CopyPiece, SqlError>> + Send {
    let encoding = Encoding { batches, head: encoder.head(), encoder };
    stream::try_unfold(Some(encoding), |encoding| async move {
        let Some(mut encoding) = encoding else { return Ok(None) };
        match encoding.batches.next().await {
            Some(batch) => Ok(Some((encoding.rows(&batch?)?, Some(encoding)))),
            None => Ok(encoding.end().map(|piece| (piece, None))),
        }
    })
}

impl Encoding {
    fn rows(&mut self, batch: &RecordBatch) -> Result<CopyPiece, SqlError> {
        let mut row_ends = Vec::with_capacity(batch.num_rows());
        let mut bytes = if batch.num_rows() > 0 { std::mem::take(&mut self.head) } else { BytesMut::new() };
        self.encoder.encode_rows(batch, 0..batch.num_rows(), &mut bytes, |out| row_ends.push(out.len()))?;
        Ok(CopyPiece { rows: row_ends.len() as u64, bytes: bytes.freeze(), row_ends })
    }

    fn end(mut self) -> Option<CopyPiece> {
        self.encoder.tail(&mut self.head);
        let bytes = self.head.freeze();
        (!bytes.is_empty()).then(|| CopyPiece { row_ends: vec![bytes.len()], bytes, rows: 0 })
    }
}

fn check_forced(options: &CopyOptions, columns: &[(String, PgType)]) -> Result<(), SqlError> {
    let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    options
        .force_quote
        .check(&names, |name| SqlError::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist")))
}

fn header_piece(encoder: &Encoder) -> CopyPiece {
    let mut bytes = BytesMut::new();
    encoder.header(&mut bytes);
    CopyPiece { row_ends: vec![bytes.len()], bytes: bytes.freeze(), rows: 0 }
}

/// The client is the only other end: a program is never run, files come later.
pub(crate) fn check_end(end: &CopyEnd) -> Result<(), SqlError> {
    match end {
        CopyEnd::Client => Ok(()),
        CopyEnd::Program => {
            Err(SqlError::new(SqlState::INSUFFICIENT_PRIVILEGE, "COPY to or from an external program is not allowed")
                .hint("Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone."))
        }
        CopyEnd::File => Err(SqlError::unsupported("COPY to or from a file on the server is not supported yet")
            .hint("Use COPY ... FROM STDIN or TO STDOUT, or psql's \\copy.")),
    }
}

/// `SELECT columns FROM table`; 42809 for a view, as in PostgreSQL.
fn table_query(scope: &Scope, name: &sqlparser::ast::ObjectName, columns: &[Ident]) -> Result<Box<Query>, SqlError> {
    let qualified = QualifiedName::of(scope, name)?;
    if let Some(relation) = scope.relation(qualified.schema(), &qualified.name)
        && relation.as_view().is_some()
    {
        let message = format!("cannot copy from view \"{}\"", relation.name);
        return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message).hint("Try the COPY (SELECT ...) TO variant."));
    }
    let mut query = parse_query(&format!("select * from {name}"))?;
    if let (SetExpr::Select(select), false) = (query.body.as_mut(), columns.is_empty()) {
        let item = |ident: &Ident| SelectItem::UnnamedExpr(Expr::Identifier(Ident::with_quote('"', fold(ident))));
        select.projection = columns.iter().map(item).collect();
    }
    Ok(query)
}
