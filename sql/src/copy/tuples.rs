//! PostgreSQL's binary form of COPY: a signature with flags, tuples, a trailer. Cut into pieces of whole tuples here,
//! and all of its framing checked; the values are read by the decoder.

use bytes::BytesMut;

use super::place::Place;
use super::splitter::{LineEnd, Piece, SplitterLimits};
use crate::error::{Result, SqlError, SqlState};

/// What every stream begins with.
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// The signature, the flags, the length of what may follow.
const HEADER_BYTES: usize = SIGNATURE.len() + 4 + 4;
/// Flags of this half must be known to the reader.
const CRITICAL_FLAGS: u32 = 0xffff_0000;
/// The flag of an oid in front of each tuple, which no version writes any more.
const WITH_OIDS: u32 = 1 << 16;
/// Fields of the tuple that ends the stream.
const TRAILER: i16 = -1;

/// The header without flags or extension.
pub(super) fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..SIGNATURE.len()].copy_from_slice(SIGNATURE);
    header
}

/// The end of the stream.
pub(super) fn trailer() -> [u8; 2] {
    TRAILER.to_be_bytes()
}

/// Takes the number of fields off the front of a tuple.
pub(super) fn take_count(bytes: &mut &[u8]) -> Option<i16> {
    take(bytes).map(i16::from_be_bytes)
}

/// Why a field cannot be read.
pub(super) enum Unread {
    /// More bytes are needed.
    Incomplete,
    InvalidSize,
}

/// Takes a field off the front, `None` for NULL.
pub(super) fn take_field<'a>(bytes: &mut &'a [u8]) -> std::result::Result<Option<&'a [u8]>, Unread> {
    let size = take(bytes).map(i32::from_be_bytes).ok_or(Unread::Incomplete)?;
    if size == -1 {
        return Ok(None);
    }
    let size = usize::try_from(size).map_err(|_| Unread::InvalidSize)?;
    let (value, rest) = bytes.split_at_checked(size).ok_or(Unread::Incomplete)?;
    *bytes = rest;
    Ok(Some(value))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}

#[cold]
fn bad_file(message: impl Into<String>) -> SqlError {
    SqlError::new(SqlState::BAD_COPY_FILE_FORMAT, message)
}

/// Takes bytes in any portions and gives pieces of whole tuples. Holds at most a piece and a tuple.
pub struct TupleSplitter {
    table: String,
    columns: Vec<String>,
    limits: SplitterLimits,
    buffer: BytesMut,
    /// Where the first tuple begins that was not looked at.
    scanned: usize,
    /// Number of the first tuple in the buffer, from 1, and whole tuples in it.
    first_tuple: u64,
    tuples: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    /// What follows the header; so many bytes of it are still to come.
    Extension(usize),
    Tuples,
    Over,
}

impl TupleSplitter {
    /// A splitter for tuples of these columns; the names are for messages.
    pub fn new(table: &str, columns: Vec<String>, limits: SplitterLimits) -> TupleSplitter {
        TupleSplitter {
            table: table.to_owned(),
            columns,
            limits,
            buffer: BytesMut::new(),
            scanned: 0,
            first_tuple: 1,
            tuples: 0,
            state: State::Header,
        }
    }

