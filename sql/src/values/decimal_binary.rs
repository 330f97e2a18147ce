//! PostgreSQL's binary form of a numeric: base-10000 digits with a weight, a sign and a display scale.

use arrow::datatypes::i256;
use bytes::{BufMut, BytesMut};
use peristyle_catalog::model::PgType;
use peristyle_storage::special_numeric::Special;
use peristyle_storage::types::DECIMAL256_PRECISION_MAX;

use super::decimal::{Decimal, number_of_type, too_many_digits};
use super::number_text::{NUMERIC_FRACTION_DIGITS_MAX, NumberText};
use crate::error::Result;

/// Decimal digits of one digit of the binary form.
const BINARY_DIGIT_DIGITS: i32 = 4;
const BINARY_NEGATIVE: u16 = 0x4000;
const BINARY_NAN: u16 = 0xC000;
const BINARY_POSITIVE_INFINITY: u16 = 0xD000;
const BINARY_NEGATIVE_INFINITY: u16 = 0xF000;
/// Most base-10000 digits of 128 bits.
const SMALL_DIGITS_MAX: usize = 10;
const HEADER_BYTES: usize = 8;
/// The display scale that PostgreSQL sends with an infinity.
const INFINITY_SCALE: u16 = 32;

/// Writes PostgreSQL's binary numeric: counts of base-10000 digits, weight, sign, display scale, the digits.
pub(super) fn write_binary(unscaled: i256, scale: i8, out: &mut BytesMut) {
    if let Some(special) = Special::of(unscaled) {
        return write_special(special, out);
    }
    if unscaled.to_i128().is_none_or(|small| !write_small(small, scale, out)) {
        write_large(unscaled, scale, out);
    }
}

/// The same, where the digits of base 10000 fit 128 bits: by division. `false`, with nothing written, where they do not.
fn write_small(unscaled: i128, scale: i8, out: &mut BytesMut) -> bool {
    let Ok(shown_scale) = u16::try_from(scale) else { return false };
    // The point lies between two digits of base 10000.
    let padding = (4 - u32::from(shown_scale) % 4) % 4;
    let Some(mut rest) = unscaled.unsigned_abs().checked_mul(10_u128.pow(padding)) else { return false };
    let mut digits = [0_u16; SMALL_DIGITS_MAX];
    let mut first = SMALL_DIGITS_MAX;
    let mut put = |digit| {
        first -= 1;
        digits[first] = digit;
    };
    while rest > u128::from(u64::MAX) {
        put((rest % 10_000) as u16);
        rest /= 10_000;
    }
    let mut rest = rest as u64;
    while rest > 0 {
        put((rest % 10_000) as u16);
        rest /= 10_000;
    }
    let fraction = usize::from(shown_scale).div_ceil(4);
    let weight = SMALL_DIGITS_MAX as i32 - first as i32 - fraction as i32 - 1;
    let digits = &digits[first..];
    let digits = &digits[..digits.iter().rposition(|&digit| digit != 0).map_or(0, |last| last + 1)];
    let sign = if unscaled < 0 { BINARY_NEGATIVE } else { 0 };
    let weight = if digits.is_empty() { 0 } else { weight as u16 };
    let mut bytes = [0; HEADER_BYTES + 2 * SMALL_DIGITS_MAX];
    let parts = [digits.len() as u16, weight, sign, shown_scale].into_iter().chain(digits.iter().copied());
    for (place, part) in bytes.chunks_exact_mut(2).zip(parts) {
        place.copy_from_slice(&part.to_be_bytes());
    }
    out.put_slice(&bytes[..HEADER_BYTES + 2 * digits.len()]);
    true
}

/// The same for numbers of any width, by their decimal digits.
pub(super) fn write_large(unscaled: i256, scale: i8, out: &mut BytesMut) {
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

fn write_special(special: Special, out: &mut BytesMut) {
    let (sign, scale) = match special {
        Special::NaN => (BINARY_NAN, 0),
        Special::Infinity => (BINARY_POSITIVE_INFINITY, INFINITY_SCALE),
        Special::NegativeInfinity => (BINARY_NEGATIVE_INFINITY, INFINITY_SCALE),
    };
    [0, 0, sign, scale].into_iter().for_each(|field| out.put_u16(field));
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
/// [`super::parse_decimal`] if it has no place here.
pub(super) fn read_binary(ty: PgType, bytes: &[u8]) -> Option<Result<Decimal>> {
    let header = bytes.get(..8)?;
    let field = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let (count, weight, sign, scale) = (usize::from(field(0)), field(2) as i16, field(4), field(6));
    let body = &bytes[8..];
    if body.len() != count * 2 || i64::from(scale) > NUMERIC_FRACTION_DIGITS_MAX {
        return None;
    }
    let special = |special: Special| Some(Decimal::from(special).with_modifier(ty));
    let is_negative = match sign {
        0 => false,
        BINARY_NEGATIVE => true,
        BINARY_NAN => return special(Special::NaN),
        BINARY_POSITIVE_INFINITY => return special(Special::Infinity),
        BINARY_NEGATIVE_INFINITY => return special(Special::NegativeInfinity),
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
