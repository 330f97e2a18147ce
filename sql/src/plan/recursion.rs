//! `WITH RECURSIVE`: DataFusion asks that both terms of a recursion mark their columns' types alike. A table's column is
//! marked even where its Arrow type says as much, what is computed is not.

use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Query, Select, SelectItem, SetExpr, Statement, Value, VisitMut, VisitorMut};

use crate::functions::own_type::OWN_TYPE;
use crate::semantics::call;

/// Has the columns of recursions marked where their types need it only.
pub(super) fn settle_types(statement: &mut Statement) {
    let ControlFlow::Continue(()) = statement.visit(&mut Recursions);
}

struct Recursions;

impl VisitorMut for Recursions {
    type Break = Infallible;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Infallible> {
        let recursions = query.with.iter_mut().filter(|with| with.recursive);
        for query in recursions.flat_map(|with| &mut with.cte_tables) {
            if matches!(query.query.body.as_ref(), SetExpr::SetOperation { .. }) {
                settle(&mut query.query.body);
            }
        }
        ControlFlow::Continue(())
    }
}

fn settle(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => settle_results(select),
        SetExpr::Query(query) => settle(&mut query.body),
        SetExpr::SetOperation { left, right, .. } => {
            settle(left);
            settle(right);
        }
        _ => {}
    }
}

/// Whether it is a literal that takes its type from the other term, or that has one that is never marked.
fn is_typeless(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => !matches!(&value.value, Value::Number(digits, _) if digits.contains(['.', 'e', 'E'])),
        _ => false,
    }
}

fn settle_results(select: &mut Select) {
    for item in &mut select.projection {
        match item {
            SelectItem::ExprWithAlias { expr, .. } if !is_typeless(expr) => {
                *expr = call(OWN_TYPE, vec![expr.clone()]);
            }
            SelectItem::UnnamedExpr(expr) => {
                let name = match &*expr {
                    Expr::Identifier(name) => Some(name.clone()),
                    Expr::CompoundIdentifier(path) => path.last().cloned(),
                    _ => None,
                };
                if let Some(alias) = name {
                    *item = SelectItem::ExprWithAlias { expr: call(OWN_TYPE, vec![expr.clone()]), alias };
                }
            }
            _ => {}
        }
    }
}
