//! Comparisons that need an operand in more than one place: `x BETWEEN SYMMETRIC a AND b`, `(a, b) < (c, d)`. Within
//! each other they would make a tree that doubles with each, so what is copied has a limit.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Ident, visit_expressions};

use super::row_values::{binary, nested};
use crate::error::{SqlError, SqlState};
use crate::parse::SYMMETRIC;

/// Expressions that one comparison may copy.
const COPIED_MAX: usize = 10_000;

/// 54001 for operands that are too large to stand in the tree once more.
pub(super) fn refuse_large<'e>(operands: impl IntoIterator<Item = &'e Expr>) -> Result<(), SqlError> {
    refuse_copies(operands, 1)
}

/// 54001 for operands that are too large to stand in the tree so many times more.
pub(super) fn refuse_copies<'e>(operands: impl IntoIterator<Item = &'e Expr>, times: usize) -> Result<(), SqlError> {
    let mut copied = 0;
    for operand in operands {
        let counted = visit_expressions(operand, |_| {
            copied += times;
            if copied > COPIED_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if counted.is_break() {
            let message = format!("comparison with operands of more than {COPIED_MAX} expressions");
            return Err(SqlError::new(SqlState::STATEMENT_TOO_COMPLEX, message));
        }
    }
    Ok(())
}

/// `x BETWEEN SYMMETRIC a AND b` as `x BETWEEN a AND b OR x BETWEEN b AND a`; `None` for another BETWEEN.
pub(super) fn symmetric(tested: &Expr, low: &Expr, high: &Expr, negated: bool) -> Result<Option<Expr>, SqlError> {
    let Some(low) = symmetric_bound(low) else { return Ok(None) };
    refuse_large([tested, low, high])?;
    let between = |low: &Expr, high: &Expr| Expr::Between {
        expr: Box::new(tested.clone()),
        negated,
        low: Box::new(low.clone()),
        high: Box::new(high.clone()),
    };
    let op = if negated { BinaryOperator::And } else { BinaryOperator::Or };
    Ok(Some(nested(binary(between(low, high), op, between(high, low)))))
}

fn symmetric_bound(low: &Expr) -> Option<&Expr> {
    match low {
        Expr::Prefixed { prefix: Ident { value, quote_style: None, .. }, value: low } if value == SYMMETRIC => {
            Some(low)
        }
        _ => None,
    }
}
