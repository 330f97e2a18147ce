//! Subqueries over catalogs, in shapes that the planner can turn into joins:
//!
//! - `(SELECT e FROM … WHERE inner = outer AND …)` aggregates, since the planner asks for proof of at most one row;
//! - a condition on outer columns alone moves out, into a CASE around the subquery;
//! - `LIMIT 1` of such a subquery goes, its order becomes the aggregate's;
//! - an outer column that equals an inner one is read from the inner one in the other conditions;
//! - `ARRAY(SELECT …)` is `array_agg`, and the empty array where that is NULL;
//! - `ARRAY(SELECT f(x) FROM unnest(list) x)` maps the list;
//! - `EXISTS` in a select list counts;
//! - a recursion that begins at the outer row begins everywhere (see [`recursive`]);
//! - a subquery in the list of a SELECT that joins a catalog without rows is never run, so it is NULL.
//!
//! Subqueries that read a user's tables are left as they are.

use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident,
    LambdaFunction, LambdaFunctionParameter, LambdaSyntax, OneOrManyWithParens, OrderByExpr, OrderByKind, Query,
    Select, SelectItem, SetExpr, Statement, TableFactor, Value, VisitMut, VisitorMut, visit_expressions,
    visit_expressions_mut,
};

use super::recursive::{self, is_first_row};
use super::scope::{Scope, column, is_empty};
use super::{call, called, null, number, sets};
use crate::functions;
use crate::parse::parse_query;
use crate::plan::has_aggregate;

/// The function that makes an empty array of NULL.
const EMPTY_IF_NULL: &str = "array_or_empty";

pub(super) fn normalise(statement: &mut Statement) {
    let ControlFlow::Continue(()) = statement.visit(&mut Subqueries);
}

struct Subqueries;

impl VisitorMut for Subqueries {
    type Break = Infallible;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        if is_empty(select) {
            drop_subqueries(select);
        }
        for expr in select.projection.iter_mut().filter_map(item_expr) {
            for_each_expr(expr, count_instead_of_exists);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        rewrite_array(expr);
        rewrite_scalar(expr);
        ControlFlow::Continue(())
    }
}

fn item_expr(item: &mut SelectItem) -> Option<&mut Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// The subquery of `ARRAY(SELECT …)`.
fn array_subquery(expr: &mut Expr) -> Option<&mut Query> {
    let Expr::Function(function) = expr else { return None };
    let is_array = function.name.to_string().eq_ignore_ascii_case("array");
    match &mut function.args {
        FunctionArguments::Subquery(query) if is_array => Some(query),
        _ => None,
    }
}

/// Drops the subqueries in the list of a SELECT without rows; one that aggregates has a row all the same.
fn drop_subqueries(select: &mut Select) {
    let mut projection = select.projection.clone();
    let mut aggregates = false;
    for expr in projection.iter_mut().filter_map(item_expr) {
        for_each_expr(expr, drop_subquery);
        for_each_expr(expr, |expr| aggregates |= is_aggregate(expr));
    }
    if !aggregates {
        select.projection = projection;
    }
}

fn for_each_expr(expr: &mut Expr, mut change: impl FnMut(&mut Expr)) {
    let ControlFlow::Continue(()) = visit_expressions_mut(expr, |expr| {
        change(expr);
        ControlFlow::<Infallible>::Continue(())
    });
}

fn is_aggregate(expr: &Expr) -> bool {
    called(expr).is_some_and(|name| functions::is_aggregate(&name))
}

/// Puts a NULL, or an array, where a subquery is that never runs.
fn drop_subquery(expr: &mut Expr) {
    if array_subquery(expr).is_some() {
        *expr = call("make_array", vec![Expr::Value(Value::SingleQuotedString(String::new()).into())]);
    } else if matches!(expr, Expr::Subquery(_)) {
        *expr = null();
    }
}

fn count_instead_of_exists(expr: &mut Expr) {
    let Expr::Exists { subquery, negated } = expr else { return };
    let SetExpr::Select(select) = subquery.body.as_mut() else { return };
    if Scope::of(select).is_none() {
        return;
    }
    select.projection = vec![SelectItem::UnnamedExpr(call("count", vec![number(1)]))];
    let op = if *negated { BinaryOperator::Eq } else { BinaryOperator::Gt };
    let count = Box::new(Expr::Subquery(subquery.clone()));
    *expr = Expr::Nested(Box::new(Expr::BinaryOp { left: count, op, right: Box::new(number(0)) }));
}

