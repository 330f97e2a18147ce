//! UPDATE … SET … [FROM …] [WHERE …] [RETURNING …].

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use peristyle_catalog::model::PgType;
use sqlparser::ast::{TableFactor, TableWithJoins, Update, UpdateTableFromKind, With};

use super::assignments::Assignments;
use super::generated::computed;
use super::lateral;
use super::modified::Modified;
use super::plan::{Action, ChangePlan, Twice, Verb, rows_of};
use super::returning::Returning;
use super::row_values::is_row_column;
use crate::error::SqlError;
use crate::plan::Planner;
use crate::plan::parameters::Bound;
use crate::scope::Scope;

const VERB: Verb = Verb { title: "Update on", tag: "UPDATE", action: Some(Action::Update), twice: Twice::First };

pub(super) fn plan<'a>(
    scope: &'a Arc<Scope>,
    update: &Update,
    with: Option<&With>,
    values: &'a Bound,
) -> Result<ChangePlan<'a>, SqlError> {
    let types = values.types();
    let written = table_of(update)?;
    let modified = Modified::of(scope, written)?;
    let planner = modified.planner(scope)?.with_values(values).under(with, update)?;
    let mut from = vec![TableWithJoins { relation: modified.factor(written), joins: Vec::new() }];
    let others: &[TableWithJoins] = match &update.from {
        Some(UpdateTableFromKind::AfterSet(others) | UpdateTableFromKind::BeforeSet(others)) => others,
        None => &[],
    };
    from.extend(others.iter().cloned());
    let mut condition = update.selection.clone();
    condition.iter_mut().for_each(|condition| modified.shorten(condition));
    let assignments = Assignments::of(&modified, &update.assignments, 0)?;
    let found = rows_of(&planner, planner.with(), from, condition, types)?;
    lateral::refuse_target(&planner, &modified, others, types)?;
    let found = assignments.beside(&planner, &modified, found, types)?;
    let rows = with_new_values(&planner, &modified, &assignments, found, types)?;
    let rows = match update.returning {
        Some(_) => computed(&planner, &modified.target, Some(&modified.name), rows)?,
        None => rows,
    };
    let returning = Returning::over(&planner, &modified, update.returning.as_deref(), &rows, types)?;
    ChangePlan::new(planner, modified, VERB, rows, returning)
}

/// The rows with the table's columns as they will be; the other tables' stay as they are.
fn with_new_values(
    planner: &Planner<'_>,
    modified: &Modified,
    assignments: &Assignments,
    found: LogicalPlan,
    types: &[Option<PgType>],
) -> Result<LogicalPlan, SqlError> {
    let schema = Arc::clone(found.schema());
    let mut new = assignments.planned(planner, modified, &schema, types)?;
    let mut output = Vec::with_capacity(schema.fields().len());
    for (qualifier, field) in schema.iter().filter(|(_, field)| !is_row_column(field.name())) {
        let is_own = qualifier.is_some_and(|qualifier| qualifier.table() == modified.name);
        let at = modified.target.position(field.name()).filter(|_| is_own);
        let place = at.and_then(|at| new.iter().position(|(column, _)| *column == at));
        output.push(match place {
            None => Expr::Column(Column::new(qualifier.cloned(), field.name())),
            Some(place) => new.swap_remove(place).1.alias_qualified(qualifier.cloned(), field.name()),
        });
    }
    Ok(LogicalPlanBuilder::from(found).project(output)?.build()?)
}

fn table_of(update: &Update) -> Result<&TableFactor, SqlError> {
    let is_plain = update.or.is_none() && update.order_by.is_empty() && update.limit.is_none();
    match &update.table {
        TableWithJoins { relation, joins } if joins.is_empty() && is_plain && update.output.is_none() => Ok(relation),
        _ => Err(SqlError::syntax("UPDATE takes one table, SET, FROM and WHERE")),
    }
}
