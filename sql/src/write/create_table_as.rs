//! CREATE TABLE AS: the definition and the rows in one change set.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;
use peristyle_catalog::model::ChangeSet;
use peristyle_storage::types::pg_type;
use sqlparser::ast::CreateTable;

use super::Target;
use super::insert::stage;
use super::keys::Existing;
use super::load::Load;
use crate::ddl::{self, NewColumn};
use crate::error::SqlError;
use crate::names::{cut, fold};
use crate::outcome::Outcome;
use crate::plan::parameters::Bound;
use crate::plan::{Planner, shown_name};
use crate::scope::Scope;
use crate::session::SharedTransaction;

pub(crate) async fn create_table_as(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    create: &CreateTable,
    bound: &Bound,
) -> Result<Outcome, SqlError> {
    let Some(query) = &create.query else { return Err(SqlError::internal("a query was expected")) };
    let planner = Planner::new(&scope)?.with_values(bound);
    let plan = planner.query(query, bound.types())?;
    let physical = planner.physical(plan, bound).await?;
    let schema = physical.schema();
    if create.columns.len() > schema.fields().len() {
        return Err(SqlError::syntax("too many column names were specified"));
    }
    let columns: Vec<NewColumn> = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(i, field)| {
            let name = create.columns.get(i).map_or_else(|| cut(shown_name(field).to_owned()), |c| fold(&c.name));
            NewColumn::plain(name, pg_type(field))
        })
        .collect();
    let Some((relation, changes)) = ddl::new_table(&scope, create, columns)? else {
        return Ok(Outcome::Command("CREATE TABLE AS".to_owned()));
    };
    let relation = Arc::new(relation);
    let target = Target::of(&scope, &relation)?;
    // The result's columns are the table's, by position.
    let given: Vec<_> = schema
        .fields()
        .iter()
        .zip(&target.fields)
        .map(|(field, column)| Arc::new(field.as_ref().clone().with_name(column.field.name())))
        .collect();
    let renamed = Arc::new(Schema::new(given.clone()));
    let mut load = Load::begin(&scope, target, &given)?;
    let mut batches = execute_stream(physical, planner.task())?;
    while let Some(batch) = batches.next().await {
        let pushed = match batch {
            Ok(batch) => load.push(&called(&batch, &renamed)?, false).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = pushed {
            load.abort().await;
            return Err(error);
        }
    }
    let (rows, rows_changes) = load.finish(Existing::AllOf(&transaction)).await?;
    stage(&scope.guard, &transaction, joined(changes, rows_changes))?;
    Ok(Outcome::Command(format!("SELECT {rows}")))
}

/// The batch with its columns called as the table's.
fn called(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, SqlError> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)?)
}

/// The table does not exist before this change set, so what its rows require of it is left out.
fn joined(mut definition: ChangeSet, rows: ChangeSet) -> ChangeSet {
    definition.changes.extend(rows.changes);
    definition
}
