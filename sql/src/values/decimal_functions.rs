//! Roots, exponentials, logarithms and powers of single decimals, each result with the digits that PostgreSQL's numeric gives
//! it.
//!
//! PostgreSQL computes with digits to spare and rounds to the scale that it chooses by the size of the result; so do these.

use arrow::datatypes::i256;
use dashu_float::DBig;
use dashu_int::{IBig, UBig};

use super::decimal::{Decimal, digit_count};
use super::decimal_arithmetic::leading_group;

/// Significant digits that a result has at least.
const DIGITS_MIN: i32 = 16;
/// Digits to spare, so that what is rounded twice is rounded as once.
const DIGITS_TO_SPARE: i32 = 12;
/// Digits behind the point that a result here can have.
const SCALE_MAX: i32 = 76;
const LOG10_E: f64 = std::f64::consts::LOG10_E;

impl Decimal {
    pub(crate) const TEN: Decimal = Decimal { unscaled: i256::from_i128(10), scale: 0 };

    pub(crate) fn root_scale(self) -> i32 {
        let (weight, _) = self.leading_group();
        result_scale(weight * 4 / 2 + 1, &[self])
    }

    pub(crate) fn exponential_scale(self) -> i32 {
        result_scale(bounded(self.float() * LOG10_E), &[self])
    }

    pub(crate) fn natural_logarithm_scale(self) -> Option<i32> {
        Some(result_scale(self.logarithm_weight()?, &[self]))
    }

    pub(crate) fn logarithm_scale(self, base: Decimal) -> Option<i32> {
        Some(result_scale(self.logarithm_weight()? - base.logarithm_weight()?, &[self, base]))
    }

    pub(crate) fn power_scale(self, exponent: Decimal) -> i32 {
        match exponent.integer() {
            Some(_) => DIGITS_MIN.max(self.scale.into()),
            None if self.unscaled == i256::ZERO => DIGITS_MIN,
            None => result_scale(bounded(self.logarithm10() * exponent.float()), &[self, exponent]),
        }
    }

    /// The square root of what is not negative; `None` past 76 digits, as of all that follow.
    pub fn root(self) -> Option<Decimal> {
        let scale = self.root_scale();
        let whole = self.whole_digits() / 2 + 1;
        rounded(&self.precise(whole + scale)?.sqrt(), scale)
    }

    pub fn exponential(self) -> Option<Decimal> {
        let (digits, scale) = (self.float() * LOG10_E, self.exponential_scale());
        if digits > f64::from(SCALE_MAX) + 1.0 {
            return None;
        }
        if is_nothing(digits, scale) {
            return zero(scale);
        }
        rounded(&self.precise(digits.max(0.0) as i32 + scale)?.exp(), scale)
    }

    /// The natural logarithm of what is above zero.
    pub fn natural_logarithm(self) -> Option<Decimal> {
        let scale = self.natural_logarithm_scale()?;
        rounded(&self.logarithm_of(scale)?, scale)
    }

    /// The logarithm of what is above zero, to a base above zero that is not 1.
    pub fn logarithm(self, base: Decimal) -> Option<Decimal> {
        let scale = self.logarithm_scale(base)?;
        // Behind the point of either as many digits as the quotient has, and those that the division moves there.
        let weight = self.logarithm_weight()?.abs() + base.logarithm_weight()?.abs();
        let inner = scale + weight + DIGITS_TO_SPARE;
        rounded(&(self.logarithm_of(inner)? / base.logarithm_of(inner)?), scale)
    }

    /// The power, which is real.
    pub fn power(self, exponent: Decimal) -> Option<Decimal> {
        match exponent.integer() {
            Some(exponent) => self.integer_power(exponent),
            None if self.unscaled == i256::ZERO => Decimal { unscaled: i256::ZERO, scale: 0 }.rescale(DIGITS_MIN as i8),
            None => self.real_power(exponent),
        }
    }

    fn integer_power(self, exponent: i64) -> Option<Decimal> {
        let scale = DIGITS_MIN.max(self.scale.into());
        if self.unscaled == i256::ZERO {
            let unscaled = if exponent == 0 { i256::ONE } else { i256::ZERO };
            return Decimal { unscaled, scale: 0 }.rescale(scale as i8);
        }
        let digits = self.logarithm10() * exponent as f64;
        if digits > f64::from(SCALE_MAX) + 1.0 {
            return None;
        }
        if is_nothing(digits, scale) {
            return zero(scale);
        }
        rounded(&self.precise(digits.max(0.0) as i32 + scale)?.powi(exponent.into()), scale)
    }

    fn real_power(self, exponent: Decimal) -> Option<Decimal> {
        let (digits, scale) = (self.logarithm10() * exponent.float(), self.power_scale(exponent));
        if digits > f64::from(SCALE_MAX) + 1.0 {
            return None;
        }
        if is_nothing(digits, scale) {
            return zero(scale);
        }
        let digits = digits.max(0.0) as i32 + scale;
        rounded(&self.precise(digits)?.powf(&exponent.precise(digits)?), scale)
    }

