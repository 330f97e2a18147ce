//! The binary forms of types that are stored packed, but for ranges.

use bytes::{BufMut, BytesMut};
use peristyle_catalog::model::TypeKind;
use peristyle_storage::packed::{AddressFamily, Bits, Cidr, Inet, Macaddr, Macaddr8, Money, Packed, Timetz};

use super::binary_input::{incorrect, time};
use crate::error::{Result, SqlError, SqlState};

/// PostgreSQL's numbers of the families.
const FAMILY_V4: u8 = 2;
const FAMILY_V6: u8 = 3;
/// The greatest offset of a time zone, in seconds.
const OFFSET_END: i32 = 16 * 3600;
const TIME_BYTES: usize = 8;

/// Appends a value of one of these types.
pub(super) fn write(kind: TypeKind, bytes: &[u8], out: &mut BytesMut) {
    match kind {
        TypeKind::Inet => write_inet(Inet::of(bytes), false, out),
        TypeKind::Cidr => write_inet(Cidr::of(bytes).inet(), true, out),
        TypeKind::Timetz => {
            let time = Timetz::of(bytes);
            out.put_i64(time.micros);
            out.put_i32(-time.offset);
        }
        TypeKind::Money => out.put_i64(Money::of(bytes).0),
        kind if Bits::is_of(kind) => {
            let bits = Bits::unpack(bytes);
            out.put_i32(bits.0.len() as i32);
            out.put_slice(&bits.to_bytes());
        }
        // The stored form is the wire's.
        _ => out.put_slice(bytes),
    }
}

fn write_inet(inet: Inet, is_cidr: bool, out: &mut BytesMut) {
    let length = inet.family.bytes();
    let family = match inet.family {
        AddressFamily::V4 => FAMILY_V4,
        AddressFamily::V6 => FAMILY_V6,
    };
    out.put_slice(&[family, inet.bits, is_cidr.into(), length as u8]);
    out.put_slice(&inet.address.to_be_bytes()[..length]);
}

pub(super) fn read_inet(bytes: &[u8]) -> Result<Inet> {
    read(bytes, "inet")
}

pub(super) fn read_cidr(bytes: &[u8]) -> Result<Cidr> {
    read(bytes, "cidr")?.as_cidr().ok_or_else(|| {
        let error = SqlError::new(SqlState::INVALID_BINARY_REPRESENTATION, "invalid external \"cidr\" value");
        error.detail("Value has bits set to right of mask.")
    })
}

/// What says whether it is a cidr is not looked at.
fn read(bytes: &[u8], name: &str) -> Result<Inet> {
    let ([family, bits, _, length], address) = bytes.split_first_chunk().ok_or_else(incorrect)?;
    let family = match *family {
        FAMILY_V4 => AddressFamily::V4,
        FAMILY_V6 => AddressFamily::V6,
        _ => return Err(invalid("address family", name)),
    };
    if *bits > family.bits() {
        return Err(invalid("bits", name));
    }
    if usize::from(*length) != family.bytes() {
        return Err(invalid("length", name));
    }
    if address.len() != family.bytes() {
        return Err(incorrect());
    }
    Ok(Inet::from_bytes(family, *bits, address))
}

#[cold]
fn invalid(part: &str, name: &str) -> SqlError {
    let message = format!("invalid {part} in external \"{name}\" value");
    SqlError::new(SqlState::INVALID_BINARY_REPRESENTATION, message)
}

/// The time, then the seconds west of UTC.
pub(super) fn read_timetz(bytes: [u8; 12]) -> Result<Timetz> {
    let (micros, west) = bytes.split_at(TIME_BYTES);
    let micros = time(i64::from_be_bytes(micros.try_into().map_err(|_| incorrect())?))?;
    let west = i32::from_be_bytes(west.try_into().map_err(|_| incorrect())?);
    if west <= -OFFSET_END || west >= OFFSET_END {
        return Err(SqlError::new(SqlState::INVALID_TIME_ZONE_DISPLACEMENT, "time zone displacement out of range"));
    }
    Ok(Timetz { micros, offset: -west })
}

/// An address of six bytes is taken too.
pub(super) fn read_macaddr8(bytes: &[u8]) -> Result<Macaddr8> {
    if let Ok(short) = bytes.try_into() {
        return Ok(Macaddr(short).into());
    }
    bytes.try_into().map(Macaddr8).map_err(|_| incorrect())
}
