//! Reading bit(n) and bit varying(n), and fitting values to n.

use peristyle_catalog::model::PgType;
use peristyle_storage::packed::Bits;

use super::binary_input::incorrect;
use super::names::type_name;
use super::scalar_text::hex_digit;
use crate::error::{Result, SqlError, SqlState};

const BITS_OF_HEX_DIGIT: usize = 4;
const LENGTH_BYTES: usize = 4;

/// The bits of a text: digits of 0 and 1, with or without `b` in front, or hexadecimal ones behind `x`.
pub(crate) fn parse_bits(text: &str) -> Result<Bits> {
    match text.strip_prefix(['x', 'X']) {
        Some(digits) => hexadecimal(digits),
        None => binary(text.strip_prefix(['b', 'B']).unwrap_or(text)),
    }
}

fn binary(digits: &str) -> Result<Bits> {
    let bit = |digit: char| match digit {
        '0' => Ok(false),
        '1' => Ok(true),
        _ => Err(no_digit(digit, "binary")),
    };
    digits.chars().map(bit).collect::<Result<_>>().map(Bits)
}

fn hexadecimal(digits: &str) -> Result<Bits> {
    let mut bits = Vec::with_capacity(digits.len() * BITS_OF_HEX_DIGIT);
    for digit in digits.chars() {
        let value = u8::try_from(digit).ok().and_then(hex_digit).ok_or_else(|| no_digit(digit, "hexadecimal"))?;
        bits.extend((0..BITS_OF_HEX_DIGIT).rev().map(|at| value >> at & 1 == 1));
    }
    Ok(Bits(bits))
}

#[cold]
fn no_digit(digit: char, system: &str) -> SqlError {
    let message = format!("\"{digit}\" is not a valid {system} digit");
    SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, message)
}

/// How many bits there are, then the bits.
pub(super) fn read_bits(bytes: &[u8]) -> Result<Bits> {
    let (length, bytes) = bytes.split_first_chunk::<LENGTH_BYTES>().ok_or_else(incorrect)?;
    let length = usize::try_from(i32::from_be_bytes(*length))
        .map_err(|_| SqlError::new(SqlState::INVALID_BINARY_REPRESENTATION, "invalid length in external bit string"))?;
    if bytes.len() == length.div_ceil(8) { Ok(Bits::from_bytes(bytes, length)) } else { Err(incorrect()) }
}

/// The bits as a column of that type takes them: 22026 for another number than that of bit(n), 22001 for more than bit
/// varying(n) holds.
pub(crate) fn checked_bits(bits: Bits, ty: PgType) -> Result<Bits> {
    match ty.bit_limit() {
        Some(limit) if ty.oid != PgType::VARBIT.oid && bits.0.len() != limit => {
            let message = format!("bit string length {} does not match type {}", bits.0.len(), type_name(ty));
            Err(SqlError::new(SqlState::STRING_DATA_LENGTH_MISMATCH, message))
        }
        Some(limit) if bits.0.len() > limit => {
            let message = format!("bit string too long for type {}", type_name(ty));
            Err(SqlError::new(SqlState::STRING_DATA_RIGHT_TRUNCATION, message))
        }
        _ => Ok(bits),
    }
}

/// The bits as an explicit cast to that type gives them: cut, and for bit(n) filled up with zeros.
pub(crate) fn cut_bits(mut bits: Bits, ty: PgType) -> Bits {
    if let Some(limit) = ty.bit_limit() {
        let is_fixed = ty.oid != PgType::VARBIT.oid;
        let length = if is_fixed { limit } else { limit.min(bits.0.len()) };
        bits.0.resize(length, false);
    }
    bits
}
