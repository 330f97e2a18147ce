//! How PostgreSQL's types lie in Arrow, and how a field says which PostgreSQL type it is (docs/types.md).
//!
//! The type travels as an Arrow extension type in the field's metadata and is never guessed from the Arrow type
//! where it is present: `timestamp` and `timestamp(3)`, `text` and `json` share an Arrow type.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit, i256};
use peristyle_catalog::model::{PgType, TypeKind};

use crate::packed;
use crate::shape::{list_of_shaped, shaped_type};

/// Arrow extension type of every field that knows its PostgreSQL type.
pub const EXTENSION_NAME: &str = "peristyle.pg_type";
const NAME_KEY: &str = "ARROW:extension:name";
const METADATA_KEY: &str = "ARROW:extension:metadata";
/// Greatest precision that fits Decimal128.
pub const DECIMAL128_PRECISION_MAX: u8 = 38;
/// Greatest precision that fits Decimal256, and so the greatest that Peristyle stores.
pub const DECIMAL256_PRECISION_MAX: u8 = 76;
/// The type of computed numerics whose digits behind the point are not known beforehand, as of a text's or a double's
/// cast. It is closed under arithmetic; zeros at the end of its values mean nothing and are not shown.
pub const OPEN_DECIMAL: DataType = DataType::Decimal256(DECIMAL256_PRECISION_MAX, 38);
/// The time zone of every timestamptz array.
pub const UTC: &str = "UTC";

/// The Arrow type of a PostgreSQL type. A bare `numeric` is an open decimal: `open_numeric` is the precision and
/// scale that its values need (38 digits of which 0 behind the point, if nothing is known).
pub fn arrow_type(ty: PgType, open_numeric: Option<(u8, i8)>) -> DataType {
    if ty.is_shaped() {
        return shaped_type(&arrow_type(ty.unshaped(), open_numeric));
    }
    if let Some(item) = ty.item() {
        return DataType::List(item_field(item, arrow_type(item, open_numeric)));
    }
    match ty.kind() {
        Some(kind) => scalar_arrow_type(kind, ty, open_numeric),
        None => DataType::Utf8View,
    }
}

fn scalar_arrow_type(kind: TypeKind, ty: PgType, open_numeric: Option<(u8, i8)>) -> DataType {
    match kind {
        TypeKind::Bool => DataType::Boolean,
        TypeKind::Int2 => DataType::Int16,
        TypeKind::Int4 => DataType::Int32,
        TypeKind::Int8 => DataType::Int64,
        TypeKind::Oid
        | TypeKind::Xid
        | TypeKind::Regclass
        | TypeKind::Regtype
        | TypeKind::Regproc
        | TypeKind::Regprocedure
        | TypeKind::Regnamespace
        | TypeKind::Regrole => DataType::UInt32,
        TypeKind::Float4 => DataType::Float32,
        TypeKind::Float8 => DataType::Float64,
        TypeKind::Numeric => {
            let (precision, scale) = ty.numeric_precision_scale().or(open_numeric).unwrap_or((38, 0));
            // A decimal has no less digits than there are behind its point.
            decimal_type(precision.max(u8::try_from(scale).unwrap_or(0)), scale)
        }
        TypeKind::Bytea => DataType::BinaryView,
        TypeKind::Date => DataType::Date32,
        TypeKind::Time => DataType::Time64(TimeUnit::Microsecond),
        TypeKind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        TypeKind::Timestamptz => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        TypeKind::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
        TypeKind::Uuid => DataType::FixedSizeBinary(16),
        TypeKind::Void => DataType::Null,
        TypeKind::Unknown
        | TypeKind::Text
        | TypeKind::Varchar
        | TypeKind::Bpchar
        | TypeKind::Char
        | TypeKind::Name
        | TypeKind::Json
        | TypeKind::Jsonb
        | TypeKind::PgNodeTree
        | TypeKind::AclItem
        | TypeKind::Record
        | TypeKind::AnyArray
        | TypeKind::Enum => DataType::Utf8View,
        peristyle_catalog::packed_kinds!() => packed::arrow_type(kind),
        TypeKind::Int2Vector => DataType::new_list(DataType::Int16, true),
        TypeKind::OidVector => DataType::new_list(DataType::UInt32, true),
    }
}

/// The field of a list's items, marked where the Arrow type alone would lead to another type: what DataFusion makes of
/// a list's single value has no mark, and the two must agree.
pub fn item_field(ty: PgType, arrow: DataType) -> FieldRef {
    if pg_type_of_arrow(&arrow) == ty {
        return Field::new_list_field(arrow, true).into();
    }
    pg_field(Field::LIST_FIELD_DEFAULT_NAME, ty, arrow, true)
}

/// The narrower decimal that holds the precision.
pub fn decimal_type(precision: u8, scale: i8) -> DataType {
    if precision <= DECIMAL128_PRECISION_MAX {
        DataType::Decimal128(precision, scale)
    } else {
        DataType::Decimal256(precision.min(DECIMAL256_PRECISION_MAX), scale)
    }
}

