//! Exact decimals: PostgreSQL's text and binary `numeric`, to 76 digits.

use arrow::datatypes::i256;
use bytes::{BufMut, BytesMut};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::DECIMAL256_PRECISION_MAX;

use crate::error::{Result, SqlError, SqlState};

/// PostgreSQL's own limits of a numeric: digits before and behind the point.
const NUMERIC_WHOLE_DIGITS_MAX: i64 = 131_072;
const NUMERIC_FRACTION_DIGITS_MAX: i64 = 16_383;
/// Decimal digits of one digit of the binary form.
const BINARY_DIGIT_DIGITS: i32 = 4;
const BINARY_NEGATIVE: u16 = 0x4000;
const BINARY_NAN: u16 = 0xC000;
const BINARY_POSITIVE_INFINITY: u16 = 0xD000;
const BINARY_NEGATIVE_INFINITY: u16 = 0xF000;
/// Digits of which a u64 holds any number.
const U64_DIGITS: usize = 19;

/// `unscaled / 10^scale`. The scale is not negative when it comes from a parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    pub unscaled: i256,
    pub scale: i8,
}

impl Decimal {
    /// Digits before the point, 0 for a number below 1.
    pub fn whole_digits(self) -> i32 {
        (digit_count(self.unscaled) - i32::from(self.scale)).max(0)
    }

    /// The number at another scale, rounded half away from zero; `None` past 76 digits.
    pub fn rescale(self, scale: i8) -> Option<Decimal> {
        let shift = i32::from(scale) - i32::from(self.scale);
        let unscaled = if shift >= 0 {
            if digit_count(self.unscaled) + shift > i32::from(DECIMAL256_PRECISION_MAX) && self.unscaled != i256::ZERO {
                return None;
            }
            if self.unscaled == i256::ZERO {
                i256::ZERO
            } else {
                self.unscaled.checked_mul(power_of_ten(shift as u32)?)?
            }
        } else {
            divide_rounding(self.unscaled, (-shift) as u32)
        };
        Some(Decimal { unscaled, scale })
    }

    /// The number as `numeric(p, s)` stores it: rounded to the scale; 22003 if it then has too many digits.
    pub fn fit(self, precision: u8, scale: i8) -> Result<Decimal> {
        let fitted = self.rescale(scale).filter(|d| digit_count(d.unscaled) <= i32::from(precision));
        fitted.ok_or_else(|| field_overflow(precision, scale))
    }

    /// Applies the type's modifier, if it has one.
    pub(super) fn with_modifier(self, ty: PgType) -> Result<Decimal> {
        match ty.numeric_precision_scale() {
            Some((precision, scale)) => self.fit(precision, scale),
            None => Ok(self),
        }
    }
}

#[cold]
fn field_overflow(precision: u8, scale: i8) -> SqlError {
    let whole = i32::from(precision) - i32::from(scale);
    let bound = if whole == 0 { "1".to_owned() } else { format!("10^{whole}") };
    SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow").detail(format!(
        "A field with precision {precision}, scale {scale} must round to an absolute value less than {bound}."
    ))
}

#[cold]
fn too_many_digits() -> SqlError {
    SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format")
        .detail(format!("A numeric holds at most {DECIMAL256_PRECISION_MAX} digits."))
        .hint("Use double precision for very large or very small numbers, or text to keep every digit.")
}

/// 22003 for `NaN` and the infinities, which no numeric stores.
#[cold]
pub(super) fn not_finite(text: &str) -> SqlError {
    SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("value \"{text}\" is out of range for type numeric"))
        .hint("A numeric stores finite numbers only; use double precision for NaN and Infinity.")
}

fn power_of_ten(exponent: u32) -> Option<i256> {
    i256::from_i128(10).checked_pow(exponent)
}

/// Decimal digits of the absolute value; 0 for 0.
fn digit_count(value: i256) -> i32 {
    match value.to_i128() {
        Some(small) => small.unsigned_abs().checked_ilog10().map_or(0, |log| log as i32 + 1),
        None => value.to_string().trim_start_matches('-').len() as i32,
    }
}

