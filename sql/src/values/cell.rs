//! One value, parsed: what text and binary input lead to before it stands in an array.

use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed::{Packed, RangeType, Timetz};
use peristyle_storage::shape::Shape;

use super::array_text::{ArrayText, parse_items};
use super::bit_text::{checked_bits, parse_bits};
use super::datetime_text::{parse_date, parse_time, parse_timestamp, parse_timestamptz, parse_timetz, round_micros};
use super::decimal::{Decimal, parse_numeric};
use super::interval::Interval;
use super::interval_text::parse_interval;
use super::json::{normalise_jsonb, validate_json};
use super::macaddr_text::{parse_macaddr, parse_macaddr8};
use super::money_text::parse_money;
use super::names::{interval_digits, type_name};
use super::network_text::{parse_cidr, parse_inet};
use super::range_text::parse_range;
use super::scalar_text::{
    first_char, fit_characters, fit_name, parse_bool, parse_bytea, parse_f32, parse_f64, parse_int, parse_oid,
    parse_uuid, reject_nul,
};
use super::style::InputStyle;
use crate::error::{Result, SqlError};

/// A value in the form in which it is stored. Dates count days, times and timestamps microseconds, from 1970-01-01.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    Bool(bool),
    Int2(i16),
    Int4(i32),
    Int8(i64),
    /// oid, xid and the reg* types.
    Oid(u32),
    Float4(f32),
    Float8(f64),
    Numeric(Decimal),
    /// Every type that is stored as text, json and normalised jsonb among them, and labels, whether or not they are ones
    /// of their type.
    Text(String),
    Bytea(Vec<u8>),
    Date(i32),
    Time(i64),
    /// timestamp (local) and timestamptz (UTC).
    Timestamp(i64),
    Interval(Interval),
    Uuid([u8; 16]),
    /// A value that is stored packed (`peristyle_storage::packed`).
    Packed(Vec<u8>),
    /// An array of one dimension that counts from 1, or of none.
    Array(Vec<Cell>),
    /// Any other array, its items in storage order.
    Shaped(Box<Shape>, Vec<Cell>),
}

impl Cell {
    /// An array of these items.
    pub(crate) fn array(shape: Shape, items: Vec<Cell>) -> Cell {
        if shape.is_plain() { Cell::Array(items) } else { Cell::Shaped(Box::new(shape), items) }
    }
}

impl Cell {
    pub(super) fn packed<P: Packed>(value: P) -> Cell {
        Cell::Packed(value.pack().as_ref().to_vec())
    }
}

/// Parses the text form of a type and applies the type's modifier. Errors are PostgreSQL's for that type.
pub fn parse_text(ty: PgType, text: &str, style: &InputStyle) -> Result<Cell> {
    if let Some(item_type) = ty.item() {
        let ArrayText { shape, items } = parse_items(ty, text)?;
        let cells = items.into_iter().map(|item| match item {
            Some(item) => parse_text(item_type, &item, style),
            None => Ok(Cell::Null),
        });
        return Ok(Cell::array(shape, cells.collect::<Result<_>>()?));
    }
    let kind = ty.kind().ok_or_else(|| no_input(ty))?;
    parse_scalar(kind, ty, text, style)
}

