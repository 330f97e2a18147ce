//! `LATERAL (VALUES (t.a), (t.b))`: a list of values that reads columns is a union of queries of one row each, which can be
//! joined to what they read. So is one that holds subqueries, whose values are known only when the query runs.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Ident, SelectItem, SetExpr, SetOperator, SetQuantifier, TableFactor, Values, visit_expressions,
};

use crate::error::SqlError;
use crate::parse::parse_query;

/// Makes such a union of an item of FROM that reads columns.
pub(super) fn as_union(factor: &mut TableFactor) -> Result<(), SqlError> {
    let TableFactor::Derived { subquery, .. } = factor else { return Ok(()) };
    let SetExpr::Values(values) = subquery.body.as_ref() else { return Ok(()) };
    if reads_columns(values) { unite(&mut subquery.body) } else { Ok(()) }
}

/// Makes such a union of a list that holds subqueries.
pub(super) fn unite_subqueries(body: &mut SetExpr) -> Result<(), SqlError> {
    match body {
        SetExpr::Values(values) if holds_subqueries(values) => unite(body),
        _ => Ok(()),
    }
}

fn unite(body: &mut SetExpr) -> Result<(), SqlError> {
    let SetExpr::Values(values) = body else { return Ok(()) };
    let width = values.rows.first().map_or(0, |row| row.content.len());
    if values.rows.iter().any(|row| row.content.len() != width) {
        return Ok(());
    }
    let rows = values.rows.iter().map(|row| select_of(&row.content)).collect::<Result<Vec<_>, _>>()?;
    let union = rows.into_iter().reduce(|left, right| SetExpr::SetOperation {
        op: SetOperator::Union,
        set_quantifier: SetQuantifier::All,
        left: Box::new(left),
        right: Box::new(right),
    });
    if let Some(union) = union {
        *body = union;
    }
    Ok(())
}

fn holds_subqueries(values: &Values) -> bool {
    visit_expressions(values, |expr| match expr {
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

fn reads_columns(values: &Values) -> bool {
    visit_expressions(values, |expr| match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

/// One row, under the names that the columns of VALUES have.
fn select_of(row: &[Expr]) -> Result<SetExpr, SqlError> {
    let mut query = parse_query("SELECT 1")?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        let named = row.iter().enumerate().map(|(place, expr)| SelectItem::ExprWithAlias {
            expr: expr.clone(),
            alias: Ident::new(format!("column{}", place + 1)),
        });
        select.projection = named.collect();
    }
    Ok(*query.body)
}
