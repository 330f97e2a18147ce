//! The text form of one-dimensional arrays: `{1,NULL,"a b"}`.

use std::borrow::Cow;

use peristyle_catalog::model::PgType;

use crate::error::{Result, SqlError, SqlState};

/// The elements of an array's text, `None` for NULL. 22P02 for what is no array, 0A000 for more than one dimension
/// and for lower bounds other than 1.
pub fn parse_array(text: &str) -> Result<Vec<Option<Cow<'_, str>>>> {
    let (bounds, body) = split_bounds(text.trim_start())?;
    let mut scanner = Scanner { text: body, rest: body };
    if !scanner.eat('{') {
        return Err(malformed(body, "Array value must start with \"{\" or dimension information."));
    }
    let elements = scanner.elements()?;
    scanner.skip_space();
    if !scanner.rest.is_empty() {
        return Err(malformed(body, "Junk after closing right brace."));
    }
    match bounds {
        Some(bounds) if bounds.len != elements.len() as i64 => {
            Err(malformed(text.trim_start(), "Specified array dimensions do not match array contents."))
        }
        Some(bounds) if bounds.lower != 1 => {
            Err(SqlError::unsupported("arrays with a lower bound other than 1 are not supported"))
        }
        _ => Ok(elements),
    }
}

/// The items of the text of an array or of a vector, whose numbers stand between blanks.
pub(crate) fn parse_items(ty: PgType, text: &str) -> Result<Vec<Option<Cow<'_, str>>>> {
    match ty.vector_element() {
        Some(_) => Ok(text.split_ascii_whitespace().map(|number| Some(number.into())).collect()),
        None => parse_array(text),
    }
}

/// Whether an element's text must be quoted.
pub(super) fn needs_quotes(element: &[u8]) -> bool {
    let is_special = |b: &u8| matches!(b, b'"' | b'\\' | b'{' | b'}' | b',') || is_space(*b);
    element.is_empty() || element.eq_ignore_ascii_case(b"null") || element.iter().any(is_special)
}

/// PostgreSQL's white space in arrays and records.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 11 | 12)
}

#[cold]
fn malformed(text: &str, detail: &str) -> SqlError {
    SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("malformed array literal: \"{text}\"")).detail(detail)
}

struct Bounds {
    lower: i64,
    len: i64,
}

/// Takes `[1:3]=` off the front.
fn split_bounds(text: &str) -> Result<(Option<Bounds>, &str)> {
    if !text.starts_with('[') {
        return Ok((None, text));
    }
    let Some((bounds, body)) = text.split_once('=') else {
        return Err(malformed(text, "Missing \"=\" after array dimensions."));
    };
    let inner = bounds.trim_end().strip_prefix('[').and_then(|b| b.strip_suffix(']'));
    let Some(inner) = inner else { return Err(malformed(text, "Missing \"]\" after array dimensions.")) };
    if inner.contains('[') {
        return Err(SqlError::unsupported("arrays of more than one dimension are not supported"));
    }
    let (lower, upper) = inner.split_once(':').unwrap_or(("1", inner));
    let number = |text: &str| text.trim().parse::<i32>().map(i64::from);
    match (number(lower), number(upper)) {
        (Ok(lower), Ok(upper)) => Ok((Some(Bounds { lower, len: upper - lower + 1 }), body.trim_start())),
        _ => Err(malformed(text, "\"[\" must introduce explicitly-specified array dimensions.")),
    }
}

