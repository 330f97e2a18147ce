//! Numbers in paths: arithmetic and the methods that take one.

use super::evaluate::Failure;
use super::item::Item;
use super::syntax::{Arithmetic, Method};
use crate::values::{Decimal, parse_decimal};

fn decimal(item: &Item<'_>) -> Option<Decimal> {
    parse_decimal(item.as_number()?).ok()
}

/// The number with a sign before it.
pub(super) fn signed(item: &Item<'_>, is_minus: bool) -> Result<String, Failure> {
    let sign = if is_minus { '-' } else { '+' };
    let message = format!("operand of unary jsonpath operator {sign} is not a numeric value");
    let number = decimal(item).ok_or_else(|| Failure::new("2203B", message))?;
    Ok(if is_minus { number.negated() } else { number }.to_string())
}

/// What an operator makes of its operands, each of which must be one number.
pub(super) fn computed(op: Arithmetic, left: &[Item<'_>], right: &[Item<'_>]) -> Result<String, Failure> {
    let (a, b) = (operand(op, "left", left)?, operand(op, "right", right)?);
    let result = match op {
        Arithmetic::Add => a.plus(b),
        Arithmetic::Subtract => a.minus(b),
        Arithmetic::Multiply => a.times(b),
        Arithmetic::Divide | Arithmetic::Modulo if b.unscaled == arrow::datatypes::i256::ZERO => {
            return Err(Failure::new("22012", "division by zero"));
        }
        Arithmetic::Divide => a.over(b),
        Arithmetic::Modulo => a.remainder(b),
    };
    result.map(|number| number.to_string()).ok_or_else(|| Failure::new("22003", "value overflows numeric format"))
}

fn operand(op: Arithmetic, side: &str, items: &[Item<'_>]) -> Result<Decimal, Failure> {
    let number = match items {
        [item] => decimal(item),
        _ => None,
    };
    let symbol = op.symbol();
    let message = || format!("{side} operand of jsonpath operator {symbol} is not a single numeric value");
    number.ok_or_else(|| Failure::new("22038", message()))
}

/// The whole part of a number, as a subscript takes it.
pub(super) fn truncated(number: &str) -> Option<i64> {
    let number = parse_decimal(number).ok()?;
    number.to_string().split('.').next()?.parse().ok()
}

/// `.abs()`, `.ceiling()`, `.floor()` and `.double()`.
pub(super) fn of_method(method: Method, item: &Item<'_>) -> Result<String, Failure> {
    if let (Method::Double, Some(text)) = (method, item.as_text()) {
        return double(text);
    }
    let takes = if matches!(method, Method::Double) { "a string or numeric" } else { "a numeric" };
    let message = || format!("jsonpath item method .{}() can only be applied to {takes} value", method.name());
    let number = decimal(item).ok_or_else(|| Failure::new("22036", message()))?;
    let whole = |step: i64| rounded_to(number, step).unwrap_or(number);
    let result = match method {
        Method::Abs if number.unscaled.is_negative() => number.negated(),
        Method::Floor => whole(-1),
        Method::Ceiling => whole(1),
        _ => number,
    };
    Ok(result.to_string())
}

/// The whole number next to a number in the direction of `step`.
fn rounded_to(number: Decimal, step: i64) -> Option<Decimal> {
    let one = parse_decimal("1").ok()?;
    let fraction = number.remainder(one)?;
    let whole = number.minus(fraction)?.rescale(0)?;
    let goes_on = fraction.unscaled != arrow::datatypes::i256::ZERO && fraction.unscaled.is_negative() == (step < 0);
    if goes_on { whole.plus(Decimal { unscaled: arrow::datatypes::i256::from(step), scale: 0 }) } else { Some(whole) }
}

fn double(text: &str) -> Result<String, Failure> {
    let number: Option<f64> = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
    let message = "string argument of jsonpath item method .double() is not a valid representation of a double precision \
                   number";
    number.map(|number| number.to_string()).ok_or_else(|| Failure::new("22036", message))
}
