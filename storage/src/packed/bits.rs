//! bit(n) and bit varying(n). PostgreSQL orders them bit by bit; of two of which one begins with the other the shorter comes
//! first.
//!
//! A byte holds up to seven bits: the place that they have among all 255 strings of at most seven bits in that order. So
//! bytes come in the order of the strings, and nothing but how many there are says how long a string is.

use std::fmt::{self, Display, Formatter, Write};

use arrow::datatypes::DataType;
use peristyle_catalog::model::TypeKind;

/// Bits in a byte of a packed string.
const GROUP: usize = 7;

/// A string of bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits(pub Vec<bool>);

impl Bits {
    /// The Arrow type that holds strings of bits, and nothing else.
    pub const ARROW: DataType = DataType::LargeBinary;

    /// Whether values of a type are strings of bits.
    pub fn is_of(kind: TypeKind) -> bool {
        matches!(kind, peristyle_catalog::bit_kinds!())
    }

    /// The string's bytes.
    pub fn pack(&self) -> Vec<u8> {
        self.0.chunks(GROUP).map(place_of).collect()
    }

    /// The string of such bytes.
    pub fn unpack(bytes: &[u8]) -> Bits {
        let mut bits = Vec::with_capacity(bytes.len() * GROUP);
        bytes.iter().for_each(|place| push_bits_at(*place, &mut bits));
        Bits(bits)
    }

    /// Eight bits a byte from the highest on, the last filled up with zeros: as the wire has them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | u8::from(*bit) << (7 - at));
        self.0.chunks(8).map(byte).collect()
    }

    /// The first `length` bits of such bytes.
    pub fn from_bytes(bytes: &[u8], length: usize) -> Bits {
        let bits = bytes.iter().flat_map(|byte| (0..8).map(move |at| byte >> (7 - at) & 1 == 1));
        Bits(bits.take(length).collect())
    }
}

/// Strings that begin with the first `length` bits of one, itself among them.
fn strings_below(length: usize) -> u8 {
    u8::MAX >> length
}

fn place_of(bits: &[bool]) -> u8 {
    let step = |(at, bit): (usize, &bool)| 1 + if *bit { strings_below(at + 1) } else { 0 };
    bits.iter().enumerate().map(step).sum()
}

fn push_bits_at(place: u8, bits: &mut Vec<bool>) {
    let (mut rest, mut length) = (place, 0);
    while rest > 0 && length < GROUP {
        length += 1;
        rest -= 1;
        let bit = rest >= strings_below(length);
        if bit {
            rest -= strings_below(length);
        }
        bits.push(bit);
    }
}

impl Display for Bits {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|bit| f.write_char(if *bit { '1' } else { '0' }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(text: &str) -> Bits {
        Bits(text.bytes().map(|digit| digit == b'1').collect())
    }

    #[test]
    fn bytes_come_in_the_order_of_strings() {
        let ordered = [
            "",
            "0",
            "00",
            "0000000",
            "00000000",
            "000000000000000",
            "00000001",
            "0000001",
            "01",
            "1",
            "10",
            "1000000",
            "10000000",
            "10000001",
            "1000001",
            "1111110",
            "1111111",
            "11111110",
            "11111111",
        ];
        assert!(ordered.is_sorted(), "as texts of 0 and 1 are");
        assert!(ordered.windows(2).all(|pair| bits(pair[0]).pack() < bits(pair[1]).pack()));
        for text in ordered {
            assert_eq!(Bits::unpack(&bits(text).pack()).to_string(), text);
            assert_eq!(Bits::from_bytes(&bits(text).to_bytes(), text.len()).to_string(), text);
        }
    }
}
