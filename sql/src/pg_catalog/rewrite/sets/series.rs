//! `generate_series` of whole numbers that are written out: the planner knows it as a table, whose rows are made as they are
//! read, where the arrays that serve other bounds are made whole.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Select, SetExpr, TableFactor,
    UnaryOperator, Value,
};

use super::{Source, alias_of, expressions, is_function, last, select_of};
use crate::parse::{parse_expression, parse_query};
use crate::plan::from_items::visit_own_exprs;

/// Name of the table; no name of a client's in lower case holds a blank by accident.
const ROWS: &str = "series rows";

/// `SELECT generate_series(1, 3)` as `SELECT value FROM generate_series(1, 3) AS t (value)`, if nothing else in it gives
/// rows or gathers them.
pub(super) fn read_in_from(select: &mut Select) {
    if !select.from.is_empty() || select.having.is_some() {
        return;
    }
    let Some(bounds) = only_series(select) else { return };
    let ControlFlow::Continue(()) = visit_own_exprs(&mut select.projection, &mut |expr| {
        if series_of(expr).is_some() {
            *expr = value();
        }
        ControlFlow::<std::convert::Infallible>::Continue(())
    });
    select.from = rows(bounds).into_iter().collect();
}

/// The bounds of the one series in a list of results, all other functions in which are of values.
fn only_series(select: &mut Select) -> Option<Vec<Expr>> {
    let mut found = None;
    let searched = visit_own_exprs(&mut select.projection, &mut |expr| {
        let Expr::Function(function) = &*expr else { return ControlFlow::Continue(()) };
        match series_of(expr) {
            Some(bounds) if found.is_none() => found = Some(bounds),
            None if is_of_values(function) => {}
            _ => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    });
    found.filter(|_| searched.is_continue())
}

fn is_of_values(function: &Function) -> bool {
    function.over.is_none() && last(&function.name).is_some_and(|name| is_function(&name) && !super::gives_rows(&name))
}

/// `FROM generate_series(1, 3) WITH ORDINALITY` as a subquery over the table.
pub(super) fn numbered(source: &Source) -> Option<TableFactor> {
    if source.name != "generate_series" || !source.has_ordinality || !source.arguments.iter().all(is_whole) {
        return None;
    }
    let number = parse_expression("row_number() OVER ()").ok()?;
    let columns = vec![(value(), Ident::new(&source.name)), (number, Ident::new("ordinality"))];
    let mut subquery = select_of(source.named(columns, true));
    if let SetExpr::Select(select) = subquery.body.as_mut() {
        select.from = rows(source.arguments.clone()).into_iter().collect();
    }
    let name = source.alias.as_ref().map_or_else(|| Ident::new(&source.name), |alias| alias.name.clone());
    Some(TableFactor::Derived {
        lateral: false,
        subquery: Box::new(subquery),
        alias: Some(alias_of(name)),
        sample: None,
    })
}

fn series_of(expr: &Expr) -> Option<Vec<Expr>> {
    let Expr::Function(function) = expr else { return None };
    let is_series = last(&function.name)? == "generate_series" && matches!(function.args, FunctionArguments::List(_));
    let bounds = expressions(&function.args).filter(|_| is_series)?;
    (matches!(bounds.len(), 2 | 3) && bounds.iter().all(is_whole)).then_some(bounds)
}

/// Whether it is a whole number that is written out.
fn is_whole(expr: &Expr) -> bool {
    match expr {
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_whole(expr),
        Expr::Value(value) => matches!(&value.value, Value::Number(digits, _) if digits.parse::<i64>().is_ok()),
        _ => false,
    }
}

fn value() -> Expr {
    Expr::CompoundIdentifier(vec![Ident::with_quote('"', ROWS), Ident::new("value")])
}

fn rows(bounds: Vec<Expr>) -> Option<sqlparser::ast::TableWithJoins> {
    let query = parse_query(&format!("SELECT 1 FROM generate_series(0) AS \"{ROWS}\" (value)")).ok()?;
    let SetExpr::Select(mut select) = *query.body else { return None };
    let mut rows = select.from.pop()?;
    if let TableFactor::Table { args: Some(args), .. } = &mut rows.relation {
        args.args = bounds.into_iter().map(|bound| FunctionArg::Unnamed(FunctionArgExpr::Expr(bound))).collect();
    }
    Some(rows)
}
