//! Cuts a stream of bytes into pieces that end where a record ends, for decoding on many cores.

mod mark;

use bytes::{Bytes, BytesMut};

use self::mark::ByteOrderMark;
use super::options::{CopyFormat, CopyOptions, Header};
use super::place::Place;
use crate::charset::StreamDecoder;
use crate::error::{Result, SqlError, SqlState};

/// Bytes of a piece, unless one record is longer.
pub const PIECE_BYTES: usize = 1 << 20;
/// Default of the setting `copy_record_bytes_max`.
pub const COPY_RECORD_BYTES_MAX: usize = 64 << 20;

/// How records end; the first one's end decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// `\n`
    Newline,
    /// `\r\n`
    CarriageReturnNewline,
    /// `\r`
    CarriageReturn,
}

impl LineEnd {
    /// The last byte of the end.
    pub(super) fn last_byte(self) -> u8 {
        match self {
            LineEnd::Newline | LineEnd::CarriageReturnNewline => b'\n',
            LineEnd::CarriageReturn => b'\r',
        }
    }

    /// A record without its end.
    pub(super) fn strip(self, record: &[u8]) -> &[u8] {
        let cut = record.strip_suffix(&[self.last_byte()]).unwrap_or(record);
        match self {
            LineEnd::CarriageReturnNewline => cut.strip_suffix(b"\r").unwrap_or(cut),
            LineEnd::Newline | LineEnd::CarriageReturn => cut,
        }
    }
}

/// Whole records.
#[derive(Clone, Debug)]
pub struct Piece {
    pub bytes: Bytes,
    /// Line of the stream on which the piece begins, from 1. A line break inside a value counts.
    pub first_line: u64,
    pub line_end: LineEnd,
    /// The piece is the header: one record of names.
    pub is_header: bool,
}

/// Sizes at which a splitter cuts and stops.
#[derive(Clone, Copy, Debug)]
pub struct SplitterLimits {
    /// A piece is cut at the first record's end past this many bytes.
    pub piece_bytes: usize,
    /// A longer record is 54000.
    pub record_bytes_max: usize,
}

impl Default for SplitterLimits {
    fn default() -> SplitterLimits {
        SplitterLimits { piece_bytes: PIECE_BYTES, record_bytes_max: COPY_RECORD_BYTES_MAX }
    }
}

/// Takes bytes in any portions and gives pieces of UTF-8. Holds at most a piece and a record.
pub struct RecordSplitter {
    table: String,
    /// Of data in another encoding. Records are cut after it: bytes that have a meaning may be parts of characters before.
    decoder: Option<StreamDecoder>,
    mark: ByteOrderMark,
    format: CopyFormat,
    quote: u8,
    /// The escape, if it is not the quote.
    escape: Option<u8>,
    limits: SplitterLimits,
    awaits_header: bool,
    buffer: BytesMut,
    /// Where the scan goes on.
    scanned: usize,
    /// Where the record begins that is being scanned.
    record_start: usize,
    in_quotes: bool,
    after_escape: bool,
    line_end: Option<LineEnd>,
    first: FirstLine,
    /// Line on which the buffer begins, and lines found in it.
    first_line: u64,
    lines: u64,
    /// `\.` was met: what comes after it is not data.
    is_over: bool,
}

impl RecordSplitter {
    /// A splitter for data in that form; the table's name is for messages.
    pub fn new(table: &str, options: &CopyOptions, limits: SplitterLimits) -> RecordSplitter {
        RecordSplitter {
            table: table.to_owned(),
            decoder: StreamDecoder::new(options.charset),
            mark: ByteOrderMark::before(options.format),
            format: options.format,
            quote: options.quote,
            escape: (options.escape != options.quote).then_some(options.escape),
            limits,
            awaits_header: options.header != Header::Absent,
            buffer: BytesMut::new(),
            scanned: 0,
            record_start: 0,
            in_quotes: false,
            after_escape: false,
            line_end: None,
            first: FirstLine::default(),
            first_line: 1,
            lines: 0,
            is_over: false,
        }
    }

