//! The Arrow schema of a table at a snapshot, and of what was written in a layout.
//!
//! A bare `numeric` is an open decimal: each file is written with the `numeric(p,s)` that its values need, its layout
//! records that, and the table's type is the narrowest decimal with room for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use peristyle_catalog::TableContents;
use peristyle_catalog::model::{Column, ColumnId, ColumnRemap, PgType, Table, TypeKind};

use crate::types::{self, DECIMAL128_PRECISION_MAX, DECIMAL256_PRECISION_MAX};
use crate::{Error, Result};

/// Digits before the point that a double is given room for when its column became `numeric`.
const FLOAT_WHOLE_DIGITS: i16 = 38;
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

/// The live columns of a table in `attnum` order. [`Error::OutOfRange`] if an open decimal outgrew 76 digits.
pub fn table_fields(table: &Table, contents: Option<&TableContents>) -> Result<Vec<TableField>> {
    let mut columns: Vec<&Column> = table.columns.iter().collect();
    columns.sort_by_key(|column| column.attnum);
    let needs = contents.map(|contents| Needs::collect(&columns, contents)).unwrap_or_default();
    columns.into_iter().map(|column| table_field(column, needs.of(column)?)).collect()
}

fn table_field(column: &Column, open: Option<(u8, i8)>) -> Result<TableField> {
    let arrow = types::arrow_type(column.ty, open);
    let field = types::pg_field(&column.name, column.ty, arrow, !column.not_null);
    Ok(TableField { id: column.id, ty: column.ty, field })
}

/// The field of a column as a file or chunk holds it. Names carry no meaning there.
pub fn stored_field(id: ColumnId, ty: PgType) -> FieldRef {
    types::pg_field(&format!("c{}", id.0), ty, types::arrow_type(ty, None), true)
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

/// The type to record for a column that is about to be written: the field's own, a bare `numeric` (or an array of
/// it) resolved by the field's Arrow type.
pub fn written_type(field: &Field) -> PgType {
    let ty = types::pg_type(field);
    match open_decimal(field.data_type()) {
        Some((precision, scale)) if is_open_numeric(ty) => {
            PgType { oid: ty.oid, typmod: PgType::numeric(precision, scale).typmod }
        }
        _ => ty,
    }
}

fn open_decimal(arrow: &DataType) -> Option<(u8, i8)> {
    match arrow {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => Some((*precision, *scale)),
        DataType::List(item) => open_decimal(item.data_type()),
        _ => None,
    }
}

fn is_open_numeric(ty: PgType) -> bool {
    ty.kind() == Some(TypeKind::Numeric) && ty.typmod < 0
}

/// What the values of each open decimal need, over all layouts.
#[derive(Default)]
struct Needs(BTreeMap<ColumnId, Need>);

impl Needs {
    fn collect(columns: &[&Column], contents: &TableContents) -> Needs {
        let open: BTreeSet<ColumnId> = columns.iter().filter(|c| is_open_numeric(c.ty)).map(|c| c.id).collect();
        let mut needs = BTreeMap::<ColumnId, Need>::new();
        if open.is_empty() {
            return Needs(needs);
        }
        let renamed = remaps(columns, contents);
        for (id, ty) in contents.layouts().flat_map(|layout| layout.columns.iter().copied()) {
            let ids = std::iter::once(id).chain(renamed.iter().filter(|r| r.in_file == id).map(|r| r.in_table));
            for id in ids.filter(|id| open.contains(id)) {
                needs.entry(id).or_default().include(ty);
            }
        }
        Needs(needs)
    }

    fn of(&self, column: &Column) -> Result<Option<(u8, i8)>> {
        if !is_open_numeric(column.ty) {
            return Ok(None);
        }
        let mut need = self.0.get(&column.id).copied().unwrap_or_default();
        if let Some(missing) = &column.missing {
            need.include_text(&missing.text);
        }
        need.resolve(&column.name)
    }
}

/// The remaps of the table's partitions; only looked for if a layout names a column that the table does not.
fn remaps(columns: &[&Column], contents: &TableContents) -> Vec<ColumnRemap> {
    let live: BTreeSet<ColumnId> = columns.iter().map(|column| column.id).collect();
    let is_foreign = contents.layouts().any(|layout| layout.columns.iter().any(|(id, _)| !live.contains(id)));
    if !is_foreign {
        return Vec::new();
    }
    let all = contents.partitions().flat_map(|partition| &partition.remap);
    let unique: BTreeSet<(ColumnId, ColumnId)> = all.map(|remap| (remap.in_file, remap.in_table)).collect();
    unique.into_iter().map(|(in_file, in_table)| ColumnRemap { in_file, in_table }).collect()
}

/// Digits on both sides of the point that an open decimal needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Need {
    is_known: bool,
    whole: i16,
    scale: i16,
    floats: bool,
}

