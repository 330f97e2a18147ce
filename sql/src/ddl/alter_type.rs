//! ALTER COLUMN … TYPE: a wider type changes the definition only, any other gives the column new values.
//!
//! A column with new values is a new column in the old one's place: it has an id of its own, so that no file and no write
//! under way can bring the old values in under its name.

use std::sync::Arc;

use peristyle_catalog::model::{
    Change, Column, ColumnId, ColumnRule, ConstraintKind, Index, OrderColumn, PartitionKey, PgType, Relation,
    RelationKind, Table, widen,
};
use sqlparser::ast::Expr;

use super::alter_table::Altered;
use super::create_table::{TIME_COLUMN, required};
use super::drop::kind_word;
use super::options::{check_key, key_columns};
use super::{own_sequence, sequence, unchanged};
use crate::error::{SqlError, SqlState};
use crate::{semantics, values};

/// A column whose values become others.
pub(super) struct Retyped {
    /// Its id before.
    pub(super) before: ColumnId,
    pub(super) after: ColumnId,
    /// What its values are computed by from those of before; their own cast if there is nothing.
    pub(super) using: Option<Expr>,
}

impl Altered<'_> {
    pub(super) fn alter_type(&mut self, name: &str, to: PgType, using: Option<&Expr>) -> Result<(), SqlError> {
        let column = self.table().column(name).ok_or_else(|| self.no_column(name))?.clone();
        if self.retyped.iter().any(|retyped| retyped.after == column.id) {
            return Err(SqlError::unsupported(format!("cannot alter type of column \"{name}\" twice")));
        }
        if let Some(view) = self.readers(column.id).first() {
            return Err(SqlError::unsupported("cannot alter type of a column used by a view or rule").detail(format!(
                "rule _RETURN on {} {} depends on column \"{name}\"",
                kind_word(view),
                view.name
            )));
        }
        if let Some((_, computed)) = self.computed_of(name).first() {
            return Err(SqlError::unsupported("cannot alter type of a column used by a generated column")
                .detail(format!("Column \"{name}\" is used by generated column \"{computed}\".")));
        }
        if using.is_some() && column.rule == ColumnRule::Generated {
            let message = "cannot specify USING when altering type of generated column";
            return Err(SqlError::new(SqlState::INVALID_COLUMN_DEFINITION, message)
                .detail(format!("Column \"{name}\" is a generated column.")));
        }
        if using.is_none() && !is_cast_automatically(column.ty, to) {
            let to = values::type_name(to);
            let message = format!("column \"{name}\" cannot be cast automatically to type {to}");
            return Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message)
                .hint(format!("You might need to specify \"USING {name}::{to}\".")));
        }
        if column.default.is_some() && !is_cast_automatically(column.ty, to) {
            let to = values::type_name(to);
            let message = format!("default for column \"{name}\" cannot be cast automatically to type {to}");
            return Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message));
        }
        self.alter_identity(&column, to)?;
        if using.is_none() && is_wider(column.ty, to) && !self.is_key_of_other_type(&column, to) {
            self.column_mut(name)?.ty = to;
            return Ok(());
        }
        self.check_time_column(&column, to)?;
        self.retype(&column, to, using)
    }

    /// What a key computes of a value depends on its type.
    fn is_key_of_other_type(&self, column: &Column, to: PgType) -> bool {
        let table = self.table();
        column.ty.oid != to.oid && key_columns(&table.partition_key, &table.order_key).contains(&column.id)
    }

    fn check_time_column(&self, column: &Column, to: PgType) -> Result<(), SqlError> {
        let is_open = self.table().openness == peristyle_catalog::model::Openness::Open;
        if is_open && column.name == TIME_COLUMN && to != column.ty {
            let message = format!("column \"{TIME_COLUMN}\" of an open table must be timestamp with time zone");
            return Err(SqlError::new(SqlState::INVALID_TABLE_DEFINITION, message));
        }
        Ok(())
    }

    /// Gives a column values of its own, under an id of its own.
    pub(super) fn retype(&mut self, column: &Column, to: PgType, using: Option<&Expr>) -> Result<(), SqlError> {
        let (before, after) = (column.id, self.new_id());
        let changed = self.column_mut(&column.name)?;
        changed.id = after;
        changed.ty = to;
        // Every row is written with a value of its own.
        changed.missing = None;
        let changed = changed.clone();
        self.requires.extend(required(self.scope, &changed));
        let table = self.table_mut();
        replace_in_keys(table, before, after);
        check_key(&table.partition_key, &table.columns)?;
        let own = self.relation.oid;
        replace_in_constraints(self.table_mut(), own, own, before, after);
        self.replace_in_others(before, after);
        self.is_rewritten = true;
        self.retyped.push(Retyped { before, after, using: using.cloned() });
        Ok(())
    }

    /// Indexes on the column, and other tables' references to it.
    fn replace_in_others(&mut self, before: ColumnId, after: ColumnId) {
        let own = self.relation.oid;
        let others: Vec<Arc<Relation>> = self.scope.view.relations().cloned().collect();
        for relation in others.iter().filter(|relation| relation.oid != own) {
            self.change_other(relation, |changed| match &mut changed.kind {
                RelationKind::Index(index) => replace_in_index(index, own, before, after),
                RelationKind::Table(table) => replace_in_constraints(table, relation.oid, own, before, after),
                RelationKind::View(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => false,
            });
        }
    }

    /// An identity column's sequence counts in the column's type.
    fn alter_identity(&mut self, column: &Column, to: PgType) -> Result<(), SqlError> {
        let ColumnRule::Identity { sequence, .. } = column.rule else { return Ok(()) };
        own_sequence::check_identity_type(to)?;
        let Some(relation) = self.scope.view.relation(sequence).cloned() else { return Ok(()) };
        let Some(sequence) = relation.as_sequence() else { return Ok(()) };
        let after = sequence::with_type(self.scope, &relation, sequence, to)?;
        self.requires.push(unchanged(&relation));
        self.more.push(Change::ReplaceRelation(after));
        Ok(())
    }
}

