//! INSERT … VALUES | SELECT | DEFAULT VALUES [RETURNING].

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, Schema};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;
use peristyle_catalog::model::{IngestId, PgType};
use sqlparser::ast::{self, Expr, Insert, SelectItem, SetExpr, TableObject};

use super::assign::assign_columns;
use super::ingest::{ingest_id, is_replay};
use super::keys::{Existing, KeyGuard};
use super::literal_rows::{Slots, values_only};
use super::load::{Load, LoadPlan, Written};
use super::resolved::ResolvedInsert;
use super::returning::{Clause, Returned, Returning};
use super::{Target, identity, literal_rows, part, value_rows};
use crate::error::SqlError;
use crate::modify::Effects;
use crate::outcome::{Outcome, Rows, RowsTag};
use crate::parse::Overriding;
use crate::plan::Planner;
use crate::plan::parameters::{self, Bound};
use crate::scope::Scope;
use crate::session::{Guard, SharedTransaction};
use crate::statement;

/// Runs an INSERT to its end; its rows wait in the transaction.
pub(crate) async fn insert(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    insert: &Insert,
    bound: &Bound,
    resolved: &ResolvedInsert,
) -> Result<Outcome, SqlError> {
    let ingest_id = ingest_id(&scope, None)?;
    if let Some((load, returned)) = resolved.begin(&scope, insert, bound, ingest_id.as_ref()).await? {
        let (rows, changes) = load.finish(Existing::AllOf(&transaction)).await?;
        stage(&scope.guard, &transaction, changes)?;
        return inserted(rows, returned);
    }
    Box::pin(insert_planned(scope, transaction, insert, bound, resolved, ingest_id)).await
}

async fn insert_planned(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    insert: &Insert,
    bound: &Bound,
    resolved: &ResolvedInsert,
    ingest_id: Option<IngestId>,
) -> Result<Outcome, SqlError> {
    let insertion = Insertion::of(&scope, insert, bound)?;
    if ingest_id.as_ref().is_some_and(|id| is_replay(&scope, id)) {
        return inserted(0, insertion.returning.map(|returning| returning.take(&[])).transpose()?);
    }
    let (load, returned) = insertion.load(&scope, bound, resolved, None).await?;
    let (rows, mut changes) = load.finish(Existing::AllOf(&transaction)).await?;
    changes.ingest_id = ingest_id;
    stage(&scope.guard, &transaction, changes)?;
    inserted(rows, returned)
}

/// As [`insert`], for a part of a statement: what it does is added to the effects.
pub(crate) async fn insert_part(
    scope: &Arc<Scope>,
    insert: &Insert,
    bound: &Bound,
    effects: &mut Effects,
) -> Result<Outcome, SqlError> {
    if ingest_id(scope, None)?.is_some() {
        return Err(SqlError::unsupported("an ingest id for a statement with INSERT in its WITH is not supported"));
    }
    let insertion = Insertion::of(scope, insert, bound)?;
    let relation = Arc::clone(&insertion.target.relation);
    let keys = effects.take_keys(relation.oid);
    let (mut load, returned) = insertion.load(scope, bound, &ResolvedInsert::default(), keys).await?;
    effects.put_keys(&relation, load.take_keys());
    let (rows, changes) = load.finish(Existing::Nothing).await?;
    effects.add(changes);
    inserted(rows, returned)
}

/// An INSERT whose names are resolved.
struct Insertion<'i> {
    target: Target,
    names: Vec<String>,
    insert: Cow<'i, Insert>,
    returning: Option<Arc<Returning>>,
}

