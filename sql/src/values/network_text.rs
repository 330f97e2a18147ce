//! Reading inet and cidr as PostgreSQL does: an IPv4 address may leave out octets that its mask does not need, and a cidr
//! its mask.

use std::net::Ipv6Addr;

use peristyle_storage::packed::{AddressFamily, Cidr, Inet};

use crate::error::{Result, SqlError, SqlState};

/// Octets of an IPv4 address.
const OCTETS: usize = 4;

/// An address with a mask, if not that of the whole address.
pub(super) fn parse_inet(text: &str) -> Result<Inet> {
    let parsed = if text.contains(':') { parse_v6(text) } else { parse_v4(text, inet_bits) };
    parsed.ok_or_else(|| invalid("inet", text))
}

/// A network: 22P02 if it has bits behind its mask.
pub(super) fn parse_cidr(text: &str) -> Result<Cidr> {
    let parsed = if text.contains(':') { parse_v6(text) } else { parse_v4(text, cidr_bits) };
    let inet = parsed.ok_or_else(|| invalid("cidr", text))?;
    inet.as_cidr().ok_or_else(|| {
        let message = format!("invalid cidr value: \"{text}\"");
        SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, message).detail("Value has bits set to right of mask.")
    })
}

#[cold]
fn invalid(name: &str, text: &str) -> SqlError {
    let message = format!("invalid input syntax for type {name}: \"{text}\"");
    SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, message)
}

/// `bits_of` gives the mask's length of the octets that are written and of the mask, if one is.
fn parse_v4(text: &str, bits_of: fn(&[u8], Option<u8>) -> Option<u8>) -> Option<Inet> {
    let (address, mask) = split_mask(text);
    let octets = address.split('.').map(octet).collect::<Option<Vec<u8>>>()?;
    if octets.len() > OCTETS {
        return None;
    }
    let mask = match mask {
        Some(mask) => Some(mask_bits(mask, AddressFamily::V4)?),
        None => None,
    };
    Some(Inet::from_bytes(AddressFamily::V4, bits_of(&octets, mask)?, &octets))
}

fn split_mask(text: &str) -> (&str, Option<&str>) {
    match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    }
}

fn octet(digits: &str) -> Option<u8> {
    is_number(digits).then(|| digits.parse().ok())?
}

fn is_number(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn mask_bits(digits: &str, family: AddressFamily) -> Option<u8> {
    is_number(digits).then(|| digits.parse().ok())?.filter(|bits| *bits <= family.bits())
}

/// An inet has the octets that are whole in its mask; without a mask it is one address, and has them all.
fn inet_bits(octets: &[u8], mask: Option<u8>) -> Option<u8> {
    let bits = mask.unwrap_or(AddressFamily::V4.bits());
    let is_whole = mask.is_some() || octets.len() == OCTETS;
    (is_whole && usize::from(bits / 8) <= octets.len()).then_some(bits)
}

/// A cidr without a mask is a network of the class that its first octet is of, or as long as it is written.
fn cidr_bits(octets: &[u8], mask: Option<u8>) -> Option<u8> {
    if mask.is_some() {
        return mask;
    }
    let of_class = match octets.first()? {
        240.. => 32,
        224.. => 8,
        192.. => 24,
        128.. => 16,
        _ => 8,
    };
    let bits = of_class.max(octets.len() as u8 * 8);
    // Nothing but the class of a multicast network.
    Some(if bits == 8 && octets[0] == 224 { 4 } else { bits })
}

fn parse_v6(text: &str) -> Option<Inet> {
    let (address, mask) = split_mask(text);
    let has_extra_zero = |digits: &str| digits.len() > 1 && digits.starts_with('0');
    let bits = match mask {
        Some(mask) if has_extra_zero(mask) => return None,
        Some(mask) => mask_bits(mask, AddressFamily::V6)?,
        None => AddressFamily::V6.bits(),
    };
    let address: Ipv6Addr = address.parse().ok()?;
    Some(Inet::from_bytes(AddressFamily::V6, bits, &address.octets()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As PostgreSQL 15 reads them.
    #[test]
    fn addresses() {
        let inets = [("10.1.2.3/8", "10.1.2.3/8"), ("10/8", "10.0.0.0/8"), ("::1", "::1"), ("1::/64", "1::/64")];
        for (text, shown) in inets {
            assert_eq!(parse_inet(text).unwrap().to_string(), shown);
        }
        let cidrs = [
            ("192.168", "192.168.0.0/24"),
            ("10.1.2", "10.1.2.0/24"),
            ("10", "10.0.0.0/8"),
            ("128", "128.0.0.0/16"),
            ("224", "224.0.0.0/4"),
            ("240.0.0.0", "240.0.0.0/32"),
            ("1:2::", "1:2::/128"),
        ];
        for (text, shown) in cidrs {
            assert_eq!(parse_cidr(text).unwrap().to_string(), shown);
        }
        let bad = [
            "",
            "10.1",
            "1.2.3.256",
            "1.2.3.4/33",
            "1.2.3.4/",
            "1.2.3.4.5",
            "10/16",
            " 1.2.3.4",
            "::1/129",
            "::1/01",
            "x",
        ];
        for text in bad {
            assert!(parse_inet(text).is_err(), "{text}");
        }
        assert_eq!(parse_cidr("10.0.0.1/8").unwrap_err().message, "invalid cidr value: \"10.0.0.1/8\"");
    }
}
