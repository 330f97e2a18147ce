//! DELETE FROM … [USING …] [WHERE …] [RETURNING …].

use std::sync::Arc;

use sqlparser::ast::{Delete, FromTable, TableFactor, TableWithJoins, With};

use super::lateral;
use super::modified::Modified;
use super::plan::{Action, ChangePlan, Twice, Verb, rows_of};
use super::returning::Returning;
use crate::error::SqlError;
use crate::plan::parameters::Bound;
use crate::retention::Kept;
use crate::scope::Scope;

const VERB: Verb = Verb { title: "Delete on", tag: "DELETE", action: Some(Action::Delete), twice: Twice::First };

pub(super) fn plan<'a>(
    scope: &'a Arc<Scope>,
    delete: &Delete,
    with: Option<&With>,
    values: &'a Bound,
) -> Result<ChangePlan<'a>, SqlError> {
    let types = values.types();
    let written = table_of(delete)?;
    let modified = Modified::of(scope, written)?;
    let planner = modified.planner(scope)?.with_values(values).under(with, delete)?;
    let mut from = vec![TableWithJoins { relation: modified.factor(written), joins: Vec::new() }];
    let others = delete.using.as_deref().unwrap_or_default();
    from.extend(others.iter().cloned());
    let mut condition = delete.selection.clone();
    condition.iter_mut().for_each(|condition| modified.shorten(condition));
    let sees_all = Kept::of(modified.target.table(), scope.transaction_started)?.is_none();
    let takes_all = sees_all && condition.is_none() && delete.using.is_none() && delete.returning.is_none();
    let rows = rows_of(&planner, planner.with(), from, condition, types)?;
    lateral::refuse_target(&planner, &modified, others, types)?;
    let returning = Returning::over(&planner, &modified, delete.returning.as_deref(), &rows, types)?;
    let plan = ChangePlan::new(planner, modified, VERB, rows, returning)?;
    Ok(ChangePlan { takes_all, ..plan })
}

fn table_of(delete: &Delete) -> Result<&TableFactor, SqlError> {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let is_plain = delete.tables.is_empty() && delete.order_by.is_empty() && delete.limit.is_none();
    match from.as_slice() {
        [TableWithJoins { relation, joins }] if joins.is_empty() && is_plain && delete.output.is_none() => Ok(relation),
        _ => Err(SqlError::syntax("DELETE takes one table, conditions and USING")),
    }
}
