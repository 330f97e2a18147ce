//! INSERT … VALUES | SELECT | DEFAULT VALUES [RETURNING].

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, Schema};
use datafusion::common::{Column as PlanColumn, DFSchema};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;
use peristyle_catalog::model::{PgType, widen};
use peristyle_storage::types::{marked_pg_type, pg_type};
use sqlparser::ast::{self, Insert, ObjectNamePart, SetExpr, TableObject};

use super::ingest::{ingest_id, is_replay};
use super::keys::Existing;
use super::literal_rows::{Slots, values_only};
use super::load::{Load, LoadPlan};
use super::resolved::ResolvedInsert;
use super::returning::{Returned, Returning};
use super::{Target, identity, literal_rows, value_rows};
use crate::ddl::TIME_COLUMN;
use crate::error::{SqlError, SqlState};
use crate::outcome::{Outcome, Rows, RowsTag};
use crate::parse::Overriding;
use crate::plan::parameters::{self, Bound};
use crate::plan::{Planner, shown_name};
use crate::scope::Scope;
use crate::semantics::type_planner::arrow_of;
use crate::session::{Guard, SharedTransaction};
use crate::{functions, semantics, statement};

/// Runs an INSERT to its end; its rows wait in the transaction.
pub(crate) async fn insert(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    insert: &Insert,
    bound: &Bound,
    resolved: &ResolvedInsert,
) -> Result<Outcome, SqlError> {
    let ingest_id = ingest_id(&scope, None)?;
    if let Some(load) = resolved.begin(&scope, insert, bound, ingest_id.as_ref()).await? {
        let (rows, changes) = load.finish(Existing::AllOf(&transaction)).await?;
        stage(&scope.guard, &transaction, changes)?;
        return inserted(rows, None);
    }
    refuse_unsupported(insert)?;
    let target = Target::find(&scope, table_name(insert)?)?;
    let names = column_names(&target, insert)?;
    let insert = &*identity::overridden(&target, &names, insert);
    let returning = Returning::new(&scope, &target, insert)?;
    if ingest_id.as_ref().is_some_and(|id| is_replay(&scope, id)) {
        return inserted(0, returning.map(|returning| returning.take(&[])).transpose()?);
    }
    let mut load = match literals(&scope, &target, &names, insert, bound)? {
        Some((slots, batch)) => {
            let plan = Arc::new(LoadPlan::new(&scope, target, batch.schema_ref().fields())?);
            let load = Load::of(&scope, Arc::clone(&plan))?.with(&batch, true).await?;
            resolved.keep(insert, slots, plan);
            load
        }
        None => Box::pin(load_query(&scope, target, insert, bound)).await?,
    };
    let returned = returning.map(|returning| returning.take(&load.kept)).transpose()?;
    load.kept.clear();
    let (rows, mut changes) = load.finish(Existing::AllOf(&transaction)).await?;
    changes.ingest_id = ingest_id;
    stage(&scope.guard, &transaction, changes)?;
    inserted(rows, returned)
}

/// The rows of an INSERT whose VALUES are constants for known columns; `None` if a plan is needed.
fn literals(
    scope: &Scope,
    target: &Target,
    names: &[String],
    insert: &Insert,
    bound: &Bound,
) -> Result<Option<(Slots, RecordBatch)>, SqlError> {
    let Some(rows) = insert.source.as_deref().and_then(values_only) else { return Ok(None) };
    let Some(slots) = Slots::of(target, names, &rows)? else { return Ok(None) };
    let batch = slots.fill(scope, &rows, bound)?;
    Ok(batch.map(|batch| (slots, batch)))
}

fn inserted(rows: u64, returned: Option<Returned>) -> Result<Outcome, SqlError> {
    Ok(match returned {
        Some((columns, batches)) => {
            let batches = Box::pin(futures::stream::iter(batches.into_iter().map(Ok)));
            Outcome::Rows(Rows { columns, batches, tag: RowsTag::InsertReturning })
        }
        None => Outcome::Command(format!("INSERT 0 {rows}")),
    })
}

