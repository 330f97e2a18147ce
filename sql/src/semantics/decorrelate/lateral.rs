//! `FROM a, LATERAL (…)`: what the right side of a join gives for each row of the left.

use datafusion::common::Result;
use datafusion::logical_expr::{Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr, lit};

use super::dependent::dependent;
use super::domain::{Domain, Names, same};

/// The join without outer columns on its right; `None` if there are none, or no plan.
pub(super) fn join(join: &Join, names: &Names) -> Result<Option<LogicalPlan>> {
    if !matches!(join.join_type, JoinType::Inner | JoinType::Left) {
        return Ok(None);
    }
    let domain = Domain::new(&join.left, &[&join.right], names)?;
    if domain.outer.is_empty() {
        return Ok(None);
    }
    let Some(rows) = dependent(&join.right, &domain)? else { return Ok(None) };
    let keys = join.on.iter().map(|(left, right)| binary_expr(left.clone(), Operator::Eq, right.clone()));
    let condition = same(&domain.outer, &rows.keys).chain(keys).chain(join.filter.clone()).reduce(Expr::and);
    let left = LogicalPlanBuilder::from(join.left.as_ref().clone());
    let joined = left.join_on(rows.plan, join.join_type, [condition.unwrap_or_else(|| lit(true))])?;
    let columns = join.schema.columns().into_iter().map(Expr::Column);
    joined.project(columns.collect::<Vec<_>>())?.build().map(Some)
}