/// As [`parse_text`] for a type that is no array, with its kind.
pub(super) fn parse_scalar(kind: TypeKind, ty: PgType, text: &str, style: &InputStyle) -> Result<Cell> {
    Ok(match kind {
        TypeKind::Bool => Cell::Bool(parse_bool(text)?),
        TypeKind::Int2 => Cell::Int2(parse_int(text, "smallint")?),
        TypeKind::Int4 => Cell::Int4(parse_int(text, "integer")?),
        TypeKind::Int8 => Cell::Int8(parse_int(text, "bigint")?),
        TypeKind::Oid | TypeKind::Xid => Cell::Oid(parse_oid(text)?),
        TypeKind::Regclass
        | TypeKind::Regtype
        | TypeKind::Regproc
        | TypeKind::Regprocedure
        | TypeKind::Regnamespace
        | TypeKind::Regrole => Cell::Oid(parse_reg(text, ty)?),
        TypeKind::Float4 => Cell::Float4(parse_f32(text)?),
        TypeKind::Float8 => Cell::Float8(parse_f64(text)?),
        TypeKind::Numeric => Cell::Numeric(parse_numeric(ty, text)?),
        TypeKind::Bytea => Cell::Bytea(parse_bytea(text)?),
        TypeKind::Date => Cell::Date(parse_date(text, style)?),
        TypeKind::Time => Cell::Time(round_micros(parse_time(text, style)?, ty.typmod)),
        TypeKind::Timestamp => Cell::Timestamp(round_micros(parse_timestamp(text, style)?, ty.typmod)),
        TypeKind::Timestamptz => Cell::Timestamp(round_micros(parse_timestamptz(text, style)?, ty.typmod)),
        TypeKind::Interval => Cell::Interval(rounded(parse_interval(text)?, ty)),
        TypeKind::Uuid => Cell::Uuid(parse_uuid(text)?),
        TypeKind::Inet => Cell::packed(parse_inet(text)?),
        TypeKind::Cidr => Cell::packed(parse_cidr(text)?),
        TypeKind::Macaddr => Cell::packed(parse_macaddr(text)?),
        TypeKind::Macaddr8 => Cell::packed(parse_macaddr8(text)?),
        TypeKind::Timetz => Cell::packed(rounded_time(parse_timetz(text, style)?, ty)),
        TypeKind::Money => Cell::packed(parse_money(text)?),
        peristyle_catalog::bit_kinds!() => Cell::Packed(checked_bits(parse_bits(text)?, ty)?.pack()),
        peristyle_catalog::range_kinds!() => {
            let range = RangeType::of_kind(kind).ok_or_else(|| no_input(ty))?;
            Cell::Packed(range.pack(parse_range(range, text, style)?))
        }
        TypeKind::Void => Cell::Null,
        TypeKind::Jsonb => Cell::Text(normalise_jsonb(text)?),
        TypeKind::Unknown
        | TypeKind::Text
        | TypeKind::Varchar
        | TypeKind::Bpchar
        | TypeKind::Char
        | TypeKind::Name
        | TypeKind::Json
        | TypeKind::AclItem
        | TypeKind::Enum => Cell::Text(stored_text(kind, ty, text)?.to_owned()),
        TypeKind::Int2Vector | TypeKind::OidVector | TypeKind::PgNodeTree | TypeKind::Record | TypeKind::AnyArray => {
            return Err(no_input(ty));
        }
    })
}

/// The stored form of a type that keeps its text as it is, but for a cut.
pub(super) fn stored_text(kind: TypeKind, ty: PgType, text: &str) -> Result<&str> {
    reject_nul(text)?;
    match kind {
        TypeKind::Varchar => fit_characters(text, ty, false),
        TypeKind::Bpchar => fit_characters(text, ty, true),
        TypeKind::Char => Ok(first_char(text)),
        TypeKind::Name => Ok(fit_name(text)),
        TypeKind::Json => validate_json(text).map(|()| text),
        _ => Ok(text),
    }
}

/// Rounds an interval's seconds by the type's modifier.
pub(super) fn rounded(interval: Interval, ty: PgType) -> Interval {
    Interval { micros: round_micros(interval.micros, interval_digits(ty)), ..interval }
}

/// Rounds a time's seconds by the type's modifier.
pub(crate) fn rounded_time(time: Timetz, ty: PgType) -> Timetz {
    Timetz { micros: round_micros(time.micros, ty.typmod), ..time }
}

/// A reg* type by its number; names need the catalog and are resolved before they come here.
fn parse_reg(text: &str, ty: PgType) -> Result<u32> {
    match text.trim_ascii() {
        "-" => Ok(0),
        number if number.bytes().all(|b| b.is_ascii_digit()) && !number.is_empty() => parse_oid(number),
        _ => Err(SqlError::unsupported(format!("input of names for type {} is not supported here", type_name(ty)))),
    }
}

#[cold]
pub(super) fn no_input(ty: PgType) -> SqlError {
    SqlError::unsupported(format!("cannot accept a value of type {}", type_name(ty)))
}