/// Adds a statement's changes to its transaction. A statement that was stopped adds nothing: the session may have gone
/// on to its next transaction before this one's task noticed.
pub(crate) fn stage(
    guard: &Guard,
    transaction: &SharedTransaction,
    changes: peristyle_catalog::model::ChangeSet,
) -> Result<(), SqlError> {
    let mut slot = transaction.lock();
    guard.check()?;
    match &mut *slot {
        Some(transaction) => transaction.stage(changes),
        None => Err(SqlError::internal("a statement outlived its transaction")),
    }
}

/// Parameter types of an INSERT: those of the columns that the parameters go to.
pub(crate) fn describe(
    scope: &Arc<Scope>,
    insert: &Insert,
    types: &[Option<PgType>],
) -> Result<statement::Description, SqlError> {
    refuse_unsupported(insert)?;
    let target = Target::find(scope, table_name(insert)?)?;
    let tree = ast::Statement::Insert(insert.clone());
    let mut hinted = parameters::hinted(scope, &tree, types)?;
    hint_values(&target, insert, &mut hinted)?;
    let resolved = match &insert.source {
        Some(source) if hinted.iter().any(Option::is_none) => {
            let guessed: Vec<_> = hinted.iter().map(|ty| ty.unwrap_or(PgType::TEXT)).collect();
            let unknown = Bound::nulls(&guessed)?;
            let planner = Planner::new(scope)?.with_values(&unknown);
            let plan = planner.query(&without_defaults(source), &hinted)?;
            parameters::resolve(&plan, &hinted)?
        }
        _ => hinted.into_iter().flatten().collect(),
    };
    let returning = Returning::new(scope, &target, insert)?;
    Ok((resolved, returning.map(|returning| returning.columns().to_vec())))
}

/// Parameters in a VALUES list have the types of the columns that they go to.
pub(crate) fn hint_values(target: &Target, insert: &Insert, hinted: &mut [Option<PgType>]) -> Result<(), SqlError> {
    let names = column_names(target, insert)?;
    let Some(SetExpr::Values(values)) = insert.source.as_ref().map(|source| source.body.as_ref()) else {
        return Ok(());
    };
    for row in &values.rows {
        for (cell, name) in row.iter().zip(&names) {
            let ty = target.position(name).map(|at| target.fields[at].ty);
            if let (Some(number), Some(ty)) = (parameters::placeholder(cell), ty) {
                hinted[number - 1].get_or_insert(PgType::plain(ty.oid));
            }
        }
    }
    Ok(())
}

async fn load_query(scope: &Arc<Scope>, target: Target, insert: &Insert, bound: &Bound) -> Result<Load, SqlError> {
    let planner = Planner::new(scope)?.with_values(bound);
    let keep = insert.returning.is_some();
    if insert.source.is_none() {
        return load_defaults(scope, target).await;
    }
    let plan = source_plan(&planner, &target, insert, bound.types())?;
    let physical = planner.physical(plan, bound).await?;
    let fields: Vec<FieldRef> = physical.schema().fields().iter().cloned().collect();
    let mut load = Load::begin(scope, target, &fields)?;
    let mut batches = execute_stream(physical, planner.task())?;
    while let Some(batch) = batches.next().await {
        let pushed = match batch {
            Ok(batch) => load.push(&batch, keep).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = pushed {
            load.abort().await;
            return Err(error);
        }
    }
    Ok(load)
}

/// The rows that an INSERT gives, columns called and typed as the target's.
pub(crate) fn source_plan(
    planner: &Planner<'_>,
    target: &Target,
    insert: &Insert,
    types: &[Option<PgType>],
) -> Result<LogicalPlan, SqlError> {
    let names = column_names(target, insert)?;
    let Some(source) = &insert.source else { return Ok(LogicalPlanBuilder::empty(true).build()?) };
    let source = literal_rows::fill_defaults(target, &names, source)?;
    if let Some(plan) = value_rows::plan(planner, target, &names, &source, types)? {
        return Ok(plan);
    }
    let plan = match value_rows::plan_mixed(planner, target, &names, &source, types)? {
        Some(plan) => plan,
        None => planner.query(&source, types)?,
    };
    // Without a list of names the source tells how many columns it gives.
    let given = if insert.columns.is_empty() { names.len().min(plan.schema().fields().len()) } else { names.len() };
    identity::check(target, &names[..given], insert)?;
    assign_columns(target, &names[..given], plan)
}

/// `INSERT … DEFAULT VALUES`: one row without any column given.
async fn load_defaults(scope: &Arc<Scope>, target: Target) -> Result<Load, SqlError> {
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)?;
    Load::begin(scope, target, &[])?.with(&batch, true).await
}

