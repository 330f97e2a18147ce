//! The parser of JSON texts, with PostgreSQL's errors.

use std::borrow::Cow;

use super::json::Json;
use crate::error::{Result, SqlError, SqlState};

/// Nesting beyond this is 54001, as PostgreSQL's stack limit makes it.
const JSON_DEPTH_MAX: usize = 512;

#[cold]
pub(super) fn nul_in_string() -> SqlError {
    SqlError::new(SqlState::UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence")
        .detail("\\u0000 cannot be converted to text.")
}

pub(super) fn parse(text: &str, strictness: Strictness) -> Result<Json<'_>> {
    let mut parser = Parser::new(text, strictness);
    let value = parser.value(0)?;
    parser.skip_space();
    if parser.at < parser.bytes.len() { Err(parser.expected("end of input")) } else { Ok(value) }
}

/// What is asked of the escapes in strings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// Their form only: type json keeps its text.
    Syntax,
    /// Each names a character.
    Decode,
    /// Each names a character that jsonb stores, which NUL is not.
    Jsonb,
}

pub(super) struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    strictness: Strictness,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, strictness: Strictness) -> Self {
        Parser { text, bytes: text.as_bytes(), at: 0, strictness }
    }

    fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>> {
        if depth > JSON_DEPTH_MAX {
            return Err(SqlError::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded")
                .hint(format!("JSON may nest {JSON_DEPTH_MAX} levels deep.")));
        }
        self.skip_space();
        match self.bytes.get(self.at) {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => Ok(Json::Number(self.number()?)),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => Err(self.expected("JSON value")),
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>> {
        if self.token() != word {
            return Err(self.invalid_token());
        }
        self.at += word.len();
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Result<Json<'a>> {
        self.items(|parser| parser.value(depth + 1)).map(Json::Array)
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>> {
        self.members(|parser| parser.value(depth + 1)).map(Json::Object)
    }

    /// What `item` makes of each item of the array at the cursor.
    pub(super) fn items<T>(&mut self, item: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.bytes.get(self.at) == Some(&b']') {
            self.at += 1;
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            self.skip_space();
            match self.bytes.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.expected("\",\" or \"]\"")),
            }
        }
        self.at += 1;
        Ok(items)
    }

    /// The names of the members of the object at the cursor, and what `member` makes of each.
    pub(super) fn members<T>(&mut self, member: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<(Cow<'a, str>, T)>> {
        self.at += 1;
        let mut members = Vec::new();
        self.skip_space();
        if self.bytes.get(self.at) == Some(&b'}') {
            self.at += 1;
            return Ok(members);
        }
        loop {
            self.skip_space();
            if self.bytes.get(self.at) != Some(&b'"') {
                let wanted = if members.is_empty() { "string or \"}\"" } else { "string" };
                return Err(self.expected(wanted));
            }
            let key = self.string()?;
            self.skip_space();
            if self.bytes.get(self.at) != Some(&b':') {
                return Err(self.expected("\":\""));
            }
            self.at += 1;
            members.push((key, member(self)?));
            self.skip_space();
            match self.bytes.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.expected("\",\" or \"}\"")),
            }
        }
        self.at += 1;
        Ok(members)
    }

    /// The value at the cursor as it is written.
    pub(super) fn written(&mut self) -> Result<&'a str> {
        self.skip_space();
        let start = self.at;
        self.value(1)?;
        Ok(&self.text[start..self.at])
    }

    /// The byte with which the next value begins.
    pub(super) fn opening(&mut self) -> Option<u8> {
        self.skip_space();
        self.bytes.get(self.at).copied()
    }

    fn number(&mut self) -> Result<&'a str> {
        let start = self.at;
        let is_valid = self.scan_number();
        let goes_on = self.bytes.get(self.at).is_some_and(|b| is_token_byte(*b));
        if is_valid && !goes_on {
            return Ok(&self.text[start..self.at]);
        }
        self.at = start;
        Err(self.invalid_token())
    }

    fn scan_number(&mut self) -> bool {
        self.at += usize::from(self.bytes[self.at] == b'-');
        let whole = self.skip_digits();
        if whole == 0 || (whole > 1 && self.bytes[self.at - whole] == b'0') {
            return false;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            if self.skip_digits() == 0 {
                return false;
            }
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            return self.skip_digits() > 0;
        }
        true
    }

    fn skip_digits(&mut self) -> usize {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self) -> Result<Cow<'a, str>> {
        self.at += 1;
        let start = self.at;
        let end = self.end_of_plain();
        if self.bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(Cow::Borrowed(&self.text[start..end]));
        }
        self.string_with_escapes(start, end).map(Cow::Owned)
    }

    /// Where the run of bytes ends that need no care.
    fn end_of_plain(&self) -> usize {
        let rest = &self.bytes[self.at..];
        rest.iter().position(|b| matches!(b, b'"' | b'\\') || *b < b' ').map_or(self.bytes.len(), |len| self.at + len)
    }

    fn string_with_escapes(&mut self, start: usize, end: usize) -> Result<String> {
        let mut out = self.text[start..end].to_owned();
        self.at = end;
        loop {
            match self.bytes.get(self.at) {
                None => return Err(self.fault("The input string ended unexpectedly.".to_owned())),
                Some(b'"') => break,
                Some(b'\\') => self.escape(&mut out)?,
                Some(&byte) if byte < b' ' => {
                    return Err(self.fault(format!("Character with value 0x{byte:02x} must be escaped.")));
                }
                Some(_) => {
                    let end = self.end_of_plain();
                    out.push_str(&self.text[self.at..end]);
                    self.at = end;
                }
            }
        }
        self.at += 1;
        Ok(out)
    }

    fn escape(&mut self, out: &mut String) -> Result<()> {
        let Some(letter) = self.text[self.at + 1..].chars().next() else {
            return Err(self.fault("The input string ended unexpectedly.".to_owned()));
        };
        let plain = match letter {
            '"' | '\\' | '/' => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode_escape(out),
            _ => return Err(self.fault(format!("Escape sequence \"\\{letter}\" is invalid."))),
        };
        out.push(plain);
        self.at += 2;
        Ok(())
    }

    fn unicode_escape(&mut self, out: &mut String) -> Result<()> {
        let first = self.hex_unit()?;
        if first == 0 && self.strictness == Strictness::Jsonb {
            return Err(nul_in_string());
        }
        let code = match first {
            0xD800..0xDC00 => self.low_surrogate(first)?,
            unit => char::from_u32(unit),
        };
        match code {
            Some(code) => out.push(code),
            None if self.strictness == Strictness::Syntax => out.push(char::REPLACEMENT_CHARACTER),
            None => return Err(self.fault("Unicode low surrogate must follow a high surrogate.".to_owned())),
        }
        Ok(())
    }

    /// The character of a high surrogate and the low one that must follow it.
    fn low_surrogate(&mut self, high: u32) -> Result<Option<char>> {
        if !self.text[self.at..].starts_with("\\u") {
            return Ok(None);
        }
        let start = self.at;
        let low = self.hex_unit()?;
        if (0xDC00..0xE000).contains(&low) {
            return Ok(char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)));
        }
        self.at = start;
        Ok(None)
    }

    /// The number of `\uXXXX` at the cursor.
    fn hex_unit(&mut self) -> Result<u32> {
        let digits = self.bytes.get(self.at + 2..self.at + 6).filter(|d| d.iter().all(u8::is_ascii_hexdigit));
        let Some(digits) = digits else {
            return Err(self.fault("\"\\u\" must be followed by four hexadecimal digits.".to_owned()));
        };
        let unit = digits.iter().fold(0, |sum, digit| sum * 16 + char::from(*digit).to_digit(16).unwrap_or(0));
        self.at += 6;
        Ok(unit)
    }

    /// The word, number, string or mark at the cursor, for messages.
    fn token(&self) -> &'a str {
        let rest = &self.text[self.at..];
        let len = rest.bytes().take_while(|b| is_token_byte(*b)).count();
        let first = rest.chars().next().map_or(0, char::len_utf8);
        &rest[..len.max(first)]
    }

    #[cold]
    fn expected(&mut self, what: &str) -> SqlError {
        self.skip_space();
        match self.bytes.get(self.at) {
            None => self.fault("The input string ended unexpectedly.".to_owned()),
            Some(b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"' | b'0'..=b'9' | b'-') => {
                let found = if self.bytes[self.at] == b'"' { self.quoted_token() } else { self.token() };
                let detail = match what {
                    "end of input" => format!("Expected end of input, but found \"{found}\"."),
                    _ => format!("Expected {what}, but found \"{found}\"."),
                };
                self.fault(detail)
            }
            Some(_) if matches!(self.token(), "true" | "false" | "null") => {
                self.fault(format!("Expected {what}, but found \"{}\".", self.token()))
            }
            Some(_) => self.invalid_token(),
        }
    }

    fn quoted_token(&self) -> &'a str {
        let rest = &self.text[self.at + 1..];
        let len = rest.find('"').map_or(rest.len(), |at| at + 1);
        &self.text[self.at..self.at + 1 + len]
    }

    #[cold]
    fn invalid_token(&self) -> SqlError {
        self.fault(format!("Token \"{}\" is invalid.", self.token()))
    }

    #[cold]
    fn fault(&self, detail: String) -> SqlError {
        const SHOWN_CHARS_MAX: usize = 50;
        let end = (self.at + self.token().len()).min(self.text.len());
        let before = &self.text[..end];
        let line = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let skipped = before[line_start..].chars().count().saturating_sub(SHOWN_CHARS_MAX);
        let shown: String = before[line_start..].chars().skip(skipped).collect();
        let (lead, trail) = (if skipped > 0 { "..." } else { "" }, if end < self.text.len() { "..." } else { "" });
        SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type json")
            .detail(detail)
            .context(format!("JSON data, line {line}: {lead}{shown}{trail}"))
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'-' | b'.') || byte >= 0x80
}
