//! Quotients of numerics, rounded as PostgreSQL rounds them.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, i256};
use datafusion::common::{Result, internal_err};
use peristyle_storage::types::{OPEN_DECIMAL, trailing_zeros};

use super::decimal::{decimal_parts, divide_rounded, per_row, power_of_ten};
use super::define::Call;
use super::special;
use crate::values::Decimal;

pub(crate) fn divide(call: &Call<'_>) -> Result<ArrayRef> {
    let parts: Vec<i32> =
        call.args.iter().filter_map(|arg| decimal_parts(arg.data_type())).map(|p| i32::from(p.1)).collect();
    let Some((_, scale)) = decimal_parts(call.return_type()) else {
        return internal_err!("a quotient of decimals is a decimal");
    };
    let shift = i32::from(scale) - parts[0] + parts[1];
    let factor = power_of_ten(shift)?;
    let of_number = [0, 1].map(|place: usize| number_of(call.args[place].data_type()));
    let divided = |a: i256, b: i256| {
        let rounded = quotient(of_number[0](a), of_number[1](b), scale);
        rounded.or_else(|| match a.checked_mul(factor) {
            Some(numerator) => divide_rounded(numerator, b),
            None => shortened_quotient(a, b, shift),
        })
    };
    per_row(call, |a, b| special::quotient(a, b).or_else(|| divided(a, b)))
}

/// The quotient as PostgreSQL rounds it, at that scale; further digits of its own are rounded. `None` past 76 digits.
pub(crate) fn quotient(dividend: Decimal, divisor: Decimal, scale: i8) -> Option<i256> {
    let own = dividend.quotient_scale(divisor)?.min(scale);
    dividend.divided(divisor, own)?.rescale(scale).map(|quotient| quotient.unscaled)
}

/// Makes numbers of the unscaled values of a type; zeros at the end of open decimals mean nothing.
fn number_of(ty: &DataType) -> impl Fn(i256) -> Decimal {
    let (is_open, scale) = (*ty == OPEN_DECIMAL, decimal_parts(ty).map_or(0, |parts| parts.1));
    move |unscaled| {
        let number = Decimal { unscaled, scale };
        if is_open { number.trimmed() } else { number }
    }
}

/// a · 10ⁿ / b where the numerator has no room: zeros at the end of the divisor take its place.
fn shortened_quotient(a: i256, b: i256, n: i32) -> Option<i256> {
    let zeros = trailing_zeros(b, n.clamp(0, i8::MAX.into()) as i8);
    let divisor = b.checked_div(power_of_ten(zeros.into()).ok()?)?;
    divide_rounded(a.checked_mul(power_of_ten(n - i32::from(zeros)).ok()?)?, divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_at_the_end_of_a_divisor_take_no_room() {
        let of = |value: i128, zeros: i32| i256::from_i128(value).checked_mul(power_of_ten(zeros).unwrap()).unwrap();
        let (a, b) = (of(105, 37), of(25, 37));
        assert_eq!(shortened_quotient(a, b, 38), Some(of(42, 37)), "10.5 by 2.5 with 38 digits behind the point");
        let third = divide_rounded(of(1, 39), i256::from_i128(3));
        assert_eq!(shortened_quotient(i256::from_i128(10), of(3, 38), 76), third);
    }

    #[test]
    fn quotients_are_rounded_to_the_digits_of_postgresql() {
        let number = |unscaled: i128| Decimal { unscaled: i256::from_i128(unscaled), scale: 0 };
        let of = |a: i128, b: i128| quotient(number(a), number(b), 20).and_then(i256::to_i128);
        assert_eq!(of(10, 3), Some(333_333_333_333_333_330_000), "16 digits");
        assert_eq!(of(1, 3), Some(33_333_333_333_333_333_333), "20 digits");
    }
}