impl Need {
    fn digits(&mut self, precision: i16, scale: i16) {
        self.is_known = true;
        self.whole = self.whole.max(precision - scale);
        self.scale = self.scale.max(scale);
    }

    fn include(&mut self, stored: PgType) {
        match stored.kind() {
            Some(TypeKind::Int2) => self.digits(5, 0),
            Some(TypeKind::Int4) => self.digits(10, 0),
            Some(TypeKind::Int8) => self.digits(19, 0),
            Some(TypeKind::Float4 | TypeKind::Float8) => self.floats = true,
            Some(TypeKind::Numeric) => {
                let default = (DECIMAL128_PRECISION_MAX, 0);
                let (precision, scale) =
                    PgType { oid: PgType::NUMERIC.oid, ..stored }.numeric_precision_scale().unwrap_or(default);
                self.digits(precision.into(), scale.into());
            }
            _ => {}
        }
    }

    fn include_text(&mut self, text: &str) {
        let digits = text.trim_start_matches(['-', '+']);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            self.digits((whole.len() + fraction.len()) as i16, fraction.len() as i16);
        }
    }

    fn resolve(mut self, column: &str) -> Result<Option<(u8, i8)>> {
        let limit = i16::from(DECIMAL256_PRECISION_MAX);
        if self.floats {
            // Doubles take what is left of the greatest decimal behind their whole digits.
            self.digits(FLOAT_WHOLE_DIGITS, 0);
            self.scale = self.scale.max(limit - self.whole);
        }
        if !self.is_known {
            return Ok(None);
        }
        let precision = (self.whole.max(0) + self.scale).max(1);
        if precision > limit {
            return Err(Error::OutOfRange(format!("values of numeric column \"{column}\" need {precision} digits")));
        }
        // All decimals of up to 38 digits cost the same, so the plan's type changes less often.
        let precision = precision.max(DECIMAL128_PRECISION_MAX.into());
        Ok(Some((precision as u8, self.scale as i8)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(types: &[PgType]) -> Option<(u8, i8)> {
        let mut need = Need::default();
        types.iter().for_each(|&ty| need.include(ty));
        need.resolve("n").expect("fits")
    }

    #[test]
    fn an_open_decimal_has_room_for_every_layout() {
        assert_eq!(need(&[]), None);
        assert_eq!(need(&[PgType::numeric(4, 2), PgType::INT8]), Some((38, 2)));
        assert_eq!(need(&[PgType::numeric(30, 0), PgType::numeric(20, 20)]), Some((50, 20)));
        assert_eq!(need(&[PgType::FLOAT8, PgType::numeric(5, 1)]), Some((76, 38)));
        let mut wide = Need::default();
        wide.include(PgType::numeric(60, 0));
        wide.include(PgType::numeric(20, 20));
        assert_eq!(wide.resolve("n").map_err(|e| e.kind()), Err(crate::ErrorKind::OutOfRange));
    }

    #[test]
    fn a_missing_value_counts_its_digits() {
        let mut need = Need::default();
        need.include_text("-12.345");
        assert_eq!((need.whole, need.scale), (2, 3));
    }

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
}
