//! Values of PostgreSQL's types that Arrow has no type for: packed into bytes whose order is the type's order and which are
//! equal where the values are.
//!
//! So sorting, grouping, joining, bounds and buckets need not know of them. Each type has a width of its own, by which an
//! array tells which type it holds even where a plan lost its mark; strings of bits, which have none, have an Arrow type of
//! their own. See docs/decisions/0045-packed-types.md and 0049-bit-strings.md.

mod bits;
mod elements;
mod macaddr;
mod money;
mod network;
mod range;
mod timetz;

use std::fmt::Write;

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use peristyle_catalog::model::TypeKind;

pub use bits::Bits;
pub use elements::{bounds, element_arrow, numbers};
pub use macaddr::{Macaddr, Macaddr8};
pub use money::Money;
pub use network::{Address, AddressFamily, Cidr, Inet};
pub use range::{Bound, Edge, RANGE_TYPES, Range, RangeType};
pub use timetz::Timetz;

/// A type's values in Rust.
pub trait Packed: Copy + std::fmt::Display {
    /// The type.
    const KIND: TypeKind;
    /// Bytes of a value.
    type Bytes: AsRef<[u8]> + for<'a> TryFrom<&'a [u8]>;

    /// The value's bytes.
    fn pack(self) -> Self::Bytes;

    /// The value of such bytes.
    fn unpack(bytes: Self::Bytes) -> Self;

    /// The value in an array of the type, whose values have its width.
    fn of(bytes: &[u8]) -> Self {
        match Self::Bytes::try_from(bytes) {
            Ok(bytes) => Self::unpack(bytes),
            Err(_) => unreachable!("an array of {:?} has values of {} bytes", Self::KIND, bytes.len()),
        }
    }
}

/// Bytes of a value by type; those of ranges are in [`RANGE_TYPES`].
const WIDTHS: &[(TypeKind, i32)] = &[
    (TypeKind::Macaddr, 6),
    (TypeKind::Macaddr8, 8),
    (TypeKind::Money, 9),
    (TypeKind::Timetz, 12),
    (TypeKind::Cidr, 18),
    (TypeKind::Inet, 34),
];

/// Bytes of a packed type's values; `None` for a type that is not packed, or whose values differ in length.
pub fn width(kind: TypeKind) -> Option<i32> {
    let range = RangeType::of_kind(kind).map(RangeType::width);
    range.or_else(|| WIDTHS.iter().find(|(packed, _)| *packed == kind).map(|(_, width)| *width))
}

/// The packed type whose values have that many bytes.
pub fn kind_of_width(width: i32) -> Option<TypeKind> {
    let range = RangeType::of_width(width).map(|ty| ty.kind);
    range.or_else(|| WIDTHS.iter().find(|(_, packed)| *packed == width).map(|(kind, _)| *kind))
}

/// The Arrow type of a packed type.
pub fn arrow_type(kind: TypeKind) -> DataType {
    width(kind).map_or(Bits::ARROW, DataType::FixedSizeBinary)
}

/// The packed type that an Arrow type holds. Of strings of bits it is the one without a length.
pub fn kind_of(arrow: &DataType) -> Option<TypeKind> {
    match arrow {
        DataType::FixedSizeBinary(width) => kind_of_width(*width),
        arrow if *arrow == Bits::ARROW => Some(TypeKind::Varbit),
        _ => None,
    }
}

/// The bytes of a value in an array of a packed type.
pub fn bytes_at(array: &dyn Array, row: usize) -> &[u8] {
    match array.as_fixed_size_binary_opt() {
        Some(fixed) => fixed.value(row),
        None => array.as_binary::<i64>().value(row),
    }
}

/// A number as bytes that come in the order of numbers.
fn ordered(number: i64) -> [u8; 8] {
    (number ^ i64::MIN).to_be_bytes()
}

fn from_ordered(bytes: [u8; 8]) -> i64 {
    i64::from_be_bytes(bytes) ^ i64::MIN
}

/// Appends the text of a value as PostgreSQL shows it. Ranges are written by those who write their elements.
pub fn write_text(kind: TypeKind, bytes: &[u8], out: &mut impl Write) {
    // Writing to a buffer does not fail.
    let _ = match kind {
        TypeKind::Inet => write!(out, "{}", Inet::of(bytes)),
        TypeKind::Cidr => write!(out, "{}", Cidr::of(bytes)),
        TypeKind::Macaddr => write!(out, "{}", Macaddr::of(bytes)),
        TypeKind::Macaddr8 => write!(out, "{}", Macaddr8::of(bytes)),
        TypeKind::Timetz => write!(out, "{}", Timetz::of(bytes)),
        TypeKind::Money => write!(out, "{}", Money::of(bytes)),
        kind if Bits::is_of(kind) => write!(out, "{}", Bits::unpack(bytes)),
        _ => Ok(()),
    };
}

/// Appends the text that a cast to text gives: an inet's always has its mask.
pub fn write_cast_text(kind: TypeKind, bytes: &[u8], out: &mut impl Write) {
    match kind {
        TypeKind::Inet => {
            let _ = Inet::of(bytes).write_with_mask(out);
        }
        _ => write_text(kind, bytes, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_is_of_one_type() {
        for (kind, bytes) in WIDTHS {
            assert_eq!(kind_of_width(*bytes), Some(*kind));
            assert_eq!(width(*kind), Some(*bytes));
        }
        for ty in RANGE_TYPES {
            assert_eq!(kind_of_width(ty.width()), Some(ty.kind));
            assert!(WIDTHS.iter().all(|(_, width)| *width != ty.width()), "{ty:?}");
        }
        assert_eq!(kind_of_width(16), None, "a uuid's");
    }
}
