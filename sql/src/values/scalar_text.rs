//! Reading booleans, integers, floats, uuids, bytea and character strings.

use peristyle_catalog::model::PgType;

use super::names::type_name;
use crate::charset::{Charset, invalid_sequence};
use crate::error::{Result, SqlError, SqlState};

/// 22P02: `invalid input syntax for type integer: "abc"`.
#[cold]
pub(super) fn invalid_syntax(type_name: &str, text: &str) -> SqlError {
    SqlError::new(
        SqlState::INVALID_TEXT_REPRESENTATION,
        format!("invalid input syntax for type {type_name}: \"{text}\""),
    )
}

#[cold]
fn out_of_range(type_name: &str, text: &str) -> SqlError {
    SqlError::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("value \"{text}\" is out of range for type {type_name}"),
    )
}

/// Parses a boolean: `1`, `0`, `on`, `off`, and any unambiguous start of `true`, `false`, `yes`, `no`, `off`.
pub fn parse_bool(text: &str) -> Result<bool> {
    let lower = text.trim_ascii().to_ascii_lowercase();
    let starts = |word: &str, shortest: usize| lower.len() >= shortest && word.starts_with(lower.as_str());
    if starts("true", 1) || starts("yes", 1) || lower == "on" || lower == "1" {
        return Ok(true);
    }
    if starts("false", 1) || starts("no", 1) || starts("off", 2) || lower == "0" {
        return Ok(false);
    }
    Err(invalid_syntax("boolean", text))
}

/// Parses an integer of up to 64 bits; the type's own range is `T`'s.
pub fn parse_int<T: TryFrom<i64>>(text: &str, type_name: &str) -> Result<T> {
    let trimmed = text.trim_ascii();
    match parse_i64(trimmed.as_bytes()) {
        Ok(value) => T::try_from(value).map_err(|_| out_of_range(type_name, text)),
        Err(IntFault::Syntax) => Err(invalid_syntax(type_name, text)),
        Err(IntFault::Range) => Err(out_of_range(type_name, text)),
    }
}

/// Parses an oid: unsigned, or negative and wrapped as C's strtoul wraps it.
pub fn parse_oid(text: &str) -> Result<u32> {
    let value: i64 = parse_int(text, "oid")?;
    let wrapped = if value < 0 { value + (1 << 32) } else { value };
    let in_range = value >= i64::from(i32::MIN);
    u32::try_from(wrapped).ok().filter(|_| in_range).ok_or_else(|| out_of_range("oid", text))
}

enum IntFault {
    Syntax,
    Range,
}

fn parse_i64(text: &[u8]) -> std::result::Result<i64, IntFault> {
    let (is_negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(IntFault::Syntax);
    }
    // Eighteen digits cannot overflow.
    if digits.len() <= 18 {
        let value = digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        return Ok(if is_negative { -value } else { value });
    }
    let step = |sum: i64, digit: &u8| sum.checked_mul(10)?.checked_sub(i64::from(digit - b'0'));
    let negated = digits.iter().try_fold(0, step).ok_or(IntFault::Range)?;
    if is_negative { Ok(negated) } else { negated.checked_neg().ok_or(IntFault::Range) }
}

/// Parses a double; NaN is the one positive NaN.
pub fn parse_f64(text: &str) -> Result<f64> {
    let trimmed = text.trim_ascii();
    let value: f64 = trimmed.parse().map_err(|_| invalid_syntax("double precision", text))?;
    if is_lost(value == 0.0, value.is_infinite(), trimmed) {
        return Err(float_out_of_range(trimmed, "double precision"));
    }
    Ok(canonical_f64(value))
}

/// Parses a real; NaN is the one positive NaN.
pub fn parse_f32(text: &str) -> Result<f32> {
    let trimmed = text.trim_ascii();
    let value: f32 = trimmed.parse().map_err(|_| invalid_syntax("real", text))?;
    if is_lost(value == 0.0, value.is_infinite(), trimmed) {
        return Err(float_out_of_range(trimmed, "real"));
    }
    Ok(canonical_f32(value))
}

/// The one NaN that is stored.
pub fn canonical_f64(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}

/// The one NaN that is stored.
pub fn canonical_f32(value: f32) -> f32 {
    if value.is_nan() { f32::NAN } else { value }
}

/// Whether digits became infinity, or something other than zero became zero.
fn is_lost(is_zero: bool, is_infinite: bool, text: &str) -> bool {
    let mantissa = || text.bytes().take_while(|b| !matches!(b, b'e' | b'E'));
    (is_infinite && text.ends_with(|c: char| c.is_ascii_digit() || c == '.'))
        || (is_zero && mantissa().any(|b| matches!(b, b'1'..=b'9')))
}

#[cold]
fn float_out_of_range(text: &str, type_name: &str) -> SqlError {
    SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("\"{text}\" is out of range for type {type_name}"))
}

