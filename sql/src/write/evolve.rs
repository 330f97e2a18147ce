//! Open tables: what a write brings and the table lacks becomes a column; types widen by law 8.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use peristyle_catalog::model::{Change, ColumnId, PgType, widen};
use peristyle_storage::schema::TableField;
use peristyle_storage::shape::{is_shaped, item_of_array};
use peristyle_storage::types::{arrow_type, pg_field, pg_type};

use super::Target;
use crate::error::{SqlError, SqlState};
use crate::functions::signature::decimal_of;
use crate::scope::Scope;
use crate::semantics::type_planner::open_array;
use crate::sequence::column_default;
use crate::values::type_name;

/// The columns that a write stores and the changes that make the table take them.
pub(super) struct Evolution {
    /// Every live column, then the new ones; types as this write stores them.
    pub(super) fields: Vec<(ColumnId, FieldRef)>,
    pub(super) changes: Vec<Change>,
}

/// Works out what a write of these columns asks of the table.
pub(super) fn evolve(scope: &Scope, target: &Target, given: &[FieldRef]) -> Result<Evolution, SqlError> {
    let mut evolution = Evolution { fields: Vec::with_capacity(target.fields.len()), changes: Vec::new() };
    let by_name = |name: &str| given.iter().find(|field| field.name() == name);
    for known in &target.fields {
        match by_name(known.field.name()) {
            Some(field) if target.is_open() => evolution.widen_known(scope, target, known, field)?,
            Some(field) => evolution.fields.push((known.id, stored_field(known.ty, known.field.name(), field))),
            // An open table's file lacks what the write did not give; NULL and the default read the same there.
            None if target.is_open() && column_default(target.column(known.id)).is_none() => {}
            None => evolution.fields.push((known.id, Arc::clone(&known.field))),
        }
    }
    if target.is_open() {
        evolution.add_new(scope, target, given)?;
    }
    Ok(evolution)
}

impl Evolution {
    fn widen_known(
        &mut self,
        scope: &Scope,
        target: &Target,
        column: &TableField,
        field: &FieldRef,
    ) -> Result<(), SqlError> {
        let (id, known, name) = (column.id, column.ty, field.name());
        if *field.data_type() == DataType::Null {
            return Ok(());
        }
        let wide = widen(known, pg_type(field));
        if wide != known {
            if !target.table().partition_key.lets_widen(id, known, wide) {
                return Err(kept_by_key(name, known, wide));
            }
            let proposed = scope.engine.catalog().reserve_columns(target.oid(), 1);
            self.changes.push(Change::EnsureColumn { table: target.oid(), proposed, name: name.clone(), ty: wide });
            self.fields.push((proposed, stored_field(wide, name, field)));
        } else {
            self.fields.push((id, stored_field(known, name, field)));
        }
        Ok(())
    }

    fn add_new(&mut self, scope: &Scope, target: &Target, given: &[FieldRef]) -> Result<(), SqlError> {
        let known: HashSet<&str> = target.fields.iter().map(|field| field.field.name().as_str()).collect();
        // A key that was only ever null makes no column.
        let is_new = |field: &&FieldRef| !known.contains(field.name().as_str()) && *field.data_type() != DataType::Null;
        let new: Vec<&FieldRef> = given.iter().filter(is_new).collect();
        let limit = scope.engine.limits().max_table_columns;
        if target.fields.len() + new.len() > limit {
            let message = format!("tables can have at most {limit} columns (max_table_columns)");
            return Err(SqlError::new(SqlState::TOO_MANY_COLUMNS, message));
        }
        if new.is_empty() {
            return Ok(());
        }
        let count = u32::try_from(new.len()).expect("columns are limited");
        let first = scope.engine.catalog().reserve_columns(target.oid(), count);
        for (offset, field) in (0..).zip(new) {
            let proposed = ColumnId(first.0 + offset);
            let ty = PgType::plain(pg_type(field).oid);
            let name = field.name().clone();
            self.fields.push((proposed, stored_field(ty, &name, field)));
            self.changes.push(Change::EnsureColumn { table: target.oid(), proposed, name, ty });
        }
        Ok(())
    }
}

/// 42804 for values that would give a column of the partition key a type by which its rows would lie elsewhere.
fn kept_by_key(column: &str, known: PgType, wide: PgType) -> SqlError {
    let (known, wide) = (type_name(known), type_name(wide));
    SqlError::new(SqlState::DATATYPE_MISMATCH, format!("column \"{column}\" is of type {known} but is given {wide}"))
        .detail("The table is partitioned by the column, so that it cannot become a column of the wider type.")
}

/// The field in which a write stores a column of type `ty`: a bare numeric, or an array of them, has the digits of what
/// is given, an array its form.
fn stored_field(ty: PgType, name: &str, given: &FieldRef) -> FieldRef {
    let arrow = match given.data_type() {
        number if ty == PgType::NUMERIC && number.is_numeric() => decimal_of(number),
        array if ty.element() == Some(PgType::NUMERIC) && item_of_array(array).is_some() => open_array(array),
        array if ty.is_array() && is_shaped(array) => arrow_type(ty.shaped(), None),
        _ => arrow_type(ty, None),
    };
    pg_field(name, ty, arrow, true)
}
