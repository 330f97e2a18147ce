//! Scans the records of a piece into fields: csv and text.

use super::options::{CopyFormat, CopyOptions};
use super::place::Place;
use super::splitter::{LineEnd, Piece};
use crate::error::{Result, SqlError, SqlState};
use crate::values::{checked_utf8, invalid_utf8};

/// Where a field's text stands.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    end: usize,
    /// In the scratch text, because quotes or escapes were taken out.
    is_scratch: bool,
    is_quoted: bool,
    /// The field reads as the NULL marker; for text, before escapes are taken out.
    is_null_marker: bool,
    is_default_marker: bool,
}

/// One field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) text: &'a str,
    pub(super) is_quoted: bool,
    pub(super) is_null_marker: bool,
    pub(super) is_default_marker: bool,
}

/// Goes through a piece record by record.
pub(super) struct RecordReader<'a> {
    options: &'a CopyOptions,
    text: &'a str,
    line_end: LineEnd,
    at: usize,
    /// Line of the record that was read last: the last one, if it spans several.
    line: u64,
    next_line: u64,
    record_start: usize,
    spans: Vec<Span>,
    scratch: String,
    /// Bytes at which an unquoted csv field may end.
    is_special: [bool; 256],
}

impl<'a> RecordReader<'a> {
    /// 22021 with its line, if the piece is not UTF-8.
    pub(super) fn new(piece: &'a Piece, options: &'a CopyOptions, table: &str) -> Result<RecordReader<'a>> {
        let text = piece_text(piece, table)?;
        let mut is_special = [false; 256];
        for byte in [options.delimiter, options.quote, b'\n', b'\r'] {
            is_special[usize::from(byte)] = true;
        }
        Ok(RecordReader {
            options,
            text,
            line_end: piece.line_end,
            at: 0,
            line: piece.first_line,
            next_line: piece.first_line,
            record_start: 0,
            spans: Vec::new(),
            scratch: String::new(),
            is_special,
        })
    }

    /// Reads the next record; false at the end. 22P04 for quotes and line ends that do not belong.
    pub(super) fn read(&mut self) -> Result<bool> {
        if self.at >= self.text.len() {
            return Ok(false);
        }
        self.spans.clear();
        self.scratch.clear();
        self.record_start = self.at;
        self.line = self.next_line;
        match self.options.format {
            CopyFormat::Csv => self.read_csv()?,
            CopyFormat::Text | CopyFormat::Ndjson | CopyFormat::Binary | CopyFormat::Parquet => self.read_text()?,
        }
        self.next_line = self.line + 1;
        Ok(true)
    }

    /// Line of the record, for messages.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Number of fields of the record.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The record as it was sent, without its end.
    pub(super) fn raw(&self) -> &'a str {
        self.text[self.record_start..self.at].trim_end_matches(['\n', '\r'])
    }

    pub(super) fn field(&self, at: usize) -> Option<Field<'_>> {
        let span = self.spans.get(at)?;
        let source = if span.is_scratch { self.scratch.as_str() } else { self.text };
        Some(Field {
            text: &source[span.start..span.end],
            is_quoted: span.is_quoted,
            is_null_marker: span.is_null_marker,
            is_default_marker: span.is_default_marker,
        })
    }

    fn read_csv(&mut self) -> Result<()> {
        loop {
            let start = self.at;
            let end = self.end_of_unquoted(start);
            match self.text.as_bytes().get(end) {
                Some(&byte) if byte == self.options.quote => self.read_quoted(start, end)?,
                _ => {
                    self.push_span(start, end, false, false);
                    self.at = end;
                }
            }
            if self.ends_record()? {
                return Ok(());
            }
        }
    }

    /// Steps over what stands after a field: a delimiter, or the end of the record.
    fn ends_record(&mut self) -> Result<bool> {
        let bytes = self.text.as_bytes();
        match bytes.get(self.at) {
            None => Ok(true),
            Some(&byte) if byte == self.options.delimiter => {
                self.at += 1;
                Ok(false)
            }
            Some(b'\r') => match (self.line_end, bytes.get(self.at + 1)) {
                (LineEnd::CarriageReturnNewline, Some(b'\n')) => {
                    self.at += 2;
                    Ok(true)
                }
                (LineEnd::CarriageReturn, _) => {
                    self.at += 1;
                    Ok(true)
                }
                _ => Err(self.stray("carriage return", "\\r")),
            },
            Some(b'\n') if self.line_end == LineEnd::Newline => {
                self.at += 1;
                Ok(true)
            }
            Some(_) => Err(self.stray("newline", "\\n")),
        }
    }

    #[cold]
    fn stray(&self, name: &str, escape: &str) -> SqlError {
        if self.options.format == CopyFormat::Csv {
            return SqlError::new(SqlState::BAD_COPY_FILE_FORMAT, format!("unquoted {name} found in data"))
                .hint(format!("Use quoted CSV field to represent {name}."));
        }
        SqlError::new(SqlState::BAD_COPY_FILE_FORMAT, format!("literal {name} found in data"))
            .hint(format!("Use \"{escape}\" to represent {name}."))
    }

    fn end_of_unquoted(&self, start: usize) -> usize {
        let rest = &self.text.as_bytes()[start..];
        start + rest.iter().position(|byte| self.is_special[usize::from(*byte)]).unwrap_or(rest.len())
    }

    /// A field with quotes in it; `quote_at` is the first. Quotes may stand in the middle, as PostgreSQL lets them.
    fn read_quoted(&mut self, start: usize, quote_at: usize) -> Result<()> {
        if start == quote_at
            && let Some(end) = self.end_of_simple_quoted(quote_at)
        {
            self.count_lines(quote_at, end);
            self.push_span(quote_at + 1, end, false, true);
            self.at = end + 1;
            return Ok(());
        }
        let scratch_start = self.scratch.len();
        self.scratch.push_str(&self.text[start..quote_at]);
        self.at = quote_at;
        while self.text.as_bytes().get(self.at) == Some(&self.options.quote) {
            self.at += 1;
            self.read_inside_quotes()?;
            let end = self.end_of_unquoted(self.at);
            self.scratch.push_str(&self.text[self.at..end]);
            self.at = end;
        }
        self.push_span(scratch_start, self.scratch.len(), true, true);
        Ok(())
    }

    /// The closing quote of a field that is quoted as a whole and has no escapes in it.
    fn end_of_simple_quoted(&self, quote_at: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let body = quote_at + 1;
        let end = body + memchr::memchr2(self.options.quote, self.options.escape, &bytes[body..])?;
        let is_close = bytes[end] == self.options.quote;
        let ends_field = bytes.get(end + 1).is_none_or(|b| *b == self.options.delimiter || matches!(b, b'\n' | b'\r'));
        (is_close && ends_field).then_some(end)
    }

    /// From behind an opening quote to behind the closing one, into the scratch.
    fn read_inside_quotes(&mut self) -> Result<()> {
        let (quote, escape) = (self.options.quote, self.options.escape);
        let bytes = self.text.as_bytes();
        loop {
            let Some(len) = memchr::memchr2(quote, escape, &bytes[self.at..]) else {
                self.count_lines(self.at, bytes.len());
                self.at = bytes.len();
                return Err(SqlError::new(SqlState::BAD_COPY_FILE_FORMAT, "unterminated CSV quoted field"));
            };
            let mark = self.at + len;
            self.scratch.push_str(&self.text[self.at..mark]);
            self.count_lines(self.at, mark);
            let next = bytes.get(mark + 1).copied();
            self.at = mark + 1;
            match next {
                Some(next) if bytes[mark] == escape && (next == quote || next == escape) => {
                    self.scratch.push(next as char);
                    self.at += 1;
                }
                _ if bytes[mark] == quote => return Ok(()),
                _ => self.scratch.push(escape as char),
            }
        }
    }

    fn count_lines(&mut self, start: usize, end: usize) {
        let last = self.line_end.last_byte();
        self.line += memchr::memchr_iter(last, &self.text.as_bytes()[start..end]).count() as u64;
    }

    fn push_span(&mut self, start: usize, end: usize, is_scratch: bool, is_quoted: bool) {
        let source = if is_scratch { self.scratch.as_bytes() } else { self.text.as_bytes() };
        let text = &source[start..end];
        let is_null_marker = text == self.options.null.as_bytes();
        let is_default_marker = !is_quoted && self.options.default.as_ref().is_some_and(|d| d.as_bytes() == text);
        self.spans.push(Span { start, end, is_scratch, is_quoted, is_null_marker, is_default_marker });
    }

    fn read_text(&mut self) -> Result<()> {
        loop {
            let start = self.at;
            let (end, has_escape) = self.end_of_text_field(start);
            self.at = end;
            let raw = &self.text[start..end];
            let is_marker = raw == self.options.null || self.options.default.as_deref() == Some(raw);
            if !has_escape || is_marker {
                self.push_span(start, end, false, false);
            } else {
                let scratch_start = self.scratch.len();
                self.count_lines(start, end);
                unescape(raw, &mut self.scratch)?;
                self.push_span(scratch_start, self.scratch.len(), true, false);
                self.clear_markers();
            }
            if self.ends_record()? {
                return Ok(());
            }
        }
    }

    /// What reads as a marker only after escapes were taken out is data.
    fn clear_markers(&mut self) {
        if let Some(span) = self.spans.last_mut() {
            (span.is_null_marker, span.is_default_marker) = (false, false);
        }
    }

    fn end_of_text_field(&self, start: usize) -> (usize, bool) {
        let bytes = self.text.as_bytes();
        let (mut at, mut has_escape) = (start, false);
        while at < bytes.len() {
            match bytes[at] {
                b'\\' => {
                    has_escape = true;
                    at += 1;
                    // An escaped line's end of two bytes is skipped whole.
                    let is_pair = bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) == Some(&b'\n');
                    at += usize::from(is_pair);
                }
                b'\n' | b'\r' => break,
                byte if byte == self.options.delimiter => break,
                _ => {}
            }
            at += 1;
        }
        (at.min(bytes.len()), has_escape)
    }
}