fn replace_in_keys(table: &mut Table, before: ColumnId, after: ColumnId) {
    let renamed = |column: ColumnId| if column == before { after } else { column };
    let time = table.partition_key.time().map(|(unit, column)| (unit, renamed(column)));
    let bucket = table.partition_key.bucket().map(|(buckets, column)| (buckets, renamed(column)));
    table.partition_key = PartitionKey::of_parts(time, bucket);
    for OrderColumn { column, .. } in &mut table.order_key {
        replace_in_list(std::slice::from_mut(column), before, after);
    }
}

/// Puts the new id in the constraints of the table `owner` that name the column of `altered`; whether any does.
fn replace_in_constraints(
    table: &mut Table,
    owner: peristyle_catalog::model::Oid,
    altered: peristyle_catalog::model::Oid,
    before: ColumnId,
    after: ColumnId,
) -> bool {
    let mut is_changed = false;
    for constraint in &mut table.constraints {
        is_changed |= match &mut constraint.kind {
            ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => {
                owner == altered && replace_in_list(columns, before, after)
            }
            ConstraintKind::ForeignKey { columns, table, referenced } => {
                let in_own = owner == altered && replace_in_list(columns, before, after);
                let in_other = *table == altered && replace_in_list(referenced, before, after);
                in_own || in_other
            }
            // Names the column by its name.
            ConstraintKind::Check { .. } => false,
        };
    }
    is_changed
}

fn replace_in_index(
    index: &mut Index,
    altered: peristyle_catalog::model::Oid,
    before: ColumnId,
    after: ColumnId,
) -> bool {
    index.table == altered && replace_in_list(&mut index.columns, before, after)
}

fn replace_in_list(columns: &mut [ColumnId], before: ColumnId, after: ColumnId) -> bool {
    let mut is_changed = false;
    for column in columns.iter_mut().filter(|column| **column == before) {
        *column = after;
        is_changed = true;
    }
    is_changed
}

fn is_cast_automatically(from: PgType, to: PgType) -> bool {
    semantics::is_assignable(from, to) && (from != PgType::TEXT || semantics::is_text(to))
}

/// Whether every value of `from` is one of `to`, read without a rewrite.
fn is_wider(from: PgType, to: PgType) -> bool {
    let text_like = |ty: PgType| ty == PgType::TEXT || ty == PgType::VARCHAR;
    // varchar(n) → text or a longer varchar keeps every byte.
    let longer_text = from.oid == PgType::VARCHAR.oid
        && (text_like(to) || (to.oid == PgType::VARCHAR.oid && to.character_limit() >= from.character_limit()));
    let same_text = text_like(from) && text_like(to);
    longer_text || same_text || widen(from, to) == to
}
