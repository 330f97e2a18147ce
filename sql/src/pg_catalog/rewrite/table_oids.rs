//! `x.tableoid` of a catalog is that catalog's oid.

use std::ops::ControlFlow;

use sqlparser::ast::{Ident, Select, SelectItem, Statement, VisitMut, VisitorMut, visit_expressions_mut};

use super::number;
use super::scope::{Scope, column};

pub(super) fn normalise(statement: &mut Statement) {
    let ControlFlow::Continue(()) = statement.visit(&mut TableOids);
}

struct TableOids;

impl VisitorMut for TableOids {
    type Break = std::convert::Infallible;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        let scope = Scope::catalogs_of(select);
        for item in &mut select.projection {
            keep_name(item, &scope);
        }
        visit_expressions_mut(select, |expr| {
            if let Some(oid) = column(expr).and_then(|names| scope.table_oid(names)) {
                *expr = number(oid);
            }
            ControlFlow::Continue(())
        })
    }
}

/// The column is still called `tableoid`.
fn keep_name(item: &mut SelectItem, scope: &Scope) {
    if let SelectItem::UnnamedExpr(expr) = item
        && column(expr).and_then(|names| scope.table_oid(names)).is_some()
    {
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::new("tableoid") };
    }
}
