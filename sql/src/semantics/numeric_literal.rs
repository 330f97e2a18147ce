//! Numeric constants with the digits that PostgreSQL gives them: strings that are read as a bare numeric, and quotients.

use arrow::datatypes::{DataType, i256};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Cast, Expr};
use peristyle_storage::types::{DECIMAL128_PRECISION_MAX, DECIMAL256_PRECISION_MAX};

use crate::values::{Decimal, parse_decimal};

/// The string literal as a number; `None` for another expression, and for a string that is no number.
pub(super) fn numeric_literal(expr: &Expr) -> Option<Expr> {
    let Expr::Literal(value, _) = expr else { return None };
    Some(literal(parse_decimal(value.try_as_str().flatten()?).ok()?))
}

/// The quotient of two constants, of which one is a numeric: its digits depend on both, which no type tells.
pub(super) fn constant_quotient(left: &Expr, right: &Expr) -> Option<Expr> {
    let ((left, left_is_exact), (right, right_is_exact)) = (constant(left)?, constant(right)?);
    if left_is_exact && right_is_exact {
        return None;
    }
    left.over(right).map(literal)
}

/// A finite numeric or an integer that is written out, and whether it is an integer.
fn constant(expr: &Expr) -> Option<(Decimal, bool)> {
    written(expr).filter(|(number, _)| number.special().is_none())
}

fn written(expr: &Expr) -> Option<(Decimal, bool)> {
    match expr {
        Expr::Literal(ScalarValue::Decimal128(Some(unscaled), _, scale), _) => {
            Some((Decimal { unscaled: i256::from_i128(*unscaled), scale: *scale }, false))
        }
        Expr::Literal(ScalarValue::Decimal256(Some(unscaled), _, scale), _) => {
            Some((Decimal { unscaled: *unscaled, scale: *scale }, false))
        }
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => {
            Some((Decimal { unscaled: i256::from(*number), scale: 0 }, true))
        }
        // One that its type does not hold is left to the cast to refuse.
        Expr::Cast(Cast { expr, field }) => {
            let fits: fn(i256) -> bool = match field.data_type() {
                DataType::Int32 => |number| number.to_i128().is_some_and(|number| i32::try_from(number).is_ok()),
                DataType::Int64 => |number| number.to_i128().is_some_and(|number| i64::try_from(number).is_ok()),
                _ => return None,
            };
            constant(expr).filter(|(number, is_integer)| *is_integer && fits(number.unscaled))
        }
        _ => None,
    }
}

fn literal(decimal: Decimal) -> Expr {
    // What is no finite number lies in the widest decimal, since it has no room in a narrow one.
    let precision = (decimal.whole_digits() + i32::from(decimal.scale)).max(1);
    let narrow = decimal.unscaled.to_i128().filter(|_| precision <= i32::from(DECIMAL128_PRECISION_MAX));
    let value = match narrow {
        Some(unscaled) => ScalarValue::Decimal128(Some(unscaled), precision as u8, decimal.scale),
        None => ScalarValue::Decimal256(Some(decimal.unscaled), DECIMAL256_PRECISION_MAX, decimal.scale),
    };
    Expr::Literal(value, None)
}