    /// Takes bytes and appends the pieces that became whole.
    pub fn push(&mut self, bytes: &[u8], pieces: &mut Vec<Piece>) -> Result<()> {
        if self.is_over {
            return Ok(());
        }
        let taken = self.take(bytes);
        if self.mark.is_past(&mut self.buffer) {
            self.cut_records(pieces);
        }
        if self.is_over {
            return Ok(());
        }
        taken.map_err(|error| self.place().of_line(error))?;
        if self.buffer.len() - self.record_start > self.limits.record_bytes_max {
            return Err(self.too_long());
        }
        Ok(())
    }

    /// Takes what can be decoded.
    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(decoder) = &mut self.decoder else {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        };
        let mut text = String::with_capacity(bytes.len());
        let decoded = decoder.push(bytes, &mut text);
        self.buffer.extend_from_slice(text.as_bytes());
        decoded
    }

    fn cut_records(&mut self, pieces: &mut Vec<Piece>) {
        while let Some(end) = self.next_record_end() {
            if self.ends_data(end) {
                self.is_over = true;
                self.buffer.truncate(self.record_start);
                break;
            }
            self.record_start = end;
            if self.awaits_header || end >= self.limits.piece_bytes {
                pieces.push(self.cut(end));
            }
        }
    }

    /// The last piece. Its last record may lack a line's end, but not the end of a character.
    pub fn finish(mut self) -> Result<Option<Piece>> {
        if let Some(decoder) = &self.decoder
            && !self.is_over
        {
            decoder.finish().map_err(|error| self.place().of_line(error))?;
        }
        if self.line_end.is_none() && self.buffer.last() == Some(&b'\r') {
            self.line_end = Some(LineEnd::CarriageReturn);
        }
        if !self.is_over && self.rest_ends_data() {
            self.buffer.truncate(self.record_start);
        }
        let len = self.buffer.len();
        Ok((len > 0).then(|| self.cut(len)))
    }

    fn rest_ends_data(&self) -> bool {
        self.format != CopyFormat::Ndjson && self.strip(&self.buffer[self.record_start..]) == b"\\."
    }

    fn ends_data(&self, end: usize) -> bool {
        // The marker with its line's end takes four bytes at most.
        self.format != CopyFormat::Ndjson
            && end - self.record_start <= 4
            && self.strip(&self.buffer[self.record_start..end]) == b"\\."
    }

    fn strip<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        self.line_end.map_or(record, |line_end| line_end.strip(record))
    }

    fn cut(&mut self, end: usize) -> Piece {
        let piece = Piece {
            bytes: self.buffer.split_to(end).freeze(),
            first_line: self.first_line,
            line_end: self.line_end.unwrap_or(LineEnd::Newline),
            is_header: self.awaits_header,
        };
        self.awaits_header = false;
        self.scanned -= end.min(self.scanned);
        self.record_start = 0;
        self.first_line += self.lines;
        self.lines = 0;
        piece
    }

    #[cold]
    fn too_long(&self) -> SqlError {
        let message = format!("record is longer than {} bytes", self.limits.record_bytes_max);
        let error = SqlError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, message);
        self.place().of_line(error.hint("Raise copy_record_bytes_max, or look for a quote that is not closed."))
    }

    /// The line at the scan.
    fn place(&self) -> Place<'_> {
        Place { table: &self.table, line: self.first_line + self.lines }
    }

    /// The end of the next record past the scan, if it has arrived.
    fn next_record_end(&mut self) -> Option<usize> {
        if self.line_end.is_none() {
            self.find_line_end();
        }
        let last = self.line_end?.last_byte();
        match self.format {
            CopyFormat::Csv => self.next_csv_end(last),
            CopyFormat::Text => self.next_text_end(last),
            // Tuples have a splitter of their own.
            CopyFormat::Ndjson | CopyFormat::Binary | CopyFormat::Parquet => {
                let at = memchr::memchr(last, &self.buffer[self.scanned..]);
                self.advance(at)
            }
        }
    }

    /// Moves the scan past a line's end that was found, or to the end of what there is.
    fn advance(&mut self, found: Option<usize>) -> Option<usize> {
        match found {
            Some(at) => {
                self.scanned += at + 1;
                self.lines += 1;
                Some(self.scanned)
            }
            None => {
                self.scanned = self.buffer.len();
                None
            }
        }
    }

    fn next_text_end(&mut self, last: u8) -> Option<usize> {
        loop {
            let at = memchr::memchr(last, &self.buffer[self.scanned..]);
            let end = self.advance(at)?;
            let record = &self.buffer[self.record_start..end - 1];
            // After an odd number of backslashes the line's end is data.
            let backslashes = record.iter().rev().take_while(|byte| **byte == b'\\').count();
            if backslashes % 2 == 0 {
                return Some(end);
            }
        }
    }

    fn next_csv_end(&mut self, last: u8) -> Option<usize> {
        loop {
            let rest = &self.buffer[self.scanned..];
            let found = match self.escape {
                _ if self.after_escape => (!rest.is_empty()).then_some(0),
                Some(escape) if self.in_quotes => memchr::memchr3(self.quote, escape, last, rest),
                _ => memchr::memchr2(self.quote, last, rest),
            };
            let Some(at) = found else {
                self.scanned = self.buffer.len();
                return None;
            };
            let byte = rest[at];
            self.scanned += at + 1;
            if byte == last {
                self.lines += 1;
            }
            let is_escaped = std::mem::take(&mut self.after_escape);
            if byte == last && !self.in_quotes {
                return Some(self.scanned);
            }
            if self.in_quotes && !is_escaped && Some(byte) == self.escape {
                self.after_escape = true;
            } else if byte == self.quote && !is_escaped {
                self.in_quotes = !self.in_quotes;
            }
        }
    }

    /// Looks for the first line's end, to learn how lines end. The record is scanned again after.
    fn find_line_end(&mut self) {
        while let Some(&byte) = self.buffer.get(self.first.at) {
            let is_escaped = std::mem::take(&mut self.first.after_escape);
            let is_csv = self.format == CopyFormat::Csv;
            if is_csv && self.first.in_quotes && !is_escaped && Some(byte) == self.escape {
                self.first.after_escape = true;
            } else if is_csv && byte == self.quote && !is_escaped {
                self.first.in_quotes = !self.first.in_quotes;
            } else if self.format == CopyFormat::Text && byte == b'\\' && !is_escaped {
                self.first.after_escape = true;
            } else if !self.first.in_quotes && !is_escaped && matches!(byte, b'\n' | b'\r') {
                match self.line_end_at(byte) {
                    FirstEnd::Found(line_end) => self.line_end = Some(line_end),
                    FirstEnd::NotYet => {}
                    FirstEnd::None => {
                        self.first.at += 1;
                        continue;
                    }
                }
                return;
            }
            self.first.at += 1;
        }
    }

    fn line_end_at(&self, byte: u8) -> FirstEnd {
        match (byte, self.buffer.get(self.first.at + 1)) {
            (b'\n', _) => FirstEnd::Found(LineEnd::Newline),
            (_, None) => FirstEnd::NotYet,
            (_, Some(b'\n')) => FirstEnd::Found(LineEnd::CarriageReturnNewline),
            // A lone return is white space in JSON.
            (_, Some(_)) if self.format == CopyFormat::Ndjson => FirstEnd::None,
            (_, Some(_)) => FirstEnd::Found(LineEnd::CarriageReturn),
        }
    }
}

/// How far the search for the first line's end has come.
#[derive(Default)]
struct FirstLine {
    at: usize,
    in_quotes: bool,
    after_escape: bool,
}

enum FirstEnd {
    Found(LineEnd),
    /// The byte after the return has not arrived.
    NotYet,
    /// This is no line's end.
    None,
}

#[cfg(test)]
mod tests;