fn rewrite_array(expr: &mut Expr) {
    let Some(query) = array_subquery(expr) else { return };
    if let Some(mapped) = map_of_unnest(query) {
        *expr = call(EMPTY_IF_NULL, vec![mapped]);
        return;
    }
    if gives_rows(query) {
        read_from_subquery(query);
    }
    let order = take_order(query);
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] =
        select.projection.as_mut_slice()
    else {
        return;
    };
    let order = order.into_iter().map(|by| replace_position(by, item)).collect();
    let item = std::mem::replace(item, null());
    select.projection = vec![SelectItem::UnnamedExpr(ordered(call("array_agg", vec![item]), order))];
    let lifted = Scope::of(select).map(|scope| separate(select, &scope)).unwrap_or_default();
    let subquery = Expr::Subquery(Box::new(query.clone()));
    *expr = call(EMPTY_IF_NULL, vec![guarded(subquery, lifted)]);
}

/// Whether a result of a query is made of a function that gives rows.
pub(super) fn gives_rows(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    select.projection.iter().any(|item| {
        let found = visit_expressions(item, |expr| match called(expr) {
            Some(name) if sets::gives_rows(&name) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        found.is_break()
    })
}

/// `SELECT unnest(a)` as `SELECT item FROM (SELECT unnest(a) AS item) AS items`, if it is ordered by no other value.
fn read_from_subquery(query: &mut Query) {
    let is_by_position = |by: &OrderByExpr| matches!(&by.expr, Expr::Value(_));
    let is_plain = match query.order_by.as_ref().map(|order_by| &order_by.kind) {
        Some(OrderByKind::Expressions(keys)) => keys.iter().all(is_by_position),
        Some(OrderByKind::All(_)) => false,
        None => true,
    };
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] = select.projection.as_slice()
    else {
        return;
    };
    if !is_plain || query.limit_clause.is_some() {
        return;
    }
    let name = Ident::with_quote('"', "array item");
    select.projection = vec![SelectItem::ExprWithAlias { expr: item.clone(), alias: name.clone() }];
    read_as_table(query, "array items", vec![SelectItem::UnnamedExpr(Expr::Identifier(name))]);
}

/// The rows of a query's body become a table of that name, from which the projection is read.
pub(super) fn read_as_table(query: &mut Query, name: &str, projection: Vec<SelectItem>) {
    let reader = format!("SELECT 1 FROM (SELECT 1) AS \"{name}\"");
    let mut outer = *parse_query(&reader).expect("a constant text parses");
    if let SetExpr::Select(reader) = outer.body.as_mut()
        && let Some(TableFactor::Derived { subquery, .. }) = reader.from.first_mut().map(|from| &mut from.relation)
    {
        reader.projection = projection;
        std::mem::swap(&mut subquery.body, &mut query.body);
    }
    query.body = outer.body;
}

/// `SELECT f(x) FROM unnest(list) x` maps the list.
fn map_of_unnest(query: &Query) -> Option<Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let ([SelectItem::UnnamedExpr(item)], [from], None) =
        (select.projection.as_slice(), select.from.as_slice(), &select.selection)
    else {
        return None;
    };
    let TableFactor::Table { name, alias: Some(alias), args: Some(arguments), with_ordinality: false, .. } =
        &from.relation
    else {
        return None;
    };
    let is_unnest = name.to_string().eq_ignore_ascii_case("unnest") && from.joins.is_empty();
    let ([FunctionArg::Unnamed(FunctionArgExpr::Expr(list))], true, None) =
        (arguments.args.as_slice(), is_unnest, &query.order_by)
    else {
        return None;
    };
    let parameter = LambdaFunctionParameter { name: alias.name.clone(), data_type: None };
    let lambda = Expr::Lambda(LambdaFunction {
        params: OneOrManyWithParens::One(parameter),
        body: Box::new(item.clone()),
        syntax: LambdaSyntax::Arrow,
    });
    Some(call("array_transform", vec![list.clone(), lambda]))
}

