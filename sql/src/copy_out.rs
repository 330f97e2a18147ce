//! `COPY … TO`: a plan's batches as bytes, each row ready to be a message of its own, or as a file.

mod file;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::FieldRef;
use bytes::BytesMut;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::pg_type;
use sqlparser::ast::{Expr, Ident, Query, SelectItem, SetExpr};

use crate::copy::{CopyDirection, CopyFormat, CopyOptions, Encoder, Header};
use crate::ddl::kind_word;
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, fold};
use crate::outcome::{BatchStream, ByteStream, CopyOut, CopyPiece, Outcome};
use crate::parse::{CopyEnd, CopyStatement, CopySubject, changes_rows, is_change, parse_query};
use crate::plan::parameters::Bound;
use crate::plan::{Planner, shown_name, start};
use crate::scope::Scope;
use crate::semantics;
use crate::session::{Copies, CopyEntry};
use crate::write::Target;

/// Starts a COPY TO, whose rows come as they are taken; one to a file is also ended.
pub(crate) async fn run(scope: Arc<Scope>, copy: &CopyStatement) -> Result<Outcome, SqlError> {
    check_end(&copy.end)?;
    let options = CopyOptions::from_pairs(&copy.options, CopyDirection::To, scope.settings.client_charset())?;
    let is_parquet = options.format == CopyFormat::Parquet;
    match &copy.end {
        CopyEnd::File(place) if is_parquet => file::parquet(&scope, copy, place).await,
        CopyEnd::File(place) => file::rows(&scope, copy, options, place).await,
        CopyEnd::Client | CopyEnd::Program if is_parquet => {
            Err(SqlError::unsupported("COPY TO STDOUT in Parquet is not supported").hint("Copy to a file."))
        }
        CopyEnd::Client | CopyEnd::Program => {
            let (progress, out) = (entry(&scope, copy), copy_out(&scope, copy, options).await?);
            Ok(Outcome::CopyOut(CopyOut { pieces: Box::pin(counted(out.pieces, progress)), ..out }))
        }
    }
}

/// The COPY in the list of those that run.
fn entry(scope: &Scope, copy: &CopyStatement) -> CopyEntry {
    let relation = match &copy.subject {
        CopySubject::Query(_) => None,
        CopySubject::Table { name, .. } => QualifiedName::of(scope, name)
            .ok()
            .and_then(|name| scope.relation(name.schema(), &name.name).map(|relation| relation.oid)),
    };
    Copies::enter(scope, relation, &copy.end, "COPY TO", 0)
}

/// The pieces as they are taken, counted.
fn counted(pieces: ByteStream, progress: CopyEntry) -> impl Stream<Item = Result<CopyPiece, SqlError>> + Send {
    let mut rows = 0;
    pieces.inspect_ok(move |piece| {
        rows += piece.rows;
        progress.add_bytes(piece.bytes.len() as u64);
        progress.set_rows(rows, 0);
    })
}

/// What the values of a COPY become.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Texts, or PostgreSQL's binary form: a numeric shows its own digits.
    Shown,
    /// Columns of a file.
    Columns,
}

/// The columns and the batches of what is copied.
async fn source(
    scope: &Arc<Scope>,
    copy: &CopyStatement,
    form: Form,
) -> Result<(Vec<FieldRef>, BatchStream), SqlError> {
    let query = match &copy.subject {
        CopySubject::Query(query) if changes_rows(query) || is_change(query) => {
            return Err(SqlError::unsupported("COPY of a statement that changes rows is not supported yet"));
        }
        CopySubject::Query(query) => query.clone(),
        CopySubject::Table { name, columns } => table_query(scope, name, columns)?,
    };
    let planner = Planner::new(scope)?;
    let plan = planner.shown_query(&query, &[])?;
    let settled = planner.settled(plan, &Bound::default())?;
    let settled = if form == Form::Shown { semantics::with_shown_digits(settled)? } else { settled };
    let physical = planner.physical_of(&planner.optimised_of(settled)?).await?;
    let fields = physical.schema().fields().iter().cloned().collect();
    Ok((fields, start(scope, physical, planner.task())?))
}