struct Scanner<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches(|c: char| u8::try_from(c).is_ok_and(is_space));
    }

    fn eat(&mut self, mark: char) -> bool {
        match self.rest.strip_prefix(mark) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn elements(&mut self) -> Result<Vec<Option<Cow<'a, str>>>> {
        let mut elements = Vec::new();
        self.skip_space();
        if self.eat('}') {
            return Ok(elements);
        }
        loop {
            self.skip_space();
            elements.push(self.element()?);
            self.skip_space();
            if self.eat('}') {
                return Ok(elements);
            }
            if !self.eat(',') {
                let detail =
                    if self.rest.is_empty() { "Unexpected end of input." } else { "Unexpected array element." };
                return Err(malformed(self.text, detail));
            }
        }
    }

    fn element(&mut self) -> Result<Option<Cow<'a, str>>> {
        match self.rest.chars().next() {
            None => Err(malformed(self.text, "Unexpected end of input.")),
            Some('{') => Err(SqlError::unsupported("arrays of more than one dimension are not supported")),
            Some(mark @ (',' | '}')) => Err(malformed(self.text, &format!("Unexpected \"{mark}\" character."))),
            Some('"') => self.quoted().map(Some),
            Some(_) => self.unquoted(),
        }
    }

    fn quoted(&mut self) -> Result<Cow<'a, str>> {
        let body = &self.rest[1..];
        let plain = body.find(['"', '\\']).ok_or_else(|| malformed(self.text, "Unexpected end of input."))?;
        if body.as_bytes()[plain] == b'"' {
            self.rest = &body[plain + 1..];
            return Ok(Cow::Borrowed(&body[..plain]));
        }
        let mut out = body[..plain].to_owned();
        let mut chars = body[plain..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &body[plain + at + 1..];
                    return Ok(Cow::Owned(out));
                }
                '\\' => out.extend(chars.next().map(|(_, escaped)| escaped)),
                _ => out.push(c),
            }
        }
        Err(malformed(self.text, "Unexpected end of input."))
    }

    /// Up to the next mark; blanks at the end do not count, a backslash takes what follows as it is.
    fn unquoted(&mut self) -> Result<Option<Cow<'a, str>>> {
        let mut out = String::new();
        let (mut kept, mut has_escape) = (0, false);
        let mut chars = self.rest.char_indices();
        let end = loop {
            let Some((at, c)) = chars.next() else { return Err(malformed(self.text, "Unexpected end of input.")) };
            match c {
                ',' | '}' => break at,
                '{' => return Err(malformed(self.text, "Unexpected \"{\" character.")),
                '"' => return Err(malformed(self.text, "Unexpected array element.")),
                '\\' => {
                    has_escape = true;
                    out.extend(chars.next().map(|(_, escaped)| escaped));
                    kept = out.len();
                }
                _ => {
                    out.push(c);
                    if !u8::try_from(c).is_ok_and(is_space) {
                        kept = out.len();
                    }
                }
            }
        };
        self.rest = &self.rest[end..];
        out.truncate(kept);
        let is_null = !has_escape && out.eq_ignore_ascii_case("null");
        Ok((!is_null).then_some(Cow::Owned(out)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> Vec<Option<String>> {
        parse_array(text).unwrap().into_iter().map(|e| e.map(Cow::into_owned)).collect()
    }

    #[test]
    fn arrays_read_as_in_postgresql() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(elements(" { 1 , NULL , \"a b\" ,null} "), [some("1"), None, some("a b"), None]);
        assert_eq!(elements("{}"), []);
        assert_eq!(elements("[1:2]={a,b}"), [some("a"), some("b")]);
        assert_eq!(elements(r#"{"a\"b\\","",a\,b,"NULL"}"#), [some("a\"b\\"), some(""), some("a,b"), some("NULL")]);
        assert_eq!(elements("{a b}"), [some("a b")]);
    }

    #[test]
    fn malformed_arrays_say_why() {
        let cases = [
            ("{1,2", "Unexpected end of input."),
            ("1,2", "Array value must start with \"{\" or dimension information."),
            ("{1,}", "Unexpected \"}\" character."),
            ("{\"a\"b}", "Unexpected array element."),
            ("{1}x", "Junk after closing right brace."),
            ("", "Array value must start with \"{\" or dimension information."),
            ("{\"a", "Unexpected end of input."),
            ("{1}}", "Junk after closing right brace."),
        ];
        for (input, detail) in cases {
            let error = parse_array(input).unwrap_err();
            assert_eq!(error.detail.as_deref(), Some(detail), "{input}");
            assert_eq!(error.message, format!("malformed array literal: \"{input}\""));
        }
        assert_eq!(parse_array("[1:2]={1}").unwrap_err().code, SqlState::INVALID_TEXT_REPRESENTATION);
        for input in ["{{1},{2}}", "[2:3]={1,2}", "[0:0]={1}", "[1:1][1:1]={{1}}"] {
            assert_eq!(parse_array(input).unwrap_err().code, SqlState::FEATURE_NOT_SUPPORTED, "{input}");
        }
    }
}
