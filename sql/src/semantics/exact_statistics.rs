//! Deviations and variances of exact numbers are numerics; DataFusion gives doubles of all.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, ExprSchemable, WindowFunctionDefinition};

use crate::functions::exact_statistic;

pub(super) fn rewrite(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::AggregateFunction(mut call) => match exact_statistic(call.func.name()) {
            Some(exact) if are_exact(&call.params.args, schema)? => {
                call.func = exact;
                Ok(Transformed::yes(Expr::AggregateFunction(call)))
            }
            _ => Ok(Transformed::no(Expr::AggregateFunction(call))),
        },
        Expr::WindowFunction(mut call) => match exact_statistic(call.fun.name()) {
            Some(exact) if are_exact(&call.params.args, schema)? => {
                call.fun = WindowFunctionDefinition::AggregateUDF(exact);
                Ok(Transformed::yes(Expr::WindowFunction(call)))
            }
            _ => Ok(Transformed::no(Expr::WindowFunction(call))),
        },
        other => Ok(Transformed::no(other)),
    }
}

fn are_exact(args: &[Expr], schema: &DFSchema) -> Result<bool> {
    for arg in args {
        let ty = arg.get_type(schema)?;
        if !ty.is_numeric() || ty.is_floating() {
            return Ok(false);
        }
    }
    Ok(true)
}