/// The piece as text; 22021 with the line of the first bad byte.
pub(super) fn piece_text<'a>(piece: &'a Piece, table: &str) -> Result<&'a str> {
    std::str::from_utf8(&piece.bytes).map_err(|error| {
        let (before, bad) = piece.bytes.split_at(error.valid_up_to());
        let line = piece.first_line + memchr::memchr_iter(piece.line_end.last_byte(), before).count() as u64;
        Place { table, line }.of_line(invalid_utf8(bad))
    })
}

/// Takes PostgreSQL's backslash escapes out of a text field.
fn unescape(raw: &str, out: &mut String) -> Result<()> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some(at) = memchr::memchr(b'\\', rest) {
        bytes.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let Some((&letter, tail)) = rest.split_first() else {
            bytes.push(b'\\');
            break;
        };
        rest = tail;
        match letter {
            b'b' => bytes.push(8),
            b'f' => bytes.push(12),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'v' => bytes.push(11),
            b'0'..=b'7' => rest = push_number(letter, rest, 8, 2, &mut bytes),
            b'x' if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
                rest = push_number(b'0', rest, 16, 2, &mut bytes);
            }
            other => bytes.push(other),
        }
    }
    bytes.extend_from_slice(rest);
    out.push_str(checked_utf8(&bytes)?);
    Ok(())
}

/// Pushes the byte of up to `more` further digits, and gives what is left.
fn push_number<'a>(first: u8, rest: &'a [u8], radix: u32, more: usize, bytes: &mut Vec<u8>) -> &'a [u8] {
    let value = |byte: &u8| (*byte as char).to_digit(radix);
    let len = rest.iter().take(more).take_while(|byte| value(byte).is_some()).count();
    let digits = std::iter::once(&first).chain(&rest[..len]).filter_map(value);
    // An octal number over 255 loses its ninth bit, as in PostgreSQL.
    bytes.push((digits.fold(0, |sum, digit| sum * radix + digit) & 0xff) as u8);
    &rest[len..]
}

#[cfg(test)]
mod tests;
