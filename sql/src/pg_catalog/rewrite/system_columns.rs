//! System columns of catalogs: `x.tableoid` is that catalog's oid, `x.xmin` the version of its rows.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Ident, Select, SelectItem, Statement, VisitMut, VisitorMut, visit_expressions_mut};

use super::scope::{Scope, column};
use super::{call, folded, number};
use crate::pg_catalog::functions::ROW_VERSION;

pub(super) fn normalise(statement: &mut Statement) {
    let ControlFlow::Continue(()) = statement.visit(&mut SystemColumns);
}

struct SystemColumns;

impl VisitorMut for SystemColumns {
    type Break = std::convert::Infallible;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        let scope = Scope::catalogs_of(select);
        for item in &mut select.projection {
            keep_name(item, &scope);
        }
        visit_expressions_mut(select, |expr| {
            if let Some(value) = column(expr).and_then(|names| system_column(&scope, names)) {
                *expr = value;
            }
            ControlFlow::Continue(())
        })
    }
}

/// What a system column of a catalog is.
fn system_column(scope: &Scope, names: &[Ident]) -> Option<Expr> {
    let (column, table) = names.split_last()?;
    let oid = || scope.table_oid(table);
    match folded(column).as_str() {
        "tableoid" => oid().map(number),
        "xmin" => oid().map(|_| call(ROW_VERSION, Vec::new())),
        _ => None,
    }
}

/// The column keeps its name.
fn keep_name(item: &mut SelectItem, scope: &Scope) {
    if let SelectItem::UnnamedExpr(expr) = item
        && let Some(names) = column(expr)
        && let Some(name) = names.last()
        && system_column(scope, names).is_some()
    {
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::new(folded(name)) };
    }
}
