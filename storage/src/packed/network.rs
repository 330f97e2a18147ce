//! inet and cidr. PostgreSQL orders them by family, then by network, then by the mask's length, then by the whole address.

use std::fmt::{self, Display, Formatter, Write};
use std::net::IpAddr;

use peristyle_catalog::model::TypeKind;

use super::Packed;

/// IP version 4 or 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum AddressFamily {
    V4,
    V6,
}

impl AddressFamily {
    /// Bits of an address.
    pub fn bits(self) -> u8 {
        match self {
            AddressFamily::V4 => 32,
            AddressFamily::V6 => 128,
        }
    }

    /// Bytes of an address.
    pub fn bytes(self) -> usize {
        usize::from(self.bits() / 8)
    }

    fn tag(self) -> u8 {
        match self {
            AddressFamily::V4 => 4,
            AddressFamily::V6 => 6,
        }
    }

    fn of_tag(tag: u8) -> AddressFamily {
        if tag == AddressFamily::V4.tag() { AddressFamily::V4 } else { AddressFamily::V6 }
    }
}

/// An address with the length of its mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inet {
    /// Which addresses these are.
    pub family: AddressFamily,
    /// Bits of the network, from the first on.
    pub bits: u8,
    /// The address from the highest bit on: behind the 32 bits of IPv4 all are 0.
    pub address: u128,
}

/// A network: an address whose bits behind the mask are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr(Inet);

/// The text of an address without its mask.
#[derive(Clone, Copy, Debug)]
pub struct Address(pub AddressFamily, pub u128);

const ADDRESS_BYTES: usize = 16;

impl Inet {
    /// The bits of the network.
    pub fn mask(self) -> u128 {
        u128::MAX.checked_shl(u32::from(u128::BITS as u8 - self.bits)).unwrap_or(0)
    }

    /// The bits that an address of the family has, behind which there are none.
    pub fn all_bits(self) -> u128 {
        Inet { bits: self.family.bits(), ..self }.mask()
    }

    /// The network that the address is in.
    pub fn network(self) -> Cidr {
        Cidr(Inet { address: self.address & self.mask(), ..self })
    }

    /// The value as a cidr; `None` if it has bits behind the mask.
    pub fn as_cidr(self) -> Option<Cidr> {
        Some(self.network()).filter(|network| network.0 == self)
    }

    /// Whether the mask is the whole address.
    pub fn is_host(self) -> bool {
        self.bits == self.family.bits()
    }

    /// The address without the mask.
    pub fn host(self) -> Address {
        Address(self.family, self.address)
    }

    /// Writes the address with its mask, also where that is the whole address.
    pub fn write_with_mask(self, out: &mut impl Write) -> fmt::Result {
        write!(out, "{}/{}", self.host(), self.bits)
    }

    /// The address of so many bytes, as the wire has it.
    pub fn from_bytes(family: AddressFamily, bits: u8, bytes: &[u8]) -> Inet {
        let mut whole = [0; ADDRESS_BYTES];
        whole[..bytes.len()].copy_from_slice(bytes);
        Inet { family, bits, address: u128::from_be_bytes(whole) }
    }
}

impl From<IpAddr> for Inet {
    fn from(address: IpAddr) -> Inet {
        match address {
            IpAddr::V4(v4) => Inet::from_bytes(AddressFamily::V4, AddressFamily::V4.bits(), &v4.octets()),
            IpAddr::V6(v6) => Inet::from_bytes(AddressFamily::V6, AddressFamily::V6.bits(), &v6.octets()),
        }
    }
}

impl Cidr {
    /// The network as an address with a mask.
    pub fn inet(self) -> Inet {
        self.0
    }
}

impl Packed for Inet {
    const KIND: TypeKind = TypeKind::Inet;
    /// Family, network, mask, address.
    type Bytes = [u8; 34];

    fn pack(self) -> [u8; 34] {
        let mut bytes = [0; 34];
        bytes[..18].copy_from_slice(&self.network().pack());
        bytes[18..].copy_from_slice(&self.address.to_be_bytes());
        bytes
    }

    fn unpack(bytes: [u8; 34]) -> Inet {
        let mut address = [0; ADDRESS_BYTES];
        address.copy_from_slice(&bytes[18..]);
        Inet { family: AddressFamily::of_tag(bytes[0]), bits: bytes[17], address: u128::from_be_bytes(address) }
    }
}

impl Packed for Cidr {
    const KIND: TypeKind = TypeKind::Cidr;
    /// Family, network, mask.
    type Bytes = [u8; 18];

