//! The Arrow schema of a table at a snapshot, and of what was written in a layout.
//!
//! A bare `numeric` is an open decimal: each file is written with the `numeric(p,s)` that its values need, its layout
//! records that, and the table's type is the narrowest decimal with room for all of them. So it is with arrays: they are
//! shaped where a file records them so.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use peristyle_catalog::model::{Column, ColumnId, PgType, Table};
use peristyle_catalog::{DecimalNeeds, ShapedColumns, TableContents};

use crate::Result;
use crate::shape::{is_shaped, item_of_array};
use crate::types;

/// Name of the hidden column; no user's column is found by name in a file, so it cannot clash.
const ROW_SEQ_NAME: &str = "peristyle.row_seq";

/// One live column as a plan sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct TableField {
    pub id: ColumnId,
    /// The column's declared type; a bare `numeric` stays bare here, while the field's Arrow type is resolved.
    pub ty: PgType,
    pub field: FieldRef,
}

/// The live columns of a table in `attnum` order.
pub fn table_fields(table: &Table, contents: Option<&TableContents>) -> Result<Vec<TableField>> {
    let mut columns: Vec<&Column> = table.columns.iter().collect();
    columns.sort_by_key(|column| column.attnum);
    let needs = DecimalNeeds::of(table, contents);
    let shaped = ShapedColumns::of(table, contents);
    let field = |column| table_field(column, needs.precision_scale(column)?, shaped.contains(column));
    columns.into_iter().map(field).collect()
}

fn table_field(column: &Column, open: Option<(u8, i8)>, is_shaped: bool) -> Result<TableField> {
    let arrow = types::arrow_type(if is_shaped { column.ty.shaped() } else { column.ty }, open);
    let field = types::pg_field(&column.name, column.ty, arrow, !column.not_null);
    Ok(TableField { id: column.id, ty: column.ty, field })
}

/// The field of a column as a file or chunk holds it. Names carry no meaning there.
pub fn stored_field(id: ColumnId, ty: PgType) -> FieldRef {
    types::pg_field(&format!("c{}", id.0), ty.unshaped(), types::arrow_type(ty, None), true)
}

/// The Arrow schema of what was written with these columns.
pub fn stored_schema(columns: &[(ColumnId, PgType)]) -> SchemaRef {
    let fields: Vec<FieldRef> = columns.iter().map(|&(id, ty)| stored_field(id, ty)).collect();
    Arc::new(Schema::new(fields))
}

/// The hidden column that holds each row's commit.
pub fn row_seq_field() -> FieldRef {
    types::pg_field(ROW_SEQ_NAME, PgType::INT8, DataType::Int64, false)
}

/// A column for [`ColumnId::ROW_POSITION`].
pub fn row_position_field(name: &str) -> FieldRef {
    types::pg_field(name, PgType::INT8, DataType::Int64, false)
}

/// The type to record for a column that is about to be written: the field's own, a bare `numeric` (or an array of
/// it) resolved by the field's Arrow type, an array shaped if its Arrow type is.
pub fn written_type(field: &Field) -> PgType {
    let ty = list_type(field);
    if is_shaped(field.data_type()) { ty.shaped() } else { ty }
}

fn list_type(field: &Field) -> PgType {
    let ty = types::pg_type(field);
    match open_decimal(field.data_type()) {
        Some((precision, scale)) if ty.is_bare_numeric() => {
            PgType { oid: ty.oid, typmod: PgType::numeric(precision, scale).typmod }
        }
        _ => ty,
    }
}

fn open_decimal(arrow: &DataType) -> Option<(u8, i8)> {
    match arrow {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => Some((*precision, *scale)),
        array => open_decimal(item_of_array(array)?.data_type()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_numeric_is_written_as_what_it_is() {
        let field = types::pg_field("n", PgType::NUMERIC, DataType::Decimal128(12, 3), true);
        assert_eq!(written_type(&field), PgType::numeric(12, 3));
        let declared = types::pg_field("n", PgType::numeric(9, 1), DataType::Decimal128(9, 1), true);
        assert_eq!(written_type(&declared), PgType::numeric(9, 1));
        let array = PgType::NUMERIC.array().expect("numeric has an array type");
        let item = types::pg_field("item", PgType::NUMERIC, DataType::Decimal128(7, 2), true);
        let written = written_type(&types::pg_field("a", array, DataType::List(item), true));
        assert_eq!(written, PgType::numeric(7, 2).array().expect("numeric has an array type"));
    }

    #[test]
    fn an_array_is_written_as_shaped_as_it_is() {
        let array = PgType::varchar(9).array().expect("varchar has an array type");
        let of = |arrow| types::pg_field("a", array, arrow, true);
        assert_eq!(written_type(&of(types::arrow_type(array, None))), array);
        assert_eq!(written_type(&of(types::arrow_type(array.shaped(), None))), array.shaped());
        assert_eq!(types::pg_type(&stored_field(ColumnId(1), array.shaped())), array);
    }
}
