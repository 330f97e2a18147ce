//! Operands of BETWEEN, IN and IS DISTINCT FROM, which DataFusion's planner gives no hook for, brought to the type
//! in which PostgreSQL compares them. Runs before DataFusion's type coercion.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;

use super::analyzer::rewrite_expressions;
use super::operators::compared_operands;

#[derive(Debug)]
pub(crate) struct PgOperands;

impl AnalyzerRule for PgOperands {
    fn name(&self) -> &str {
        "postgresql_operands"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(|plan| rewrite_expressions(plan, &rewrite))?.data)
    }
}

fn rewrite(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Between(Between { expr, negated, low, high }) => {
            let [expr, low, high] = together([*expr, *low, *high], schema)?.map(Box::new);
            Ok(Transformed::yes(Expr::Between(Between { expr, negated, low, high })))
        }
        Expr::InList(InList { expr, list, negated }) => {
            let operands = std::iter::once(*expr).chain(list).collect();
            let mut operands = compared_operands(operands, schema)?.unwrap_or_else(|original| original).into_iter();
            let expr = Box::new(operands.next().expect("the tested value comes first"));
            Ok(Transformed::yes(Expr::InList(InList { expr, list: operands.collect(), negated })))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom) =>
        {
            let [left, right] = together([*left, *right], schema)?.map(Box::new);
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn together<const N: usize>(operands: [Expr; N], schema: &DFSchema) -> Result<[Expr; N]> {
    let operands = compared_operands(operands.into(), schema)?.unwrap_or_else(|original| original);
    Ok(operands.try_into().expect("as many operands come back as were given"))
}
