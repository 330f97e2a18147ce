//! `EXCEPT ALL` and `INTERSECT ALL`, which count how often a row occurs. DataFusion joins the sides by their columns
//! alone; here the first of equal rows is joined with the first, the second with the second.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, NullEquality, Result, internal_err};
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, Join, JoinType, LogicalPlan, LogicalPlanBuilder};

/// The plan, as DataFusion's planner of SQL made it, with such joins.
pub(super) fn count_rows(plan: LogicalPlan) -> Result<LogicalPlan> {
    let counted = plan.transform_up_with_subqueries(|node| match &node {
        LogicalPlan::Join(join) if is_of_bags(join) => counted(join).map(Transformed::yes),
        _ => Ok(Transformed::no(node)),
    })?;
    Ok(counted.data)
}

/// What each side's number of a row among those that equal it is called. A view's plan comes with its joins counted.
const LEFT_NUMBER: &str = "occurrence on the left";
const RIGHT_NUMBER: &str = "occurrence on the right";

/// Whether a join is a set operation with ALL: without it, the left side is made distinct first.
fn is_of_bags(join: &Join) -> bool {
    matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti)
        && join.null_equality == NullEquality::NullEqualsNull
        && !matches!(join.left.as_ref(), LogicalPlan::Distinct(_))
        && !join.on.iter().any(|(left, _)| matches!(left, Expr::Column(column) if column.name == LEFT_NUMBER))
}

fn counted(join: &Join) -> Result<LogicalPlan> {
    let (mut left_keys, mut right_keys) = (Vec::new(), Vec::new());
    for pair in &join.on {
        let (Expr::Column(left), Expr::Column(right)) = pair else {
            return internal_err!("a set operation by {pair:?}");
        };
        left_keys.push(left.clone());
        right_keys.push(right.clone());
    }
    let left = numbered(&join.left, LEFT_NUMBER)?;
    let right = numbered(&join.right, RIGHT_NUMBER)?;
    left_keys.extend(left.schema().columns().pop());
    right_keys.extend(right.schema().columns().pop());
    let columns: Vec<Expr> = join.left.schema().columns().into_iter().map(Expr::Column).collect();
    let keys: (Vec<Column>, Vec<Column>) = (left_keys, right_keys);
    let joined = LogicalPlanBuilder::from(left).join_detailed(right, join.join_type, keys, None, join.null_equality)?;
    joined.project(columns)?.build()
}

/// The rows with the number of each among those that equal it.
fn numbered(plan: &LogicalPlan, name: &str) -> Result<LogicalPlan> {
    let columns: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    let number = row_number().partition_by(columns.clone()).build()?;
    let window = LogicalPlanBuilder::from(plan.clone()).window([number])?;
    let number = window.schema().columns().pop().map(|column| Expr::Column(column).alias(name));
    window.project(columns.into_iter().chain(number))?.build()
}
