//! Aggregates within subqueries that are of the query around, as all of whose arguments' columns are.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, FunctionArguments, ObjectNamePart, Query, SelectItem, SetExpr, visit_expressions,
};

use super::from_items::visit_own_exprs;
use crate::functions::is_aggregate;
use crate::names::fold;

/// Whether an aggregate stands in an expression, outside of its subqueries.
pub(crate) fn has_aggregate(expr: &Expr) -> bool {
    let found = visit_own_exprs(&mut expr.clone(), &mut |expr| match expr {
        Expr::Function(function) if is_called(function) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

fn is_called(function: &Function) -> bool {
    let name = function.name.0.last().and_then(ObjectNamePart::as_ident).map(fold);
    function.over.is_none() && name.is_some_and(|name| is_aggregate(&name))
}

/// What `(SELECT max(e.pay))` is: a subquery that reads nothing of its own, whose aggregates so are of the query around.
pub(super) fn value_of(query: &Query) -> Option<Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let [SelectItem::UnnamedExpr(result)] = select.projection.as_slice() else { return None };
    let is_plain = query.with.is_none()
        && query.limit_clause.is_none()
        && select.from.is_empty()
        && select.selection.is_none()
        && select.having.is_none();
    (is_plain && has_outer_aggregates_alone(result)).then(|| Expr::Nested(Box::new(result.clone())))
}

/// Whether there are aggregates, all of which read columns.
fn has_outer_aggregates_alone(result: &Expr) -> bool {
    let mut count = 0;
    let found = visit_own_exprs(&mut result.clone(), &mut |expr| match expr {
        Expr::Function(function) if is_called(function) => {
            count += 1;
            if reads_column(&function.args) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        }
        _ => ControlFlow::Continue(()),
    });
    found.is_continue() && count > 0
}

fn reads_column(arguments: &FunctionArguments) -> bool {
    let found = visit_expressions(arguments, |expr| match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}
