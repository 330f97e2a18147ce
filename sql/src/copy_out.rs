//! `COPY … TO`: a plan's batches as bytes, each row ready to be a message of its own, or as a file.

mod file;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::FieldRef;
use bytes::BytesMut;
use futures::future::BoxFuture;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::pg_type;
use sqlparser::ast::{self, Expr, Ident, Query, SelectItem, SetExpr};

use crate::copy::{CopyDirection, CopyFormat, CopyOptions, Encoder, Header};
use crate::ddl::kind_word;
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, fold};
use crate::outcome::{BatchStream, ByteStream, CopyOut, CopyPiece, Outcome};
use crate::parse::{CopyEnd, CopyStatement, CopySubject, Statement, Tree, parse_query};
use crate::plan::parameters::Bound;
use crate::plan::{Planner, shown_name, start};
use crate::scope::Scope;
use crate::semantics;
use crate::session::{Copies, CopyEntry, SharedTransaction};
use crate::statement::{self, describe_tree};
use crate::write::Target;

/// Starts a COPY TO, whose rows come as they are taken; one to a file is also ended.
pub(crate) async fn run(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    statement: &Statement,
    copy: &CopyStatement,
) -> Result<Outcome, SqlError> {
    check_end(&copy.end)?;
    let options = CopyOptions::from_pairs(&copy.options, CopyDirection::To, scope.settings.client_charset())?;
    let is_parquet = options.format == CopyFormat::Parquet;
    let subject = Subject { scope: &scope, transaction: &transaction, statement, copy };
    match &copy.end {
        CopyEnd::File(place) if is_parquet => file::parquet(subject, place).await,
        CopyEnd::File(place) => file::rows(subject, options, place).await,
        CopyEnd::Client | CopyEnd::Program if is_parquet => {
            Err(SqlError::unsupported("COPY TO STDOUT in Parquet is not supported").hint("Copy to a file."))
        }
        CopyEnd::Client | CopyEnd::Program => {
            let (progress, out) = (entry(&scope, copy), copy_out(subject, options).await?);
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

/// What is copied, and where it is read.
#[derive(Clone, Copy)]
struct Subject<'a> {
    scope: &'a Arc<Scope>,
    transaction: &'a SharedTransaction,
    statement: &'a Statement,
    copy: &'a CopyStatement,
}

impl<'a> Subject<'a> {
    /// The columns and the batches.
    async fn source(self, form: Form) -> Result<(Vec<FieldRef>, BatchStream), SqlError> {
        let scope = self.scope;
        if let Some(change) = self.copy.change() {
            return self.returned(change).await;
        }
        let query = match &self.copy.subject {
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

    /// What a statement that changes rows returns of them. The future is boxed: it runs what runs this one.
    fn returned(self, change: ast::Statement) -> BoxFuture<'a, Result<(Vec<FieldRef>, BatchStream), SqlError>> {
        Box::pin(async move {
            let no_rows = || SqlError::unsupported("COPY query must have a RETURNING clause");
            // Before anything is changed.
            describe_tree(self.scope, &change, &[])?.1.ok_or_else(no_rows)?;
            let change = self.statement.with_tree(Tree::Sql(Box::new(change)));
            let (scope, transaction) = (Arc::clone(self.scope), Arc::clone(self.transaction));
            match statement::run(scope, transaction, &change, &Bound::default()).await? {
                Outcome::Rows(rows) => Ok(rows.with_fields().await),
                _ => Err(no_rows()),
            }
        })
    }
}

async fn copy_out(subject: Subject<'_>, options: CopyOptions) -> Result<CopyOut, SqlError> {
    let scope = subject.scope;
    let (fields, batches) = subject.source(Form::Shown).await?;
    let columns: Vec<_> = fields.iter().map(|field| (shown_name(field).to_owned(), pg_type(field))).collect();
    let column_count = columns.len();
    check_forced(&options, &columns)?;
    let (has_header, binary) = (options.header != Header::Absent, options.format == CopyFormat::Binary);
    // A line is encoded as a whole, a tuple value by value.
    let style = if binary { scope.settings.client_style() } else { scope.settings.output_style() };
    let encoder = Encoder::new(options, columns, style);
    let header = if has_header { Some(header_piece(&encoder)?) } else { None };
    let rows = encoded(scope, batches, encoder);
    let pieces = Box::pin(stream::iter(header.map(Ok)).chain(rows));
    Ok(CopyOut { column_count, binary, pieces })
}

/// What becomes one piece: a batch, or the end of the data, behind what goes out with it.
struct Part {
    head: BytesMut,
    batch: Option<RecordBatch>,
}

/// Encodes batches on the computing threads, some ahead of the one that is sent.
fn encoded(
    scope: &Arc<Scope>,
    batches: BatchStream,
    encoder: Encoder,
) -> impl Stream<Item = Result<CopyPiece, SqlError>> + Send + use<> {
    let parts = parts(batches, encoder.head());
    let (engine, encoder) = (Arc::clone(&scope.engine), Arc::new(encoder));
    let ahead = engine.limits().streams;
    let pieces = parts.map_ok(move |part| {
        let (engine, encoder) = (Arc::clone(&engine), Arc::clone(&encoder));
        async move { engine.on_cpu(async move { part.encoded(&encoder) }).await }
    });
    pieces.try_buffered(ahead).try_filter(|piece| std::future::ready(!piece.bytes.is_empty()))
}

/// The head goes out with the first row, as PostgreSQL sends it and clients count on it, or with the end.
fn parts(batches: BatchStream, head: BytesMut) -> impl Stream<Item = Result<Part, SqlError>> + Send {
    stream::try_unfold(Some((batches, head)), |state| async move {
        let Some((mut batches, mut head)) = state else { return Ok(None) };
        let Some(batch) = batches.next().await else { return Ok(Some((Part { head, batch: None }, None))) };
        let batch = batch?;
        let head_of_it = if batch.num_rows() > 0 { std::mem::take(&mut head) } else { BytesMut::new() };
        Ok(Some((Part { head: head_of_it, batch: Some(batch) }, Some((batches, head)))))
    })
}

impl Part {
    fn encoded(self, encoder: &Encoder) -> Result<CopyPiece, SqlError> {
        let mut bytes = self.head;
        let Some(batch) = self.batch else {
            encoder.tail(&mut bytes);
            return Ok(CopyPiece { row_ends: vec![bytes.len()], bytes: bytes.freeze(), rows: 0 });
        };
        let mut row_ends = Vec::with_capacity(batch.num_rows());
        encoder.encode_rows(&batch, 0..batch.num_rows(), &mut bytes, |out| row_ends.push(out.len()))?;
        Ok(CopyPiece { rows: row_ends.len() as u64, bytes: bytes.freeze(), row_ends })
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
        let Some(target) = target else { return Ok(Some(listed.iter().map(fold).collect())) };
        let listed = target.named(listed)?;
        target.refuse_generated(&listed)?;
        return Ok(Some(listed));
    }
    let Some(target) = target else { return Ok(None) };
    let names = target.table().columns.iter().map(|column| column.name.clone());
    let given: Vec<String> = names.filter(|name| !target.is_generated(name)).collect();
    Ok((given.len() < target.table().columns.len()).then_some(given))
}
