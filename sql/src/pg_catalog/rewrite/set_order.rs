//! `SELECT id, unnest(a) FROM t ORDER BY x`: keys that the select list does not have. The planner looks for them below the
//! list, but not below functions that give rows, so they become columns of a subquery:
//! `SELECT * EXCLUDE (key) FROM (SELECT id, unnest(a), x AS key FROM t) AS "rows given" ORDER BY key`.

use std::ops::ControlFlow;

use sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, ObjectName, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr,
    Statement, VisitMut, VisitorMut, WildcardAdditionalOptions,
};

use super::folded;
use super::subqueries::{gives_rows, read_as_table};

pub(super) fn normalise(statement: &mut Statement) {
    let ControlFlow::Continue(()) = statement.visit(&mut Ordered);
}

struct Ordered;

impl VisitorMut for Ordered {
    type Break = std::convert::Infallible;

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        if query.order_by.is_some() && gives_rows(query) {
            take_keys_in(query);
        }
        ControlFlow::Continue(())
    }
}

/// Makes the keys that the select list lacks columns of a subquery.
fn take_keys_in(query: &mut Query) {
    let Some(OrderByKind::Expressions(keys)) = query.order_by.as_mut().map(|order| &mut order.kind) else { return };
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    // What is DISTINCT is ordered by what it gives.
    if select.distinct.is_some() {
        return;
    }
    let hidden = hidden_keys(keys, &outputs(select));
    if hidden.is_empty() {
        return;
    }
    let names = hidden.iter().map(|(name, _)| ObjectName::from(vec![name.clone()])).collect();
    let columns = hidden.into_iter().map(|(alias, expr)| SelectItem::ExprWithAlias { expr, alias });
    select.projection.extend(columns);
    let given = SelectItem::Wildcard(WildcardAdditionalOptions {
        opt_exclude: Some(ExcludeSelectItem::Multiple(names)),
        ..WildcardAdditionalOptions::default()
    });
    read_as_table(query, "rows given", vec![given]);
}

/// Keys that are no output columns, each replaced by the name that it gets.
fn hidden_keys(keys: &mut [OrderByExpr], outputs: &[String]) -> Vec<(Ident, Expr)> {
    let is_output = |key: &Expr| match key {
        Expr::Value(_) => true,
        Expr::Identifier(name) => outputs.contains(&folded(name)),
        _ => false,
    };
    let lacking = keys.iter_mut().filter(|key| !is_output(&key.expr)).enumerate();
    lacking
        .map(|(at, key)| {
            let name = Ident::with_quote('"', format!("order key {at}"));
            (name.clone(), std::mem::replace(&mut key.expr, Expr::Identifier(name)))
        })
        .collect()
}

/// The names of the columns that a select list names.
fn outputs(select: &Select) -> Vec<String> {
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(folded(name)),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(folded),
        _ => None,
    };
    select.projection.iter().filter_map(name).collect()
}