/// Names the source's columns after the target's and casts them by assignment.
pub(super) fn assign_columns(target: &Target, names: &[String], plan: LogicalPlan) -> Result<LogicalPlan, SqlError> {
    let schema = Arc::clone(plan.schema());
    check_count(names.len(), schema.fields().len(), target)?;
    let mut columns = Vec::with_capacity(names.len());
    for (i, (qualifier, field)) in schema.iter().enumerate() {
        let column = Expr::Column(PlanColumn::new(qualifier.cloned(), field.name()));
        let name = names.get(i).map_or_else(|| shown_name(field), String::as_str);
        let cast = match target.position(name) {
            // An open table's column widens to what it is given.
            Some(at) if target.is_open() && is_other_form(target.fields[at].ty, pg_type(field)) => {
                let wide = widen(target.fields[at].ty, pg_type(field));
                match target.fields[at].field.name() == TIME_COLUMN {
                    true => time_from(target, at, column, &schema)?,
                    false => widened(column, &schema, wide)?,
                }
            }
            Some(at) => assigned(target, at, column, &schema)?,
            None => column,
        };
        columns.push(cast.alias(name));
    }
    Ok(LogicalPlanBuilder::from(plan).project(columns)?.build()?)
}

/// Whether an open table's column takes the value in another form than an assignment would give it: a wider type, or an
/// array as JSON.
fn is_other_form(has: PgType, given: PgType) -> bool {
    widen(has, given) != has || (given.is_array() && !has.is_array())
}

/// A value of the type that an open table's column takes to hold it: what is no JSON yet becomes one.
fn widened(column: Expr, schema: &DFSchema, wide: PgType) -> Result<Expr, SqlError> {
    let is_json = |ty: PgType| ty == PgType::JSON || ty == PgType::JSONB;
    let given = pg_type(&column.to_field(schema)?.1);
    let value =
        if is_json(wide) && !is_json(given) { functions::named("to_jsonb")?.call(vec![column]) } else { column };
    semantics::assignment_cast(value, schema, wide, &arrow_of(wide))
}

/// A value for the time column of an open table: a text is read as a timestamp, a number counts since 1970 in the unit
/// that its magnitude shows.
pub(super) fn time_from(target: &Target, at: usize, column: Expr, schema: &DFSchema) -> Result<Expr, SqlError> {
    let (_, field) = column.to_field(schema)?;
    if semantics::is_number(pg_type(&field)) {
        return Ok(crate::functions::epoch_by_magnitude(column)?);
    }
    assigned(target, at, column, schema)
}

/// An expression as the target's column stores it.
pub(crate) fn assigned(target: &Target, at: usize, value: Expr, schema: &DFSchema) -> Result<Expr, SqlError> {
    let wanted = &target.fields[at];
    let (_, field) = value.to_field(schema)?;
    check_assignable(target, wanted.field.name(), &field, wanted.ty)?;
    semantics::assignment_cast(value, schema, wanted.ty, wanted.field.data_type())
}

fn check_assignable(target: &Target, column: &str, field: &FieldRef, to: PgType) -> Result<(), SqlError> {
    let from = pg_type(field);
    // A string without a type of its own is read as any type, a text is not.
    let is_text = marked_pg_type(field).is_some_and(|ty| ty == PgType::TEXT) && !semantics::is_text(to);
    if target.is_open() || (semantics::is_assignable(from, to) && !is_text) {
        return Ok(());
    }
    let message = format!(
        "column \"{column}\" is of type {} but expression is of type {}",
        crate::values::type_name(to),
        crate::values::type_name(from)
    );
    Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message).hint("You will need to rewrite or cast the expression."))
}

/// 42601 if an INSERT gives more columns than it names; fewer get defaults only if none are named.
pub(crate) fn check_count(named: usize, given: usize, target: &Target) -> Result<(), SqlError> {
    if given > named && !(target.is_open() && named == 0) {
        return Err(SqlError::syntax("INSERT has more expressions than target columns"));
    }
    if given < named {
        return Err(SqlError::syntax("INSERT has more target columns than expressions"));
    }
    Ok(())
}

