//! What DROP does to the columns of an enum type: it needs CASCADE, and then they go with the type.

use std::sync::Arc;

use peristyle_catalog::model::{Change, Oid, Relation};

use super::alter_table::Altered;
use super::drop::Dropped;
use crate::error::{SqlError, SqlState};
use crate::scope::Scope;

impl Dropped {
    /// Takes away the columns of dropped enum types, or refuses. A dropped table keeps its values: taken back, it has texts.
    pub(super) fn take_columns(&mut self, scope: &Arc<Scope>, cascade: bool) -> Result<(), SqlError> {
        let types: Vec<Arc<Relation>> =
            self.relations.values().filter(|relation| relation.as_enum().is_some()).cloned().collect();
        let users = types.iter().flat_map(|ty| scope.view.tables_of_enum(ty.oid));
        let stays = |table: &&Arc<Relation>| !scope.view.is_dropped(table) && !self.relations.contains_key(&table.oid);
        let mut tables: Vec<Arc<Relation>> = users.filter(stays).cloned().collect();
        tables.sort_by_key(|table| table.oid);
        tables.dedup_by_key(|table| table.oid);
        tables.iter().try_for_each(|table| self.take_columns_of(scope, table, &types, cascade))
    }

    fn take_columns_of(
        &mut self,
        scope: &Arc<Scope>,
        table: &Arc<Relation>,
        types: &[Arc<Relation>],
        cascade: bool,
    ) -> Result<(), SqlError> {
        let mut altered = Altered::of(scope, table);
        let type_of = |definition: Option<Oid>| types.iter().find(|ty| Some(ty.oid) == definition);
        let columns = table.as_table().map_or(&[][..], |table| &table.columns);
        for (column, ty) in columns.iter().filter_map(|c| Some((c, type_of(c.ty.enum_definition())?))) {
            let what = format!("column {} of table {}", column.name, table.name);
            if !cascade {
                return Err(needed(ty, &what));
            }
            scope.notice(SqlState::SUCCESSFUL_COMPLETION, format!("drop cascades to {what}"));
            altered.drop_column(&column.name, false, cascade)?;
        }
        self.take_altered(scope, altered);
        Ok(())
    }

    /// Views that read the columns go as any others do.
    fn take_altered(&mut self, scope: &Scope, altered: Altered<'_>) {
        self.altered.push(altered.relation.oid);
        self.requires.extend(altered.requires);
        self.changes.push(Change::ReplaceRelation(altered.relation));
        for change in altered.more {
            let view = match &change {
                Change::DropRelation(oid) => scope.view.relation(*oid).filter(|relation| relation.as_view().is_some()),
                _ => None,
            };
            match view {
                Some(view) => drop(self.relations.insert(view.oid, Arc::clone(view))),
                None => self.changes.push(change),
            }
        }
    }
}

fn needed(ty: &Relation, what: &str) -> SqlError {
    let message = format!("cannot drop type {} because other objects depend on it", ty.name);
    SqlError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
        .detail(format!("{what} depends on type {}", ty.name))
        .hint("Use DROP ... CASCADE to drop the dependent objects too.")
}
