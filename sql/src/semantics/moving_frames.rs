//! Aggregates over window frames whose first row moves are computed by functions of ours where DataFusion's cannot take rows
//! out of what they have gathered.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, WindowFunctionDefinition};

use crate::functions::over_moving_frame;

pub(super) fn rewrite(expr: Expr, _schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::WindowFunction(mut call) if !call.params.window_frame.start_bound.is_unbounded() => match call.fun {
            WindowFunctionDefinition::AggregateUDF(inner) => {
                call.fun = WindowFunctionDefinition::AggregateUDF(over_moving_frame(inner));
                Ok(Transformed::yes(Expr::WindowFunction(call)))
            }
            WindowFunctionDefinition::WindowUDF(_) => Ok(Transformed::no(Expr::WindowFunction(call))),
        },
        other => Ok(Transformed::no(other)),
    }
}
