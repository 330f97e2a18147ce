//! DELETE, UPDATE, MERGE and INSERT … ON CONFLICT: statements that change rows which are there.
//!
//! ```text
//! tree → ChangePlan (a query: address, action, new values, RETURNING) → apply → Effects → replace → ChangeSet
//! ```
//! Each is planned as a query by the same planner as SELECT, so a condition means what it means there and prunes what it
//! prunes there. The query says for each row where it lies ([`crate::scan`] shows that on request) and what becomes of
//! it. New rows go the way of an INSERT's. The partitions and chunks that lose rows are then written again without these
//! ([`replace`]), and one change set takes away the old and puts in the new.

mod apply;
mod assignments;
mod clauses;
mod delete;
mod effects;
mod gather;
mod generated;
mod merge_into;
mod modified;
mod on_conflict;
mod plan;
mod proven;
mod replace;
mod returning;
mod row_values;
mod touched;
mod update;

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use peristyle_catalog::model::PgType;
use sqlparser::ast::{SetExpr, Statement as Sql, With};

use crate::error::SqlError;
use crate::outcome::Outcome;
use crate::plan::parameters::{self, Bound};
use crate::scope::Scope;
use crate::session::SharedTransaction;
use crate::statement::Description;

pub(crate) use apply::claim;
pub(crate) use effects::Effects;
pub(crate) use gather::gather;
use plan::ChangePlan;
pub(crate) use plan::over as value_over;
pub(crate) use replace::{copied_chunks, verify_all};

/// A statement that changes rows, and the WITH before it.
#[derive(Clone, Copy)]
pub(crate) struct ChangeStatement<'a> {
    tree: &'a Sql,
    with: Option<&'a With>,
}

impl<'a> ChangeStatement<'a> {
    /// `None` for any other statement.
    pub(crate) fn of(tree: &'a Sql) -> Option<ChangeStatement<'a>> {
        match tree {
            Sql::Delete(_) | Sql::Update(_) | Sql::Merge(_) => Some(ChangeStatement { tree, with: None }),
            Sql::Insert(insert) if insert.on.is_some() => Some(ChangeStatement { tree, with: None }),
            Sql::Query(query) => match query.body.as_ref() {
                SetExpr::Delete(tree) | SetExpr::Update(tree) | SetExpr::Merge(tree) => {
                    Some(ChangeStatement { tree, with: query.with.as_ref() })
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// Runs the statement to its end; its changes wait in the transaction.
pub(crate) async fn run(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    change: ChangeStatement<'_>,
    bound: &Bound,
) -> Result<Outcome, SqlError> {
    let mut effects = Effects::default();
    let outcome = run_part(&scope, &transaction, change, bound, &mut effects).await?;
    effects.stage(&scope, &transaction).await?;
    Ok(outcome)
}

/// Runs a statement that may be a part of another to its end; what it does is added to the effects, which nobody sees
/// yet.
pub(crate) async fn run_part(
    scope: &Arc<Scope>,
    transaction: &SharedTransaction,
    change: ChangeStatement<'_>,
    bound: &Bound,
    effects: &mut Effects,
) -> Result<Outcome, SqlError> {
    let plan = ChangePlan::of(scope, &change, bound)?;
    apply::apply(scope, transaction, plan, bound, effects).await
}

/// The types of the statement's parameters and the columns of its RETURNING.
pub(crate) fn describe(
    scope: &Arc<Scope>,
    tree: &Sql,
    change: ChangeStatement<'_>,
    types: &[Option<PgType>],
) -> Result<Description, SqlError> {
    let mut hinted = parameters::hinted(scope, tree, types)?;
    assignments::hint(scope, change.tree, &mut hinted)?;
    let hints = Bound::of_types(&hinted);
    let resolved = parameters::resolve(ChangePlan::of(scope, &change, &hints)?.logical(), &hinted)?;
    let nulls = Bound::nulls(&resolved)?;
    let columns = ChangePlan::of(scope, &change, &nulls)?.describe(&nulls)?;
    Ok((resolved, columns))
}

/// What the statement would do: a line about the table, and the plan that finds its rows. Changes nothing.
pub(crate) async fn explained(
    scope: &Arc<Scope>,
    change: ChangeStatement<'_>,
    bound: &Bound,
) -> Result<(String, Arc<dyn ExecutionPlan>), SqlError> {
    let plan = ChangePlan::of(scope, &change, bound)?;
    Ok((plan.title(), plan.physical(bound).await?))
}
