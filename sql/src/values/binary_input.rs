//! Reading PostgreSQL's binary forms.

use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed::{Bound, Macaddr, Money, Range, RangeType};
use peristyle_storage::shape::{DIMENSIONS_MAX, Dimension, Shape};

use super::array_text::too_many_dimensions;
use super::bit_text::{checked_bits, read_bits};
use super::calendar::{
    self, DATE_INFINITY, DATE_NEGATIVE_INFINITY, MICROS_PER_DAY, POSTGRES_EPOCH_DAYS, POSTGRES_EPOCH_MICROS,
    TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY,
};
use super::cell::{Cell, no_input, rounded, rounded_time, stored_text};
use super::datetime_text::round_micros;
use super::decimal_binary;
use super::interval::Interval;
use super::json::normalise_jsonb;
use super::names::type_name;
use super::packed_binary;
use super::range_text::{number_of, range_of};
use super::range_writer::{HOLDS_LOWER, HOLDS_UPPER, IS_EMPTY, NO_LOWER, NO_UPPER};
use super::scalar_text::{canonical_f32, canonical_f64};
use crate::charset::Charset;
use crate::error::{Result, SqlError, SqlState};

/// The only version of jsonb's binary form.
const JSONB_VERSION: u8 = 1;

/// Parses the binary form of a type, with its texts in that encoding, and applies the type's modifier. 22P03 for bytes
/// that are not that form.
pub fn parse_binary(ty: PgType, bytes: &[u8], charset: Charset) -> Result<Cell> {
    match ty.element() {
        Some(element) => parse_array(element, bytes, charset),
        None => parse_scalar(ty.kind().ok_or_else(|| no_input(ty))?, ty, bytes, charset),
    }
}

#[cold]
pub(super) fn incorrect() -> SqlError {
    SqlError::new(SqlState::INVALID_BINARY_REPRESENTATION, "incorrect binary data format")
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| incorrect())
}

fn parse_scalar(kind: TypeKind, ty: PgType, bytes: &[u8], charset: Charset) -> Result<Cell> {
    Ok(match kind {
        TypeKind::Bool => Cell::Bool(fixed::<1>(bytes)?[0] != 0),
        TypeKind::Int2 => Cell::Int2(i16::from_be_bytes(fixed(bytes)?)),
        TypeKind::Int4 => Cell::Int4(i32::from_be_bytes(fixed(bytes)?)),
        TypeKind::Int8 => Cell::Int8(i64::from_be_bytes(fixed(bytes)?)),
        TypeKind::Oid
        | TypeKind::Xid
        | TypeKind::Regclass
        | TypeKind::Regtype
        | TypeKind::Regproc
        | TypeKind::Regprocedure
        | TypeKind::Regnamespace
        | TypeKind::Regrole => Cell::Oid(u32::from_be_bytes(fixed(bytes)?)),
        TypeKind::Float4 => Cell::Float4(canonical_f32(f32::from_be_bytes(fixed(bytes)?))),
        TypeKind::Float8 => Cell::Float8(canonical_f64(f64::from_be_bytes(fixed(bytes)?))),
        TypeKind::Numeric => Cell::Numeric(decimal_binary::read_binary(ty, bytes).ok_or_else(incorrect)??),
        TypeKind::Bytea => Cell::Bytea(bytes.to_vec()),
        TypeKind::Date => Cell::Date(date(i32::from_be_bytes(fixed(bytes)?))?),
        TypeKind::Time => Cell::Time(round_micros(time(i64::from_be_bytes(fixed(bytes)?))?, ty.typmod)),
        TypeKind::Timestamp | TypeKind::Timestamptz => {
            Cell::Timestamp(round_micros(timestamp(i64::from_be_bytes(fixed(bytes)?))?, ty.typmod))
        }
        TypeKind::Interval => Cell::Interval(rounded(interval(fixed(bytes)?), ty)),
        TypeKind::Uuid => Cell::Uuid(fixed(bytes)?),
        TypeKind::Inet => Cell::packed(packed_binary::read_inet(bytes)?),
        TypeKind::Cidr => Cell::packed(packed_binary::read_cidr(bytes)?),
        TypeKind::Macaddr => Cell::packed(Macaddr(fixed(bytes)?)),
        TypeKind::Macaddr8 => Cell::packed(packed_binary::read_macaddr8(bytes)?),
        TypeKind::Timetz => Cell::packed(rounded_time(packed_binary::read_timetz(fixed(bytes)?)?, ty)),
        TypeKind::Money => Cell::packed(Money(i64::from_be_bytes(fixed(bytes)?))),
        peristyle_catalog::bit_kinds!() => Cell::Packed(checked_bits(read_bits(bytes)?, ty)?.pack()),
        peristyle_catalog::range_kinds!() => {
            let range = RangeType::of_kind(kind).ok_or_else(|| no_input(ty))?;
            Cell::Packed(range.pack(parse_range(range, bytes, charset)?))
        }
        TypeKind::Void => Cell::Null,
        TypeKind::Jsonb => match bytes.split_first() {
            Some((&JSONB_VERSION, text)) => Cell::Text(normalise_jsonb(&charset.decode(text)?)?),
            _ => return Err(incorrect()),
        },
        TypeKind::Unknown
        | TypeKind::Text
        | TypeKind::Varchar
        | TypeKind::Bpchar
        | TypeKind::Char
        | TypeKind::Name
        | TypeKind::Json
        | TypeKind::Enum => Cell::Text(stored_text(kind, ty, &charset.decode(bytes)?)?.to_owned()),
        TypeKind::AclItem
        | TypeKind::Int2Vector
        | TypeKind::OidVector
        | TypeKind::PgNodeTree
        | TypeKind::Record
        | TypeKind::AnyArray => return Err(no_input(ty)),
    })
}