fn divide_rounding(value: i256, digits: u32) -> i256 {
    let Some(divisor) = power_of_ten(digits) else { return i256::ZERO };
    let quotient = value.wrapping_div(divisor);
    let remainder = value.wrapping_rem(divisor).wrapping_abs();
    if remainder < divisor.wrapping_sub(remainder) {
        return quotient;
    }
    quotient.wrapping_add(if value.is_negative() { i256::MINUS_ONE } else { i256::ONE })
}

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
    fn whole_len(&self) -> i64 {
        let zeros = self.whole.iter().take_while(|d| **d == b'0').count();
        (self.whole.len() - zeros) as i64 + self.exponent
    }

    fn fraction_len(&self) -> i64 {
        (self.fraction.len() as i64 - self.exponent).max(0)
    }

    /// The number at a scale, rounded half away from zero; `None` if that has more than 76 digits.
    fn round_to(&self, scale: i8) -> Option<Decimal> {
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

    fn is_zero(&self) -> bool {
        self.whole.iter().chain(self.fraction).all(|digit| *digit == b'0')
    }

    /// Whether PostgreSQL's numeric has room for it.
    fn fits_postgresql(&self) -> bool {
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

/// Parses a numeric without a modifier; the scale is the number of digits behind the point, as PostgreSQL keeps it.
/// 22P02 for what is no number, 22003 for NaN, infinities, and numbers of more than 76 digits.
pub fn parse_decimal(text: &str) -> Result<Decimal> {
    parse_numeric(PgType::NUMERIC, text)
}

/// Parses a numeric as a column of that precision and scale stores it: rounded to the scale; 22003 past the precision.
pub fn parse_decimal_at(text: &str, precision: u8, scale: i8) -> Result<Decimal> {
    let number = number_text(text)?;
    let rounded = number.round_to(scale).ok_or_else(|| field_overflow(precision, scale))?;
    rounded.fit(precision, scale)
}

/// Parses a numeric whose digits behind the point are not known beforehand; 22003 where digits would be lost.
pub fn parse_open_decimal(text: &str, scale: i8) -> Result<i256> {
    let decimal = parse_decimal(text)?;
    let fitted = decimal.rescale(scale).ok_or_else(too_many_digits)?;
    let is_exact = decimal.scale <= scale || fitted.rescale(decimal.scale) == Some(decimal);
    if is_exact { Ok(fitted.unscaled) } else { Err(too_many_digits()) }
}

/// Parses a numeric and applies its type's modifier.
pub(super) fn parse_numeric(ty: PgType, text: &str) -> Result<Decimal> {
    number_of_type(&number_text(text)?, ty)
}

fn number_text(text: &str) -> Result<NumberText<'_>> {
    let trimmed = text.trim_ascii();
    let number = NumberText::split(trimmed.as_bytes()).ok_or_else(|| not_a_number(text, trimmed))?;
    if !number.fits_postgresql() {
        return Err(SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format"));
    }
    Ok(number)
}

/// With a modifier the number is rounded to its scale; without one it must have room as it is.
fn number_of_type(number: &NumberText<'_>, ty: PgType) -> Result<Decimal> {
    match ty.numeric_precision_scale() {
        Some((precision, scale)) => {
            let rounded = number.round_to(scale).ok_or_else(|| field_overflow(precision, scale))?;
            rounded.fit(precision, scale)
        }
        None => {
            let scale = i8::try_from(number.fraction_len()).map_err(|_| too_many_digits())?;
            let has_room = number.whole_len().max(0) + i64::from(scale) <= i64::from(DECIMAL256_PRECISION_MAX);
            number.round_to(scale).filter(|_| has_room).ok_or_else(too_many_digits)
        }
    }
}

#[cold]
fn not_a_number(text: &str, trimmed: &str) -> SqlError {
    let unsigned = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed).to_ascii_lowercase();
    if matches!(unsigned.as_str(), "inf" | "infinity") || trimmed.eq_ignore_ascii_case("nan") {
        return not_finite(trimmed);
    }
    SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid input syntax for type numeric: \"{text}\""))
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

/// Writes `unscaled / 10^scale`; a negative scale appends zeros.
pub(super) fn write_i128(unscaled: i128, scale: i8, out: &mut BytesMut) {
    let mut buffer = itoa::Buffer::new();
    write_digits(unscaled < 0, buffer.format(unscaled.unsigned_abs()).as_bytes(), scale, out);
}

/// Writes `unscaled / 10^scale`; a negative scale appends zeros.
pub(super) fn write_i256(unscaled: i256, scale: i8, out: &mut BytesMut) {
    match unscaled.to_i128() {
        Some(small) => write_i128(small, scale, out),
        None => {
            let text = unscaled.to_string();
            write_digits(unscaled.is_negative(), text.trim_start_matches('-').as_bytes(), scale, out);
        }
    }
}

fn write_digits(is_negative: bool, digits: &[u8], scale: i8, out: &mut BytesMut) {
    if is_negative {
        out.put_u8(b'-');
    }
    let Ok(scale) = usize::try_from(scale) else {
        out.extend_from_slice(digits);
        let zeros = if digits == b"0" { 0 } else { usize::from(scale.unsigned_abs()) };
        return out.put_bytes(b'0', zeros);
    };
    if scale == 0 {
        return out.extend_from_slice(digits);
    }
    if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        out.extend_from_slice(whole);
        out.put_u8(b'.');
        out.extend_from_slice(fraction);
    } else {
        out.extend_from_slice(b"0.");
        out.put_bytes(b'0', scale - digits.len());
        out.extend_from_slice(digits);
    }
}

