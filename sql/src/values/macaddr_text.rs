//! Reading macaddr and macaddr8: hexadecimal digits in groups of one, two or three bytes, or without groups.

use peristyle_storage::packed::{Macaddr, Macaddr8};

use super::scalar_text::hex_digit;
use crate::error::{Result, SqlError, SqlState};

/// What may stand between groups, and how many bytes the groups have.
const GROUPS: &[(char, usize)] = &[(':', 1), ('-', 1), (':', 3), ('-', 3), ('.', 2), ('-', 2)];
const BYTES: usize = 6;

/// An address of six bytes. A byte that stands by itself may have any number of digits: 22003 if it is too great.
pub(super) fn parse_macaddr(text: &str) -> Result<Macaddr> {
    let inner = text.trim_ascii();
    let whole = || bytes_of(inner).filter(|bytes| bytes.len() == BYTES);
    let numbers = [':', '-'].into_iter().find_map(|spacer| numbers_of(inner, spacer));
    let bytes = match numbers {
        Some(numbers) => numbers
            .into_iter()
            .map(|number| u8::try_from(number).map_err(|_| invalid_octet(text)))
            .collect::<Result<_>>()?,
        None => grouped(inner).or_else(whole).ok_or_else(|| invalid("macaddr", text))?,
    };
    bytes.try_into().map(Macaddr).map_err(|_| invalid("macaddr", text))
}

/// An address of eight bytes, or one of six, which becomes one of eight.
pub(super) fn parse_macaddr8(text: &str) -> Result<Macaddr8> {
    let bytes = spaced(text.trim_ascii()).ok_or_else(|| invalid("macaddr8", text))?;
    if let Ok(whole) = bytes.as_slice().try_into() {
        return Ok(Macaddr8(whole));
    }
    let short = bytes.try_into().map_err(|_| invalid("macaddr8", text))?;
    Ok(Macaddr(short).into())
}

#[cold]
fn invalid(name: &str, text: &str) -> SqlError {
    let message = format!("invalid input syntax for type {name}: \"{text}\"");
    SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, message)
}

#[cold]
fn invalid_octet(text: &str) -> SqlError {
    let message = format!("invalid octet value in \"macaddr\" value: \"{text}\"");
    SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
}

/// Six numbers with that between them.
fn numbers_of(text: &str, spacer: char) -> Option<Vec<u32>> {
    let numbers: Option<Vec<u32>> = text.split(spacer).map(|digits| u32::from_str_radix(digits, 16).ok()).collect();
    numbers.filter(|numbers| numbers.len() == BYTES)
}

/// Groups of as many bytes as [`GROUPS`] lets stand between what stands between them.
fn grouped(text: &str) -> Option<Vec<u8>> {
    GROUPS.iter().find_map(|(spacer, size)| {
        let groups: Option<Vec<Vec<u8>>> =
            text.split(*spacer).map(|group| bytes_of(group).filter(|bytes| bytes.len() == *size)).collect();
        groups.map(|groups| groups.concat()).filter(|bytes| bytes.len() == BYTES)
    })
}

/// Pairs of digits.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| pair.try_into().ok().and_then(byte_of)).collect()
}

fn byte_of([high, low]: [u8; 2]) -> Option<u8> {
    Some(hex_digit(high)? << 4 | hex_digit(low)?)
}

/// Pairs of digits; the same mark may stand behind any of them.
fn spaced(text: &str) -> Option<Vec<u8>> {
    let mut rest = text.as_bytes();
    let (mut bytes, mut spacer) = (Vec::new(), None);
    while let Some((pair, tail)) = rest.split_first_chunk::<2>() {
        bytes.push(byte_of(*pair)?);
        rest = tail;
        if let Some((&mark @ (b':' | b'-' | b'.'), tail)) = rest.split_first() {
            if *spacer.get_or_insert(mark) != mark {
                return None;
            }
            rest = tail;
        }
    }
    rest.is_empty().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_every_notation() {
        let notations = [
            "08:00:2b:01:02:03",
            "08-00-2b-01-02-03",
            "08002b:010203",
            "08002b-010203",
            "0800.2b01.0203",
            "0800-2b01-0203",
            "08002b010203",
            " 8:0:2B:1:2:3 ",
        ];
        for text in notations {
            assert_eq!(parse_macaddr(text).unwrap().to_string(), "08:00:2b:01:02:03", "{text}");
        }
        for text in ["", "08:00:2b:01:02", "08:00:2b:01:02:0g", "0800:2b01:0203", "08:00-2b:01:02:03"] {
            assert_eq!(parse_macaddr(text).unwrap_err().code, SqlState::INVALID_TEXT_REPRESENTATION, "{text}");
        }
        assert_eq!(parse_macaddr("100:0:0:0:0:0").unwrap_err().code, SqlState::NUMERIC_VALUE_OUT_OF_RANGE);
        for text in ["08:00:2b:ff:fe:01:02:03", "08002b:fffe010203", "08002b010203"] {
            assert_eq!(parse_macaddr8(text).unwrap().to_string(), "08:00:2b:ff:fe:01:02:03", "{text}");
        }
        for text in ["", "08:00:2b:01:02", "08:00:2b-01:02:03", "8:0:2b:1:2:3"] {
            assert!(parse_macaddr8(text).is_err(), "{text}");
        }
    }
}
