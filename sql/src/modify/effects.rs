//! What a statement does to tables, until it is staged. The parts of a statement (`WITH … AS (DELETE …) INSERT …`) share
//! one of these: each sees the tables as they were before all of them, so the partitions and chunks that they take rows
//! from are written again once, when all have run.

use std::collections::BTreeMap;
use std::sync::Arc;

use peristyle_catalog::model::{ChangeSet, Oid, Relation};

use super::replace::replace;
use super::touched::Gone;
use crate::error::SqlError;
use crate::scope::Scope;
use crate::session::SharedTransaction;
use crate::transaction::delete_appended;
use crate::write::{Existing, KeyGuard, Target, stage};

/// Changes of one statement that nobody sees yet.
#[derive(Default)]
pub(crate) struct Effects {
    are_shared: bool,
    tables: BTreeMap<Oid, Changed>,
    /// Rows that were written, and what these require.
    added: ChangeSet,
}

/// What becomes of one table's rows.
pub(super) struct Changed {
    relation: Arc<Relation>,
    pub(super) gone: Gone,
    /// The keys of the rows that are added, if the table enforces any.
    pub(super) keys: Option<KeyGuard>,
}

impl Effects {
    /// Those of a statement of several parts.
    pub(crate) fn of_parts() -> Effects {
        Effects { are_shared: true, ..Effects::default() }
    }

    /// Whether other parts of the statement may change the same rows.
    pub(super) fn are_shared(&self) -> bool {
        self.are_shared
    }

    /// What the parts before did to a table, for the next one that changes it.
    pub(super) fn take(&mut self, relation: &Arc<Relation>) -> Changed {
        let untouched = || Changed { relation: Arc::clone(relation), gone: Gone::default(), keys: None };
        self.tables.remove(&relation.oid).unwrap_or_else(untouched)
    }

    pub(super) fn put(&mut self, changed: Changed) {
        self.tables.insert(changed.relation.oid, changed);
    }

    /// The keys of the rows that parts before add to a table.
    pub(crate) fn take_keys(&mut self, table: Oid) -> Option<KeyGuard> {
        self.tables.get_mut(&table)?.keys.take()
    }

    /// Gives back the keys, with those of more rows.
    pub(crate) fn put_keys(&mut self, relation: &Arc<Relation>, keys: Option<KeyGuard>) {
        if keys.is_some() {
            let changed = self.take(relation);
            self.put(Changed { keys, ..changed });
        }
    }

    /// Adds rows that were written.
    pub(crate) fn add(&mut self, rows: ChangeSet) {
        extend(&mut self.added, rows);
    }

    /// Writes what stays of partitions and chunks that lose rows, compares keys, and stages all as one change set. On an
    /// error nothing is left.
    pub(crate) async fn stage(self, scope: &Arc<Scope>, transaction: &SharedTransaction) -> Result<(), SqlError> {
        let Effects { tables, added, .. } = self;
        let mut changes = ChangeSet::default();
        for changed in tables.into_values() {
            match changed.settled(scope).await {
                Ok(more) => extend(&mut changes, more),
                Err(error) => {
                    extend(&mut changes, added);
                    delete_appended(scope.engine.store(), &changes.changes).await;
                    return Err(error);
                }
            }
        }
        extend(&mut changes, added);
        if changes.changes.is_empty() {
            return Ok(());
        }
        stage(&scope.guard, transaction, changes)
    }

    /// Deletes what was written.
    pub(crate) async fn discard(self, scope: &Scope) {
        delete_appended(scope.engine.store(), &self.added.changes).await;
    }
}

impl Changed {
    async fn settled(self, scope: &Arc<Scope>) -> Result<ChangeSet, SqlError> {
        let mut requires = Vec::new();
        if let Some(keys) = self.keys {
            let is_gone = |source, position| self.gone.contains(source, position);
            requires.push(keys.check(scope, Existing::AllBut(&is_gone)).await?);
        }
        let mut changes = match self.gone.is_empty() {
            true => ChangeSet::default(),
            false => replace(scope, &Target::of(scope, &self.relation)?, self.gone.losses()).await?,
        };
        changes.requires.extend(requires);
        Ok(changes)
    }
}

fn extend(changes: &mut ChangeSet, more: ChangeSet) {
    changes.requires.extend(more.requires);
    changes.changes.extend(more.changes);
}
