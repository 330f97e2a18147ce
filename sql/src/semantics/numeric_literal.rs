//! A string that is read as a bare numeric has the digits that it is written with, as PostgreSQL keeps them.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use peristyle_storage::types::{DECIMAL128_PRECISION_MAX, DECIMAL256_PRECISION_MAX};

use crate::values::parse_decimal;

/// The string literal as a number; `None` for another expression, and for a string that is no number.
pub(super) fn numeric_literal(expr: &Expr) -> Option<Expr> {
    let Expr::Literal(value, _) = expr else { return None };
    let decimal = parse_decimal(value.try_as_str().flatten()?).ok()?;
    let precision = (decimal.whole_digits() + i32::from(decimal.scale)).max(1);
    let narrow = decimal.unscaled.to_i128().filter(|_| precision <= i32::from(DECIMAL128_PRECISION_MAX));
    let value = match narrow {
        Some(unscaled) => ScalarValue::Decimal128(Some(unscaled), precision as u8, decimal.scale),
        None => ScalarValue::Decimal256(Some(decimal.unscaled), DECIMAL256_PRECISION_MAX, decimal.scale),
    };
    Some(Expr::Literal(value, None))
}
