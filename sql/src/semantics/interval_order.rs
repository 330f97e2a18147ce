//! Intervals are put in order by PostgreSQL's rule: a month counts 30 days, a day 24 hours.
//!
//! DataFusion compares their parts one after another, so what orders rows (ORDER BY of queries, windows and
//! aggregates, PARTITION BY) gets a number in place of the interval.

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use super::analyzer::rewrite_expressions;
use crate::functions::{interval, named};

/// Replaces intervals by their keys where rows are put in order.
#[derive(Debug)]
pub(super) struct IntervalOrder;

impl AnalyzerRule for IntervalOrder {
    fn name(&self) -> &str {
        "interval_order"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(|plan| rewrite_expressions(sorted(plan)?, &order_within))?.data)
    }
}

/// A sort's own expressions are keys, which no output shows.
fn sorted(plan: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::Sort(mut sort) = plan else { return Ok(plan) };
    let schema = sort.input.schema();
    sort.expr = keys(sort.expr, schema)?;
    Ok(LogicalPlan::Sort(sort))
}

fn order_within(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::WindowFunction(mut window) => {
            window.params.order_by = keys(window.params.order_by, schema)?;
            let parts = window.params.partition_by.into_iter().map(|part| key(part, schema));
            window.params.partition_by = parts.collect::<Result<_>>()?;
            Ok(Transformed::yes(Expr::WindowFunction(window)))
        }
        Expr::AggregateFunction(mut aggregate) => {
            aggregate.params.order_by = keys(aggregate.params.order_by, schema)?;
            Ok(Transformed::yes(Expr::AggregateFunction(aggregate)))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn keys(sorts: Vec<Sort>, schema: &DFSchema) -> Result<Vec<Sort>> {
    sorts.into_iter().map(|sort| Ok(Sort { expr: key(sort.expr, schema)?, ..sort })).collect()
}

fn key(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    match expr.get_type(schema) {
        Ok(DataType::Interval(_)) => Ok(named(interval::KEY)?.call(vec![expr])),
        _ => Ok(expr),
    }
}
