//! RowDescription: what a result's columns are.

use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_sql::{ColumnDescription, WireFormat};
use pgwire::messages::data::{FORMAT_CODE_BINARY, FORMAT_CODE_TEXT, FieldDescription, RowDescription};

/// `typlen` of a type whose values have no fixed length.
const VARIABLE: i16 = -1;

/// RowDescription of columns in the formats that they are sent in, one per column.
pub(crate) fn row_description(columns: &[ColumnDescription], formats: &[WireFormat]) -> RowDescription {
    let fields = columns.iter().zip(formats).map(|(column, format)| field(column, *format));
    RowDescription::new(fields.collect())
}

fn field(column: &ColumnDescription, format: WireFormat) -> FieldDescription {
    let (table, attribute) = column.origin.map_or((0, 0), |(table, attribute)| (table.0, attribute));
    FieldDescription::new(
        column.name.replace('\0', ""),
        table as i32,
        attribute,
        column.ty.oid,
        type_length(column.ty),
        column.ty.typmod,
        format_code(format),
    )
}

/// The code of a format.
pub(crate) fn format_code(format: WireFormat) -> i16 {
    match format {
        WireFormat::Text => FORMAT_CODE_TEXT,
        WireFormat::Binary => FORMAT_CODE_BINARY,
    }
}

/// PostgreSQL's `typlen`, in bytes.
fn type_length(ty: PgType) -> i16 {
    let Some(kind) = ty.kind().filter(|_| !ty.is_array()) else { return VARIABLE };
    match kind {
        TypeKind::Bool | TypeKind::Char => 1,
        TypeKind::Int2 => 2,
        TypeKind::Int4
        | TypeKind::Enum
        | TypeKind::Float4
        | TypeKind::Date
        | TypeKind::Oid
        | TypeKind::Xid
        | TypeKind::Regproc
        | TypeKind::Regprocedure
        | TypeKind::Regclass
        | TypeKind::Regtype
        | TypeKind::Regnamespace
        | TypeKind::Regrole
        | TypeKind::Void => 4,
        TypeKind::Macaddr => 6,
        TypeKind::Macaddr8
        | TypeKind::Money
        | TypeKind::Int8
        | TypeKind::Float8
        | TypeKind::Time
        | TypeKind::Timestamp
        | TypeKind::Timestamptz => 8,
        TypeKind::AclItem | TypeKind::Timetz => 12,
        TypeKind::Interval | TypeKind::Uuid => 16,
        TypeKind::Name => 64,
        TypeKind::Unknown => -2,
        TypeKind::Bytea
        | TypeKind::Int2Vector
        | TypeKind::Text
        | TypeKind::OidVector
        | TypeKind::Json
        | TypeKind::PgNodeTree
        | TypeKind::Bpchar
        | TypeKind::Varchar
        | TypeKind::Numeric
        | TypeKind::Record
        | TypeKind::Jsonb
        | TypeKind::Inet
        | TypeKind::Cidr
        | TypeKind::Int4Range
        | TypeKind::Int8Range
        | TypeKind::NumRange
        | TypeKind::TsRange
        | TypeKind::TstzRange
        | TypeKind::DateRange
        | TypeKind::Bit
        | TypeKind::Varbit
        | TypeKind::AnyArray => VARIABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peristyle_catalog::model::Oid;

    #[test]
    fn a_column_of_a_table_says_where_it_is_from() {
        let column = ColumnDescription { name: "c".into(), ty: PgType::varchar(5), origin: Some((Oid(16384), 2)) };
        let field = field(&column, WireFormat::Binary);
        assert_eq!((field.table_id, field.column_id, field.type_id), (16384, 2, 1043));
        assert_eq!((field.type_size, field.type_modifier, field.format_code), (-1, 9, 1));
    }

    #[test]
    fn lengths_are_those_of_pg_type() {
        let lengths = [PgType::BOOL, PgType::INT8, PgType::UUID, PgType::NAME, PgType::UNKNOWN].map(type_length);
        assert_eq!(lengths, [1, 8, 16, 64, -2]);
        assert_eq!(type_length(PgType::INT4.array().unwrap()), -1);
    }
}