fn take_order(query: &mut Query) -> Vec<OrderByExpr> {
    match query.order_by.take().map(|order| order.kind) {
        Some(OrderByKind::Expressions(expressions)) => expressions,
        Some(OrderByKind::All(_)) | None => Vec::new(),
    }
}

/// `ORDER BY 1` orders by the one item.
fn replace_position(by: OrderByExpr, item: &Expr) -> OrderByExpr {
    let is_position = matches!(&by.expr, Expr::Value(value) if matches!(value.value, Value::Number(..)));
    if is_position { OrderByExpr { expr: item.clone(), ..by } } else { by }
}

pub(super) fn ordered(mut aggregate: Expr, order: Vec<OrderByExpr>) -> Expr {
    if let Expr::Function(function) = &mut aggregate
        && let FunctionArguments::List(list) = &mut function.args
        && !order.is_empty()
    {
        list.clauses.push(FunctionArgumentClause::OrderBy(order));
    }
    aggregate
}

fn rewrite_scalar(expr: &mut Expr) {
    let Expr::Subquery(query) = expr else { return };
    let is_limited = query.limit_clause.is_some();
    if recursive::begin_everywhere(query) || is_limited && !is_first_row(query.limit_clause.as_ref()) {
        return;
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let Some(scope) = Scope::of(select) else { return };
    if !select.selection.as_ref().is_some_and(|condition| scope.reads(condition).outer) {
        return;
    }
    let lifted = separate(select, &scope);
    // One row is all that an aggregate has, and all that is taken of others.
    query.limit_clause = None;
    let order = take_order(query);
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    if let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] =
        select.projection.as_mut_slice()
        && !has_aggregate(item)
    {
        let order = order.into_iter().map(|by| replace_position(by, item)).collect();
        *item = ordered(call("first_value", vec![std::mem::replace(item, null())]), order);
    }
    let subquery = std::mem::replace(expr, null());
    *expr = guarded(subquery, lifted);
}

/// `CASE WHEN conditions THEN subquery END`.
fn guarded(subquery: Expr, conditions: Vec<Expr>) -> Expr {
    let Some(condition) = conjunction(conditions) else { return subquery };
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result: subquery }],
        else_result: None,
    }
}

/// Takes the conditions on outer columns alone out of a SELECT, and reads outer columns from the inner ones that
/// equal them.
fn separate(select: &mut Select, scope: &Scope) -> Vec<Expr> {
    let Some(condition) = select.selection.take() else { return Vec::new() };
    let (lifted, mut kept): (Vec<Expr>, Vec<Expr>) = conjuncts(condition).into_iter().partition(|conjunct| {
        let reads = scope.reads(conjunct);
        reads.outer && !reads.inner
    });
    let equal: Vec<(Expr, Expr)> = kept.iter().filter_map(|conjunct| equality(conjunct, scope)).collect();
    for conjunct in kept.iter_mut().filter(|conjunct| equality(conjunct, scope).is_none()) {
        substitute(conjunct, &equal);
    }
    select.selection = conjunction(kept);
    lifted
}

/// (outer column, inner column) of a condition that says they are equal.
pub(super) fn equality(conjunct: &Expr, scope: &Scope) -> Option<(Expr, Expr)> {
    let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = conjunct else { return None };
    column(left).and(column(right))?;
    match (scope.reads(left).outer, scope.reads(right).outer) {
        (true, false) => Some((*left.clone(), *right.clone())),
        (false, true) => Some((*right.clone(), *left.clone())),
        _ => None,
    }
}

fn substitute(expr: &mut Expr, equal: &[(Expr, Expr)]) {
    for_each_expr(expr, |expr| {
        if let Some((_, inner)) = equal.iter().find(|(outer, _)| outer == expr) {
            *expr = inner.clone();
        }
    });
}

pub(super) fn conjuncts(expr: Expr) -> Vec<Expr> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut all = conjuncts(*left);
            all.extend(conjuncts(*right));
            all
        }
        Expr::Nested(inner) if matches!(*inner, Expr::BinaryOp { op: BinaryOperator::And, .. }) => conjuncts(*inner),
        other => vec![other],
    }
}

pub(super) fn conjunction(conditions: Vec<Expr>) -> Option<Expr> {
    conditions.into_iter().reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::And,
        right: Box::new(right),
    })
}