/// The columns that an INSERT gives, in its order; without a list the table's first ones. 428C9 for one that takes no
/// values.
fn column_names(target: &Target, insert: &Insert) -> Result<Vec<String>, SqlError> {
    let names = named_columns(target, insert)?;
    // Where only the plan of its source tells how many columns it gives, that is checked then.
    if !insert.columns.is_empty() || source_width(insert).is_some() {
        identity::check(target, &names, insert)?;
    }
    Ok(names)
}

fn named_columns(target: &Target, insert: &Insert) -> Result<Vec<String>, SqlError> {
    if insert.columns.is_empty() {
        let given = source_width(insert).unwrap_or(target.fields.len()).min(target.fields.len());
        return Ok(target.fields[..given].iter().map(|field| field.field.name().clone()).collect());
    }
    let idents = insert
        .columns
        .iter()
        .map(|name| match name.0.as_slice() {
            [ObjectNamePart::Identifier(ident)] => Ok(ident.clone()),
            _ => Err(SqlError::unsupported("assigning to a part of a column is not supported")),
        })
        .collect::<Result<Vec<_>, _>>()?;
    target.named(&idents)
}

/// Columns of the source where its text shows it.
fn source_width(insert: &Insert) -> Option<usize> {
    match insert.source.as_ref()?.body.as_ref() {
        SetExpr::Values(values) => values.rows.first().map(|row| row.len()),
        SetExpr::Select(select) => {
            let is_expression = |item: &ast::SelectItem| {
                matches!(item, ast::SelectItem::UnnamedExpr(_) | ast::SelectItem::ExprWithAlias { .. })
            };
            select.projection.iter().all(is_expression).then_some(select.projection.len())
        }
        _ => None,
    }
}

pub(crate) fn table_name(insert: &Insert) -> Result<&ast::ObjectName, SqlError> {
    match &insert.table {
        TableObject::TableName(name) => Ok(name),
        _ => Err(SqlError::syntax("INSERT needs a table")),
    }
}

fn refuse_unsupported(insert: &Insert) -> Result<(), SqlError> {
    if !insert.into {
        return Err(SqlError::syntax(format!("syntax error at or near \"{}\"", insert.table)));
    }
    if insert.overwrite || insert.or.is_some() || insert.replace_into || insert.ignore || has_partition(insert) {
        return Err(SqlError::unsupported("this form of INSERT is not supported"));
    }
    Ok(())
}

/// Whether it says PARTITION, by which OVERRIDING reaches us, and means that.
fn has_partition(insert: &Insert) -> bool {
    insert.partitioned.is_some() && Overriding::of(insert).is_none()
}

/// DEFAULT in a VALUES list has no type of its own.
pub(crate) fn without_defaults(source: &ast::Query) -> ast::Query {
    let mut query = source.clone();
    if let SetExpr::Values(values) = query.body.as_mut() {
        for cell in values.rows.iter_mut().flat_map(|row| row.iter_mut()).filter(|cell| literal_rows::is_default(cell))
        {
            *cell = ast::Expr::Value(ast::Value::Null.into());
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Interrupts;

    /// Without a transaction in the slot, what passes the guard is an internal error: nothing else can tell them apart.
    #[tokio::test]
    async fn a_stopped_statement_adds_nothing_to_a_transaction() {
        let staged = |guard: &Guard| stage(guard, &SharedTransaction::default(), Default::default());
        let interrupts = Interrupts::default();
        let cancelled = interrupts.guard(None);
        interrupts.cancel();
        let running = interrupts.guard(None);
        assert_eq!(staged(&cancelled).expect_err("stopped").code, SqlState::QUERY_CANCELED);
        assert_eq!(staged(&running).expect_err("reaches the slot").code, SqlState::INTERNAL_ERROR);
        let late = interrupts.guard(Some(std::time::Duration::ZERO));
        assert!(late.watch(std::future::pending::<Result<(), _>>()).await.is_err());
        assert_eq!(staged(&late).expect_err("out of time").code, SqlState::QUERY_CANCELED);
        interrupts.terminate();
        assert_eq!(staged(&running).expect_err("terminated").code, SqlState::ADMIN_SHUTDOWN);
    }
}
