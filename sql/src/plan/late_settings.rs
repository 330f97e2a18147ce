//! `SELECT set_config('a', 'b', false), current_setting('a')`: what sets is called row by row, in the order of the
//! results, so what reads must not be known before.

use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, Ident, ObjectName, ObjectNamePart, Query, visit_expressions, visit_expressions_mut,
};

use crate::names::fold;
use crate::pg_catalog::functions::LATE_SETTING;

/// Has the settings that a query reads read late if it sets some.
pub(super) fn settle(query: &mut Query) {
    let sets = visit_expressions(query, |expr| match expr {
        Expr::Function(function) if is_called(function, "set_config") => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    if sets.is_continue() {
        return;
    }
    let ControlFlow::Continue(()) = visit_expressions_mut(query, |expr| {
        if let Expr::Function(function) = expr
            && is_called(function, "current_setting")
        {
            function.name = ObjectName::from(vec![Ident::new(LATE_SETTING)]);
        }
        ControlFlow::<Infallible>::Continue(())
    });
}

fn is_called(function: &Function, name: &str) -> bool {
    function.name.0.last().and_then(ObjectNamePart::as_ident).is_some_and(|called| fold(called) == name)
}
