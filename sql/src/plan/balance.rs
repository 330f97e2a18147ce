//! Long chains of AND or OR as balanced trees. They mean the same, NULLs included, and whatever works on each level
//! with all below it (DataFusion names and types expressions so) has few levels to work on: tools write conditions of
//! thousands of terms.

use sqlparser::ast::{BinaryOperator, Expr, Value};

/// Operands of a chain that is left as it stands.
const CHAIN_OPERANDS_MAX: usize = 16;

/// Balances the chain that begins at this expression, if it is a long one.
pub(super) fn balance(expr: &mut Expr) {
    let Expr::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), .. } = expr else { return };
    let op = op.clone();
    if operands(expr, &op) <= CHAIN_OPERANDS_MAX {
        return;
    }
    let mut rest = std::mem::replace(expr, Expr::Value(Value::Null.into()));
    let mut parts = Vec::new();
    loop {
        match rest {
            Expr::BinaryOp { left, op: other, right } if other == op => {
                parts.push(*right);
                rest = *left;
            }
            first => {
                parts.push(first);
                break;
            }
        }
    }
    parts.reverse();
    *expr = tree(parts, &op);
}

fn operands(expr: &Expr, op: &BinaryOperator) -> usize {
    let mut count = 1;
    let mut rest = expr;
    while let Expr::BinaryOp { left, op: other, .. } = rest
        && other == op
    {
        count += 1;
        rest = left;
    }
    count
}

fn tree(mut parts: Vec<Expr>, op: &BinaryOperator) -> Expr {
    if parts.len() == 1
        && let Some(only) = parts.pop()
    {
        return only;
    }
    let right = parts.split_off(parts.len() / 2);
    Expr::BinaryOp { left: Box::new(tree(parts, op)), op: op.clone(), right: Box::new(tree(right, op)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse_expression;

    #[test]
    fn a_long_chain_becomes_flat_and_keeps_its_order() {
        let text = (0..1000).map(|n| format!("a = {n}")).collect::<Vec<_>>().join(" OR ");
        let mut expr = parse_expression(&text).expect("parses");
        balance(&mut expr);
        assert_eq!(expr.to_string(), text);
        assert!(operands(&expr, &BinaryOperator::Or) <= 11, "about log2 of 1000 levels");
    }

    #[test]
    fn a_short_or_mixed_chain_stays() {
        for text in ["a AND b AND c", "a + b + c + d", "a OR b AND c"] {
            let expr = parse_expression(text).expect("parses");
            let mut balanced = expr.clone();
            balance(&mut balanced);
            assert_eq!(balanced, expr);
        }
    }
}
