//! Changes of definitions.

use std::collections::HashSet;
use std::sync::Arc;

use super::resolve::Resolver;
use super::{invalid, require};
use crate::head::{decimals_fit, relation_records};
use crate::model::{
    Column, ColumnId, ColumnRule, Constraint, ConstraintKind, EnumType, Oid, PgType, Relation, RelationKind,
    SequencePlace, Table, widen,
};
use crate::records::{Key, Record};
use crate::{Error, Result};

impl Resolver<'_> {
    pub(super) fn create_relation(&mut self, relation: &Relation) -> Result<()> {
        require::schema_live(&self.head, relation.schema)?;
        require::name_free(&self.head, relation.schema, &relation.name, None)?;
        if self.head.relation(relation.oid).is_some() {
            return Err(invalid(format!("OID {} is in use", relation.oid)));
        }
        self.check_definition(relation)?;
        self.define(relation.clone())
    }

    pub(super) fn replace_relation(&mut self, relation: &Relation) -> Result<()> {
        let before = self.head.relation(relation.oid).cloned().ok_or(Error::RelationGone(relation.oid))?;
        require::schema_live(&self.head, relation.schema)?;
        require::name_free(&self.head, relation.schema, &relation.name, Some(relation.oid))?;
        self.check_definition(relation)?;
        let mut relation = relation.clone();
        match (&before.kind, &mut relation.kind) {
            (RelationKind::Table(before), RelationKind::Table(after)) => {
                after.next_column = after.next_column.max(before.next_column);
                after.next_attnum = after.next_attnum.max(before.next_attnum);
            }
            (RelationKind::View(_), RelationKind::View(_))
            | (RelationKind::Index(_), RelationKind::Index(_))
            | (RelationKind::Sequence(_), RelationKind::Sequence(_))
            | (RelationKind::Enum(_), RelationKind::Enum(_)) => {}
            (
                RelationKind::Table(_)
                | RelationKind::View(_)
                | RelationKind::Index(_)
                | RelationKind::Sequence(_)
                | RelationKind::Enum(_),
                _,
            ) => {
                return Err(invalid(format!("relation with OID {} is of another kind", relation.oid)));
            }
        }
        self.keep_past(relation.oid)?;
        self.delete_missing_parts(&before, &relation)?;
        let oid = relation.oid;
        let is_table = relation.as_table().is_some();
        self.define(relation)?;
        if is_table { self.check_decimals(oid) } else { Ok(()) }
    }

    /// The table's bare numerics can still be read.
    pub(super) fn check_decimals(&self, table: Oid) -> Result<()> {
        decimals_fit(require::table(&self.head, table)?, self.head.contents(table).map(Arc::as_ref))
    }

    /// Removes a definition, what a table holds, its indexes and the sequences of its columns.
    pub(super) fn drop_relation(&mut self, oid: Oid) -> Result<()> {
        let relation = self.head.relation(oid).cloned().ok_or(Error::RelationGone(oid))?;
        if relation.as_table().is_some() {
            self.keep_past(oid)?;
            self.remove_everything(oid)?;
            let sequences: Vec<Oid> = self.head.sequences_of(oid).map(|sequence| sequence.oid).collect();
            for part in self.indexes_of(oid).into_iter().chain(sequences) {
                self.drop_relation(part)?;
            }
            self.dropped.push(oid);
        }
        for record in relation_records(&relation) {
            self.delete(record.key())?;
        }
        if self.head.sequences.contains_key(&oid) { self.delete(Key::SequencePlace(oid)) } else { Ok(()) }
    }

    /// The sequence's run, if it still is that one, has come to a place.
    pub(super) fn advance_sequence(&mut self, oid: Oid, run: Oid, place: SequencePlace) -> Result<()> {
        let relation = self.head.relation(oid).ok_or(Error::RelationGone(oid))?;
        match relation.as_sequence() {
            Some(sequence) if sequence.run == run => self.put(Record::SequencePlace(oid, run, place)),
            Some(_) => Err(require::conflict(oid)),
            None => Err(Error::RelationGone(oid)),
        }
    }

    /// A column of that name exists afterwards and takes values of the type.
    pub(super) fn ensure_column(&mut self, oid: Oid, proposed: ColumnId, name: &str, ty: PgType) -> Result<()> {
        let relation = self.head.relation(oid).cloned().ok_or(Error::RelationGone(oid))?;
        let table = relation.as_table().ok_or(Error::RelationGone(oid))?;
        let Some(column) = table.column(name) else { return self.add_column(&relation, table, proposed, name, ty) };
        self.remapped.insert((oid, proposed), column.id);
        let wide = widen(column.ty, ty);
        if wide == column.ty {
            return Ok(());
        }
        if !table.partition_key.lets_widen(column.id, column.ty, wide) {
            return Err(Error::KeyColumnType { column: column.name.clone() });
        }
        self.put_header(&relation)?;
        self.put(Record::Column(oid, Column { ty: wide, ..column.clone() }))?;
        self.check_decimals(oid)
    }

    fn add_column(
        &mut self,
        relation: &Relation,
        table: &Table,
        proposed: ColumnId,
        name: &str,
        ty: PgType,
    ) -> Result<()> {
        let limit = self.context.max_table_columns;
        if table.columns.len() >= limit {
            return Err(Error::TooManyColumns { limit });
        }
        let oid = relation.oid;
        let id = self.unused_column(oid, table, proposed);
        self.remapped.insert((oid, proposed), id);
        let next_attnum = table.next_attnum.checked_add(1).ok_or(Error::TooManyColumns { limit })?;
        let mut header = relation.clone();
        if let RelationKind::Table(after) = &mut header.kind {
            after.next_column = after.next_column.max(ColumnId(id.0 + 1));
            after.next_attnum = next_attnum;
        }
        self.put_header(&header)?;
        let column = Column {
            id,
            attnum: table.next_attnum,
            name: name.to_owned(),
            ty,
            not_null: false,
            default: None,
            missing: None,
            comment: None,
            rule: ColumnRule::Plain,
        };
        self.put(Record::Column(oid, column))
    }

    /// The proposed id, unless a column has it or a file was written with it: then reading that file would show
    /// another column's values.
    fn unused_column(&self, oid: Oid, table: &Table, proposed: ColumnId) -> ColumnId {
        let is_possible = proposed.0 > 0 && proposed < ColumnId::ROW_SEQ;
        let is_new = proposed >= table.next_column;
        let is_unused = || table.column_by_id(proposed).is_none() && !self.is_written(oid, proposed);
        if is_possible && (is_new || is_unused()) {
            return proposed;
        }
        self.context.numbers.reserve_columns(&self.head, oid, 1)
    }

    fn is_written(&self, table: Oid, column: ColumnId) -> bool {
        let mut layouts = self.head.contents(table).into_iter().flat_map(|contents| contents.layouts());
        layouts.any(|layout| layout.columns.iter().any(|(id, _)| *id == column))
    }

    fn define(&mut self, mut relation: Relation) -> Result<()> {
        relation.version = self.seq;
        oids_of(&relation).into_iter().for_each(|oid| self.uses_oid(oid));
        if let RelationKind::Table(table) = &mut relation.kind {
            let next = table.columns.iter().map(|column| column.id.0 + 1).max().unwrap_or(0);
            table.next_column = table.next_column.max(ColumnId(next));
        }
        relation_records(&relation).into_iter().try_for_each(|record| self.put(record))
    }

    /// Keeps a table's definition as it was before this commit, which is about to change it.
    fn keep_past(&mut self, oid: Oid) -> Result<()> {
        let before = self.head.relation(oid).filter(|relation| relation.as_table().is_some());
        match before.filter(|relation| relation.version < self.seq && self.has_history(oid)).cloned() {
            Some(before) => self.put(Record::PastRelation(self.seq, Box::new((*before).clone()))),
            None => Ok(()),
        }
    }

    /// The header alone, with the new version.
    fn put_header(&mut self, relation: &Relation) -> Result<()> {
        self.keep_past(relation.oid)?;
        let mut relation = relation.clone();
        relation.version = self.seq;
        let header = relation_records(&relation).into_iter().next().expect("the header comes first");
        self.put(header)
    }

    /// Deletes the rows of columns and constraints that the new definition lacks.
    fn delete_missing_parts(&mut self, before: &Relation, after: &Relation) -> Result<()> {
        let kept: Vec<Key> = relation_records(after).iter().map(Record::key).collect();
        let kept: HashSet<Key> = kept.into_iter().collect();
        let gone = relation_records(before).into_iter().map(|record| record.key()).filter(|key| !kept.contains(key));
        let gone: Vec<Key> = gone.collect();
        gone.into_iter().try_for_each(|key| self.delete(key))
    }

    /// Enum types of columns are there; those of a dropped table may be gone.
    fn check_types(&self, relation: &Relation, columns: &[Column]) -> Result<()> {
        let definitions = columns.iter().filter_map(|column| column.ty.enum_definition());
        let mut gone = definitions.filter(|oid| self.head.relation(*oid).is_none_or(|found| found.as_enum().is_none()));
        match gone.next().filter(|_| !self.head.is_dropped(relation)) {
            Some(definition) => Err(Error::RelationGone(definition)),
            None => Ok(()),
        }
    }

    fn indexes_of(&self, table: Oid) -> Vec<Oid> {
        let is_index_of = |relation: &&std::sync::Arc<Relation>| match &relation.kind {
            RelationKind::Index(index) => index.table == table,
            RelationKind::Table(_) | RelationKind::View(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => false,
        };
        self.head.relations().filter(is_index_of).map(|relation| relation.oid).collect()
    }

    /// What rows cannot hold must not be in a definition: they have one row per column id and constraint oid and are
    /// read back in the order of attnums and oids.
    fn check_definition(&self, relation: &Relation) -> Result<()> {
        match &relation.kind {
            RelationKind::Table(table) => {
                let limit = self.context.max_table_columns;
                if table.columns.len() > limit {
                    return Err(Error::TooManyColumns { limit });
                }
                check_columns(relation, &table.columns)?;
                self.check_types(relation, &table.columns)?;
                check_constraints(relation, &table.constraints)
            }
            RelationKind::View(view) => check_columns(relation, &view.columns),
            RelationKind::Index(index) => require::table(&self.head, index.table).map(|_| ()),
            RelationKind::Enum(definition) => check_labels(relation, definition),
            RelationKind::Sequence(sequence) => match sequence.rule.increment {
                0 => Err(invalid(format!("sequence \"{}\" does not move", relation.name))),
                _ => Ok(()),
            },
        }
    }
}