    /// The digits of [`Self::variance`].
    pub(crate) fn variance_scale(numerator: &IBig, scale: i32, denominator: &IBig) -> i32 {
        quotient_scale((numerator, scale), (denominator, 0))
    }

    /// `numerator / 10^scale / denominator` with the digits of a quotient, or the root of it.
    pub(crate) fn variance(numerator: &IBig, scale: i32, denominator: &IBig, is_root: bool) -> Option<Decimal> {
        let digits = Decimal::variance_scale(numerator, scale, denominator);
        let shift = digits - scale;
        let shifted = match usize::try_from(shift) {
            Ok(shift) => numerator * IBig::from(10).pow(shift),
            Err(_) => rounded_quotient(numerator, &IBig::from(10).pow(shift.unsigned_abs() as usize)),
        };
        let quotient = rounded_quotient(&shifted, denominator);
        if !is_root {
            return fitted(&quotient, digits);
        }
        // The root has as many digits behind the point as the quotient.
        let precision = quotient.to_string().len() + digits as usize + DIGITS_TO_SPARE as usize;
        let root = DBig::from_parts(quotient, -(digits as isize)).with_precision(precision).value().sqrt();
        rounded(&root, digits)
    }

    /// The value, to be computed with so many digits and some to spare.
    fn precise(self, digits: i32) -> Option<DBig> {
        let own = digit_count(self.unscaled);
        let precision = usize::try_from(digits.max(own) + DIGITS_TO_SPARE).ok()?;
        let exact = DBig::from_parts(ibig_of(self.unscaled), -isize::from(self.scale));
        Some(exact.with_precision(precision).value())
    }

    /// The natural logarithm with so many digits behind the point.
    fn logarithm_of(self, scale: i32) -> Option<DBig> {
        let whole = self.logarithm_weight()?.max(0) + 1;
        // Of what is near 1 the digits in front are lost.
        Some(self.precise(whole + scale + digit_count(self.unscaled))?.ln())
    }

    /// PostgreSQL's `estimate_ln_dweight`: about the place of the first digit of the natural logarithm.
    fn logarithm_weight(self) -> Option<i32> {
        if self.unscaled <= i256::ZERO {
            return Some(0);
        }
        let one = Decimal { unscaled: i256::ONE, scale: 0 };
        let value = self.float();
        if (0.9..=1.1).contains(&value) {
            let beyond_one = self.minus(one)?;
            let (weight, first) = beyond_one.leading_group();
            return Some(if first == 0 { 0 } else { weight * 4 + first.ilog10() as i32 });
        }
        Some((self.logarithm10() * std::f64::consts::LN_10).abs().log10() as i32)
    }

    /// About the decimal logarithm of the magnitude.
    fn logarithm10(self) -> f64 {
        let exact = DBig::from_parts(ibig_of(self.unscaled), 0);
        let digits = digit_count(self.unscaled);
        let shift = (digits - 17).max(0);
        let leading = (exact >> shift as isize).to_f64().value().abs();
        leading.log10() + f64::from(shift) - f64::from(self.scale)
    }

    fn float(self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The whole number that this is.
    fn integer(self) -> Option<i64> {
        let whole = self.rescale(0)?;
        let is_whole = whole.rescale(self.scale)?.unscaled == self.unscaled;
        whole.unscaled.to_i128().filter(|_| is_whole)?.try_into().ok()
    }
}

/// Whether a number of that decimal logarithm is too small for so many digits behind the point: it would be computed with
/// as many digits as it has zeros in front, which may be more than memory holds.
fn is_nothing(logarithm10: f64, scale: i32) -> bool {
    logarithm10 < -f64::from(scale) - 2.0
}

fn zero(scale: i32) -> Option<Decimal> {
    Decimal { unscaled: i256::ZERO, scale: 0 }.rescale(i8::try_from(scale).ok()?)
}

/// The place of the first digit, of results that are neither too large nor too small for all digits.
fn bounded(logarithm10: f64) -> i32 {
    logarithm10.clamp(-2000.0, 2000.0) as i32
}

/// The scale of a result whose first digit is at that place, at least that of each operand.
fn result_scale(weight: i32, operands: &[Decimal]) -> i32 {
    let own = operands.iter().map(|operand| i32::from(operand.scale)).max().unwrap_or(0);
    DIGITS_MIN.saturating_sub(weight).max(own).clamp(0, SCALE_MAX)
}

/// An unscaled value as an integer of any size.
pub(crate) fn ibig_of(value: i256) -> IBig {
    let (low, high) = value.to_parts();
    (IBig::from(high) << 128) + IBig::from(low)
}

/// Rounded half away from zero.
fn rounded(value: &DBig, scale: i32) -> Option<Decimal> {
    let repr = value.repr();
    let shift = isize::try_from(scale).ok()? + repr.exponent();
    let significand = repr.significand();
    let unscaled = match usize::try_from(shift) {
        Ok(shift) if shift <= 2 * SCALE_MAX as usize => significand * IBig::from(10).pow(shift),
        Ok(_) => return None,
        Err(_) => rounded_quotient(significand, &IBig::from(UBig::from(10_u8).pow(shift.unsigned_abs()))),
    };
    fitted(&unscaled, scale)
}

/// `unscaled / 10^scale`; `None` past 76 digits.
fn fitted(unscaled: &IBig, scale: i32) -> Option<Decimal> {
    let decimal = Decimal { unscaled: unscaled.to_string().parse().ok()?, scale: i8::try_from(scale).ok()? };
    (digit_count(decimal.unscaled) <= SCALE_MAX).then_some(decimal)
}

/// `select_div_scale` of PostgreSQL's numeric for numbers of any size with their scales.
fn quotient_scale(dividend: (&IBig, i32), divisor: (&IBig, i32)) -> i32 {
    let ((a_weight, a_first), (b_weight, b_first)) =
        (leading_group(&dividend.0.to_string(), dividend.1), leading_group(&divisor.0.to_string(), divisor.1));
    let weight = a_weight - b_weight - i32::from(a_first <= b_first);
    (DIGITS_MIN - 4 * weight).max(dividend.1).max(divisor.1).max(0)
}

/// a / b for b above zero, half away from zero.
fn rounded_quotient(a: &IBig, b: &IBig) -> IBig {
    let half = b / IBig::from(2);
    if *a < IBig::ZERO { (a - half) / b } else { (a + half) / b }
}

#[cfg(test)]
mod tests {
    use super::super::decimal::parse_decimal;
    use super::*;

