//! What DROP does to sequences: those of columns go with their tables, and defaults keep those that they take values from.

use std::sync::Arc;

use peristyle_catalog::model::{Column, Oid, Relation, RelationKind};

use super::change_also;
use super::drop::{Dropped, kind_word, needed};
use crate::error::{SqlError, SqlState};
use crate::scope::Scope;
use crate::sequence::sequences_in;

/// A column whose default takes values from a sequence.
pub(super) struct SequenceUser {
    pub(super) table: Arc<Relation>,
    pub(super) column: Column,
}

/// The columns whose defaults take values from a sequence. A dropped table keeps no sequence; taken back, it is without
/// the default.
pub(super) fn users_of(scope: &Scope, sequence: &Relation) -> Vec<SequenceUser> {
    let needs = |column: &&Column| {
        column.default.as_ref().is_some_and(|default| sequences_in(&default.expression).contains(&sequence.oid))
    };
    let of_table = |table: &Arc<Relation>| {
        let columns = table.as_table().map_or(&[][..], |definition| &definition.columns);
        let needing = columns.iter().filter(needs).cloned();
        needing.map(|column| SequenceUser { table: Arc::clone(table), column }).collect::<Vec<_>>()
    };
    let tables = scope.view.relations().filter(|table| !scope.view.is_dropped(table));
    tables.flat_map(of_table).collect()
}

impl SequenceUser {
    /// Lets a sequence go that is dropped with `dropped`, or keeps it.
    pub(super) fn goes(
        &self,
        scope: &Scope,
        sequence: &Relation,
        cascade: bool,
        dropped: &str,
    ) -> Result<(), SqlError> {
        let what = format!("default value for column {} of table {}", self.column.name, self.table.name);
        if cascade {
            scope.notice(SqlState::SUCCESSFUL_COMPLETION, format!("drop cascades to {what}"));
            return Ok(());
        }
        Err(needed(dropped, format!("{what} depends on {} {}", kind_word(sequence), sequence.name)))
    }

    /// Takes the default away.
    pub(super) fn take_from(&self, table: &mut Relation) {
        if let RelationKind::Table(table) = &mut table.kind {
            table.columns.iter_mut().filter(|other| other.id == self.column.id).for_each(|other| other.default = None);
        }
    }
}

impl Dropped {
    /// Adds the sequences of the dropped tables' columns.
    pub(super) fn take_sequences(&mut self, scope: &Scope) {
        let tables: Vec<Oid> = self.relations.keys().copied().collect();
        let owned = tables.into_iter().flat_map(|table| scope.view.sequences_of(table));
        let owned: Vec<(Oid, Arc<Relation>)> = owned.map(|sequence| (sequence.oid, Arc::clone(sequence))).collect();
        self.relations.extend(owned);
    }

    /// Whether its table takes the sequence along.
    pub(super) fn goes_along(&self, relation: &Relation) -> bool {
        let owner = relation.as_sequence().and_then(|sequence| sequence.owner);
        owner.is_some_and(|owner| self.relations.contains_key(&owner.table))
    }

    /// Takes away the defaults that need a dropped sequence, or refuses.
    pub(super) fn take_defaults(&mut self, scope: &Scope, cascade: bool, word: &str) -> Result<(), SqlError> {
        let sequences: Vec<Arc<Relation>> =
            self.relations.values().filter(|relation| relation.as_sequence().is_some()).cloned().collect();
        for sequence in sequences {
            self.refuse_identity(scope, &sequence)?;
            let dropped = format!("{word} {}", self.dropped_name(&sequence));
            for user in users_of(scope, &sequence) {
                if self.relations.contains_key(&user.table.oid) {
                    continue;
                }
                user.goes(scope, &sequence, cascade, &dropped)?;
                change_also(&mut self.changes, &mut self.requires, &user.table, |table| {
                    user.take_from(table);
                    true
                });
            }
        }
        Ok(())
    }

    /// PostgreSQL names what was to be dropped, which may be the sequence's table.
    fn dropped_name<'a>(&'a self, sequence: &'a Relation) -> &'a str {
        let owner = sequence.as_sequence().and_then(|sequence| sequence.owner);
        let named = owner.and_then(|owner| self.relations.get(&owner.table));
        named.map_or(&sequence.name, |table| &table.name)
    }

    /// An identity column keeps its sequence.
    fn refuse_identity(&self, scope: &Scope, relation: &Relation) -> Result<(), SqlError> {
        let owner = relation.as_sequence().and_then(|sequence| sequence.owner).filter(|owner| owner.is_identity);
        let Some(owner) = owner.filter(|owner| !self.relations.contains_key(&owner.table)) else { return Ok(()) };
        let Some(table) = scope.view.relation(owner.table) else { return Ok(()) };
        let columns = table.as_table().map_or(&[][..], |table| &table.columns);
        let column = columns.iter().find(|column| column.attnum == owner.attnum);
        let column = format!("column {} of table {}", column.map_or("", |column| &column.name), table.name);
        let message = format!("cannot drop sequence {} because {column} requires it", relation.name);
        Err(SqlError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
            .hint(format!("You can drop {column} instead.")))
    }
}
