//! Hardware addresses.

use std::fmt::{self, Display, Formatter};

use peristyle_catalog::model::TypeKind;

use super::Packed;

/// An address of six bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Macaddr(pub [u8; 6]);

/// An address of eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Macaddr8(pub [u8; 8]);

/// What stands in the middle of an address of eight bytes that was one of six.
const MIDDLE: [u8; 2] = [0xFF, 0xFE];

impl From<Macaddr> for Macaddr8 {
    fn from(Macaddr([a, b, c, d, e, f]): Macaddr) -> Macaddr8 {
        Macaddr8([a, b, c, MIDDLE[0], MIDDLE[1], d, e, f])
    }
}

impl Macaddr8 {
    /// The address of six bytes that this is; `None` if it is another.
    pub fn as_macaddr(self) -> Option<Macaddr> {
        let Macaddr8([a, b, c, x, y, d, e, f]) = self;
        ([x, y] == MIDDLE).then_some(Macaddr([a, b, c, d, e, f]))
    }
}

impl Packed for Macaddr {
    const KIND: TypeKind = TypeKind::Macaddr;
    type Bytes = [u8; 6];

    fn pack(self) -> [u8; 6] {
        self.0
    }

    fn unpack(bytes: [u8; 6]) -> Macaddr {
        Macaddr(bytes)
    }
}

impl Packed for Macaddr8 {
    const KIND: TypeKind = TypeKind::Macaddr8;
    type Bytes = [u8; 8];

    fn pack(self) -> [u8; 8] {
        self.0
    }

    fn unpack(bytes: [u8; 8]) -> Macaddr8 {
        Macaddr8(bytes)
    }
}

impl Display for Macaddr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_octets(&self.0, f)
    }
}

impl Display for Macaddr8 {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_octets(&self.0, f)
    }
}

fn write_octets(octets: &[u8], f: &mut Formatter<'_>) -> fmt::Result {
    octets.iter().enumerate().try_for_each(|(at, octet)| {
        let colon = if at > 0 { ":" } else { "" };
        write!(f, "{colon}{octet:02x}")
    })
}
