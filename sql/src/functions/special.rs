//! Arithmetic of numerics of which some are NaN or infinite. What comes of these depends on the other operand's sign alone,
//! so doubles tell it: IEEE 754 and PostgreSQL agree here.

use arrow::datatypes::i256;
use peristyle_storage::special_numeric::Special;

/// What an operation gives where an operand is special; `None` where both are numbers.
#[inline]
pub(crate) fn combined(a: i256, b: i256, operation: fn(f64, f64) -> f64) -> Option<i256> {
    if Special::of(a).is_none() && Special::of(b).is_none() {
        return None;
    }
    let result = operation(stand_in(a), stand_in(b));
    // A number divided by infinity, if it is a number.
    Some(Special::of_float(result).map_or(i256::ZERO, Special::unscaled))
}

/// The special value as a double; a number as 1, 0 or -1.
fn stand_in(value: i256) -> f64 {
    match Special::of(value) {
        Some(special) => special.float(),
        None if value == i256::ZERO => 0.0,
        None if value.is_negative() => -1.0,
        None => 1.0,
    }
}

pub(crate) fn sum(a: i256, b: i256) -> Option<i256> {
    combined(a, b, |a, b| a + b)
}

pub(crate) fn difference(a: i256, b: i256) -> Option<i256> {
    combined(a, b, |a, b| a - b)
}

pub(crate) fn product(a: i256, b: i256) -> Option<i256> {
    combined(a, b, |a, b| a * b)
}

/// The divisor is not 0, unless the dividend is NaN.
pub(crate) fn quotient(a: i256, b: i256) -> Option<i256> {
    combined(a, b, |a, b| a / b)
}

/// The remainder; that of a number by an infinity is the number, which is `None` too.
pub(crate) fn remainder(a: i256, b: i256) -> Option<i256> {
    let is_infinite = Special::of(b).is_some_and(|b| b != Special::NaN);
    if is_infinite && Special::of(a).is_none() { None } else { combined(a, b, |a, b| a % b) }
}

pub(crate) fn is_nan(value: i256) -> bool {
    Special::of(value) == Some(Special::NaN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: i256 = Special::NaN.unscaled();
    const INFINITY: i256 = Special::Infinity.unscaled();
    const NEGATIVE: i256 = Special::NegativeInfinity.unscaled();

    #[test]
    fn numbers_are_left_alone() {
        assert_eq!(sum(i256::ONE, i256::ZERO), None);
        assert_eq!(remainder(i256::ONE, INFINITY), None);
    }

    #[test]
    fn special_values_combine_as_postgresqls_do() {
        assert_eq!(sum(INFINITY, i256::MINUS_ONE), Some(INFINITY));
        assert_eq!(sum(INFINITY, NEGATIVE), Some(NAN));
        assert_eq!(difference(i256::ONE, INFINITY), Some(NEGATIVE));
        assert_eq!(difference(INFINITY, INFINITY), Some(NAN));
        assert_eq!(product(INFINITY, i256::ZERO), Some(NAN));
        assert_eq!(product(NEGATIVE, i256::MINUS_ONE), Some(INFINITY));
        assert_eq!(quotient(i256::MINUS_ONE, INFINITY), Some(i256::ZERO));
        assert_eq!(quotient(NEGATIVE, i256::MINUS_ONE), Some(INFINITY));
        assert_eq!(quotient(INFINITY, NEGATIVE), Some(NAN));
        assert_eq!(quotient(NAN, i256::ZERO), Some(NAN));
        assert_eq!(remainder(INFINITY, i256::ONE), Some(NAN));
        assert_eq!(sum(i256::ONE, NAN), Some(NAN));
    }
}
