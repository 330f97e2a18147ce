//! CREATE TABLE AS, and a materialized view likewise: the definition and the rows in one change set.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{StreamExt, TryStreamExt};
use peristyle_catalog::model::ChangeSet;
use peristyle_storage::types::pg_type;
use sqlparser::ast::{CreateTable, Query, Statement};

use super::Target;
use super::insert::stage;
use super::keys::Existing;
use super::load::Load;
use crate::ddl::{self, NewColumn};
use crate::error::SqlError;
use crate::names::{cut, fold};
use crate::outcome::{BatchStream, Outcome};
use crate::plan::parameters::Bound;
use crate::plan::{Planner, shown_name};
use crate::scope::Scope;
use crate::session::SharedTransaction;
use crate::with_changes::{self, WithChanges};

pub(crate) async fn create_table_as(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    create: &CreateTable,
    bound: &Bound,
) -> Result<Outcome, SqlError> {
    let Some(query) = &create.query else { return Err(SqlError::internal("a query was expected")) };
    let (fields, batches) = source(&scope, &transaction, query, bound).await?;
    let columns = result_columns(&Schema::new(fields.clone()), create)?;
    let Some((relation, changes)) = ddl::new_table(&scope, create, columns)? else {
        return Ok(Outcome::Command("CREATE TABLE AS".to_owned()));
    };
    let target = Target::of(&scope, &Arc::new(relation))?;
    let (rows, rows_changes) = load(&scope, target, &fields, batches).await?;
    stage(&scope.guard, &transaction, joined(changes, rows_changes))?;
    Ok(Outcome::Command(format!("SELECT {rows}")))
}

/// The columns and the rows of a query, which may change others in its WITH.
async fn source(
    scope: &Arc<Scope>,
    transaction: &SharedTransaction,
    query: &Query,
    bound: &Bound,
) -> Result<(Vec<FieldRef>, BatchStream), SqlError> {
    let tree = Statement::Query(Box::new(query.clone()));
    if let Some(parts) = WithChanges::of(&tree) {
        return match with_changes::run(Arc::clone(scope), Arc::clone(transaction), parts, bound).await? {
            Outcome::Rows(rows) => Ok(rows.with_fields().await),
            _ => Err(SqlError::internal("a query gave no rows")),
        };
    }
    let planner = Planner::new(scope)?.with_values(bound);
    let plan = planner.query(query, bound.types())?;
    let physical = planner.physical(plan, bound).await?;
    let fields = physical.schema().fields().iter().cloned().collect();
    Ok((fields, Box::pin(execute_stream(physical, planner.task())?.map_err(SqlError::from))))
}

/// The columns of a table for a query's result, under the names that the statement gives them.
pub(crate) fn result_columns(result: &Schema, create: &CreateTable) -> Result<Vec<NewColumn>, SqlError> {
    if create.columns.len() > result.fields().len() {
        return Err(SqlError::syntax("too many column names were specified"));
    }
    let column = |(i, field): (usize, &FieldRef)| {
        let name = create.columns.get(i).map_or_else(|| cut(shown_name(field).to_owned()), |c| fold(&c.name));
        NewColumn::plain(name, pg_type(field))
    };
    Ok(result.fields().iter().enumerate().map(column).collect())
}

/// Writes what a plan gives to a table that holds nothing else; the result's columns are the table's, by position.
pub(crate) async fn fill(
    scope: &Arc<Scope>,
    target: Target,
    physical: Arc<dyn ExecutionPlan>,
    task: Arc<TaskContext>,
) -> Result<(u64, ChangeSet), SqlError> {
    let fields: Vec<FieldRef> = physical.schema().fields().iter().cloned().collect();
    let batches = Box::pin(execute_stream(physical, task)?.map_err(SqlError::from));
    load(scope, target, &fields, batches).await
}

/// Writes rows to a table that holds nothing else, by position.
async fn load(
    scope: &Arc<Scope>,
    target: Target,
    result: &[FieldRef],
    mut batches: BatchStream,
) -> Result<(u64, ChangeSet), SqlError> {
    let columns = result.iter().zip(&target.fields);
    let given: Vec<FieldRef> =
        columns.map(|(field, column)| Arc::new(field.as_ref().clone().with_name(column.field.name()))).collect();
    let renamed = Arc::new(Schema::new(given.clone()));
    let mut load = Load::begin(scope, target, &given)?;
    while let Some(batch) = batches.next().await {
        let pushed = match batch {
            Ok(batch) => load.push(&called(&batch, &renamed)?, false).await,
            Err(error) => Err(error),
        };
        if let Err(error) = pushed {
            load.abort().await;
            return Err(error);
        }
    }
    load.finish(Existing::Nothing).await
}

/// The batch with its columns called as the table's.
fn called(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, SqlError> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)?)
}

/// The table has that definition in this change set only, so what its rows require of it is left out.
pub(crate) fn joined(mut definition: ChangeSet, rows: ChangeSet) -> ChangeSet {
    definition.changes.extend(rows.changes);
    definition
}
