//! Arithmetic of single decimals, each result with the digits that PostgreSQL's numeric gives it.

use arrow::datatypes::i256;
use bytes::BytesMut;

use super::decimal::{Decimal, divide_rounding_by, power_of_ten};
use super::decimal_text::write_i256;

/// Significant digits that a quotient has at least, and the decimal digits of one digit of PostgreSQL's numeric.
const QUOTIENT_DIGITS_MIN: i32 = 16;
const GROUP_DIGITS: i32 = 4;

impl Decimal {
    /// The sum; `None` past 76 digits, as of all that follow.
    pub fn plus(self, other: Decimal) -> Option<Decimal> {
        let (a, b) = self.aligned(other)?;
        Some(Decimal { unscaled: a.unscaled.checked_add(b.unscaled)?, scale: a.scale })
    }

    pub fn minus(self, other: Decimal) -> Option<Decimal> {
        self.plus(other.negated())
    }

    pub fn negated(self) -> Decimal {
        Decimal { unscaled: self.unscaled.wrapping_neg(), scale: self.scale }
    }

    pub fn times(self, other: Decimal) -> Option<Decimal> {
        let scale = self.scale.checked_add(other.scale)?;
        Some(Decimal { unscaled: self.unscaled.checked_mul(other.unscaled)?, scale })
    }

    /// The remainder, with the sign of the dividend; `None` for a divisor of zero too.
    pub fn remainder(self, divisor: Decimal) -> Option<Decimal> {
        let (a, b) = self.aligned(divisor)?;
        Some(Decimal { unscaled: a.unscaled.checked_rem(b.unscaled)?, scale: a.scale })
    }

    /// The quotient with the scale that PostgreSQL chooses by the size of both; `None` for a divisor of zero too.
    pub fn over(self, divisor: Decimal) -> Option<Decimal> {
        if divisor.unscaled == i256::ZERO {
            return None;
        }
        self.divided(divisor, self.quotient_scale(divisor)?)
    }

    /// The quotient rounded to that scale, for a divisor that is not zero.
    pub(crate) fn divided(self, divisor: Decimal, scale: i8) -> Option<Decimal> {
        let shift = i32::from(scale) + i32::from(divisor.scale) - i32::from(self.scale);
        let (dividend, divisor) = match u32::try_from(shift) {
            Ok(shift) => (self.unscaled.checked_mul(power_of_ten(shift)?)?, divisor.unscaled),
            Err(_) => (self.unscaled, divisor.unscaled.checked_mul(power_of_ten(shift.unsigned_abs())?)?),
        };
        Some(Decimal { unscaled: divide_rounding_by(dividend, divisor), scale })
    }

    /// `select_div_scale` of PostgreSQL's numeric.
    pub fn quotient_scale(self, divisor: Decimal) -> Option<i8> {
        let ((a_weight, a_first), (b_weight, b_first)) = (self.leading_group(), divisor.leading_group());
        let weight = a_weight - b_weight - i32::from(a_first <= b_first);
        let significant = QUOTIENT_DIGITS_MIN - weight * GROUP_DIGITS;
        i8::try_from(significant.max(self.scale.into()).max(divisor.scale.into()).max(0)).ok()
    }

    /// As the free function.
    pub(super) fn leading_group(self) -> (i32, i32) {
        match self.unscaled.to_i128().map(i128::unsigned_abs) {
            Some(small) if small != 0 => {
                let length = small.ilog10() as i32 + 1;
                let (weight, digits) = leading_place(length, self.scale.into());
                let first = match u32::try_from(length - digits) {
                    Ok(behind) => small / 10_u128.pow(behind),
                    Err(_) => small * 10_u128.pow((digits - length).unsigned_abs()),
                };
                (weight, first as i32)
            }
            _ => leading_group(&self.unscaled.to_string(), self.scale.into()),
        }
    }

    fn aligned(self, other: Decimal) -> Option<(Decimal, Decimal)> {
        let scale = self.scale.max(other.scale);
        Some((self.rescale(scale)?, other.rescale(scale)?))
    }
}

/// The place of the first digit that is not zero in base 10,000, and the digit, of a number of that scale by its unscaled
/// text.
pub(super) fn leading_group(unscaled: &str, scale: i32) -> (i32, i32) {
    let digits = unscaled.trim_start_matches('-');
    if digits == "0" {
        return (0, 0);
    }
    let (weight, length) = leading_place(digits.len() as i32, scale);
    let first = digits.chars().chain(std::iter::repeat('0')).take(length as usize);
    (weight, first.fold(0, |sum, digit| sum * 10 + digit.to_digit(10).unwrap_or(0) as i32))
}

/// Of a number of so many digits: the place of the first digit in base 10,000, and how many digits are in it.
fn leading_place(digits: i32, scale: i32) -> (i32, i32) {
    let exponent = digits - scale - 1;
    (exponent.div_euclid(GROUP_DIGITS), exponent.rem_euclid(GROUP_DIGITS) + 1)
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = BytesMut::new();
        write_i256(self.unscaled, self.scale, &mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::super::decimal::parse_decimal;

    fn quotient(a: &str, b: &str) -> String {
        let [a, b] = [a, b].map(|text| parse_decimal(text).expect("a number"));
        a.over(b).expect("a quotient").to_string()
    }

    #[test]
    fn quotients_have_the_digits_of_postgresql() {
        assert_eq!(quotient("1", "3"), "0.33333333333333333333");
        assert_eq!(quotient("10", "4.0"), "2.5000000000000000");
        assert_eq!(quotient("1000000", "3.0"), "333333.333333333333");
        assert_eq!(quotient("1", "300.0"), "0.00333333333333333333");
        assert_eq!(quotient("12345678.9", "1.1"), "11223344.454545454545");
        assert_eq!(quotient("-1", "2.0"), "-0.50000000000000000000");
    }
}