fn check_labels(relation: &Relation, definition: &EnumType) -> Result<()> {
    let names: HashSet<&str> = definition.labels.iter().map(|label| label.name.as_str()).collect();
    let is_ordered = definition.labels.is_sorted_by(|a, b| a.order < b.order);
    if is_ordered && names.len() == definition.labels.len() && PgType::of_enum(relation.oid).is_some() {
        return Ok(());
    }
    Err(invalid(format!("labels of enum type \"{}\" are not in their order, or one is there twice", relation.name)))
}

fn check_columns(relation: &Relation, columns: &[Column]) -> Result<()> {
    let is_ordered = columns.is_sorted_by(|a, b| (a.attnum, a.id) < (b.attnum, b.id));
    let mut ids: Vec<ColumnId> = columns.iter().map(|column| column.id).collect();
    ids.sort_unstable();
    let is_unique = ids.is_sorted_by(|a, b| a < b) && ids.last().is_none_or(|id| *id < ColumnId::ROW_SEQ);
    if is_ordered && is_unique {
        return Ok(());
    }
    Err(invalid(format!("columns of \"{}\" are not in the order of their numbers or share an id", relation.name)))
}

fn check_constraints(relation: &Relation, constraints: &[Constraint]) -> Result<()> {
    if constraints.is_sorted_by(|a, b| a.oid < b.oid) {
        return Ok(());
    }
    Err(invalid(format!("constraints of \"{}\" are not in the order of their OIDs", relation.name)))
}

