//! LIKE with another escape than the backslash, and with ANY or ALL of an array.

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Value, ValueWithSpan};

use super::desugar::{call, string, take};
use crate::functions::array::{ALL, ANY};

/// DataFusion knows no escape but the backslash; PostgreSQL's function rewrites the pattern for any other, and refuses
/// one that ends with it.
pub(super) fn escape_pattern(pattern: &mut Expr, escape_char: &mut Option<ValueWithSpan>) {
    let is_backslash = |value: &ValueWithSpan| matches!(&value.value, Value::SingleQuotedString(s) if s == "\\");
    match escape_char.take() {
        Some(escape) if !is_backslash(&escape) => {
            *pattern = call("like_escape", vec![take(pattern), Expr::Value(escape)]);
        }
        _ if ends_with_escape(pattern) => *pattern = call("like_escape", vec![take(pattern), string("\\")]),
        _ => {}
    }
}

fn ends_with_escape(pattern: &Expr) -> bool {
    let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = pattern else { return false };
    text.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Whether the pattern is `ANY (…)` or `ALL (…)`.
pub(super) fn is_quantified(expr: &Expr) -> bool {
    match expr {
        Expr::Like { any, pattern, .. } | Expr::ILike { any, pattern, .. } => *any || all_of(pattern).is_some(),
        _ => false,
    }
}

/// As the function over the operator behind LIKE.
pub(super) fn quantified(expr: &mut Expr) -> Option<Expr> {
    let (operators, negated, any, tested, pattern) = match expr {
        Expr::Like { negated, any, expr, pattern, .. } => (["~~", "!~~"], *negated, *any, expr, pattern),
        Expr::ILike { negated, any, expr, pattern, .. } => (["~~*", "!~~*"], *negated, *any, expr, pattern),
        _ => return None,
    };
    let patterns = match all_of(pattern) {
        Some(patterns) if !any => patterns.clone(),
        _ => take(pattern),
    };
    let operator = string(operators[usize::from(negated)]);
    Some(call(if any { ANY } else { ALL }, vec![operator, take(tested), patterns]))
}

/// The array of `ALL (…)`, which sqlparser takes for a call.
fn all_of(pattern: &Expr) -> Option<&Expr> {
    let Expr::Function(function) = pattern else { return None };
    let name = function.name.0.last()?.as_ident()?;
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(array))] if name.value.eq_ignore_ascii_case("all") => Some(array),
        _ => None,
    }
}
