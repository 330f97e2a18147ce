//! The text of a number taken apart: sign, digits, exponent; and the decimal that it is.

use arrow::datatypes::i256;
use peristyle_storage::types::DECIMAL256_PRECISION_MAX;

use super::decimal::{Decimal, digit_count};

/// PostgreSQL's own limits of a numeric: digits before and behind the point.
const NUMERIC_WHOLE_DIGITS_MAX: i64 = 131_072;
pub(super) const NUMERIC_FRACTION_DIGITS_MAX: i64 = 16_383;
/// Digits of which a u64 holds any number.
const U64_DIGITS: usize = 19;

/// The parts of a number's text: sign, digits before and behind the point, exponent.
#[derive(Clone, Copy, Debug)]
pub(super) struct NumberText<'a> {
    pub(super) is_negative: bool,
    pub(super) whole: &'a [u8],
    pub(super) fraction: &'a [u8],
    pub(super) exponent: i64,
}

impl<'a> NumberText<'a> {
    /// Splits `[+-]digits[.digits][e[+-]digits]`; `None` if it is not that.
    pub(super) fn split(text: &'a [u8]) -> Option<NumberText<'a>> {
        let (is_negative, rest) = match text.first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, rest) = split_digits(rest);
        let (fraction, rest) = match rest.split_first() {
            Some((b'.', rest)) => split_digits(rest),
            _ => (&rest[..0], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        Some(NumberText { is_negative, whole, fraction, exponent: parse_exponent(rest)? })
    }

    /// Digits before the point once the exponent is applied, zeros in front not counted; may be negative.
    pub(super) fn whole_len(&self) -> i64 {
        let zeros = self.whole.iter().take_while(|d| **d == b'0').count();
        (self.whole.len() - zeros) as i64 + self.exponent
    }

    pub(super) fn fraction_len(&self) -> i64 {
        (self.fraction.len() as i64 - self.exponent).max(0)
    }

    /// The number at a scale, rounded half away from zero; `None` if that has more than 76 digits.
    pub(super) fn round_to(&self, scale: i8) -> Option<Decimal> {
        if self.is_zero() {
            return Some(Decimal { unscaled: i256::ZERO, scale });
        }
        let limit = i64::from(DECIMAL256_PRECISION_MAX);
        if self.whole_len() + i64::from(scale) > limit {
            return None;
        }
        let all = || self.whole.iter().chain(self.fraction).map(|digit| digit - b'0');
        // Digits of the text that stand before the position to which is rounded.
        let kept = self.whole.len() as i64 + self.exponent + i64::from(scale);
        let given = (self.whole.len() + self.fraction.len()) as i64;
        let mut magnitude = Accumulator::default();
        all().take(kept.max(0) as usize).for_each(|digit| magnitude.push(digit));
        (given..kept).for_each(|_| magnitude.push(0));
        let rounds_up = kept >= 0 && all().nth(kept as usize).is_some_and(|digit| digit >= 5);
        let magnitude = magnitude.finish().checked_add(if rounds_up { i256::ONE } else { i256::ZERO })?;
        let unscaled = if self.is_negative { magnitude.wrapping_neg() } else { magnitude };
        (i64::from(digit_count(unscaled)) <= limit).then_some(Decimal { unscaled, scale })
    }

    pub(super) fn is_zero(&self) -> bool {
        self.whole.iter().chain(self.fraction).all(|digit| *digit == b'0')
    }

    /// Whether PostgreSQL's numeric has room for it.
    pub(super) fn fits_postgresql(&self) -> bool {
        (self.is_zero() || self.whole_len() <= NUMERIC_WHOLE_DIGITS_MAX)
            && self.fraction_len() <= NUMERIC_FRACTION_DIGITS_MAX
    }
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

/// The exponent after the digits, 0 if there is none; saturates far out.
fn parse_exponent(text: &[u8]) -> Option<i64> {
    let Some((first, rest)) = text.split_first() else { return Some(0) };
    if !matches!(first, b'e' | b'E') {
        return None;
    }
    let (sign, digits) = match rest.first()? {
        b'-' => (-1, &rest[1..]),
        b'+' => (1, &rest[1..]),
        _ => (1, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let fold = |sum: i64, digit: &u8| (sum * 10 + i64::from(digit - b'0')).min(1_000_000_000);
    Some(sign * digits.iter().fold(0, fold))
}

/// Sums digits in 64 bits and carries over to 256 every 19 digits.
#[derive(Default)]
struct Accumulator {
    high: i256,
    low: u64,
    low_digits: usize,
}

impl Accumulator {
    fn push(&mut self, digit: u8) {
        if self.low_digits == U64_DIGITS - 1 {
            self.carry();
        }
        self.low = self.low * 10 + u64::from(digit);
        self.low_digits += 1;
    }

    fn carry(&mut self) {
        let low = i256::from_i128(i128::from(self.low));
        self.high = if self.high == i256::ZERO {
            low
        } else {
            let shift = i256::from_i128(10_i128.pow(self.low_digits as u32));
            self.high.wrapping_mul(shift).wrapping_add(low)
        };
        self.low = 0;
        self.low_digits = 0;
    }

    fn finish(mut self) -> i256 {
        self.carry();
        self.high
    }
}

/// A number's text as PostgreSQL's numeric prints it: no exponent, no needless zeros in front, the scale kept.
/// `None` if the text is no number or has no place in PostgreSQL's numeric.
pub(crate) fn plain_number(text: &str) -> Option<String> {
    plain_text(text.as_bytes())
}

/// As [`plain_number`], of bytes.
pub(super) fn plain_text(text: &[u8]) -> Option<String> {
    let number = NumberText::split(text).filter(NumberText::fits_postgresql)?;
    let digits: Vec<u8> = number.whole.iter().chain(number.fraction).copied().collect();
    let point = number.whole.len() as i64 + number.exponent;
    let scale = number.fraction_len();
    let digit = |at: i64| usize::try_from(at).ok().and_then(|at| digits.get(at)).copied().unwrap_or(b'0');
    let mut plain = String::new();
    if number.is_negative && !number.is_zero() {
        plain.push('-');
    }
    let first = (0..point).find(|at| digit(*at) != b'0').unwrap_or(point - 1);
    (first.min(point - 1)..point).for_each(|at| plain.push(digit(at) as char));
    if scale > 0 {
        plain.push('.');
        (point..point + scale).for_each(|at| plain.push(digit(at) as char));
    }
    Some(plain)
}

/// The unscaled value at `scale` of a short plain number (`-12.5`), without rounding; `None` for all that needs the
/// long way: exponents, spaces, more than 18 digits, more digits behind the point than the scale has.
pub(super) fn parse_plain(text: &[u8], scale: u32) -> Option<i64> {
    let (is_negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() + scale as usize > U64_DIGITS - 1 {
        return None;
    }
    let mut value = 0_i64;
    let mut point = None;
    for (i, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value * 10 + i64::from(byte - b'0'),
            b'.' if point.is_none() && digits.len() > 1 => point = Some(i),
            _ => return None,
        }
    }
    let behind = point.map_or(0, |at| digits.len() - at - 1) as u32;
    let value = value * 10_i64.pow(scale.checked_sub(behind)?);
    Some(if is_negative { -value } else { value })
}
