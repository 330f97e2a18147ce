//! `COPY … FROM 'file' (FORMAT parquet)`: columns go by their names, values by assignment as in INSERT … SELECT. Streams share
//! the file's row groups.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::{Column, DataFusionError};
use datafusion::datasource::provider_as_source;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{StreamExt, TryStreamExt, stream};
use peristyle_catalog::model::PgType;
use peristyle_storage::files::{FileError, ParquetFile};
use peristyle_storage::types::pg_type;

use super::assign::assign_columns;
use super::copy_decoder::check_condition;
use super::ingest::{ingest_id, is_replay};
use super::insert::stage;
use super::{Existing, Load, Target, copy_freeze};
use crate::copy::{CopyOptions, can_name_column};
use crate::error::{SqlError, SqlState};
use crate::outcome::Outcome;
use crate::parse::{CopyStatement, CopySubject};
use crate::plan::Planner;
use crate::plan::parameters::Bound;
use crate::scope::Scope;
use crate::semantics;
use crate::session::{Copies, CopyEntry, SharedTransaction};

/// Name of the file in its plan.
const FILE: &str = "\u{1}file";

/// Loads a whole file.
pub(super) async fn run(
    scope: &Arc<Scope>,
    transaction: &SharedTransaction,
    copy: &CopyStatement,
    options: CopyOptions,
    place: &str,
) -> Result<Outcome, SqlError> {
    let CopySubject::Table { name, columns } = &copy.subject else {
        return Err(SqlError::syntax("COPY FROM needs a table"));
    };
    let target = Target::find(scope, name)?;
    if let Some(condition) = &copy.condition {
        check_condition(scope, &target, condition)?;
    }
    copy_freeze::check(scope, transaction, &target, &options)?;
    let listed = target.named(columns)?;
    let ingest_id = ingest_id(scope, options.ingest_id.as_deref())?;
    // The file of a load that is done may be gone.
    if ingest_id.as_ref().is_some_and(|id| is_replay(scope, id)) {
        return Ok(Outcome::Command("COPY 0".to_owned()));
    }
    let source = scope.engine.files().open(place).await?;
    let progress = Copies::enter(scope, Some(target.oid()), &copy.end, "COPY FROM", source.size());
    let file = Arc::new(ParquetFile::open(source).await?);
    let read = Arc::new(Read { columns: picked(file.schema(), &target, &listed)?, file, progress });
    let planner = Planner::new(scope)?;
    let physical = assigned(&planner, scope, &target, &read).await?;
    let fields: Vec<FieldRef> = physical.schema().fields().iter().cloned().collect();
    let mut load = Load::begin(scope, target, &fields)?;
    if let Some(condition) = &copy.condition {
        load = load.only_where(scope, condition)?;
    }
    let batches = execute_stream(physical, planner.task())?;
    let load = filled(load, batches, &read.progress).await?;
    let (rows, mut changes) = load.finish(Existing::AllOf(transaction)).await?;
    changes.ingest_id = ingest_id;
    stage(&scope.guard, transaction, changes)?;
    Ok(Outcome::Command(format!("COPY {rows}")))
}

async fn filled(
    mut load: Load,
    mut batches: SendableRecordBatchStream,
    progress: &CopyEntry,
) -> Result<Load, SqlError> {
    let mut given = 0;
    while let Some(batch) = batches.next().await {
        let pushed = match batch {
            Ok(batch) => {
                given += batch.num_rows() as u64;
                load.push(&batch, false).await
            }
            Err(error) => Err(error.into()),
        };
        if let Err(error) = pushed {
            load.abort().await;
            return Err(error);
        }
        progress.set_rows(load.rows(), given - load.rows());
    }
    Ok(load)
}

/// Places in the file of the columns that are loaded: all, or those that the statement lists.
fn picked(file: &SchemaRef, target: &Target, listed: &[String]) -> Result<Vec<usize>, SqlError> {
    if let Some(name) = listed.iter().find(|name| file.column_with_name(name).is_none()) {
        let message = format!("column \"{name}\" is not in the file");
        return Err(SqlError::new(SqlState::UNDEFINED_COLUMN, message));
    }
    let mut picked = Vec::new();
    for (at, field) in file.fields().iter().enumerate() {
        let name = field.name();
        if !listed.is_empty() && !listed.contains(name) {
            continue;
        }
        if target.position(name).is_none() && !target.is_open() {
            return Err(target.unknown_column(name));
        }
        if !can_name_column(name) {
            return Err(SqlError::new(SqlState::INVALID_NAME, format!("\"{name}\" cannot be the name of a column")));
        }
        if picked.iter().any(|earlier: &usize| file.field(*earlier).name() == name) {
            let message = format!("column \"{name}\" is in the file more than once");
            return Err(SqlError::new(SqlState::DUPLICATE_COLUMN, message));
        }
        target.refuse_generated(std::slice::from_ref(name))?;
        picked.push(at);
    }
    Ok(picked)
}

/// The plan that reads the file and gives its columns the types of the table's.
async fn assigned(
    planner: &Planner<'_>,
    scope: &Scope,
    target: &Target,
    read: &Arc<Read>,
) -> Result<Arc<dyn ExecutionPlan>, SqlError> {
    let schema: SchemaRef = Arc::new(read.file.schema().project(&read.columns)?);
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let reader =
        || Arc::new(Reader { read: Arc::clone(read), schema: Arc::clone(&schema) }) as Arc<dyn PartitionStream>;
    let readers = (0..scope.engine.limits().streams.max(1)).map(|_| reader()).collect();
    let table: Arc<dyn TableProvider> = Arc::new(StreamingTable::try_new(Arc::clone(&schema), readers)?);
    let scan = LogicalPlanBuilder::scan(FILE, provider_as_source(table), None)?.build()?;
    planner.physical(assign_columns(target, &names, untyped_texts(target, scan)?)?, &Bound::default()).await
}

/// The file's columns, those of texts as strings without a type of their own: there are types that a file has no other form
/// for, and a column of such a type reads them, as it does a text file's.
fn untyped_texts(target: &Target, scan: LogicalPlan) -> Result<LogicalPlan, SqlError> {
    // An open table's column becomes one of texts.
    let takes_text = |name: &str| {
        target.is_open() || target.position(name).is_none_or(|at| semantics::is_text(target.fields[at].ty))
    };
    let columns: Vec<Expr> = scan
        .schema()
        .iter()
        .map(|(qualifier, field)| {
            let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
            let is_read = pg_type(field) == PgType::TEXT && !takes_text(field.name());
            if is_read { cast(column, DataType::Utf8).alias(field.name()) } else { column }
        })
        .collect();
    Ok(LogicalPlanBuilder::from(scan).project(columns)?.build()?)
}

/// A file that is read.
struct Read {
    file: Arc<ParquetFile>,
    columns: Vec<usize>,
    progress: CopyEntry,
}

/// One of the streams that take row groups.
struct Reader {
    read: Arc<Read>,
    schema: SchemaRef,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("file", &self.read.file.place()).finish_non_exhaustive()
    }
}

impl PartitionStream for Reader {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let groups = stream::try_unfold(Arc::clone(&self.read), |read| async move {
            let Some(group) = read.file.next_group(&read.columns).await else { return Ok(None) };
            let (batches, bytes) = group.map_err(external)?;
            read.progress.add_bytes(bytes);
            Ok::<_, DataFusionError>(Some((batches.map_err(external), read)))
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), groups.try_flatten()))
    }
}

fn external(error: FileError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
