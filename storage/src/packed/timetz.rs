//! timetz. PostgreSQL orders its values by the time that it then is in UTC, then by the offset, the most eastern first.

use std::fmt::{self, Display, Formatter};

use peristyle_catalog::model::TypeKind;

use super::{Packed, from_ordered, ordered};

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A time of day somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timetz {
    /// Microseconds since midnight there.
    pub micros: i64,
    /// Seconds east of UTC.
    pub offset: i32,
}

impl Timetz {
    /// Microseconds since midnight in UTC, below 0 or above a day where that is another day.
    pub fn utc_micros(self) -> i64 {
        self.micros - i64::from(self.offset) * MICROS_PER_SECOND
    }
}

impl Packed for Timetz {
    const KIND: TypeKind = TypeKind::Timetz;
    /// The time in UTC, the seconds west of it.
    type Bytes = [u8; 12];

    fn pack(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&ordered(self.utc_micros()));
        bytes[8..].copy_from_slice(&(i64::from(-self.offset) - i64::from(i32::MIN)).to_be_bytes()[4..]);
        bytes
    }

    fn unpack(bytes: [u8; 12]) -> Timetz {
        let [utc @ .., a, b, c, d] = bytes;
        let west = i64::from(u32::from_be_bytes([a, b, c, d])) + i64::from(i32::MIN);
        let offset = -west as i32;
        Timetz { micros: from_ordered(utc) + i64::from(offset) * MICROS_PER_SECOND, offset }
    }
}

impl Display for Timetz {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_clock(self.micros, f)?;
        write_offset(self.offset, f)
    }
}

fn write_clock(micros: i64, f: &mut Formatter<'_>) -> fmt::Result {
    let (seconds, fraction) = (micros / MICROS_PER_SECOND, micros % MICROS_PER_SECOND);
    write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
    if fraction == 0 {
        return Ok(());
    }
    f.write_str(format!(".{fraction:06}").trim_end_matches('0'))
}

/// Minutes and seconds only where they are not zero.
fn write_offset(offset: i32, f: &mut Formatter<'_>) -> fmt::Result {
    let (sign, seconds) = (if offset < 0 { '-' } else { '+' }, offset.abs());
    write!(f, "{sign}{:02}", seconds / 3600)?;
    if seconds % 3600 != 0 {
        write!(f, ":{:02}", seconds / 60 % 60)?;
    }
    if seconds % 60 != 0 {
        write!(f, ":{:02}", seconds % 60)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn bytes_come_in_the_order_of_values() {
        let at = |hours: i64, offset: i32| Timetz { micros: hours * HOUR, offset: offset * 3600 };
        let ordered = [at(0, 15), at(1, 2), at(10, 2), at(9, 1), at(8, 0), at(7, -1), at(9, 0), at(24, 0), at(24, -15)];
        assert!(ordered.windows(2).all(|pair| pair[0].pack() < pair[1].pack()));
        assert!(ordered.iter().all(|value| Timetz::unpack(value.pack()) == *value));
    }

    #[test]
    fn offsets_are_as_short_as_they_can_be() {
        for (offset, text) in [(0, "+00"), (19_800, "+05:30"), (-3_661, "-01:01:01")] {
            assert_eq!(Timetz { micros: 10 * HOUR + 500_000, offset }.to_string(), format!("10:00:00.5{text}"));
        }
    }
}
