//! Rewrites of the syntax tree that DataFusion's planner has no hook for: number literals get PostgreSQL's types,
//! and operators that it plans otherwise, or not at all, become calls of our functions.

use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, CaseWhen, CastKind, DataType, Distinct, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, GroupByExpr, Ident, LimitClause, ObjectName, OrderByKind, Query, Select,
    SetExpr, Subscript, TableFactor, UnaryOperator, Value, ValueWithSpan, VisitMut, VisitorMut, WindowFrameBound,
    WindowType,
};

use super::desugar_literal::{
    bit_literal, computed_cast, interval_cast, is_bare_numeric, negative_number, number_literal, to_numeric,
};
use super::{desugar_call, desugar_like, desugar_series, desugar_variadic};
use crate::functions::arithmetic::NEGATE;
use crate::functions::array::{ALL, ANY};
use crate::functions::choice::{CASE, CASE_OF};
use crate::functions::distinct_from::{DISTINCT, NOT_DISTINCT};
use crate::functions::math::BIT_NOT;
use crate::functions::rounding::{fixed_scale_name, whole_name};

/// Rewrites a statement in place. Name its result columns before, as they come from the user's text.
pub fn desugar(statement: &mut impl VisitMut) {
    let _: ControlFlow<()> = statement.visit(&mut Desugar);
}

struct Desugar;

impl VisitorMut for Desugar {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        // The text of an interval, and a sign before a number, belong to the literal.
        match expr {
            Expr::Interval(interval) => {
                if let Some(cast) = interval_cast(interval) {
                    *expr = cast;
                }
            }
            Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => {
                if let Some(literal) = negative_number(inner) {
                    *expr = literal;
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        desugar_series::rewrite(factor);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            tidy_function(function);
            if let Some(rewritten) = desugar_call::rewrite(function) {
                *expr = rewritten;
                return ControlFlow::Continue(());
            }
        }
        if let Some(rewritten) = rewrite(expr) {
            *expr = rewritten;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        restore_ordinals(select);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        restore_query(query);
        ControlFlow::Continue(())
    }
}

/// A call of a function by its name.
pub(crate) fn call(name: &str, args: Vec<Expr>) -> Expr {
    call_with(name, args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect())
}

pub(super) fn call_with(name: &str, args: Vec<FunctionArg>) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: vec![] }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

pub(super) fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(ValueWithSpan::from(Value::Null)))
}

/// A string literal.
pub(crate) fn string(text: impl Into<String>) -> Expr {
    Expr::Value(ValueWithSpan::from(Value::SingleQuotedString(text.into())))
}

pub(super) fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::DoubleColon, expr: Box::new(expr), data_type, array: false, format: None }
}

fn rewrite(expr: &mut Expr) -> Option<Expr> {
    match expr {
        Expr::Value(value) => number_literal(value).or_else(|| bit_literal(value)),
        Expr::TypedString(typed) if is_bare_numeric(&typed.data_type) => {
            Some(to_numeric(&mut Expr::Value(typed.value.clone())))
        }
        Expr::TypedString(typed) => computed_cast(&mut Expr::Value(typed.value.clone()), &typed.data_type),
        Expr::AtTimeZone { timestamp, time_zone } => Some(call("timezone", vec![take(time_zone), take(timestamp)])),
        Expr::UnaryOp { op, expr } => unary(*op, expr),
        Expr::Cast { expr, data_type, kind: CastKind::Cast | CastKind::DoubleColon, .. }
            if is_bare_numeric(data_type) =>
        {
            Some(to_numeric(expr))
        }
        Expr::Cast { expr, data_type, kind: CastKind::Cast | CastKind::DoubleColon, array: false, format: None } => {
            computed_cast(expr, data_type)
        }
        Expr::Substring { expr, substring_from, substring_for, shorthand, .. } => {
            if substring_for.is_some() {
                let first = || Box::new(cast(string("1"), DataType::Int4(None)));
                substring_from.get_or_insert_with(first);
            }
            let parts = [substring_from, substring_for].into_iter().flatten().map(|part| take(part));
            let args = std::iter::once(take(expr)).chain(parts).collect();
            Some(call(if *shorthand { "substr" } else { "substring" }, args))
        }
        Expr::SimilarTo { negated, expr, pattern, escape_char } => {
            let mut args = vec![take(expr), take(pattern)];
            args.extend(escape_char.take().map(Expr::Value));
            Some(negate_if(*negated, call("pg_op_similar_to", args)))
        }
        Expr::Like { .. } | Expr::ILike { .. } if desugar_like::is_quantified(expr) => desugar_like::quantified(expr),
        Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
            desugar_like::escape_pattern(pattern, escape_char);
            None
        }
        Expr::AnyOp { left, compare_op, right, .. } if !matches!(**right, Expr::Subquery(_)) => {
            quantified(ANY, left, compare_op, right)
        }
        Expr::AllOp { left, compare_op, right } if !matches!(**right, Expr::Subquery(_)) => {
            quantified(ALL, left, compare_op, right)
        }
        Expr::IsDistinctFrom(left, right) if has_literal(left, right) => {
            Some(call(DISTINCT, vec![take(left), take(right)]))
        }
        Expr::IsNotDistinctFrom(left, right) if has_literal(left, right) => {
            Some(call(NOT_DISTINCT, vec![take(left), take(right)]))
        }
        Expr::Case { operand, conditions, else_result, .. } => Some(case(operand, conditions, else_result)),
        Expr::CompoundFieldAccess { access_chain, .. } => {
            access_chain.iter_mut().for_each(fill_slice);
            None
        }
        Expr::Tuple(values) => Some(call("row", std::mem::take(values))),
        _ => None,
    }
}

