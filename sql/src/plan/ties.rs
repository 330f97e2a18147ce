//! `FETCH FIRST n ROWS WITH TIES`: the rows whose rank in the order is within the page.
//!
//! The parse tree says it as a LIMIT of a call of [`MARK`]; the plan that comes of that is changed here.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, plan_datafusion_err};
use datafusion::functions_window::expr_fn::{rank, row_number};
use datafusion::logical_expr::{Expr, ExprFunctionExt, Limit, LogicalPlan, LogicalPlanBuilder, Sort, cast, lit};

use crate::functions::ties::MARK;

/// The plan without such limits.
pub(super) fn keep(plan: LogicalPlan) -> Result<LogicalPlan> {
    let kept = plan.transform_up_with_subqueries(|node| match &node {
        LogicalPlan::Limit(limit) => match quantity(limit) {
            Some(quantity) => page(limit, &quantity).map(Transformed::yes),
            None => Ok(Transformed::no(node)),
        },
        _ => Ok(Transformed::no(node)),
    })?;
    Ok(kept.data)
}

/// How many rows are asked for, with ties: the call, which checks the number.
fn quantity(limit: &Limit) -> Option<Expr> {
    let fetch = limit.fetch.as_deref()?;
    matches!(fetch, Expr::ScalarFunction(call) if call.func.name() == MARK).then(|| fetch.clone())
}

fn page(limit: &Limit, quantity: &Expr) -> Result<LogicalPlan> {
    match limit.input.as_ref() {
        LogicalPlan::Sort(sort) => of_sorted(sort, limit, quantity),
        // The order is by columns that are not selected.
        LogicalPlan::Projection(projection) => {
            let below = Limit { input: Arc::clone(&projection.input), ..limit.clone() };
            let rows = page(&below, quantity)?;
            limit.input.with_new_exprs(limit.input.expressions(), vec![rows])
        }
        other => Err(plan_datafusion_err!("WITH TIES over {}", other.display())),
    }
}

fn of_sorted(sort: &Sort, limit: &Limit, quantity: &Expr) -> Result<LogicalPlan> {
    let columns: Vec<Expr> = sort.input.schema().columns().into_iter().map(Expr::Column).collect();
    let number = row_number().order_by(sort.expr.clone()).build()?;
    let rank = rank().order_by(sort.expr.clone()).build()?;
    let ranked = LogicalPlanBuilder::from(sort.input.as_ref().clone()).window([number, rank])?;
    let mut added = ranked.schema().columns().split_off(columns.len()).into_iter();
    let (Some(number), Some(rank)) = (added.next(), added.next()) else {
        return Err(plan_datafusion_err!("ranks of rows were lost"));
    };
    let bigint = |expr: Expr| cast(expr, DataType::Int64);
    let skip = limit.skip.as_deref().map_or(lit(0_i64), |skip| bigint(skip.clone()));
    let end = skip.clone() + bigint(quantity.clone());
    let is_within = bigint(Expr::Column(number)).gt(skip.clone()).and(bigint(Expr::Column(rank)).lt_eq(end.clone()));
    let is_asked_for = end.gt(skip).and(is_within).or(quantity.clone().is_null());
    ranked.filter(is_asked_for)?.project(columns)?.sort(sort.expr.clone())?.build()
}