impl<'i> Insertion<'i> {
    fn of(scope: &Arc<Scope>, insert: &'i Insert, bound: &Bound) -> Result<Insertion<'i>, SqlError> {
        refuse_unsupported(insert)?;
        let target = Target::find(scope, table_name(insert)?)?;
        let names = column_names(&target, insert)?;
        let insert = identity::overridden(&target, &names, insert);
        let returning = Returning::new(Clause { scope, target: &target, insert: &insert, bound })?.map(Arc::new);
        Ok(Insertion { target, names, insert, returning })
    }

    /// The write with its rows taken, and what RETURNING gives of these. `keys` are those of rows that the statement adds
    /// to the table elsewhere.
    async fn load(
        self,
        scope: &Arc<Scope>,
        bound: &Bound,
        resolved: &ResolvedInsert,
        keys: Option<KeyGuard>,
    ) -> Result<Written, SqlError> {
        let insert = &*self.insert;
        let load = match literals(scope, &self.target, &self.names, insert, bound)? {
            Some((slots, batch)) => {
                let plan = Arc::new(LoadPlan::new(scope, self.target, batch.schema_ref().fields())?);
                let load = Load::of(scope, Arc::clone(&plan))?.with_keys(keys).with(&batch, true).await?;
                if slots.gave(&batch) {
                    resolved.keep(scope, slots, plan, self.returning.as_ref());
                }
                load
            }
            None => Box::pin(load_query(scope, self.target, insert, bound, keys)).await?,
        };
        let Some(returning) = self.returning else { return load.giving(Ok(None)).await };
        let clause = Clause { scope, target: load.target(), insert, bound };
        let returned = returning.of_rows(clause, &load.kept).await;
        load.giving(returned.map(Some)).await
    }
}

/// The rows of an INSERT whose VALUES are constants for known columns; `None` if a plan is needed.
fn literals(
    scope: &Scope,
    target: &Target,
    names: &[String],
    insert: &Insert,
    bound: &Bound,
) -> Result<Option<(Slots, RecordBatch)>, SqlError> {
    let source = insert.source.as_deref().filter(|_| !part::gives_parts(insert));
    let Some(rows) = source.and_then(values_only) else { return Ok(None) };
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
    if let Some(source) = insert.source.as_ref().filter(|_| hinted.contains(&None)) {
        let unknown = Bound::nulls(&parameters::or_text(hinted.clone()))?;
        let planner = Planner::new(scope)?.with_values(&unknown);
        let plan = planner.query(&without_defaults(source), &hinted)?;
        hinted = parameters::infer(&plan, &hinted)?;
    }
    let resolved = parameters::or_text(Returning::infer(scope, &target, insert, hinted)?);
    let bound = Bound::nulls(&resolved)?;
    let returning = Returning::new(Clause { scope, target: &target, insert, bound: &bound })?;
    Ok((resolved, returning.map(|returning| returning.columns().to_vec())))
}

/// Parameters in a VALUES list, or that a SELECT gives as they are, have the types of the columns that they go to.
pub(crate) fn hint_values(target: &Target, insert: &Insert, hinted: &mut [Option<PgType>]) -> Result<(), SqlError> {
    let names = column_names(target, insert)?;
    let parts = part::named_parts(insert)?;
    parts.iter().filter_map(|(_, part)| part.as_ref()).for_each(|part| part.hint(hinted));
    let rows: Vec<Vec<&Expr>> = match insert.source.as_ref().map(|source| source.body.as_ref()) {
        Some(SetExpr::Values(values)) => values.rows.iter().map(|row| row.iter().collect()).collect(),
        Some(SetExpr::Select(select)) => vec![select.projection.iter().map_while(selected).collect()],
        _ => return Ok(()),
    };
    for row in rows {
        for (place, (cell, name)) in row.into_iter().zip(&names).enumerate() {
            let part = parts.get(place).and_then(|(_, part)| part.as_ref());
            let ty = target.position(name).map(|at| target.fields[at].ty);
            let ty = ty.and_then(|ty| part.map_or(Some(ty), |part| part.ty(ty)));
            if let (Some(number), Some(ty)) = (parameters::placeholder(cell), ty) {
                hinted[number - 1].get_or_insert(PgType::plain(ty.oid));
            }
        }
    }
    Ok(())
}

/// The expression of an item of a SELECT list; nothing for stars, of which it is not known how many columns they are.
fn selected(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

async fn load_query(
    scope: &Arc<Scope>,
    target: Target,
    insert: &Insert,
    bound: &Bound,
    keys: Option<KeyGuard>,
) -> Result<Load, SqlError> {
    let planner = Planner::new(scope)?.with_values(bound);
    let keep = insert.returning.is_some();
    if insert.source.is_none() {
        return load_defaults(scope, target, keys).await;
    }
    let plan = source_plan(&planner, &target, insert, bound.types())?;
    let physical = planner.physical(plan, bound).await?;
    let fields: Vec<FieldRef> = physical.schema().fields().iter().cloned().collect();
    let mut load = Load::begin(scope, target, &fields)?.with_keys(keys);
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
    if part::gives_parts(insert) {
        return part::source_plan(planner, target, insert, source, types);
    }
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
async fn load_defaults(scope: &Arc<Scope>, target: Target, keys: Option<KeyGuard>) -> Result<Load, SqlError> {
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)?;
    Load::begin(scope, target, &[])?.with_keys(keys).with(&batch, true).await
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
    part::names_of(target, &part::named_parts(insert)?)
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
    use crate::error::SqlState;
    use tokio::time::Instant;

    use crate::session::Interrupts;

    /// Without a transaction in the slot, what passes the guard is an internal error: nothing else can tell them apart.
    #[tokio::test]
    async fn a_stopped_statement_adds_nothing_to_a_transaction() {
        let staged = |guard: &Guard| stage(guard, &SharedTransaction::default(), Default::default());
        let interrupts = Interrupts::default();
        let cancelled = interrupts.guard(None, Instant::now());
        interrupts.cancel();
        let running = interrupts.guard(None, Instant::now());
        assert_eq!(staged(&cancelled).expect_err("stopped").code, SqlState::QUERY_CANCELED);
        assert_eq!(staged(&running).expect_err("reaches the slot").code, SqlState::INTERNAL_ERROR);
        let late = interrupts.guard(Some(std::time::Duration::ZERO), Instant::now());
        assert!(late.watch(std::future::pending::<Result<(), _>>()).await.is_err());
        assert_eq!(staged(&late).expect_err("out of time").code, SqlState::QUERY_CANCELED);
        interrupts.terminate();
        assert_eq!(staged(&running).expect_err("terminated").code, SqlState::ADMIN_SHUTDOWN);
    }
}
