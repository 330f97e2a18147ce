//! What DROP does to what needs an enum type, as columns of it: it takes CASCADE, and then they go with the type.

use std::sync::Arc;

use peristyle_catalog::model::{
    Change, Column, ColumnRule, Constraint, ConstraintKind, PgType, Relation, RelationKind, Table,
};

use super::alter_table::Altered;
use super::drop::{Dropped, kind_word, needed};
use super::unchanged;
use crate::error::{SqlError, SqlState};
use crate::scope::Scope;
use crate::semantics::names_type;

impl Dropped {
    /// Takes away what needs dropped enum types, or refuses: columns, and what names a type in its text. A dropped table
    /// keeps its values: taken back, it has texts.
    pub(super) fn take_columns(&mut self, scope: &Arc<Scope>, cascade: bool) -> Result<(), SqlError> {
        let types: Vec<Arc<Relation>> =
            self.relations.values().filter(|relation| relation.as_enum().is_some()).cloned().collect();
        if types.is_empty() {
            return Ok(());
        }
        let uses = |table: &&Arc<Relation>| types.iter().any(|ty| !uses_of(table, ty).is_empty());
        let mut tables: Vec<Arc<Relation>> = scope.view.relations().filter(uses).cloned().collect();
        // What is computed of a table goes with its columns, or whole.
        tables.sort_by_key(|table| (table.stored_query().is_some(), table.oid));
        for table in tables {
            if self.relations.contains_key(&table.oid) {
                continue;
            }
            if scope.view.is_dropped(&table) {
                self.take_texts_of_dropped(scope, &table, &types);
            } else {
                self.take_uses_of(scope, &table, &types, cascade)?;
            }
        }
        Ok(())
    }

    fn take_uses_of(
        &mut self,
        scope: &Arc<Scope>,
        table: &Arc<Relation>,
        types: &[Arc<Relation>],
        cascade: bool,
    ) -> Result<(), SqlError> {
        let mut altered = Altered::of(scope, table);
        for (ty, used) in types.iter().flat_map(|ty| uses_of(table, ty).into_iter().map(move |used| (ty, used))) {
            if !cascade {
                let ty = format!("type {}", ty.name);
                return Err(needed(&ty, format!("{} depends on {ty}", used.named(table))));
            }
            if table.stored_query().is_some() {
                let whole = format!("drop cascades to {} {}", kind_word(table), table.name);
                scope.notice(SqlState::SUCCESSFUL_COMPLETION, whole);
                self.relations.insert(table.oid, Arc::clone(table));
                return Ok(());
            }
            if used.is_in(altered.table()) {
                scope.notice(SqlState::SUCCESSFUL_COMPLETION, format!("drop cascades to {}", used.named(table)));
                match &used {
                    Use::Column(column) => altered.drop_column(&column.name, false, true)?,
                    Use::Default(_) | Use::Check(_) => used.take_from(altered.table_mut()),
                }
            }
        }
        self.take_altered(scope, altered);
        Ok(())
    }

    fn take_texts_of_dropped(&mut self, scope: &Scope, table: &Arc<Relation>, types: &[Arc<Relation>]) {
        let mut after = table.as_ref().clone();
        let shown = Relation { name: table.former_name().to_owned(), ..after.clone() };
        if let RelationKind::Table(definition) = &mut after.kind {
            for used in types.iter().flat_map(|ty| uses_of(table, ty)) {
                used.take_from(definition);
                // That a column has another type is told when the table is taken back.
                let used = match used {
                    Use::Column(column) if column.default.is_some() => Use::Default(column),
                    Use::Column(_) => continue,
                    other => other,
                };
                let message = format!("drop cascades to {}, which was dropped", used.named(&shown));
                scope.notice(SqlState::SUCCESSFUL_COMPLETION, message);
            }
        }
        if after != **table {
            self.altered.push(table.oid);
            self.requires.push(unchanged(table));
            self.changes.push(Change::ReplaceRelation(after));
        }
    }

    /// Views that read the columns go as any others do.
    fn take_altered(&mut self, scope: &Scope, altered: Altered<'_>) {
        self.altered.push(altered.relation.oid);
        self.requires.extend(altered.requires);
        self.changes.push(Change::ReplaceRelation(altered.relation));
        for change in altered.more {
            let view = match &change {
                Change::DropRelation(oid) => scope.view.relation(*oid).filter(|reader| reader.stored_query().is_some()),
                _ => None,
            };
            match view {
                Some(view) => drop(self.relations.insert(view.oid, Arc::clone(view))),
                None => self.changes.push(change),
            }
        }
    }
}

/// What of a table needs a type.
enum Use<'t> {
    /// It is of the type, or computed with it.
    Column(&'t Column),
    Default(&'t Column),
    Check(&'t Constraint),
}

/// What of a table needs an enum type.
fn uses_of<'t>(table: &'t Relation, ty: &Relation) -> Vec<Use<'t>> {
    let Some(table) = table.as_table() else { return Vec::new() };
    let named = |text: &str| PgType::of_enum(ty.oid).is_some_and(|ty| names_type(text, ty));
    let of_column = |column: &'t Column| {
        let is_named = column.default.as_ref().is_some_and(|default| named(&default.expression));
        match column.rule {
            _ if column.ty.enum_definition() == Some(ty.oid) => Some(Use::Column(column)),
            ColumnRule::Generated if is_named => Some(Use::Column(column)),
            ColumnRule::Plain | ColumnRule::Identity { .. } if is_named => Some(Use::Default(column)),
            _ => None,
        }
    };
    let is_check = |constraint: &&Constraint| match &constraint.kind {
        ConstraintKind::Check { expression } => named(expression),
        _ => false,
    };
    let checks = table.constraints.iter().filter(is_check).map(Use::Check);
    table.columns.iter().filter_map(of_column).chain(checks).collect()
}

impl Use<'_> {
    fn named(&self, table: &Relation) -> String {
        match self {
            Use::Column(column) => format!("column {} of table {}", column.name, table.name),
            Use::Default(column) => format!("default value for column {} of table {}", column.name, table.name),
            Use::Check(constraint) => format!("constraint {} on table {}", constraint.name, table.name),
        }
    }

    /// Whether it has not gone with something else.
    fn is_in(&self, table: &Table) -> bool {
        match self {
            Use::Column(column) | Use::Default(column) => table.columns.iter().any(|other| other.id == column.id),
            Use::Check(constraint) => table.constraints.iter().any(|other| other.oid == constraint.oid),
        }
    }

    /// Takes away the text; a column of the type, or of its values, stays.
    fn take_from(&self, table: &mut Table) {
        match self {
            Use::Column(column) | Use::Default(column) => {
                for other in table.columns.iter_mut().filter(|other| other.id == column.id) {
                    other.default = None;
                    if other.rule == ColumnRule::Generated {
                        other.rule = ColumnRule::Plain;
                    }
                }
            }
            Use::Check(constraint) => table.constraints.retain(|other| other.oid != constraint.oid),
        }
    }
}
