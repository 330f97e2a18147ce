//! Values of PostgreSQL's types that Arrow has no type for: packed into bytes of a fixed width, whose order is the type's
//! order and which are equal where the values are.
//!
//! So sorting, grouping, joining, bounds and buckets need not know of them. Each type has a width of its own, by which an
//! array tells which type it holds even where a plan lost its mark. See docs/decisions/0045-packed-types.md.

mod elements;
mod macaddr;
mod network;
mod range;

use std::fmt::Write;

use arrow::datatypes::DataType;
use peristyle_catalog::model::TypeKind;

pub use elements::{bounds, element_arrow, numbers};
pub use macaddr::{Macaddr, Macaddr8};
pub use network::{Address, AddressFamily, Cidr, Inet};
pub use range::{Bound, Edge, RANGE_TYPES, Range, RangeType};

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
const WIDTHS: &[(TypeKind, i32)] =
    &[(TypeKind::Macaddr, 6), (TypeKind::Macaddr8, 8), (TypeKind::Cidr, 18), (TypeKind::Inet, 34)];

/// Bytes of a packed type's values; `None` for a type that is not packed.
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
pub(crate) fn arrow_type(kind: TypeKind) -> DataType {
    width(kind).map_or(DataType::BinaryView, DataType::FixedSizeBinary)
}

/// Appends the text of a value as PostgreSQL shows it. Ranges are written by those who write their elements.
pub fn write_text(kind: TypeKind, bytes: &[u8], out: &mut impl Write) {
    // Writing to a buffer does not fail.
    let _ = match kind {
        TypeKind::Inet => write!(out, "{}", Inet::of(bytes)),
        TypeKind::Cidr => write!(out, "{}", Cidr::of(bytes)),
        TypeKind::Macaddr => write!(out, "{}", Macaddr::of(bytes)),
        TypeKind::Macaddr8 => write!(out, "{}", Macaddr8::of(bytes)),
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