/// Writes PostgreSQL's binary numeric: counts of base-10000 digits, weight, sign, display scale, the digits.
pub(super) fn write_binary(unscaled: i256, scale: i8, out: &mut BytesMut) {
    let text = unscaled.to_string();
    let is_negative = unscaled.is_negative();
    let mut digits: Vec<u8> = text.trim_start_matches('-').bytes().map(|byte| byte - b'0').collect();
    let shown_scale = u16::try_from(scale).unwrap_or(0);
    if scale < 0 {
        digits.resize(digits.len() + usize::from(scale.unsigned_abs()), 0);
    }
    let (groups, weight) = group_digits(&digits, i32::from(shown_scale));
    out.put_u16(groups.len() as u16);
    out.put_i16(if groups.is_empty() { 0 } else { weight });
    out.put_u16(if is_negative { BINARY_NEGATIVE } else { 0 });
    out.put_u16(shown_scale);
    groups.iter().for_each(|group| out.put_u16(*group));
}

/// Base-10000 digits without zeros at either end, and the power of 10000 of the first.
fn group_digits(digits: &[u8], scale: i32) -> (Vec<u16>, i16) {
    let whole = digits.len() as i32 - scale;
    let lead = (BINARY_DIGIT_DIGITS - whole.rem_euclid(BINARY_DIGIT_DIGITS)) % BINARY_DIGIT_DIGITS;
    let mut padded = vec![0; lead as usize];
    padded.extend_from_slice(digits);
    padded.resize(padded.len().next_multiple_of(BINARY_DIGIT_DIGITS as usize), 0);
    let group = |chunk: &[u8]| chunk.iter().fold(0_u16, |sum, digit| sum * 10 + u16::from(*digit));
    let groups: Vec<u16> = padded.chunks(BINARY_DIGIT_DIGITS as usize).map(group).collect();
    let zeros = groups.iter().take_while(|group| **group == 0).count();
    let end = groups.iter().rposition(|group| *group != 0).map_or(zeros, |last| last + 1);
    let weight = (whole + lead) / BINARY_DIGIT_DIGITS - 1 - zeros as i32;
    (groups[zeros.min(end)..end].to_vec(), weight as i16)
}