/// How many zeros the value ends in, at most `limit`.
pub fn trailing_zeros(value: i256, limit: i8) -> i8 {
    let ten = i256::from_i128(10);
    let mut rest = value;
    let mut zeros = 0;
    while zeros < limit && rest.wrapping_rem(ten) == i256::ZERO {
        rest = rest.wrapping_div(ten);
        zeros += 1;
    }
    zeros
}

/// A field that carries its PostgreSQL type.
pub fn pg_field(name: &str, ty: PgType, arrow: DataType, nullable: bool) -> FieldRef {
    Field::new(name, arrow, nullable).with_metadata(pg_metadata(ty)).into()
}

/// The metadata that marks a field as being of that PostgreSQL type. How an array lies its Arrow type tells.
pub fn pg_metadata(ty: PgType) -> HashMap<String, String> {
    let ty = ty.unshaped();
    HashMap::from([
        (NAME_KEY.to_owned(), EXTENSION_NAME.to_owned()),
        (METADATA_KEY.to_owned(), format!("{}:{}", ty.oid, ty.typmod)),
    ])
}

/// The PostgreSQL type that a field carries; `None` for a field that is not marked.
pub fn marked_pg_type(field: &Field) -> Option<PgType> {
    let metadata = field.metadata();
    if metadata.get(NAME_KEY)? != EXTENSION_NAME {
        return None;
    }
    let (oid, typmod) = metadata.get(METADATA_KEY)?.split_once(':')?;
    Some(PgType { oid: oid.parse().ok()?, typmod: typmod.parse().ok()? })
}

/// The PostgreSQL type of a field: the mark, or for results of functions that set none, the type that PostgreSQL
/// would give such a value.
///
/// A union widens numbers without a word to their marks: of these the Arrow type is right.
pub fn pg_type(field: &Field) -> PgType {
    let by_arrow = pg_type_of_arrow(field.data_type());
    match marked_pg_type(field) {
        Some(marked) if is_plain_number(marked) && is_plain_number(by_arrow) => by_arrow,
        Some(marked) => marked,
        None => by_arrow,
    }
}

/// Whether the type is told by its width alone.
fn is_plain_number(ty: PgType) -> bool {
    [PgType::INT2, PgType::INT4, PgType::INT8, PgType::FLOAT4, PgType::FLOAT8].contains(&ty)
}

/// The PostgreSQL type of an unmarked Arrow type.
pub fn pg_type_of_arrow(arrow: &DataType) -> PgType {
    if let Some(list) = list_of_shaped(arrow) {
        return pg_type_of_arrow(list);
    }
    match arrow {
        DataType::Boolean => PgType::BOOL,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => PgType::INT2,
        DataType::Int32 | DataType::UInt16 => PgType::INT4,
        DataType::Int64 => PgType::INT8,
        // Nothing else is computed in unsigned 32 bits.
        DataType::UInt32 => PgType::OID,
        DataType::UInt64 | DataType::Decimal32(..) | DataType::Decimal64(..) => PgType::NUMERIC,
        DataType::Decimal128(..) | DataType::Decimal256(..) => PgType::NUMERIC,
        DataType::Float16 | DataType::Float32 => PgType::FLOAT4,
        DataType::Float64 => PgType::FLOAT8,
        DataType::Date32 | DataType::Date64 => PgType::DATE,
        DataType::Time32(_) | DataType::Time64(_) => PgType::TIME,
        DataType::Timestamp(_, None) => PgType::TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => PgType::TIMESTAMPTZ,
        DataType::Interval(_) | DataType::Duration(_) => PgType::INTERVAL,
        DataType::Binary | DataType::BinaryView => PgType::BYTEA,
        DataType::FixedSizeBinary(16) => PgType::UUID,
        DataType::FixedSizeBinary(_) | DataType::LargeBinary => {
            packed::kind_of(arrow).map_or(PgType::BYTEA, |kind| PgType::plain(kind.oid()))
        }
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => {
            let element = pg_type(item);
            element.array().unwrap_or(PgType::TEXT)
        }
        DataType::Dictionary(_, value) => pg_type_of_arrow(value),
        DataType::RunEndEncoded(_, value) => pg_type(value),
        DataType::Struct(_) => PgType::RECORD,
        DataType::Null
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Union(..)
        | DataType::Map(..) => PgType::TEXT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_wins_over_the_arrow_type() {
        let field = pg_field("j", PgType::JSONB, arrow_type(PgType::JSONB, None), true);
        assert_eq!(pg_type(&field), PgType::JSONB);
        assert_eq!(pg_type(&Field::new("t", DataType::Utf8View, true)), PgType::TEXT);
    }

    #[test]
    fn every_storable_type_has_an_arrow_type_that_leads_back() {
        for kind in TypeKind::all() {
            let ty = PgType::plain(kind.oid());
            assert_eq!(pg_type(&pg_field("c", ty, arrow_type(ty, None), true)), ty);
            if let Some(array) = ty.array() {
                assert_eq!(pg_type(&pg_field("c", array, arrow_type(array, None), true)), array);
                assert_eq!(
                    pg_type_of_arrow(&arrow_type(array.shaped(), None)),
                    pg_type_of_arrow(&arrow_type(array, None))
                );
            }
        }
    }
}