/// Whether one side is a string without a type of its own and the other is computed.
fn has_literal(left: &Expr, right: &Expr) -> bool {
    let is_string =
        |side: &Expr| matches!(side, Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(_), .. }));
    let is_computed = |side: &Expr| !matches!(side, Expr::Value(_));
    (is_string(left) && is_computed(right)) || (is_string(right) && is_computed(left))
}

/// `a[:2]` and `a[2:]` begin and end where the array does, which no subscript is beyond.
fn fill_slice(access: &mut AccessExpr) {
    if let AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, .. }) = access {
        lower_bound.get_or_insert_with(|| cast(string(i32::MIN.to_string()), DataType::Int4(None)));
        upper_bound.get_or_insert_with(|| cast(string(i32::MAX.to_string()), DataType::Int4(None)));
    }
}

/// CASE as the call that knows the type of its values.
fn case(operand: &mut Option<Box<Expr>>, conditions: &mut [CaseWhen], else_result: &mut Option<Box<Expr>>) -> Expr {
    let name = if operand.is_some() { CASE_OF } else { CASE };
    let mut args: Vec<Expr> = operand.as_deref_mut().map(take).into_iter().collect();
    for when in conditions {
        args.extend([take(&mut when.condition), take(&mut when.result)]);
    }
    args.extend(else_result.as_deref_mut().map(take));
    call(name, args)
}

/// Whether a function is `x op ANY (array)` or `x op ALL (array)`, whose arguments are the operator and the operands.
pub(crate) fn is_quantified(function: &str) -> bool {
    matches!(function, ANY | ALL)
}

fn negate_if(negated: bool, expr: Expr) -> Expr {
    if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(expr) } } else { expr }
}

fn quantified(name: &str, left: &mut Expr, op: &BinaryOperator, right: &mut Expr) -> Option<Expr> {
    use BinaryOperator as B;
    let is_known = matches!(
        op,
        B::Eq
            | B::NotEq
            | B::Lt
            | B::LtEq
            | B::Gt
            | B::GtEq
            | B::PGRegexMatch
            | B::PGRegexIMatch
            | B::PGRegexNotMatch
            | B::PGRegexNotIMatch
            | B::PGLikeMatch
            | B::PGILikeMatch
            | B::PGNotLikeMatch
            | B::PGNotILikeMatch
    );
    if is_known {
        return Some(call(name, vec![string(op.to_string()), take(left), take(right)]));
    }
    let Expr::Array(items) = right else { return None };
    let compared = std::mem::take(&mut items.elem).into_iter().map(|item| {
        let (left, right) = (Box::new(Expr::Nested(Box::new(left.clone()))), Box::new(item));
        Expr::Nested(Box::new(Expr::BinaryOp { left, op: op.clone(), right }))
    });
    let joined = if name == ANY { BinaryOperator::Or } else { BinaryOperator::And };
    compared.reduce(|all, next| Expr::BinaryOp { left: Box::new(all), op: joined.clone(), right: Box::new(next) })
}

fn unary(op: UnaryOperator, operand: &mut Expr) -> Option<Expr> {
    let name = match op {
        UnaryOperator::Minus => NEGATE,
        UnaryOperator::BitwiseNot => BIT_NOT,
        UnaryOperator::PGSquareRoot => return Some(call("sqrt", vec![cast(take(operand), DataType::Float8)])),
        UnaryOperator::PGCubeRoot => return Some(call("cbrt", vec![cast(take(operand), DataType::Float8)])),
        UnaryOperator::PGAbs => "abs",
        _ => return None,
    };
    Some(call(name, vec![take(operand)]))
}

