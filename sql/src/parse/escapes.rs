//! `E'…'` whose escapes are bytes that are no text.

use crate::error::{SqlError, SqlState};

/// The error of a literal that a text begins with, if its escapes of bytes are why it was not read: 22021 where they are
/// no UTF-8, else 0A000.
pub(super) fn error_of(text: &str) -> Option<SqlError> {
    let body = text.strip_prefix("E'").or_else(|| text.strip_prefix("e'"))?;
    let bytes = unescaped(body.as_bytes())?;
    match std::str::from_utf8(&bytes) {
        Ok(_) if bytes.is_ascii() => None,
        Ok(_) => Some(SqlError::unsupported("an escape of a byte beyond ASCII in a string is not supported")),
        Err(error) => {
            let from = error.valid_up_to();
            let length = error.error_len().unwrap_or(1);
            let shown: Vec<String> = bytes[from..from + length].iter().map(|byte| format!("0x{byte:02x}")).collect();
            let message = format!("invalid byte sequence for encoding \"UTF8\": {}", shown.join(" "));
            Some(SqlError::new(SqlState::CHARACTER_NOT_IN_REPERTOIRE, message))
        }
    }
}

/// The bytes of a literal up to its quote, escapes of bytes alone being read; `None` if it has no end.
fn unescaped(body: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut at = 0;
    loop {
        match (body.get(at)?, body.get(at + 1)) {
            (b'\'', Some(b'\'')) => at += 2,
            (b'\'', _) => return Some(bytes),
            (b'\\', Some(b'x')) => at += 2 + digits(&body[at + 2..], 2, 16, &mut bytes),
            (b'\\', Some(b'0'..=b'7')) => at += 1 + digits(&body[at + 1..], 3, 8, &mut bytes),
            (b'\\', _) => at += 2,
            (byte, _) => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
}

/// Reads the digits of one byte; how many there are.
fn digits(text: &[u8], most: usize, radix: u32, bytes: &mut Vec<u8>) -> usize {
    let count = text.iter().take(most).take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let number = std::str::from_utf8(&text[..count]).ok().and_then(|digits| u32::from_str_radix(digits, radix).ok());
    bytes.extend(number.map(|number| number as u8));
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_told_from_other_faults() {
        let code = |text: &str| error_of(text).map(|error| error.code);
        assert_eq!(code(r"E'a\xff' more"), Some(SqlState::CHARACTER_NOT_IN_REPERTOIRE));
        assert_eq!(code(r"e'\377'"), Some(SqlState::CHARACTER_NOT_IN_REPERTOIRE));
        assert_eq!(code(r"E'\xc3\xa9'"), Some(SqlState::FEATURE_NOT_SUPPORTED));
        assert_eq!(code(r"E'\x41"), None);
        assert_eq!(code("'a"), None);
    }
}