    fn of(text: &str) -> Decimal {
        parse_decimal(text).expect("a number")
    }

    /// Results of PostgreSQL 15.
    #[test]
    fn results_have_the_digits_of_postgresql() {
        let roots = [
            ("2.0", "1.414213562373095"),
            ("16.0", "4.000000000000000"),
            ("0.0001", "0.01000000000000000"),
            ("0.5", "0.70710678118654752"),
            ("12345.678", "111.1111065555555"),
            ("0.00000123", "0.0011090536506409417"),
            ("1e20", "10000000000.00000"),
        ];
        for (argument, root) in roots {
            assert_eq!(of(argument).root().expect("a root").to_string(), root, "sqrt({argument})");
        }
        let exponentials = [
            ("1.0", "2.7182818284590452"),
            ("-10.0", "0.00004539992976248485"),
            ("0.0", "1.0000000000000000"),
            ("50.5", "8548134287298057692257.9"),
        ];
        for (argument, power) in exponentials {
            assert_eq!(of(argument).exponential().expect("a power").to_string(), power, "exp({argument})");
        }
        let logarithms = [
            ("0.95", "-0.051293294387550533"),
            ("1.0", "0.0000000000000000"),
            ("1e30", "69.077552789821371"),
            ("0.0000001", "-16.118095650958320"),
            ("2.0", "0.6931471805599453"),
        ];
        for (argument, logarithm) in logarithms {
            assert_eq!(of(argument).natural_logarithm().expect("a logarithm").to_string(), logarithm, "ln({argument})");
        }
        assert_eq!(of("10").logarithm(of("3")).expect("a logarithm").to_string(), "2.0959032742893846");
        assert_eq!(of("8.0").logarithm(of("2.0")).expect("a logarithm").to_string(), "3.0000000000000000");
        assert_eq!(of("0.001").logarithm(of("10")).expect("a logarithm").to_string(), "-3.0000000000000000");
        let powers = [
            ("2.0", "10", "1024.0000000000000000"),
            ("2", "0.5", "1.4142135623730950"),
            ("0", "0.5", "0.0000000000000000"),
            ("2.5", "-3", "0.0640000000000000"),
            ("1.0001", "12345", "3.4364476540332868"),
            ("0.001", "5", "0.0000000000000010"),
            ("-8.0", "3", "-512.0000000000000000"),
        ];
        for (base, exponent, power) in powers {
            assert_eq!(of(base).power(of(exponent)).expect("a power").to_string(), power, "{base} ^ {exponent}");
        }
    }

    #[test]
    fn what_is_next_to_nothing_is_zero() {
        let powers = [
            ("10.0", "-2147483648", "0.0000000000000000"),
            ("2.5", "-9000000000000000000", "0.0000000000000000"),
            ("-10", "-99999", "0.0000000000000000"),
        ];
        for (base, exponent, power) in powers {
            assert_eq!(of(base).power(of(exponent)).expect("a power").to_string(), power, "{base} ^ {exponent}");
        }
        assert!(of("-1000000000").exponential().is_some_and(|power| power.unscaled == i256::ZERO));
        assert!(of("0.5").power(of("123456789012.5")).is_some_and(|power| power.unscaled == i256::ZERO));
    }

    #[test]
    fn what_needs_more_digits_than_there_are_is_none() {
        assert_eq!(of("-1.0").natural_logarithm_scale(), Some(16), "of what has none");
        assert_eq!(of("1000").exponential(), None);
        assert_eq!(of("10.0").power(of("90")), None);
        assert_eq!(of("-300.0").exponential().map(|power| power.unscaled), Some(i256::ZERO));
    }
}