/// Parses a uuid: 32 hexadecimal digits in either case, a hyphen allowed after every four, braces around them.
pub fn parse_uuid(text: &str) -> Result<[u8; 16]> {
    uuid_bytes(text).ok_or_else(|| invalid_syntax("uuid", text))
}

fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let inner = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}')?,
        None => text,
    };
    let mut bytes = [0; 16];
    let mut rest = inner.as_bytes();
    for (i, byte) in bytes.iter_mut().enumerate() {
        let (pair, tail) = rest.split_first_chunk::<2>()?;
        *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
        let may_part = i % 2 == 1 && i < 15 && tail.first() == Some(&b'-');
        rest = if may_part { &tail[1..] } else { tail };
    }
    rest.is_empty().then_some(bytes)
}

pub(super) fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Parses bytea in its hex (`\x0aff`) or escape (`a\000\\`) form.
pub fn parse_bytea(text: &str) -> Result<Vec<u8>> {
    match text.strip_prefix("\\x") {
        Some(hex) => parse_hex_bytes(hex),
        None => parse_escaped_bytes(text.as_bytes()),
    }
}

/// Parses pairs of hexadecimal digits.
pub fn parse_hex_bytes(hex: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(hex.len() / 2);
    let mut chars = hex.chars();
    let digit = |c: char| {
        let value = u8::try_from(c).ok().and_then(hex_digit);
        value.ok_or_else(|| invalid_parameter(format!("invalid hexadecimal digit: \"{c}\"")))
    };
    while let Some(high) = chars.next() {
        // White space may stand between bytes, not within one.
        if matches!(high, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        let high = digit(high)?;
        let Some(low) = chars.next() else {
            return Err(invalid_parameter("invalid hexadecimal data: odd number of digits".to_owned()));
        };
        bytes.push(high << 4 | digit(low)?);
    }
    Ok(bytes)
}

#[cold]
fn invalid_parameter(message: String) -> SqlError {
    SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// Parses bytes with `\\\\` and `\\ooo` in octal.
pub fn parse_escaped_bytes(text: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        (rest, _) = match (first, tail) {
            (b'\\', [b'\\', tail @ ..]) => (tail, bytes.push(b'\\')),
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..]) => {
                (tail, bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0')))
            }
            (b'\\', _) => {
                let message = "invalid input syntax for type bytea";
                return Err(SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, message));
            }
            (byte, tail) => (tail, bytes.push(byte)),
        };
    }
    Ok(bytes)
}

/// Checks that the bytes are text that PostgreSQL would store: UTF-8 without NUL (22021).
pub fn checked_utf8(bytes: &[u8]) -> Result<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => reject_nul(text).map(|()| text),
        Err(error) => Err(invalid_utf8(&bytes[error.valid_up_to()..])),
    }
}

/// 22021 if the text holds a NUL.
pub(super) fn reject_nul(text: &str) -> Result<()> {
    if memchr::memchr(0, text.as_bytes()).is_some() { Err(invalid_utf8(b"\0")) } else { Ok(()) }
}

/// The error for bytes that are not UTF-8; they begin at the fault and are shown as far as one character reaches.
#[cold]
pub fn invalid_utf8(bytes: &[u8]) -> SqlError {
    let wanted = match bytes.first() {
        Some(0xC0..0xE0) => 2,
        Some(0xE0..0xF0) => 3,
        Some(0xF0..0xF8) => 4,
        _ => 1,
    };
    invalid_sequence(Charset::UTF8, &bytes[..wanted.min(bytes.len())])
}

/// Applies `varchar(n)` and `char(n)`: 22001 if characters other than blanks would be cut. char(n) is stored without
/// trailing blanks.
pub fn fit_characters(text: &str, ty: PgType, is_blank_padded: bool) -> Result<&str> {
    let fitted = match ty.character_limit() {
        Some(limit) if text.len() > limit => cut_blanks(text, limit, ty)?,
        _ => text,
    };
    Ok(if is_blank_padded { fitted.trim_end_matches(' ') } else { fitted })
}

fn cut_blanks(text: &str, limit: usize, ty: PgType) -> Result<&str> {
    let Some((end, _)) = text.char_indices().nth(limit) else { return Ok(text) };
    if text[end..].bytes().all(|byte| byte == b' ') {
        return Ok(&text[..end]);
    }
    let element = ty.element().unwrap_or(ty);
    Err(SqlError::new(
        SqlState::STRING_DATA_RIGHT_TRUNCATION,
        format!("value too long for type {}", type_name(element)),
    ))
}

/// The first byte of a `"char"`'s text; further ones are cut, as PostgreSQL cuts them.
pub(super) fn first_char(text: &str) -> &str {
    let end = text.chars().next().map_or(0, char::len_utf8);
    &text[..end]
}