async fn copy_out(scope: &Arc<Scope>, copy: &CopyStatement, options: CopyOptions) -> Result<CopyOut, SqlError> {
    let (fields, batches) = source(scope, copy, Form::Shown).await?;
    let columns: Vec<_> = fields.iter().map(|field| (shown_name(field).to_owned(), pg_type(field))).collect();
    let column_count = columns.len();
    check_forced(&options, &columns)?;
    let (has_header, binary) = (options.header != Header::Absent, options.format == CopyFormat::Binary);
    // A line is encoded as a whole, a tuple value by value.
    let style = if binary { scope.settings.client_style() } else { scope.settings.output_style() };
    let encoder = Encoder::new(options, columns, style);
    let header = if has_header { Some(header_piece(&encoder)?) } else { None };
    let rows = encoded(batches, encoder);
    let pieces = Box::pin(stream::iter(header.map(Ok)).chain(rows));
    Ok(CopyOut { column_count, binary, pieces })
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

fn header_piece(encoder: &Encoder) -> Result<CopyPiece, SqlError> {
    let mut bytes = BytesMut::new();
    encoder.header(&mut bytes)?;
    Ok(CopyPiece { row_ends: vec![bytes.len()], bytes: bytes.freeze(), rows: 0 })
}

/// A program is never run.
pub(crate) fn check_end(end: &CopyEnd) -> Result<(), SqlError> {
    match end {
        CopyEnd::Client | CopyEnd::File(_) => Ok(()),
        CopyEnd::Program => {
            Err(SqlError::new(SqlState::INSUFFICIENT_PRIVILEGE, "COPY to or from an external program is not allowed")
                .hint("Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone."))
        }
    }
}

/// `SELECT columns FROM table`; 42809 for a view, as in PostgreSQL.
fn table_query(scope: &Scope, name: &sqlparser::ast::ObjectName, columns: &[Ident]) -> Result<Box<Query>, SqlError> {
    let qualified = QualifiedName::of(scope, name)?;
    if let Some(relation) = scope.relation(qualified.schema(), &qualified.name)
        && relation.stored_query().is_some()
    {
        let message = format!("cannot copy from {} \"{}\"", kind_word(relation), relation.name);
        return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message).hint("Try the COPY (SELECT ...) TO variant."));
    }
    let columns = copied_columns(scope, &qualified, columns)?;
    let mut query = parse_query(&format!("select * from {name}"))?;
    if let (SetExpr::Select(select), Some(columns)) = (query.body.as_mut(), columns) {
        let item = |name: &String| SelectItem::UnnamedExpr(Expr::Identifier(Ident::with_quote('"', name)));
        select.projection = columns.iter().map(item).collect();
    }
    Ok(query)
}

/// The columns that are copied: those that are named, or all but the generated ones; `None` for all.
fn copied_columns(scope: &Scope, name: &QualifiedName, listed: &[Ident]) -> Result<Option<Vec<String>>, SqlError> {
    let relation = scope.relation(name.schema(), &name.name);
    let target = relation.filter(|relation| relation.as_table().is_some()).map(|relation| Target::of(scope, relation));
    let target = target.transpose()?;
    if !listed.is_empty() {
        let listed: Vec<String> = listed.iter().map(fold).collect();
        target.map_or(Ok(()), |target| target.refuse_generated(&listed))?;
        return Ok(Some(listed));
    }
    let Some(target) = target else { return Ok(None) };
    let names = target.table().columns.iter().map(|column| column.name.clone());
    let given: Vec<String> = names.filter(|name| !target.is_generated(name)).collect();
    Ok((given.len() < target.table().columns.len()).then_some(given))
}