fn date(days: i32) -> Result<i32> {
    if days == DATE_INFINITY || days == DATE_NEGATIVE_INFINITY {
        return Ok(days);
    }
    let shifted = i64::from(days) + i64::from(POSTGRES_EPOCH_DAYS);
    if calendar::is_date_in_range(shifted) { Ok(shifted as i32) } else { Err(out_of_range("date")) }
}

pub(super) fn time(micros: i64) -> Result<i64> {
    if (0..=MICROS_PER_DAY).contains(&micros) { Ok(micros) } else { Err(out_of_range("time")) }
}

fn timestamp(micros: i64) -> Result<i64> {
    if micros == TIMESTAMP_INFINITY || micros == TIMESTAMP_NEGATIVE_INFINITY {
        return Ok(micros);
    }
    let shifted = micros.checked_add(POSTGRES_EPOCH_MICROS).filter(|shifted| calendar::is_timestamp_in_range(*shifted));
    shifted.ok_or_else(|| out_of_range("timestamp"))
}

#[cold]
fn out_of_range(type_name: &str) -> SqlError {
    SqlError::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("{type_name} out of range"))
}

fn interval(bytes: [u8; 16]) -> Interval {
    let [m0, m1, m2, m3, m4, m5, m6, m7, d0, d1, d2, d3, n0, n1, n2, n3] = bytes;
    Interval {
        micros: i64::from_be_bytes([m0, m1, m2, m3, m4, m5, m6, m7]),
        days: i32::from_be_bytes([d0, d1, d2, d3]),
        months: i32::from_be_bytes([n0, n1, n2, n3]),
    }
}

/// Takes a big-endian 32-bit integer off the front.
fn take_i32(bytes: &mut &[u8]) -> Result<i32> {
    let (head, tail) = bytes.split_first_chunk().ok_or_else(incorrect)?;
    *bytes = tail;
    Ok(i32::from_be_bytes(*head))
}

fn parse_array(element: PgType, mut bytes: &[u8], charset: Charset) -> Result<Cell> {
    let dimensions = take_i32(&mut bytes)?;
    let _has_nulls = take_i32(&mut bytes)?;
    let oid = take_i32(&mut bytes)? as u32;
    if oid != element.oid {
        return Err(wrong_element(oid, element));
    }
    let shape = take_shape(dimensions, &mut bytes)?;
    // Each element takes four bytes at least: a false count cannot ask for more memory than was sent.
    let count = shape.items();
    if count > bytes.len() / 4 {
        return Err(incorrect());
    }
    let cells = (0..count).map(|_| take_element(element, &mut bytes, charset)).collect::<Result<_>>()?;
    if bytes.is_empty() { Ok(Cell::array(shape, cells)) } else { Err(incorrect()) }
}

/// Length and lower bound of each dimension.
fn take_shape(dimensions: i32, bytes: &mut &[u8]) -> Result<Shape> {
    let count = usize::try_from(dimensions).map_err(|_| incorrect())?;
    if count > DIMENSIONS_MAX {
        return Err(too_many_dimensions(count));
    }
    let dimensions = (0..count).map(|_| {
        let (length, lower) = (take_i32(bytes)?, take_i32(bytes)?);
        // The greatest subscript is an integer too.
        let has_room = length >= 0 && lower.checked_add(length).is_some();
        if has_room { Ok(Dimension { length, lower }) } else { Err(incorrect()) }
    });
    let dimensions = dimensions.collect::<Result<Vec<_>>>()?;
    let items = dimensions.iter().try_fold(1_i32, |items, dimension| items.checked_mul(dimension.length));
    items.ok_or_else(incorrect)?;
    Ok(Shape::new(dimensions))
}

/// Flags, then the bounds that there are, each with its length.
fn parse_range(ty: &RangeType, bytes: &[u8], charset: Charset) -> Result<Range> {
    let (flags, mut rest) = bytes.split_first().ok_or_else(incorrect)?;
    let has = |flag: u8| flags & flag != 0;
    if has(IS_EMPTY) {
        return if rest.is_empty() { Ok(Range::Empty) } else { Err(incorrect()) };
    }
    let mut bound = |is_there: bool, included: bool| -> Result<Bound> {
        let cell = if is_there { take_element(ty.element, &mut rest, charset)? } else { return Ok(None) };
        Ok(Some((number_of(cell)?, included)))
    };
    let lower = bound(!has(NO_LOWER), has(HOLDS_LOWER))?;
    let upper = bound(!has(NO_UPPER), has(HOLDS_UPPER))?;
    if rest.is_empty() { range_of(ty, lower, upper) } else { Err(incorrect()) }
}

fn take_element(element: PgType, bytes: &mut &[u8], charset: Charset) -> Result<Cell> {
    let len = take_i32(bytes)?;
    if len == -1 {
        return Ok(Cell::Null);
    }
    let len = usize::try_from(len).map_err(|_| incorrect())?;
    let (value, tail) = bytes.split_at_checked(len).ok_or_else(incorrect)?;
    *bytes = tail;
    parse_binary(element, value, charset)
}

#[cold]
fn wrong_element(oid: u32, element: PgType) -> SqlError {
    SqlError::new(
        SqlState::DATATYPE_MISMATCH,
        format!(
            "binary data has array element type {oid} ({}) instead of expected {} ({})",
            type_name(PgType::plain(oid)),
            element.oid,
            type_name(PgType::plain(element.oid))
        ),
    )
}

#[cold]
pub(super) fn timestamp_out_of_range() -> SqlError {
    out_of_range("timestamp")
}
