//! What a write goes to: a table, the columns named, and what each column of the result is made from.

use std::sync::Arc;

use peristyle_catalog::model::{
    Change, ChangeSet, Column, ColumnId, ColumnRule, ConstraintKind, Oid, Openness, PgType, Relation, Requirement,
    Table,
};
use peristyle_storage::schema::{TableField, table_fields};
use sqlparser::ast::{Ident, ObjectName};

use super::sink::Written;
use crate::ddl::{ARRIVAL, TIME_COLUMN};
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, fold};
use crate::scope::{PG_CATALOG, Scope};
use crate::sequence::column_default;

/// A table that is written to, as the statement's snapshot has it.
pub(crate) struct Target {
    pub(crate) relation: Arc<Relation>,
    /// Live columns in order; bare numerics are as wide as the snapshot's rows need.
    pub(crate) fields: Vec<TableField>,
}

impl Target {
    /// The table of that name; 42809 for a view, 42501 for a system relation.
    pub(crate) fn find(scope: &Scope, name: &ObjectName) -> Result<Target, SqlError> {
        Target::of(scope, Target::writable(scope, name)?)
    }

    /// The relation of that name, which may be a view; 42809 for a materialized view, 42501 for a system relation.
    pub(crate) fn writable<'a>(scope: &'a Scope, name: &ObjectName) -> Result<&'a Arc<Relation>, SqlError> {
        let name = QualifiedName::of(scope, name)?;
        if crate::relation::find(name.schema().unwrap_or(PG_CATALOG), &name.name).is_some() {
            let message = format!("permission denied: \"{name}\" is a system catalog");
            return Err(SqlError::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
        }
        let relation = scope.require_relation(name.schema(), &name.name)?;
        if relation.as_materialized().is_some() {
            let message = format!("cannot change materialized view \"{}\"", relation.name);
            return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        Ok(relation)
    }

    pub(crate) fn of(scope: &Scope, relation: &Arc<Relation>) -> Result<Target, SqlError> {
        let Some(table) = relation.as_table() else {
            let message = format!("cannot insert into view or index \"{}\"", relation.name);
            return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message));
        };
        let contents = scope.view.contents(relation.oid).map(Arc::as_ref);
        Ok(Target { relation: Arc::clone(relation), fields: table_fields(table, contents)? })
    }

    pub(crate) fn oid(&self) -> Oid {
        self.relation.oid
    }

    pub(crate) fn name(&self) -> &str {
        &self.relation.name
    }

    pub(crate) fn table(&self) -> &Table {
        self.relation.as_table().expect("a target is a table")
    }

    pub(crate) fn is_open(&self) -> bool {
        self.table().openness == Openness::Open
    }

    pub(crate) fn column(&self, id: ColumnId) -> &Column {
        self.table().column_by_id(id).expect("fields are of live columns")
    }

    /// Position of a column by name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.field.name() == name)
    }

    /// Whether the partition key's time is the column's.
    pub(super) fn is_time_key(&self, at: usize) -> bool {
        self.table().partition_key.time().is_some_and(|(_, column)| column == self.fields[at].id)
    }

    /// Whether numbers are times to an open table's column: to that of the partition key, and to the one that every open
    /// table begins with.
    pub(super) fn counts_time(&self, at: usize) -> bool {
        let TableField { ty, field, .. } = &self.fields[at];
        let is_of_time = self.is_time_key(at) || field.name() == TIME_COLUMN;
        self.is_open() && is_of_time && ty.oid == PgType::TIMESTAMPTZ.oid
    }

    /// Whether rows without a value in an open table's column of times get the time at which they arrive.
    pub(super) fn begins_at_arrival(&self, at: usize) -> bool {
        let TableField { id, field, .. } = &self.fields[at];
        let is_by_default = || column_default(self.column(*id)).is_some_and(|default| default == ARRIVAL);
        self.counts_time(at) && (field.name() == TIME_COLUMN || is_by_default())
    }

    /// Whether an open table's column may get the type to hold what comes.
    pub(super) fn may_become(&self, at: usize, wide: PgType) -> bool {
        let TableField { id, ty, .. } = &self.fields[at];
        !self.counts_time(at) && self.table().partition_key.lets_widen(*id, *ty, wide)
    }

    /// Names of a column list, folded, each once.
    pub(crate) fn named(&self, columns: &[Ident]) -> Result<Vec<String>, SqlError> {
        let mut names: Vec<String> = Vec::with_capacity(columns.len());
        for column in columns {
            let name = fold(column);
            if names.contains(&name) {
                return Err(self.named_twice(&name));
            }
            if !self.is_open() && self.position(&name).is_none() {
                return Err(self.unknown_column(&name));
            }
            names.push(name);
        }
        Ok(names)
    }

    /// Whether the column of that name is computed, so that nobody gives it values.
    pub(crate) fn is_generated(&self, name: &str) -> bool {
        self.table().column(name).is_some_and(|column| column.rule == ColumnRule::Generated)
    }

    /// 42P10 for a generated column among those that a COPY names.
    pub(crate) fn refuse_generated(&self, copied: &[String]) -> Result<(), SqlError> {
        match copied.iter().find(|name| self.is_generated(name)) {
            None => Ok(()),
            Some(name) => {
                let message = format!("column \"{name}\" is a generated column");
                Err(SqlError::new(SqlState::INVALID_COLUMN_REFERENCE, message)
                    .detail("Generated columns cannot be used in COPY."))
            }
        }
    }

    /// What a write to this table has checked its rows against, and computed of them.
    fn enforced(&self) -> Requirement {
        let definition = self.table();
        let not_null = definition.columns.iter().filter(|column| column.not_null).map(|column| column.id).collect();
        let is_enforced = |kind: &ConstraintKind| !matches!(kind, ConstraintKind::ForeignKey { .. });
        let constraints = definition.constraints.iter().filter(|c| is_enforced(&c.kind)).map(|c| c.oid);
        let computed = definition.columns.iter().filter(|column| column.rule == ColumnRule::Generated);
        let checks =
            constraints.chain(computed.filter_map(|column| column.default.as_ref()).map(|own| own.oid)).collect();
        Requirement::EnforcesOnly { table: self.oid(), not_null, checks }
    }

    /// The partition key that this write's key ranges are made by.
    pub(crate) fn keyed(&self) -> Requirement {
        Requirement::KeyedBy { table: self.oid(), key: self.table().partition_key.clone() }
    }

    /// 42701 for a column that a list names again.
    pub(crate) fn named_twice(&self, name: &str) -> SqlError {
        SqlError::new(SqlState::DUPLICATE_COLUMN, format!("column \"{name}\" specified more than once"))
    }

    /// 42703 with the way to take any column.
    pub(crate) fn unknown_column(&self, name: &str) -> SqlError {
        let message = format!("column \"{name}\" of relation \"{}\" does not exist", self.name());
        SqlError::new(SqlState::UNDEFINED_COLUMN, message)
            .hint("A table takes new columns if it is created WITH (schema = 'open').")
    }

    /// The change set that adds what a sink wrote. An append requires the written columns live with types that
    /// accept them, not the table's version.
    pub(crate) fn append(&self, written: Written, new_columns: Vec<Change>) -> ChangeSet {
        let table = self.oid();
        let proposed: Vec<ColumnId> = new_columns.iter().filter_map(proposed_column).collect();
        let columns = written.columns.iter().filter(|(id, _)| !proposed.contains(id)).copied().collect();
        let mut requires = vec![Requirement::RelationLive(table)];
        requires.push(Requirement::ColumnsAccept { table, columns });
        requires.push(self.enforced());
        requires.push(self.keyed());
        let mut changes = new_columns;
        if written.rows > 0 {
            changes.push(Change::Append { table, partitions: written.partitions, chunks: written.chunks });
        }
        ChangeSet { requires, changes, ingest_id: None }
    }
}

fn proposed_column(change: &Change) -> Option<ColumnId> {
    match change {
        Change::EnsureColumn { proposed, .. } => Some(*proposed),
        _ => None,
    }
}