/// Reads PostgreSQL's binary numeric and applies its type's modifier; `None` if the bytes are not one, an error of
/// [`parse_decimal`] if it has no place here.
pub(super) fn read_binary(ty: PgType, bytes: &[u8]) -> Option<Result<Decimal>> {
    let header = bytes.get(..8)?;
    let field = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let (count, weight, sign, scale) = (usize::from(field(0)), field(2) as i16, field(4), field(6));
    let body = &bytes[8..];
    if body.len() != count * 2 || i64::from(scale) > NUMERIC_FRACTION_DIGITS_MAX {
        return None;
    }
    let is_negative = match sign {
        0 => false,
        BINARY_NEGATIVE => true,
        BINARY_NAN => return Some(Err(not_finite("NaN"))),
        BINARY_POSITIVE_INFINITY => return Some(Err(not_finite("Infinity"))),
        BINARY_NEGATIVE_INFINITY => return Some(Err(not_finite("-Infinity"))),
        _ => return None,
    };
    let mut digits = Vec::with_capacity(count * BINARY_DIGIT_DIGITS as usize);
    for pair in body.chunks_exact(2) {
        let group = u16::from_be_bytes([pair[0], pair[1]]);
        if group > 9999 {
            return None;
        }
        digits.extend([group / 1000, group / 100 % 10, group / 10 % 10, group % 10].map(|d| d as u8 + b'0'));
    }
    let exponent = (i64::from(weight) + 1 - count as i64) * i64::from(BINARY_DIGIT_DIGITS);
    let number = NumberText { is_negative, whole: &digits, fraction: &[], exponent };
    // The shown scale decides for a bare numeric, and may be wider or narrower than the digits that were sent.
    let shown = || {
        let shown = i8::try_from(scale).ok().and_then(|scale| number.round_to(scale));
        shown.filter(|d| d.whole_digits() + i32::from(d.scale) <= i32::from(DECIMAL256_PRECISION_MAX))
    };
    Some(match ty.numeric_precision_scale() {
        Some(_) => number_of_type(&number, ty),
        None => shown().ok_or_else(too_many_digits),
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(decimal: Decimal) -> String {
        let mut out = BytesMut::new();
        write_i256(decimal.unscaled, decimal.scale, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn texts_read_as_postgresql_reads_them() {
        let cases = [
            ("12.50", "12.50"),
            (" 12.50 ", "12.50"),
            ("1e5", "100000"),
            ("1.5e-3", "0.0015"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0", "0"),
            ("-0.00", "0.00"),
            ("1.0e2", "100"),
            ("007", "7"),
            ("+1", "1"),
            ("1E-3", "0.001"),
            ("99999999999999999999999999999999999999999.5", "99999999999999999999999999999999999999999.5"),
        ];
        for (input, output) in cases {
            assert_eq!(text(parse_decimal(input).unwrap()), output, "{input}");
            assert_eq!(plain_text(input.trim().as_bytes()).as_deref(), Some(output), "{input}");
        }
    }

    #[test]
    fn what_is_no_number_or_too_large_has_postgresqls_code() {
        for input in ["", "x", "1e", "1.2.3", "--1", "1 2", "0x1f", "e5", "."] {
            assert_eq!(parse_decimal(input).unwrap_err().code, SqlState::INVALID_TEXT_REPRESENTATION, "{input}");
        }
        for input in ["NaN", "inf", "-Infinity", "1e999999", "1e76", "1e-77", &"9".repeat(77)] {
            assert_eq!(parse_decimal(input).unwrap_err().code, SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "{input}");
        }
        assert!(parse_decimal("NaN").unwrap_err().hint.is_some());
    }

    #[test]
    fn modifiers_round_half_away_from_zero() {
        let fit = |input: &str, p, s| parse_numeric(PgType::numeric(p, s), input).map(text);
        assert_eq!(fit(&format!("0.00{}", "49".repeat(60)), 5, 2).unwrap(), "0.00");
        assert_eq!(fit(&format!("0.004{}", "9".repeat(90)), 5, 2).unwrap(), "0.00");
        assert_eq!(fit("1e400", 5, 2).unwrap_err().message, "numeric field overflow");
        assert_eq!(fit("2.5", 5, 0).unwrap(), "3");
        assert_eq!(fit("-2.5", 5, 0).unwrap(), "-3");
        assert_eq!(fit("2.4449", 5, 2).unwrap(), "2.44");
        assert_eq!(fit("999.99499", 5, 2).unwrap(), "999.99");
        assert_eq!(fit("12345", 5, -2).unwrap(), "12300");
        let error = fit("999.995", 5, 2).unwrap_err();
        assert_eq!(error.message, "numeric field overflow");
        let detail = "A field with precision 5, scale 2 must round to an absolute value less than 10^3.";
        assert_eq!(error.detail.as_deref(), Some(detail));
    }

    #[test]
    fn binary_form_is_postgresqls() {
        let cases: [(&str, &[u8]); 4] = [
            ("0", &[0, 0, 0, 0, 0, 0, 0, 0]),
            ("-12345.678", &[0, 3, 0, 1, 0x40, 0, 0, 3, 0, 1, 0x09, 0x29, 0x1a, 0x7c]),
            ("0.0001", &[0, 1, 0xff, 0xff, 0, 0, 0, 4, 0, 1]),
            ("10000", &[0, 1, 0, 1, 0, 0, 0, 0, 0, 1]),
        ];
        for (input, bytes) in cases {
            let decimal = parse_decimal(input).unwrap();
            let mut out = BytesMut::new();
            write_binary(decimal.unscaled, decimal.scale, &mut out);
            assert_eq!(&out[..], bytes, "{input}");
        }
    }

    proptest! {
        #[test]
        fn text_and_binary_round_trip(value in any::<i128>(), small in any::<bool>(), scale in 0_i8..=38) {
            let unscaled = i256::from_i128(if small { value >> 90 } else { value });
            let decimal = Decimal { unscaled, scale };
            prop_assert_eq!(parse_decimal(&text(decimal)).unwrap(), decimal);
            let mut out = BytesMut::new();
            write_binary(unscaled, scale, &mut out);
            prop_assert_eq!(read_binary(PgType::NUMERIC, &out).unwrap().unwrap(), decimal);
        }

        #[test]
        fn the_short_way_agrees_with_the_long_one(input in "-?[0-9]{0,9}(\\.[0-9]{0,4})?") {
            if let Some(value) = parse_plain(input.as_bytes(), 3) {
                let long = parse_decimal(&input).unwrap().rescale(3).unwrap();
                prop_assert_eq!(long.unscaled, i256::from_i128(i128::from(value)));
            }
        }

        #[test]
        fn damaged_binary_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            let _ = read_binary(PgType::NUMERIC, &bytes);
        }
    }
}
