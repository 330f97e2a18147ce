//! A short text on the stack, for values that are built from digits: one copy into the output at the end.

use bytes::BytesMut;

/// No date, time, interval field list or float is longer.
const STACK_TEXT_BYTES_MAX: usize = 128;

const DIGIT_PAIRS: &[u8; 200] = b"00010203040506070809101112131415161718192021222324252627282930313233343536373839\
40414243444546474849505152535455565758596061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// ASCII text of at most [`STACK_TEXT_BYTES_MAX`] bytes.
pub(super) struct StackText {
    bytes: [u8; STACK_TEXT_BYTES_MAX],
    len: usize,
}

impl StackText {
    pub(super) fn new() -> StackText {
        StackText { bytes: [0; STACK_TEXT_BYTES_MAX], len: 0 }
    }

    pub(super) fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    pub(super) fn push_str(&mut self, text: &str) {
        self.bytes[self.len..self.len + text.len()].copy_from_slice(text.as_bytes());
        self.len += text.len();
    }

    /// Two digits of a number below 100.
    pub(super) fn push_pair(&mut self, value: u32) {
        let at = value as usize * 2;
        self.bytes[self.len..self.len + 2].copy_from_slice(&DIGIT_PAIRS[at..at + 2]);
        self.len += 2;
    }

    /// The number without padding.
    pub(super) fn push_int(&mut self, value: i64) {
        self.push_str(itoa::Buffer::new().format(value));
    }

    /// A year with at least four digits.
    pub(super) fn push_year(&mut self, year: i64) {
        if year < 10_000 {
            self.push_pair(year as u32 / 100);
            self.push_pair(year as u32 % 100);
        } else {
            self.push_int(year);
        }
    }

    /// `.` and up to six digits without trailing zeros; nothing for 0.
    pub(super) fn push_fraction(&mut self, micros: u32) {
        if micros == 0 {
            return;
        }
        self.push(b'.');
        self.push_pair(micros / 10_000);
        self.push_pair(micros / 100 % 100);
        self.push_pair(micros % 100);
        while self.bytes[self.len - 1] == b'0' {
            self.len -= 1;
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub(super) fn write_to(&self, out: &mut BytesMut) {
        out.extend_from_slice(self.as_bytes());
    }
}
