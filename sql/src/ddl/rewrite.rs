//! Gives every row of a table new values in one commit: a query over the table as it was, loaded into the table as it will
//! be, while all partitions and chunks of before go.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::common::Column as PlanColumn;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;
use peristyle_catalog::model::{Change, ChunkId, Column, Oid, Partition, PartitionId, Relation, Requirement};
use peristyle_storage::types::pg_type;
use sqlparser::ast::{self, Ident, ObjectName, ObjectNamePart, SetExpr, TableFactor};

use super::Done;
use super::alter_table::Altered;
use super::alter_type::Retyped;
use crate::error::{SqlError, SqlState};
use crate::modify::{claim, value_over, verify_all};
use crate::parse::parse_query;
use crate::plan::Planner;
use crate::plan::parameters::Bound;
use crate::scan::RowSource;
use crate::scope::Scope;
use crate::semantics;
use crate::semantics::type_planner::arrow_of;
use crate::session::SharedTransaction;
use crate::values;
use crate::write::{Existing, Load, Target};

/// Writes the rows of an altered table again. Nobody may have added rows when this commits: they would have old values. So
/// that it does not lose to those who add some all the time, they wait.
pub(super) async fn run(
    scope: &Arc<Scope>,
    transaction: &SharedTransaction,
    before: &Arc<Relation>,
    altered: Altered<'_>,
) -> Result<Done, SqlError> {
    let after = Arc::new(altered.relation);
    scope.locks.hold_commits(before.oid, scope.lock_wait_max()).await?;
    let (table, replaced) = (before.oid, Replaced::of(scope, before));
    claim(scope, transaction, &replaced.sources, &[])?;
    let appended = rewrite(scope, before, &after, &altered.retyped).await?;
    let mut requires = altered.requires;
    requires.push(Requirement::NoRowsSince { table, since: scope.view.committed() });
    let (live, removal) = replaced.removal(table);
    requires.extend(live);
    let mut changes = vec![removal];
    changes.push(Change::ReplaceRelation(after.as_ref().clone()));
    changes.extend(altered.more);
    changes.extend(appended);
    Ok(Done::new("ALTER TABLE", requires, changes))
}

/// All that a table holds, which other rows replace.
pub(super) struct Replaced {
    pub(super) sources: Vec<RowSource>,
    partitions: Vec<PartitionId>,
    chunks: Vec<ChunkId>,
}

impl Replaced {
    /// What takes it away, and what that requires.
    pub(super) fn removal(self, table: Oid) -> (Vec<Requirement>, Change) {
        let requires = vec![
            Requirement::PartitionsLive { table, partitions: self.partitions.clone() },
            Requirement::ChunksLive { table, chunks: self.chunks.clone() },
        ];
        (requires, Change::Remove { table, partitions: self.partitions, chunks: self.chunks })
    }

    pub(super) fn of(scope: &Scope, relation: &Relation) -> Replaced {
        let mut replaced = Replaced { sources: Vec::new(), partitions: Vec::new(), chunks: Vec::new() };
        let Some(contents) = scope.view.contents(relation.oid) else { return replaced };
        for partition in contents.partitions() {
            replaced.partitions.push(partition.id);
            replaced.sources.push(RowSource::Partition(Arc::clone(partition)));
        }
        for chunk in contents.chunks() {
            replaced.chunks.push(chunk.id);
            replaced.sources.push(RowSource::Chunk(Arc::clone(chunk)));
        }
        replaced
    }
}

fn partitions_of(scope: &Scope, relation: &Relation) -> Vec<Arc<Partition>> {
    scope.view.contents(relation.oid).into_iter().flat_map(|contents| contents.partitions()).cloned().collect()
}