    /// Takes bytes and appends the pieces that became whole. 22P04 for what is not the form.
    pub fn push(&mut self, bytes: &[u8], pieces: &mut Vec<Piece>) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        while self.step()? {
            if self.scanned >= self.limits.piece_bytes {
                pieces.push(self.cut());
            }
        }
        if self.buffer.len() - self.scanned > self.limits.record_bytes_max {
            return Err(self.too_long());
        }
        Ok(())
    }

    /// The last piece. The trailer may be missing, as in PostgreSQL; a tuple may not be cut off.
    pub fn finish(mut self) -> Result<Option<Piece>> {
        match self.state {
            State::Header => return Err(self.cut_header()),
            State::Extension(_) => return Err(bad_file("invalid COPY file header (wrong length)")),
            State::Tuples | State::Over => {}
        }
        let mut rest = &self.buffer[self.scanned..];
        if take_count(&mut rest).is_some() {
            let read = (0..).find(|_| take_field(&mut rest).is_err()).unwrap_or(0);
            let error = bad_file("unexpected EOF in COPY data");
            return Err(self.place().of_column(error, self.columns.get(read).map_or("", String::as_str)));
        }
        Ok((self.scanned > 0).then(|| self.cut()))
    }

    /// Whether something whole was found at the scan, and passed.
    fn step(&mut self) -> Result<bool> {
        match self.state {
            State::Header => self.pass_header(),
            State::Extension(left) => Ok(self.pass_extension(left)),
            State::Tuples => self.pass_tuple(),
            State::Over if self.buffer.len() > self.scanned => {
                Err(self.place().of_line(bad_file("received copy data after EOF marker")))
            }
            State::Over => Ok(false),
        }
    }

    fn pass_header(&mut self) -> Result<bool> {
        let seen = self.buffer.len().min(SIGNATURE.len());
        if self.buffer[..seen] != SIGNATURE[..seen] {
            return Err(bad_file("COPY file signature not recognized"));
        }
        let mut rest = self.buffer.get(SIGNATURE.len()..).unwrap_or_default();
        let (Some(flags), Some(length)) = (take(&mut rest), take(&mut rest)) else { return Ok(false) };
        let flags = u32::from_be_bytes(flags);
        if flags & WITH_OIDS != 0 {
            return Err(bad_file("invalid COPY file header (WITH OIDS)"));
        }
        if flags & CRITICAL_FLAGS != 0 {
            return Err(bad_file("unrecognized critical flags in COPY file header"));
        }
        let length = usize::try_from(i32::from_be_bytes(length))
            .map_err(|_| bad_file("invalid COPY file header (missing length)"))?;
        let _ = self.buffer.split_to(HEADER_BYTES);
        self.state = State::Extension(length);
        Ok(true)
    }

    fn pass_extension(&mut self, left: usize) -> bool {
        let passed = left.min(self.buffer.len());
        let _ = self.buffer.split_to(passed);
        self.state = if passed == left { State::Tuples } else { State::Extension(left - passed) };
        passed == left
    }

    fn pass_tuple(&mut self) -> Result<bool> {
        let whole = &self.buffer[self.scanned..];
        let mut rest = whole;
        let Some(count) = take_count(&mut rest) else { return Ok(false) };
        if count == TRAILER {
            let after = rest.len();
            return self.end_data(after).map(|()| false);
        }
        if usize::try_from(count) != Ok(self.columns.len()) {
            let message = format!("row field count is {count}, expected {}", self.columns.len());
            return Err(self.place().of_line(bad_file(message)));
        }
        for column in &self.columns {
            match take_field(&mut rest) {
                Ok(_) => {}
                Err(Unread::Incomplete) => return Ok(false),
                Err(Unread::InvalidSize) => {
                    return Err(self.place().of_column(bad_file("invalid field size"), column));
                }
            }
        }
        self.scanned += whole.len() - rest.len();
        self.tuples += 1;
        Ok(true)
    }

    /// The trailer stands at the scan, with `after` bytes behind it.
    fn end_data(&mut self, after: usize) -> Result<()> {
        if after > 0 {
            return Err(self.place().of_line(bad_file("received copy data after EOF marker")));
        }
        self.buffer.truncate(self.scanned);
        self.state = State::Over;
        Ok(())
    }

    fn cut(&mut self) -> Piece {
        let piece = Piece {
            bytes: self.buffer.split_to(self.scanned).freeze(),
            first_line: self.first_tuple,
            line_end: LineEnd::Newline,
            is_header: false,
        };
        self.scanned = 0;
        self.first_tuple += self.tuples;
        self.tuples = 0;
        piece
    }

    /// The tuple at the scan.
    fn place(&self) -> Place<'_> {
        Place { table: &self.table, line: self.first_tuple + self.tuples }
    }

    #[cold]
    fn cut_header(&self) -> SqlError {
        bad_file(match self.buffer.len() {
            0..11 => "COPY file signature not recognized",
            11..15 => "invalid COPY file header (missing flags)",
            _ => "invalid COPY file header (missing length)",
        })
    }

    #[cold]
    fn too_long(&self) -> SqlError {
        let message = format!("record is longer than {} bytes", self.limits.record_bytes_max);
        let error = SqlError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, message);
        self.place().of_line(error.hint("Raise copy_record_bytes_max."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: SplitterLimits = SplitterLimits { piece_bytes: 1, record_bytes_max: 100 };

    /// A stream of one-column tuples.
    fn stream(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut bytes = header().to_vec();
        for value in values {
            bytes.extend(1_i16.to_be_bytes());
            bytes.extend(value.map_or(-1, |value| value.len() as i32).to_be_bytes());
            bytes.extend(value.unwrap_or_default());
        }
        bytes
    }

    /// First tuple and length of each piece of a stream that arrives in portions of a size.
    fn split(data: &[u8], portion: usize) -> Result<Vec<(u64, usize)>> {
        let mut splitter = TupleSplitter::new("t", vec!["a".to_owned()], LIMITS);
        let mut pieces = Vec::new();
        for bytes in data.chunks(portion) {
            splitter.push(bytes, &mut pieces)?;
        }
        pieces.extend(splitter.finish()?);
        Ok(pieces.into_iter().map(|piece| (piece.first_line, piece.bytes.len())).collect())
    }

    #[test]
    fn tuples_are_cut_however_they_arrive() {
        let mut data = stream(&[Some(b"abc"), None, Some(b"")]);
        for portion in [1, 2, 7, 1000] {
            assert_eq!(split(&data, portion).expect("no trailer is needed"), [(1, 9), (2, 6), (3, 6)]);
        }
        data.extend(trailer());
        for portion in [1, 3, 1000] {
            assert_eq!(split(&data, portion).expect("it is whole"), [(1, 9), (2, 6), (3, 6)]);
        }
        let mut extended = stream(&[]);
        extended[HEADER_BYTES - 1] = 3;
        extended.extend(b"xyz");
        extended.extend(trailer());
        assert_eq!(split(&extended, 2).expect("an extension is passed over"), []);
    }

    #[test]
    fn faults_read_like_postgresqls() {
        let whole = stream(&[Some(b"abc"), Some(b"d")]);
        let with = |at: usize, byte: u8| {
            let mut data = whole.clone();
            data[at] = byte;
            data
        };
        let cases = [
            (b"1,2\n".to_vec(), "COPY file signature not recognized", None),
            (Vec::new(), "COPY file signature not recognized", None),
            (whole[..13].to_vec(), "invalid COPY file header (missing flags)", None),
            (with(12, 1), "invalid COPY file header (WITH OIDS)", None),
            (with(11, 1), "unrecognized critical flags in COPY file header", None),
            (with(15, 0xff), "invalid COPY file header (missing length)", None),
            (with(20, 2), "row field count is 2, expected 1", Some("COPY t, line 1")),
            (with(30, 0xff), "invalid field size", Some("COPY t, line 2, column a")),
            (whole[..whole.len() - 1].to_vec(), "unexpected EOF in COPY data", Some("COPY t, line 2, column a")),
            ([&whole[..], &trailer(), b"x"].concat(), "received copy data after EOF marker", Some("COPY t, line 3")),
        ];
        for (data, message, context) in cases {
            for portion in [1, 1000] {
                let error = split(&data, portion).expect_err(message);
                assert_eq!((error.code, error.message.as_str()), (SqlState::BAD_COPY_FILE_FORMAT, message));
                assert_eq!(error.context.as_deref(), context, "{message}");
            }
        }
    }

    #[test]
    fn a_tuple_without_end_is_refused() {
        let error = split(&stream(&[Some(&[0; 200])]), 50).expect_err("too long");
        assert_eq!(error.code, SqlState::PROGRAM_LIMIT_EXCEEDED);
    }
}