fn tidy_function(function: &mut Function) {
    let is_catalog = function.name.0.len() == 2
        && function.name.0[0].as_ident().is_some_and(|ident| ident.value.eq_ignore_ascii_case("pg_catalog"));
    if is_catalog {
        function.name.0.remove(0);
    }
    desugar_variadic::expand(function);
    fix_rounding_scale(function);
    if let Some(WindowType::WindowSpec(window)) = &mut function.over
        && let Some(frame) = &mut window.window_frame
    {
        restore_bound(&mut frame.start_bound);
        if let Some(end) = &mut frame.end_bound {
            restore_bound(end);
        }
    }
}

/// `round(x, 2)` → `pg_round_2(x)`: the scale of the result is known when the statement is planned.
fn fix_rounding_scale(function: &mut Function) {
    let FunctionArguments::List(list) = &mut function.args else { return };
    let [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Cast { expr, .. }))] = list.args.as_slice() else {
        return;
    };
    let Expr::Value(ValueWithSpan { value: Value::Number(text, _) | Value::SingleQuotedString(text), .. }) =
        expr.as_ref()
    else {
        return;
    };
    let Some(ident) = function.name.0.last().and_then(|part| part.as_ident()) else { return };
    let called = ident.value.to_lowercase();
    let fixed = match text.parse::<i32>() {
        Ok(digits @ 0..) => u8::try_from(digits).ok().and_then(|digits| fixed_scale_name(&called, digits)),
        Ok(_) => whole_name(&called),
        Err(_) => None,
    };
    let Some(name) = fixed else { return };
    if text.parse::<u8>().is_ok() {
        list.args.pop();
    }
    function.name = ObjectName::from(vec![Ident::new(name)]);
}

fn restore_bound(bound: &mut WindowFrameBound) {
    if let WindowFrameBound::Preceding(Some(expr)) | WindowFrameBound::Following(Some(expr)) = bound {
        match expr.as_mut() {
            // DataFusion reads the text of an interval bound itself.
            Expr::Cast { expr: inner, data_type: DataType::Interval { .. }, .. } => {
                let value = take(inner);
                **expr = Expr::Interval(sqlparser::ast::Interval {
                    value: Box::new(value),
                    leading_field: None,
                    leading_precision: None,
                    last_field: None,
                    fractional_seconds_precision: None,
                });
            }
            other => restore_number(other),
        }
    }
}

/// Undoes `number_literal` where a number is no value: an ordinal, a limit.
fn restore_number(expr: &mut Expr) {
    if let Expr::Cast { expr: inner, data_type: DataType::Int4(None), .. } = expr
        && matches!(&**inner, Expr::Value(ValueWithSpan { value: Value::Number(..), .. }))
    {
        *expr = take(inner);
    }
}

/// Gives the rows of VALUES one type per column where a cast names it: DataFusion asks it of each row.
fn align_values(mut rows: Vec<&mut Vec<Expr>>) {
    let columns = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    for column in 0..columns {
        let named = rows.iter().find_map(|row| match row.get(column) {
            Some(Expr::Cast { data_type, .. }) if *data_type != DataType::Int4(None) => Some(data_type.clone()),
            _ => None,
        });
        let Some(named) = named else { continue };
        for expr in rows.iter_mut().filter_map(|row| row.get_mut(column)) {
            let has_it = matches!(expr, Expr::Cast { data_type, .. } if *data_type == named);
            if !has_it {
                let mut operand = take(expr);
                let array = if matches!(operand, Expr::Value(_)) { computed_cast(&mut operand, &named) } else { None };
                *expr = array.unwrap_or_else(|| cast(operand, named.clone()));
            }
        }
    }
}

fn restore_ordinals(select: &mut Select) {
    if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
        exprs.iter_mut().for_each(restore_number);
    }
    if let Some(Distinct::On(exprs)) = &mut select.distinct {
        exprs.iter_mut().for_each(restore_number);
    }
}

fn restore_query(query: &mut Query) {
    if let Some(order_by) = &mut query.order_by
        && let OrderByKind::Expressions(exprs) = &mut order_by.kind
    {
        exprs.iter_mut().for_each(|order| restore_number(&mut order.expr));
    }
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            limit.iter_mut().for_each(restore_number);
            offset.iter_mut().for_each(|offset| restore_number(&mut offset.value));
        }
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
            restore_number(offset);
            restore_number(limit);
        }
        None => {}
    }
    if let Some(fetch) = &mut query.fetch
        && let Some(quantity) = &mut fetch.quantity
    {
        restore_number(quantity);
    }
    if let SetExpr::Values(values) = query.body.as_mut() {
        align_values(values.rows.iter_mut().map(|row| &mut row.content).collect());
    }
}
