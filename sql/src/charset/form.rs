//! How the bytes of an encoding are cut into characters, as PostgreSQL cuts them (its `wchar.c`).

use std::ops::RangeInclusive;

/// The form of an encoding's characters. Bytes below 0x80 are ASCII in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One byte.
    Single,
    /// Two bytes that both have their high bit.
    Euc,
    /// As [`Form::Euc`]; 0x8e goes before half-width katakana, 0x8f before two bytes of JIS X 0212.
    EucJp,
    /// One byte for half-width katakana, two for others.
    Sjis,
    /// Two bytes, the second of any value but 0.
    Double,
    /// Two bytes, or four of which the second is a digit.
    Gb18030,
}

/// Shift codes of [`Form::EucJp`].
const HALF_WIDTH: u8 = 0x8e;
const JIS_X_0212: u8 = 0x8f;

impl Form {
    /// Bytes of the character that begins here; the bytes are not empty, and may be too few.
    pub(super) fn length(self, bytes: &[u8]) -> usize {
        match (self, bytes[0]) {
            (_, 0..0x80) | (Form::Single, _) | (Form::Sjis, 0xa1..=0xdf) => 1,
            (Form::Euc | Form::EucJp, JIS_X_0212) => 3,
            (Form::Gb18030, _) if bytes.get(1).is_some_and(u8::is_ascii_digit) => 4,
            _ => 2,
        }
    }

    /// Whether these bytes, as many as [`Self::length`] says, have the form of a character.
    pub(super) fn is_valid(self, bytes: &[u8]) -> bool {
        let is_high = |byte: &u8| (0xa1..=0xfe).contains(byte);
        match (self, bytes) {
            (_, [byte]) => *byte != 0,
            (Form::EucJp, [HALF_WIDTH, kana]) => (0xa1..=0xdf).contains(kana),
            (Form::EucJp, [JIS_X_0212, rest @ ..]) => rest.iter().all(is_high),
            (Form::Euc | Form::EucJp, bytes) => bytes.iter().all(is_high),
            (Form::Sjis, bytes) => {
                matches!(bytes, [0x81..=0x9f | 0xe0..=0xfc, 0x40..=0x7e | 0x80..=0xfc])
            }
            (Form::Gb18030, [lead, b'0'..=b'9', third, fourth]) => {
                [lead, third].into_iter().all(|byte| (0x81..=0xfe).contains(byte)) && fourth.is_ascii_digit()
            }
            (Form::Gb18030, bytes) => matches!(bytes, [0x81..=0xfe, 0x40..=0x7e | 0x80..=0xfe]),
            (Form::Single | Form::Double, bytes) => !bytes.contains(&0),
        }
    }

    /// All numbers that [`Self::code`] may give, but for ASCII.
    pub(super) fn codes(self) -> RangeInclusive<u16> {
        if self == Form::Single { 0x80..=0xff } else { 0x80..=0xffff }
    }

    /// The bytes of a character as one number; `None` for those of four bytes. Of JIS X 0212 the last byte is without
    /// its high bit, so that it is told apart from JIS X 0208.
    pub(super) fn code(self, bytes: &[u8]) -> Option<u16> {
        match *bytes {
            [byte] => Some(u16::from(byte)),
            [first, second] => Some(u16::from_be_bytes([first, second])),
            [JIS_X_0212, first, second] if self == Form::EucJp => Some(u16::from_be_bytes([first, second & 0x7f])),
            _ => None,
        }
    }

    /// The bytes that [`Self::code`] made a number of.
    pub(super) fn push_code(self, code: u16, out: &mut Vec<u8>) {
        let [first, second] = code.to_be_bytes();
        match first {
            0 => out.push(second),
            _ if self == Form::EucJp && second < 0x80 => out.extend([JIS_X_0212, first, second | 0x80]),
            _ => out.extend([first, second]),
        }
    }
}
