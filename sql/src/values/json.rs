//! JSON values: what is parsed for validation (json), for the normalised form (jsonb) and for ndjson.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::json_parser::{Strictness, nul_in_string, parse};
use super::number_text;
use crate::error::{Result, SqlError, SqlState};

/// A JSON value that borrows from its text where it can.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    /// The number as it was written.
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    /// Members in their order, duplicates included.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Parses a JSON text. 22P02 with the token in DETAIL.
pub fn parse_json(text: &str) -> Result<Json<'_>> {
    parse(text, Strictness::Decode)
}

/// Checks a value of type json, which keeps its text.
pub fn validate_json(text: &str) -> Result<()> {
    parse(text, Strictness::Syntax).map(|_| ())
}

/// The normalised text of a jsonb: keys sorted by length then bytes, the last of duplicates kept, one space after
/// `:` and `,`, numbers as numeric prints them.
pub fn normalise_jsonb(text: &str) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    parse(text, Strictness::Jsonb)?.write_normalised(&mut out)?;
    Ok(out)
}

impl Json<'_> {
    /// Appends the normalised text of the value as jsonb. 22P05 for a string with a NUL in it, 22003 for a number
    /// that has no place in a numeric.
    pub fn write_normalised(&self, out: &mut String) -> Result<()> {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(true) => out.push_str("true"),
            Json::Bool(false) => out.push_str("false"),
            Json::Number(text) => out.push_str(&normal_number(text)?),
            Json::String(text) => write_string(text, out)?,
            Json::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push_str(", ");
                    }
                    item.write_normalised(out)?;
                }
                out.push(']');
            }
            Json::Object(members) => write_members(members, out)?,
        }
        Ok(())
    }
}

/// Writes an object's members in jsonb's order.
pub(crate) fn write_members(members: &[(Cow<'_, str>, Json<'_>)], out: &mut String) -> Result<()> {
    let mut sorted: Vec<_> = members.iter().collect();
    // Stable, so that the last of equal keys is the one that was written last.
    sorted.sort_by(|a, b| key_order(&a.0, &b.0));
    out.push('{');
    let mut is_first = true;
    for (i, (key, value)) in sorted.iter().enumerate() {
        if sorted.get(i + 1).is_some_and(|next| next.0 == *key) {
            continue;
        }
        if !is_first {
            out.push_str(", ");
        }
        is_first = false;
        write_string(key, out)?;
        out.push_str(": ");
        value.write_normalised(out)?;
    }
    out.push('}');
    Ok(())
}

fn key_order(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.as_bytes().cmp(b.as_bytes()))
}

fn normal_number(text: &str) -> Result<Cow<'_, str>> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(Cow::Borrowed(text));
    }
    let plain = number_text::plain_text(text.as_bytes());
    plain
        .map(Cow::Owned)
        .ok_or_else(|| SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format"))
}

/// Appends a JSON string, quoted and escaped as PostgreSQL escapes it; 22P05 if it holds a NUL.
fn write_string(text: &str, out: &mut String) -> Result<()> {
    if text.contains('\0') {
        return Err(nul_in_string());
    }
    escape_json(text, out);
    Ok(())
}

/// Appends a JSON string, quoted and escaped as PostgreSQL escapes it.
pub fn escape_json(text: &str, out: &mut String) {
    out.push('"');
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate().filter(|(_, b)| *b < b' ' || matches!(b, b'"' | b'\\')) {
        out.push_str(&text[start..at]);
        start = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            8 => out.push_str("\\b"),
            12 => out.push_str("\\f"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => out.push_str(&format!("\\u{byte:04x}")),
        }
    }
    out.push_str(&text[start..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn normal_form_is_jsonbs() {
        let cases = [
            (r#"{"b":1,"a":[1,2],"aa":{},"c":[]}"#, r#"{"a": [1, 2], "b": 1, "c": [], "aa": {}}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a": 2}"#),
            (r#" [ 1.50 , -0 , 1.0e2 , 1e-3, 1E5 ] "#, "[1.50, 0, 100, 0.001, 100000]"),
            (r#""\u0041\n\u00e9\ud83d\ude00\/\u0001""#, "\"A\\né😀/\\u0001\""),
            ("null", "null"),
            (r#"{"": true, "é": false}"#, r#"{"": true, "é": false}"#),
        ];
        for (input, output) in cases {
            let normal = normalise_jsonb(input).unwrap();
            assert_eq!(normal, output);
            assert_eq!(normalise_jsonb(&normal).unwrap(), output, "normal form is stable");
        }
    }

    #[test]
    fn faults_name_the_token() {
        let cases = [
            ("x", "Token \"x\" is invalid.", "JSON data, line 1: x"),
            ("{\"a\" 1}", "Expected \":\", but found \"1\".", "JSON data, line 1: {\"a\" 1..."),
            ("{\"a\":1", "The input string ended unexpectedly.", "JSON data, line 1: {\"a\":1"),
            ("[1,]", "Expected JSON value, but found \"]\".", "JSON data, line 1: [1,]"),
            ("", "The input string ended unexpectedly.", "JSON data, line 1: "),
            ("{a}", "Token \"a\" is invalid.", "JSON data, line 1: {a..."),
            ("tru", "Token \"tru\" is invalid.", "JSON data, line 1: tru"),
            ("1 2", "Expected end of input, but found \"2\".", "JSON data, line 1: 1 2"),
            ("01", "Token \"01\" is invalid.", "JSON data, line 1: 01"),
        ];
        for (input, detail, context) in cases {
            let error = validate_json(input).unwrap_err();
            assert_eq!(error.code, SqlState::INVALID_TEXT_REPRESENTATION);
            assert_eq!((error.detail.as_deref(), error.context.as_deref()), (Some(detail), Some(context)), "{input}");
        }
        assert_eq!(normalise_jsonb(r#""\u0000""#).unwrap_err().code, SqlState::UNTRANSLATABLE_CHARACTER);
        assert!(validate_json(r#""\u0000""#).is_ok());
        assert!(validate_json(r#""\ud800""#).is_ok());
        assert!(normalise_jsonb(r#""\ud800""#).is_err());
        assert_eq!(validate_json(&"[".repeat(5000)).unwrap_err().code, SqlState::STATEMENT_TOO_COMPLEX);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[\\[\\]{},:\"\\\\a-fntu0-9.eE+ é\n-]{0,24}") {
            let _ = normalise_jsonb(&text);
        }

        #[test]
        fn strings_round_trip(text in "[^\0]{0,16}") {
            let mut quoted = String::new();
            escape_json(&text, &mut quoted);
            prop_assert_eq!(parse_json(&quoted).unwrap(), Json::String(Cow::Owned(text)));
        }
    }
}
