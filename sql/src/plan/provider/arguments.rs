//! Arguments of table functions, which are needed when a query is planned.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

use super::Provider;

impl Provider<'_> {
    /// An argument of a table function, folded to a constant where it can be.
    pub(in crate::plan) fn constant_argument(&self, argument: Expr) -> Result<Expr> {
        let value_of = |expr: Expr| match (&expr, self.values) {
            (Expr::Placeholder(placeholder), Some(values)) => match values.literal(&placeholder.id) {
                Some(literal) => Transformed::yes(literal),
                None => Transformed::no(expr),
            },
            _ => Transformed::no(expr),
        };
        let argument = argument.transform_up(|expr| Ok(value_of(expr)))?.data;
        let context = SimplifyContext::builder().with_config_options(Arc::clone(self.state.config_options())).build();
        let simplifier = ExprSimplifier::new(context);
        simplifier.simplify(simplifier.coerce(argument, &DFSchema::empty())?)
    }
}