/// A name is cut to 63 bytes, at a character's end.
pub(super) fn fit_name(text: &str) -> &str {
    const NAME_BYTES_MAX: usize = 63;
    &text[..text.floor_char_boundary(NAME_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans() {
        for text in ["t", "true", "TRUE", "tr", "y", "yes", "on", "1", " true "] {
            assert!(parse_bool(text).unwrap(), "{text}");
        }
        for text in ["f", "false", "n", "no", "of", "off", "0"] {
            assert!(!parse_bool(text).unwrap(), "{text}");
        }
        for text in ["", "o", "2", "truee", "x"] {
            assert_eq!(parse_bool(text).unwrap_err().code, SqlState::INVALID_TEXT_REPRESENTATION, "{text}");
        }
    }

    #[test]
    fn integers() {
        assert_eq!(parse_int::<i32>(" +12 ", "integer").unwrap(), 12);
        assert_eq!(parse_int::<i64>("-9223372036854775808", "bigint").unwrap(), i64::MIN);
        assert_eq!(parse_int::<i64>("0000000000000000000000009", "bigint").unwrap(), 9);
        for text in ["", "abc", "1e3", "1_000", "1 2", "0x10", "+", "1.0"] {
            let error = parse_int::<i32>(text, "integer").unwrap_err();
            assert_eq!(error.message, format!("invalid input syntax for type integer: \"{text}\""));
        }
        let error = parse_int::<i32>("99999999999", "integer").unwrap_err();
        assert_eq!(error.message, "value \"99999999999\" is out of range for type integer");
        assert_eq!(error.code, SqlState::NUMERIC_VALUE_OUT_OF_RANGE);
        assert!(parse_int::<i64>("9223372036854775808", "bigint").is_err());
        assert_eq!(parse_oid("-1").unwrap(), u32::MAX);
        assert!(parse_oid("4294967296").is_err());
    }

    #[test]
    fn floats() {
        assert_eq!(parse_f64(" 1e3 ").unwrap(), 1000.0);
        assert_eq!(parse_f64("-Infinity").unwrap(), f64::NEG_INFINITY);
        assert_eq!(parse_f64("inf").unwrap(), f64::INFINITY);
        assert!(parse_f64("-NaN").unwrap().is_sign_positive(), "there is one NaN");
        assert_eq!(parse_f64("0e500").unwrap(), 0.0);
        assert_eq!(parse_f64("1e400").unwrap_err().message, "\"1e400\" is out of range for type double precision");
        assert_eq!(parse_f64("1e-400").unwrap_err().code, SqlState::NUMERIC_VALUE_OUT_OF_RANGE);
        assert_eq!(parse_f32("1e40").unwrap_err().message, "\"1e40\" is out of range for type real");
        for text in ["", "x", "1e", "1,5"] {
            assert_eq!(parse_f64(text).unwrap_err().code, SqlState::INVALID_TEXT_REPRESENTATION, "{text}");
        }
    }

    #[test]
    fn uuids() {
        let bytes = parse_uuid("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11").unwrap();
        for text in [
            "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
            "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11",
        ] {
            assert_eq!(parse_uuid(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "a0eebc99", "{a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11-", "é"] {
            assert_eq!(parse_uuid(text).unwrap_err().code, SqlState::INVALID_TEXT_REPRESENTATION, "{text}");
        }
    }

    #[test]
    fn byteas() {
        assert_eq!(parse_bytea("\\x01 fF").unwrap(), [1, 255]);
        assert!(parse_bytea("\\x0 1").is_err());
        assert_eq!(parse_bytea("a\\\\b\\000\\377").unwrap(), b"a\\b\0\xff");
        assert_eq!(parse_bytea("\\xzz").unwrap_err().message, "invalid hexadecimal digit: \"z\"");
        assert_eq!(parse_bytea("\\x123").unwrap_err().code, SqlState::INVALID_PARAMETER_VALUE);
        assert_eq!(parse_bytea("a\\1").unwrap_err().code, SqlState::INVALID_TEXT_REPRESENTATION);
    }

    #[test]
    fn characters() {
        let cut = |text, ty, padded| fit_characters(text, ty, padded).map(str::to_owned);
        assert_eq!(cut("ab  ", PgType::varchar(3), false).unwrap(), "ab ");
        assert_eq!(cut("ab  ", PgType::bpchar(3), true).unwrap(), "ab");
        assert_eq!(cut("äöü", PgType::varchar(3), false).unwrap(), "äöü");
        let error = cut("abcd", PgType::varchar(3), false).unwrap_err();
        assert_eq!(error.message, "value too long for type character varying(3)");
        assert_eq!(error.code.code(), "22001");
        let error = checked_utf8(b"ab\xffc").unwrap_err();
        assert_eq!(error.message, "invalid byte sequence for encoding \"UTF8\": 0xff");
        assert_eq!(checked_utf8(b"a\0").unwrap_err().message, "invalid byte sequence for encoding \"UTF8\": 0x00");
    }
}
