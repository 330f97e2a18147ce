//! Unicode's normalisation forms, and characters written as their numbers.

use std::iter::Peekable;
use std::str::Chars;

use datafusion::common::Result;
use peristyle_catalog::model::PgType;
use unicode_normalization::UnicodeNormalization;

use super::define::{Definition, immutable, overload};
use super::error::{FunctionError, error, invalid_parameter};
use super::rows::*;
use super::signature::Ty;

/// `text IS form NORMALIZED`.
pub(crate) const IS_NORMALISED: &str = "is_normalized";

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(
        "normalize",
        &[
            overload(&[Ty::Text], PgType::TEXT, |c| map1::<Text, _>(c, |text| normalised(text, "NFC"))),
            overload(&[Ty::Text, Ty::Text], PgType::TEXT, |c| map2::<Text, Text, _>(c, normalised)),
        ],
    ),
    immutable(
        IS_NORMALISED,
        &[overload(&[Ty::Text, Ty::Text], PgType::BOOL, |c| {
            map2::<Text, Text, bool>(c, |text, form| Ok(normalised(text, form)? == text))
        })],
    ),
    immutable("unistr", &[overload(&[Ty::Text], PgType::TEXT, |c| map1::<Text, _>(c, unistr))]),
];

fn normalised(text: &str, form: &str) -> Result<String> {
    match form.to_ascii_uppercase().as_str() {
        "NFC" => Ok(text.nfc().collect()),
        "NFD" => Ok(text.nfd().collect()),
        "NFKC" => Ok(text.nfkc().collect()),
        "NFKD" => Ok(text.nfkd().collect()),
        _ => Err(invalid_parameter(format!("invalid normalization form: {form}"))),
    }
}

/// `\XXXX`, `\+XXXXXX`, `\uXXXX` and `\UXXXXXXXX` as the characters of these numbers; two of them may be a surrogate pair.
fn unistr(text: &str) -> Result<String> {
    let mut result = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut high = None;
    while let Some(c) = chars.next() {
        let code = match c {
            '\\' if chars.next_if_eq(&'\\').is_some() => None,
            '\\' => Some(escaped(&mut chars)?),
            _ => None,
        };
        match (high.take(), code) {
            (None, None) => result.push(c),
            (None, Some(first @ 0xD800..=0xDBFF)) => high = Some(first),
            (None, Some(code)) => result.push(character(code)?),
            (Some(first), Some(second @ 0xDC00..=0xDFFF)) => {
                result.push(character(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))?);
            }
            (Some(_), _) => return Err(invalid_pair()),
        }
    }
    if high.is_some() { Err(invalid_pair()) } else { Ok(result) }
}

/// The number behind a backslash.
fn escaped(chars: &mut Peekable<Chars<'_>>) -> Result<u32> {
    let digits = match chars.peek() {
        Some('+') => 6,
        Some('u') => 4,
        Some('U') => 8,
        _ => 0,
    };
    let digits = if digits == 0 { 4 } else { chars.next().map_or(0, |_| digits) };
    let number: String = chars.by_ref().take(digits).collect();
    let is_number = number.len() == digits && number.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(&number, 16).ok().filter(|_| is_number).ok_or_else(|| {
        FunctionError::new("42601", "invalid Unicode escape")
            .with_hint("Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.")
            .into()
    })
}

fn character(code: u32) -> Result<char> {
    match code {
        0 => Err(error("42601", "invalid Unicode code point: 0000")),
        0xDC00..=0xDFFF => Err(invalid_pair()),
        _ => char::from_u32(code).ok_or_else(|| error("42601", format!("invalid Unicode code point: {code:04X}"))),
    }
}

fn invalid_pair() -> datafusion::common::DataFusionError {
    error("42601", "invalid Unicode surrogate pair")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_characters() {
        assert_eq!(unistr(r"d\0061t\+000061\\").expect("a text"), r"data\");
        assert_eq!(unistr(r"\u00e9\U0001F600").expect("a text"), "é😀");
        assert_eq!(unistr(r"\D83D\DE00").expect("a text"), "😀");
        for wrong in [r"\", r"\00", r"\D83D", r"\D83Dx", r"\DE00", r"\0000", r"\+110000"] {
            assert!(unistr(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn forms_put_together_and_take_apart() {
        assert_eq!(normalised("e\u{301}", "NFC").expect("a text"), "\u{e9}");
        assert_eq!(normalised("\u{e9}", "nfd").expect("a text"), "e\u{301}");
        assert_eq!(normalised("ﬁ", "NFKC").expect("a text"), "fi");
        assert!(normalised("a", "NF").is_err());
    }
}