async fn rewrite(
    scope: &Arc<Scope>,
    before: &Arc<Relation>,
    after: &Arc<Relation>,
    retyped: &[Retyped],
) -> Result<Vec<Change>, SqlError> {
    verify_all(scope, &partitions_of(scope, before)).await?;
    let planner = Planner::new(scope)?;
    let plan = new_values(&planner, scope, before, after, retyped)?;
    let physical = planner.physical(plan, &Bound::default()).await?;
    let fields: Vec<FieldRef> = physical.schema().fields().iter().cloned().collect();
    let mut load = Load::begin(scope, Target::of(scope, after)?, &fields)?;
    let mut batches = execute_stream(physical, planner.task())?;
    while let Some(batch) = batches.next().await {
        let pushed = match batch {
            Ok(batch) => load.push(&batch, false).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = pushed {
            load.abort().await;
            return Err(of_existing_rows(error));
        }
    }
    drop(batches);
    // What its rows require of the table holds of the definition that comes with them.
    let (_, appended) = load.finish(Existing::Nothing).await.map_err(of_existing_rows)?;
    Ok(appended.changes)
}

/// The table's columns as they will be; those that are new get their defaults.
pub(super) fn new_values(
    planner: &Planner<'_>,
    scope: &Scope,
    before: &Relation,
    after: &Relation,
    retyped: &[Retyped],
) -> Result<LogicalPlan, SqlError> {
    let rows = planner.query(&all_of(scope, before)?, &[])?;
    let (Some(old), Some(new)) = (before.as_table(), after.as_table()) else {
        return Err(SqlError::internal("only tables are rewritten"));
    };
    let schema = Arc::clone(rows.schema());
    let mut output = Vec::with_capacity(new.columns.len());
    for column in &new.columns {
        let retyping = retyped.iter().find(|retyped| retyped.after == column.id);
        let source = retyping.map_or(column.id, |retyped| retyped.before);
        let Some(at) = old.columns.iter().position(|column| column.id == source) else { continue };
        let (qualifier, field) = schema.qualified_field(at);
        let own = Expr::Column(PlanColumn::new(qualifier.cloned(), field.name()));
        let value = match retyping {
            None if old.columns[at].ty == column.ty => own,
            None | Some(Retyped { using: None, .. }) => assigned(own, &schema, column)?,
            Some(Retyped { using: Some(using), .. }) => transformed(planner, using, &schema, column)?,
        };
        output.push(value.alias(&column.name));
    }
    Ok(LogicalPlanBuilder::from(rows).project(output)?.build()?)
}

fn transformed(
    planner: &Planner<'_>,
    using: &ast::Expr,
    schema: &datafusion::common::DFSchema,
    column: &Column,
) -> Result<Expr, SqlError> {
    if has_subquery(using) {
        return Err(SqlError::unsupported("cannot use subquery in transform expression"));
    }
    let value = value_over(planner, using, schema, &[], "transform expressions")?;
    let given = pg_type(&value.to_field(schema)?.1);
    if !semantics::is_assignable(given, column.ty) {
        let (name, ty) = (&column.name, values::type_name(column.ty));
        let message = format!("result of USING clause for column \"{name}\" cannot be cast automatically to type {ty}");
        return Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message).hint("You might need to add an explicit cast."));
    }
    assigned(value, schema, column)
}

/// Whether a query stands in an expression.
pub(super) fn has_subquery(expression: &ast::Expr) -> bool {
    struct Finder;
    impl ast::Visitor for Finder {
        type Break = ();
        fn pre_visit_query(&mut self, _query: &ast::Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    ast::Visit::visit(expression, &mut Finder).is_break()
}

fn assigned(value: Expr, schema: &datafusion::common::DFSchema, column: &Column) -> Result<Expr, SqlError> {
    semantics::assignment_cast(value, schema, column.ty, &arrow_of(column.ty))
}

/// `SELECT * FROM` the table, whatever the search path says of its name.
fn all_of(scope: &Scope, relation: &Relation) -> Result<ast::Query, SqlError> {
    let mut query = parse_query("SELECT * FROM t")?;
    let part = |name: &str| ObjectNamePart::Identifier(Ident::with_quote('"', name));
    if let SetExpr::Select(select) = query.body.as_mut()
        && let Some(from) = select.from.first_mut()
        && let TableFactor::Table { name, .. } = &mut from.relation
    {
        *name = ObjectName(vec![part(scope.schema_name(relation.schema)), part(&relation.name)]);
    }
    Ok(*query)
}

/// A row that was there breaks a constraint: PostgreSQL says so in other words than of a new one.
fn of_existing_rows(error: SqlError) -> SqlError {
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    let (column, table, constraint) = (name(&error.column), name(&error.table), name(&error.constraint));
    let message = match error.code {
        SqlState::NOT_NULL_VIOLATION => format!("column \"{column}\" of relation \"{table}\" contains null values"),
        SqlState::CHECK_VIOLATION => {
            format!("check constraint \"{constraint}\" of relation \"{table}\" is violated by some row")
        }
        SqlState::UNIQUE_VIOLATION => format!("could not create unique index \"{constraint}\""),
        _ => return error,
    };
    let found = SqlError::new(error.code, message).schema(name(&error.schema)).table(table);
    match (error.code, &error.detail) {
        (SqlState::NOT_NULL_VIOLATION, _) => found.column(column),
        (SqlState::UNIQUE_VIOLATION, Some(detail)) => {
            found.constraint(constraint).detail(detail.replace(" already exists.", " is duplicated."))
        }
        _ => found.constraint(constraint),
    }
}