/// Every oid that a definition uses.
fn oids_of(relation: &Relation) -> Vec<Oid> {
    let mut oids = vec![relation.oid];
    let columns = match &relation.kind {
        RelationKind::Table(table) => {
            oids.extend([table.row_type, table.array_type]);
            oids.extend(
                table.constraints.iter().flat_map(|constraint| [Some(constraint.oid), index_of(constraint)]).flatten(),
            );
            &table.columns[..]
        }
        RelationKind::View(view) => {
            oids.extend([view.row_type, view.array_type]);
            &view.columns[..]
        }
        RelationKind::Index(_) => &[],
        RelationKind::Sequence(sequence) => {
            oids.push(sequence.run);
            &[]
        }
        RelationKind::Enum(definition) => {
            oids.extend(definition.labels.iter().map(|label| label.oid));
            &[]
        }
    };
    oids.extend(columns.iter().filter_map(|column| column.default.as_ref()).map(|default| default.oid));
    oids
}

fn index_of(constraint: &Constraint) -> Option<Oid> {
    match &constraint.kind {
        ConstraintKind::PrimaryKey { index, .. } | ConstraintKind::Unique { index, .. } => Some(*index),
        ConstraintKind::ForeignKey { .. } | ConstraintKind::Check { .. } => None,
    }
}
