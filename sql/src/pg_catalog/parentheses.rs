//! Expressions with parentheses around each operator, as PostgreSQL shows them when it is not asked for a pretty form.

use std::borrow::Cow;
use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value, VisitMut, VisitorMut};

use crate::parse::parse_expression;

/// The text of an expression with these parentheses; one that no operator is outermost of stays as it is.
pub(crate) fn parenthesised(text: &str) -> Cow<'_, str> {
    let Ok(mut tree) = parse_expression(text) else { return Cow::Borrowed(text) };
    let ControlFlow::Continue(()) = tree.visit(&mut Parentheses);
    if matches!(tree, Expr::Nested(_)) { Cow::Owned(tree.to_string()) } else { Cow::Borrowed(text) }
}

struct Parentheses;

impl VisitorMut for Parentheses {
    type Break = Infallible;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        if let Expr::Nested(inner) = expr {
            // What needs parentheses has them from within.
            *expr = std::mem::replace(inner.as_mut(), Expr::value(Value::Null));
            return ControlFlow::Continue(());
        }
        if let Expr::BinaryOp { left, op, .. } = expr {
            join_like(left, op);
        }
        if is_operator(expr) {
            let inner = std::mem::replace(expr, Expr::value(Value::Null));
            *expr = Expr::Nested(Box::new(inner));
        }
        ControlFlow::Continue(())
    }
}

/// `(a AND b) AND c` is one list of conditions.
fn join_like(left: &mut Box<Expr>, op: &BinaryOperator) {
    let Expr::Nested(inner) = left.as_ref() else { return };
    let is_alike = matches!(inner.as_ref(), Expr::BinaryOp { op: within, .. } if within == op);
    if is_alike && matches!(op, BinaryOperator::And | BinaryOperator::Or) {
        *left = inner.clone();
    }
}

fn is_operator(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::BinaryOp { .. }
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::UnaryOp { op: UnaryOperator::Not, .. }
    )
}

#[cfg(test)]
mod tests {
    use super::parenthesised;

    #[test]
    fn operators_stand_in_parentheses() {
        for (written, shown) in [
            ("a * 2", "(a * 2)"),
            ("(1 + 2) * 3", "((1 + 2) * 3)"),
            ("a + 1 > 0 AND b < 100 OR c IS NULL", "((((a + 1) > 0) AND (b < 100)) OR (c IS NULL))"),
            ("a AND (b AND c) AND NOT d", "(a AND (b AND c) AND (NOT d))"),
            ("nextval('s'::regclass)", "nextval('s'::regclass)"),
            ("'x'::text", "'x'::text"),
            ("(5)", "(5)"),
        ] {
            assert_eq!(parenthesised(written), shown, "{written}");
        }
    }
}
