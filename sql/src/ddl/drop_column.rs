//! ALTER TABLE … DROP COLUMN: what goes with the column, and what keeps it.

use std::sync::Arc;

use peristyle_catalog::model::{Change, ColumnId, Oid, Relation, RelationKind, Requirement};

use super::alter_table::Altered;
use super::drop::{kind_word, needed};
use super::drop_sequences::users_of;
use super::options::key_columns;
use super::{keys, unchanged};
use crate::error::{SqlError, SqlState};

impl Altered<'_> {
    pub(super) fn drop_column(&mut self, name: &str, if_exists: bool, cascade: bool) -> Result<(), SqlError> {
        let Some(column) = self.table().column(name) else {
            if if_exists {
                let message =
                    format!("column \"{name}\" of relation \"{}\" does not exist, skipping", self.relation.name);
                self.scope.notice(SqlState::SUCCESSFUL_COMPLETION, message);
                return Ok(());
            }
            return Err(self.no_column(name));
        };
        let (id, own) = (column.id, (self.relation.oid, column.attnum));
        if key_columns(&self.table().partition_key, &self.table().order_key).contains(&id) {
            let message = format!(
                "cannot drop column \"{name}\" because it is part of the partition key or order key of relation \"{}\"",
                self.relation.name
            );
            return Err(SqlError::new(SqlState::INVALID_TABLE_DEFINITION, message));
        }
        self.drop_dependents(name, id, cascade)?;
        for (_, column) in self.computed_of(name) {
            if !cascade {
                return Err(self.kept_by(name, &column));
            }
            self.scope.notice(
                SqlState::SUCCESSFUL_COMPLETION,
                format!("drop cascades to column {column} of table {}", self.relation.name),
            );
            self.drop_column(&column, false, true)?;
        }
        let on_column = |relation: &&Arc<Relation>| match &relation.kind {
            RelationKind::Index(index) => index.table == self.relation.oid && index.columns.contains(&id),
            RelationKind::Sequence(sequence) => sequence.owner.is_some_and(|owner| (owner.table, owner.attnum) == own),
            RelationKind::Table(_) | RelationKind::View(_) | RelationKind::Enum(_) => false,
        };
        let gone: Vec<Arc<Relation>> = self.scope.view.relations().filter(on_column).cloned().collect();
        for sequence in gone.iter().filter(|relation| relation.as_sequence().is_some()) {
            self.take_users(name, id, sequence, cascade)?;
        }
        self.more.extend(gone.iter().map(|relation| Change::DropRelation(relation.oid)));
        let dropped = |columns: &[ColumnId]| columns.contains(&id);
        let table = self.table_mut();
        table.columns.retain(|column| column.id != id);
        table.constraints.retain(|constraint| !keys::names_column(&constraint.kind, &dropped, name));
        Ok(())
    }

    fn kept_by(&self, name: &str, computed: &str) -> SqlError {
        let table = &self.relation.name;
        let column = format!("column {name} of table {table}");
        needed(&column, format!("column {computed} of table {table} depends on {column}"))
    }

    /// The views that read a column. No other may have come to read it when this commits.
    pub(super) fn readers(&mut self, column: ColumnId) -> Vec<Arc<Relation>> {
        let table = self.relation.oid;
        let readers: Vec<Arc<Relation>> = self.scope.view.column_readers(table, column).cloned().collect();
        let except = readers.iter().map(|view| view.oid).collect();
        self.requires.push(Requirement::NoColumnDependents { table, column, except });
        readers
    }

    /// Views that read the column go with it, or keep it.
    fn drop_dependents(&mut self, name: &str, id: ColumnId, cascade: bool) -> Result<(), SqlError> {
        let views = self.readers(id);
        if views.is_empty() {
            return Ok(());
        }
        if !cascade {
            let column = format!("column {name} of table {}", self.relation.name);
            let detail: Vec<_> =
                views.iter().map(|view| format!("{} {} depends on {column}", kind_word(view), view.name)).collect();
            return Err(needed(&column, detail.join("\n")));
        }
        self.drop_readers(views);
        Ok(())
    }

    /// Drops views, and first those that read them.
    fn drop_readers(&mut self, views: Vec<Arc<Relation>>) {
        let mut gone: Vec<Arc<Relation>> = Vec::new();
        let mut next = views;
        while let Some(view) = next.pop() {
            if gone.iter().any(|known| known.oid == view.oid) {
                continue;
            }
            next.extend(self.scope.view.dependents(view.oid).cloned());
            gone.push(view);
        }
        let is_dropped =
            |change: &Change, view: &Relation| matches!(change, Change::DropRelation(oid) if *oid == view.oid);
        gone.retain(|view| !self.more.iter().any(|change| is_dropped(change, view)));
        let except: Vec<Oid> = gone.iter().map(|view| view.oid).collect();
        for view in gone.iter().rev() {
            let message = format!("drop cascades to {} {}", kind_word(view), view.name);
            self.scope.notice(SqlState::SUCCESSFUL_COMPLETION, message);
            self.requires.push(unchanged(view));
            self.requires.push(Requirement::NoDependents { oid: view.oid, except: except.clone() });
            self.more.push(Change::DropRelation(view.oid));
        }
    }

    /// A sequence goes with its column, and with it other columns' defaults, or these keep it.
    fn take_users(&mut self, name: &str, id: ColumnId, sequence: &Relation, cascade: bool) -> Result<(), SqlError> {
        let dropped = format!("column {name} of table {}", self.relation.name);
        for user in users_of(self.scope, sequence) {
            let is_own = user.table.oid == self.relation.oid;
            if is_own && user.column.id == id {
                continue;
            }
            user.goes(self.scope, sequence, cascade, &dropped)?;
            if is_own {
                user.take_from(&mut self.relation);
                continue;
            }
            self.change_other(&user.table, |table| {
                user.take_from(table);
                true
            });
        }
        Ok(())
    }
}
