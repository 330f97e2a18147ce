//! money: a number of cents, shown as in the locale C.

use std::fmt::{self, Display, Formatter, Write};

use peristyle_catalog::model::TypeKind;

use super::{Packed, from_ordered, ordered};

const CENTS: u64 = 100;
const GROUP: usize = 3;

/// An amount in cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub i64);

impl Packed for Money {
    const KIND: TypeKind = TypeKind::Money;
    /// The cents, and a zero that tells the type from macaddr8.
    type Bytes = [u8; 9];

    fn pack(self) -> [u8; 9] {
        let mut bytes = [0; 9];
        bytes[..8].copy_from_slice(&ordered(self.0));
        bytes
    }

    fn unpack(bytes: [u8; 9]) -> Money {
        let [cents @ .., _] = bytes;
        Money(from_ordered(cents))
    }
}

impl Display for Money {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 < 0 { "-$" } else { "$" })?;
        let cents = self.0.unsigned_abs();
        let whole = (cents / CENTS).to_string();
        for (place, digit) in whole.char_indices() {
            if place > 0 && (whole.len() - place).is_multiple_of(GROUP) {
                f.write_char(',')?;
            }
            f.write_char(digit)?;
        }
        write!(f, ".{:02}", cents % CENTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_in_the_order_of_amounts() {
        let ordered = [i64::MIN, -101, -1, 0, 1, 100, i64::MAX].map(Money);
        assert!(ordered.windows(2).all(|pair| pair[0].pack() < pair[1].pack()));
        assert!(ordered.iter().all(|value| Money::unpack(value.pack()) == *value));
    }

    #[test]
    fn amounts_are_written_in_groups() {
        for (cents, text) in [
            (0, "$0.00"),
            (-5, "-$0.05"),
            (99_999, "$999.99"),
            (123_456_789, "$1,234,567.89"),
            (i64::MIN, "-$92,233,720,368,547,758.08"),
        ] {
            assert_eq!(Money(cents).to_string(), text);
        }
    }
}
