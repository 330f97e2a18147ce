//! What DROP does to sequences: those of columns go with their tables, and defaults keep those that they take values from.

use std::sync::Arc;

use peristyle_catalog::model::{Column, Oid, Relation, RelationKind};

use super::drop::{Dropped, kind_word};
use crate::error::{SqlError, SqlState};
use crate::scope::Scope;
use crate::sequence::sequences_in;

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
            let users: Vec<Arc<Relation>> =
                scope.view.relations().filter(|user| !self.relations.contains_key(&user.oid)).cloned().collect();
            for user in users {
                self.take_defaults_of(scope, &sequence, &user, cascade, word)?;
            }
        }
        Ok(())
    }

    fn take_defaults_of(
        &mut self,
        scope: &Scope,
        sequence: &Relation,
        user: &Arc<Relation>,
        cascade: bool,
        word: &str,
    ) -> Result<(), SqlError> {
        let needs = |column: &Column| {
            column.default.as_ref().is_some_and(|default| sequences_in(&default.expression).contains(&sequence.oid))
        };
        for column in user.as_table().into_iter().flat_map(|table| &table.columns).filter(|column| needs(column)) {
            let what = format!("default value for column {} of table {}", column.name, user.name);
            // A dropped table keeps nothing; taken back, it is without the default.
            if !scope.view.is_dropped(user) {
                if !cascade {
                    return Err(self.kept(sequence, &what, word));
                }
                scope.notice(SqlState::SUCCESSFUL_COMPLETION, format!("drop cascades to {what}"));
            }
            let (_, after) =
                self.without_defaults.entry(user.oid).or_insert_with(|| (Arc::clone(user), user.as_ref().clone()));
            if let RelationKind::Table(table) = &mut after.kind {
                table.columns.iter_mut().filter(|other| other.id == column.id).for_each(|other| other.default = None);
            }
        }
        Ok(())
    }

    /// PostgreSQL names what was to be dropped, which may be the sequence's table.
    fn kept(&self, sequence: &Relation, what: &str, word: &str) -> SqlError {
        let owner = sequence.as_sequence().and_then(|sequence| sequence.owner);
        let named = owner.and_then(|owner| self.relations.get(&owner.table));
        let name = named.map_or(&sequence.name, |table| &table.name);
        let message = format!("cannot drop {word} {name} because other objects depend on it");
        SqlError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
            .detail(format!("{what} depends on {} {}", kind_word(sequence), sequence.name))
            .hint("Use DROP ... CASCADE to drop the dependent objects too.")
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
