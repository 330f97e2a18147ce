use std::fmt::Write;

use arrow::datatypes::i256;

use crate::special_numeric::Special;

/// Digits that an unscaled 256-bit integer surely holds.
const DIGITS_MAX: usize = 76;

/// A decimal number: `unscaled * 10^-scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub(crate) unscaled: i256,
    pub(crate) scale: i8,
}

impl Decimal {
    /// The number that the float's shortest round-trip text names; `None` if it is not finite or needs more than 76
    /// digits on both sides of the point.
    pub(crate) fn of_float(value: f64) -> Option<Decimal> {
        if !value.is_finite() {
            return None;
        }
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let exponent: i32 = exponent.parse().ok()?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let unscaled: i64 = format!("{whole}{fraction}").parse().ok()?;
        let scale = fraction.len() as i32 - exponent;
        let unscaled = i256::from_i128(unscaled.into());
        if unscaled == i256::ZERO {
            return Some(Decimal { unscaled, scale: 0 });
        }
        if scale >= 0 {
            return (scale <= DIGITS_MAX as i32).then_some(Decimal { unscaled, scale: scale as i8 });
        }
        if exponent >= DIGITS_MAX as i32 {
            return None;
        }
        Decimal { unscaled, scale: 0 }.times_ten(scale.unsigned_abs())
    }

    fn times_ten(self, times: u32) -> Option<Decimal> {
        let factor = i256::from_i128(10).checked_pow(times)?;
        Some(Decimal { unscaled: self.unscaled.checked_mul(factor)?, ..self })
    }

    /// The unscaled value at another scale, rounded half away from zero; `None` if it does not fit.
    pub(crate) fn at_scale(self, scale: i8) -> Option<i256> {
        let shift = i16::from(scale) - i16::from(self.scale);
        let factor = i256::from_i128(10).checked_pow(shift.unsigned_abs().into())?;
        if shift >= 0 {
            return self.unscaled.checked_mul(factor);
        }
        let rest = self.unscaled.checked_rem(factor)?;
        let half = factor / i256::from_i128(2);
        let away = if rest >= half { 1 } else { 0 } - if rest <= half.wrapping_neg() { 1 } else { 0 };
        self.unscaled.checked_div(factor)?.checked_add(i256::from_i128(away))
    }
}

/// PostgreSQL's text of a numeric: all digits of its scale, no exponent.
pub(super) fn write(unscaled: i256, scale: i8, out: &mut String) {
    if let Some(special) = Special::of(unscaled) {
        return out.push_str(special.text());
    }
    let digits = unscaled.to_string();
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |digits| ("-", digits));
    out.push_str(sign);
    if scale <= 0 {
        out.push_str(digits);
        if unscaled != i256::ZERO {
            out.extend(std::iter::repeat_n('0', usize::from(scale.unsigned_abs())));
        }
        return;
    }
    let scale = scale as usize;
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    // Writing to a string does not fail.
    let _ = write!(out, "{whole}.{fraction}");
}
