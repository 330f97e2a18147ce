//! Long sums as one call. What types an expression asks each operand for its type, and that asks its own: a sum of a
//! thousand operands, each nested in the next, would be typed half a million times. Operands are added from the left, as
//! they are written, so overflow and rounding are the same.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use peristyle_catalog::model::PgType;

use crate::functions::{arithmetic, named};

/// Nested sums that are left as they are.
const NESTED_MAX: usize = 16;

/// `left + right`, both of that type.
pub(super) fn plus(left: Expr, right: Expr, ty: PgType) -> Result<Expr> {
    let mut args = match operands(left) {
        Ok(args) => args,
        Err(left) => {
            return Ok(Expr::ScalarFunction(ScalarFunction::new_udf(named(arithmetic::ADD)?, vec![left, right])));
        }
    };
    debug_assert!(ty.oid != PgType::NUMERIC.oid, "digits of a numeric grow from operand to operand");
    args.push(right);
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(named(arithmetic::ADD_ALL)?, args)))
}

/// An expression with the same type that is typed at once, if it is a long sum.
pub(super) fn first_operand(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::ScalarFunction(sum) if sum.name() == arithmetic::ADD_ALL => sum.args.first(),
        _ => None,
    }
}

/// The operands of a sum that is long enough; else the sum.
fn operands(sum: Expr) -> std::result::Result<Vec<Expr>, Expr> {
    match sum {
        Expr::ScalarFunction(sum) if sum.name() == arithmetic::ADD_ALL => Ok(sum.args),
        sum if nested(&sum) < NESTED_MAX => Err(sum),
        sum => Ok(flat(sum)),
    }
}

fn nested(sum: &Expr) -> usize {
    let mut rest = sum;
    let mut levels = 0;
    while let Some(ScalarFunction { args, .. }) = addition(rest) {
        levels += 1;
        rest = &args[0];
    }
    levels
}

fn flat(sum: Expr) -> Vec<Expr> {
    let mut operands = Vec::new();
    let mut rest = sum;
    while let Expr::ScalarFunction(ScalarFunction { func, mut args }) = rest {
        if func.name() != arithmetic::ADD {
            rest = Expr::ScalarFunction(ScalarFunction { func: Arc::clone(&func), args });
            break;
        }
        operands.extend(args.pop());
        rest = args.swap_remove(0);
    }
    operands.push(rest);
    operands.reverse();
    operands
}

fn addition(expr: &Expr) -> Option<&ScalarFunction> {
    match expr {
        Expr::ScalarFunction(function) if function.name() == arithmetic::ADD => Some(function),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::lit;

    use super::*;

    #[test]
    fn a_long_sum_is_one_call_in_the_order_of_its_operands() {
        let mut sum = lit(0);
        for operand in 1..100 {
            sum = plus(sum, lit(operand), PgType::INT4).expect("planned");
        }
        let Expr::ScalarFunction(call) = &sum else { panic!("no call") };
        assert_eq!(call.name(), arithmetic::ADD_ALL);
        assert_eq!(call.args, (0..100).map(lit).collect::<Vec<_>>());
        assert_eq!(first_operand(&sum), Some(&lit(0)));
    }

    #[test]
    fn a_short_sum_stays_nested() {
        let sum = plus(lit(1), lit(2), PgType::INT4).expect("planned");
        assert_eq!(nested(&sum), 1);
        assert_eq!(first_operand(&sum), None);
    }
}
