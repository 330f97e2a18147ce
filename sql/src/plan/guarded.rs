//! `b <> 0 AND a / b > 1`: PostgreSQL evaluates the second condition only where the first one holds. DataFusion may
//! evaluate both for all rows, and the second one fails. Where a condition can fail, it is put behind those before it.

use sqlparser::ast::{BinaryOperator, CaseWhen, Expr, Value, Visit, Visitor, helpers::attached_token::AttachedToken};
use std::ops::ControlFlow;

use crate::semantics;

/// The right side of an AND or OR behind its left side; `None` if it cannot fail, or nothing guards it.
pub(super) fn guarded(left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Expr> {
    if !may_fail(right) {
        return None;
    }
    let mut guards = Vec::new();
    collect(left, op, &mut guards);
    let binary =
        |left: Expr, right: Expr| Expr::BinaryOp { left: Box::new(left), op: op.clone(), right: Box::new(right) };
    let guard = Box::new(Expr::Nested(Box::new(guards.into_iter().cloned().reduce(binary)?)));
    // NULL decides neither, so the other side is evaluated.
    let (undecided, decided) = match op {
        BinaryOperator::And => (Expr::IsNotFalse(guard), false),
        _ => (Expr::IsNotTrue(guard), true),
    };
    let boolean = |value: bool| Box::new(Expr::Value(Value::Boolean(value).into()));
    let case = Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: Some(boolean(true)),
        conditions: vec![CaseWhen { condition: undecided, result: right.clone() }],
        else_result: Some(boolean(decided)),
    };
    Some(binary(left.clone(), case))
}

/// The sides of a chain of ANDs or ORs that cannot fail themselves.
fn collect<'a>(expr: &'a Expr, op: &BinaryOperator, guards: &mut Vec<&'a Expr>) {
    match expr {
        Expr::BinaryOp { left, op: own, right } if own == op => {
            collect(left, op, guards);
            collect(right, op, guards);
        }
        other if may_fail(other) => {}
        other => guards.push(other),
    }
}

/// Whether an expression divides, or reads a column's text as a number.
fn may_fail(expr: &Expr) -> bool {
    expr.visit(&mut Finder).is_break()
}

struct Finder;

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let fails = match expr {
            Expr::BinaryOp { op: BinaryOperator::Divide | BinaryOperator::Modulo, right, .. } => !is_constant(right),
            Expr::Cast { expr, data_type, .. } => {
                is_stored(expr) && semantics::pg_type_of_sql(data_type).is_ok_and(semantics::is_number)
            }
            _ => false,
        };
        if fails { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Value(_) => true,
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_constant(inner),
        _ => false,
    }
}

/// A column, or a part of one that holds JSON.
fn is_stored(expr: &Expr) -> bool {
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => true,
        Expr::Nested(inner) => is_stored(inner),
        Expr::BinaryOp { op: BinaryOperator::LongArrow | BinaryOperator::HashLongArrow, .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse_expression;

    fn text(sql: &str) -> Option<String> {
        let Expr::BinaryOp { left, op, right } = parse_expression(sql).expect("parses") else { panic!("no operator") };
        guarded(&left, &op, &right).map(|guarded| guarded.to_string())
    }

    #[test]
    fn a_condition_that_divides_comes_behind_the_others() {
        let expected = "b <> 0 AND CASE true WHEN (b <> 0) IS NOT FALSE THEN a / b > 1 ELSE false END";
        assert_eq!(text("b <> 0 AND a / b > 1").as_deref(), Some(expected));
        let expected = "b = 0 OR CASE true WHEN (b = 0) IS NOT TRUE THEN a % b = 1 ELSE true END";
        assert_eq!(text("b = 0 OR a % b = 1").as_deref(), Some(expected));
        let expected = "k = 'n' AND CASE true WHEN (k = 'n') IS NOT FALSE THEN v::INT > 1 ELSE false END";
        assert_eq!(text("k = 'n' AND v::int > 1").as_deref(), Some(expected));
    }

    #[test]
    fn others_stay_conditions_that_the_scan_can_prune_by() {
        assert_eq!(text("a = 1 AND ts::date = '2024-01-01'"), None);
        assert_eq!(text("a = 1 AND b / 2 > 1"), None);
        assert_eq!(text("a / b = 1 AND c / d > 1"), None);
    }
}