    fn pack(self) -> [u8; 18] {
        let mut bytes = [0; 18];
        bytes[0] = self.0.family.tag();
        bytes[1..17].copy_from_slice(&self.0.address.to_be_bytes());
        bytes[17] = self.0.bits;
        bytes
    }

    fn unpack(bytes: [u8; 18]) -> Cidr {
        let mut address = [0; ADDRESS_BYTES];
        address.copy_from_slice(&bytes[1..17]);
        Cidr(Inet { family: AddressFamily::of_tag(bytes[0]), bits: bytes[17], address: u128::from_be_bytes(address) })
    }
}

/// As PostgreSQL shows an inet: with its mask unless that is the whole address.
impl Display for Inet {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_host() { self.host().fmt(f) } else { self.write_with_mask(f) }
    }
}

/// As PostgreSQL shows a cidr: always with its mask.
impl Display for Cidr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.write_with_mask(f)
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let bytes = self.1.to_be_bytes();
        match self.0 {
            AddressFamily::V4 => write_octets(&bytes[..4], f),
            AddressFamily::V6 => write_words(&bytes, f),
        }
    }
}

fn write_octets(octets: &[u8], f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "{}.{}.{}.{}", octets[0], octets[1], octets[2], octets[3])
}

/// Words of IPv6 with the longest run of zeros left out; the last two as IPv4 where that is what they are.
fn write_words(bytes: &[u8; ADDRESS_BYTES], f: &mut Formatter<'_>) -> fmt::Result {
    let words: [u16; 8] = std::array::from_fn(|at| u16::from_be_bytes([bytes[2 * at], bytes[2 * at + 1]]));
    let zeros = longest_zeros(&words);
    let holds_v4 = zeros.start == 0 && (zeros.len() == 6 || (zeros.len() == 5 && words[5] == u16::MAX));
    let mut at = 0;
    while at < words.len() {
        if zeros.contains(&at) {
            f.write_str(if zeros.end == words.len() { "::" } else { ":" })?;
            at = zeros.end;
            continue;
        }
        if at > 0 {
            f.write_char(':')?;
        }
        if at == 6 && holds_v4 {
            return write_octets(&bytes[12..], f);
        }
        write!(f, "{:x}", words[at])?;
        at += 1;
    }
    Ok(())
}

/// The first of the longest runs of at least two zeros; an empty range behind all if there is none.
fn longest_zeros(words: &[u16; 8]) -> std::ops::Range<usize> {
    let mut longest = 8..8;
    let mut at = 0;
    while at < words.len() {
        let length = words[at..].iter().take_while(|word| **word == 0).count();
        if length >= 2 && length > longest.len() {
            longest = at..at + length;
        }
        at += length.max(1);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inet(text: &str, bits: u8) -> Inet {
        let address: IpAddr = text.parse().expect("an address");
        Inet { bits, ..address.into() }
    }

    #[test]
    fn bytes_come_in_the_order_of_values() {
        let ordered = [
            inet("0.0.0.0", 0),
            inet("10.0.0.0", 8),
            inet("10.0.0.1", 8),
            inet("10.0.0.0", 16),
            inet("10.0.0.0", 32),
            inet("10.0.0.1", 32),
            inet("10.1.0.0", 16),
            inet("255.255.255.255", 32),
            inet("::", 0),
            inet("::1", 128),
            inet("ffff::", 16),
        ];
        assert!(ordered.windows(2).all(|pair| pair[0].pack() < pair[1].pack()));
        for value in ordered {
            assert_eq!(Inet::unpack(value.pack()), value);
            assert_eq!(Cidr::unpack(value.network().pack()), value.network());
        }
    }

    #[test]
    fn addresses_are_written_as_postgresql_writes_them() {
        for (text, bits, expected) in [
            ("10.1.2.3", 32, "10.1.2.3"),
            ("10.1.2.3", 8, "10.1.2.3/8"),
            ("::", 128, "::"),
            ("::1", 128, "::1"),
            ("::102:304", 128, "::1.2.3.4"),
            ("::1:2", 128, "::0.1.0.2"),
            ("::ffff:1.2.3.4", 96, "::ffff:1.2.3.4/96"),
            ("2001:db8::", 32, "2001:db8::/32"),
            ("1:0:0:2:0:0:0:3", 128, "1:0:0:2::3"),
            ("1:0:2:3:4:5:6:7", 128, "1:0:2:3:4:5:6:7"),
            ("::2:3:4:5:6:7", 128, "::2:3:4:5:6:7"),
        ] {
            assert_eq!(inet(text, bits).to_string(), expected, "{text}");
        }
        assert_eq!(inet("10.0.0.0", 32).network().to_string(), "10.0.0.0/32");
        assert_eq!(inet("10.0.0.1", 8).as_cidr(), None);
    }
}
