//! The transaction object: every statement runs in one, an implicit one too.
//!
//! It holds the changes of its statements until the end, in one change set, and shows them to its own statements: a
//! statement reads a new snapshot (READ COMMITTED) with the transaction's own changes applied on top by the same code
//! that a commit runs. Nothing lasts before the catalog commits; objects written on the way are deleted if it does not.

use std::ops::Deref;
use std::sync::Arc;

use peristyle_catalog::model::{Change, ChangeSet, Commit, Oid, PartitionId, TimestampMicros};
use peristyle_catalog::{Catalog, Head, Snapshot};
use peristyle_storage::Store;

use crate::error::SqlError;

/// What one statement sees: a snapshot, which stays pinned, with the transaction's own changes.
#[derive(Clone)]
pub(crate) struct View {
    head: Arc<Head>,
    _pin: Snapshot,
}

impl Deref for View {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

/// Changes on their way to one commit.
pub(crate) struct Transaction {
    catalog: Arc<Catalog>,
    store: Arc<Store>,
    /// The oldest snapshot that a change was computed from, pinned.
    _base: Snapshot,
    changes: ChangeSet,
    started: TimestampMicros,
    failed: bool,
    /// Statements whose changes are in `changes`.
    writers: usize,
}

impl Transaction {
    pub(crate) fn begin(catalog: &Arc<Catalog>, store: &Arc<Store>, started: TimestampMicros) -> Self {
        Transaction {
            catalog: Arc::clone(catalog),
            store: Arc::clone(store),
            _base: catalog.snapshot(),
            changes: ChangeSet::default(),
            started,
            failed: false,
            writers: 0,
        }
    }

    /// When it began: `now()`.
    pub(crate) fn started(&self) -> TimestampMicros {
        self.started
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.failed
    }

    pub(crate) fn fail(&mut self) {
        self.failed = true;
    }

    /// Whether it did anything that a commit would make last.
    pub(crate) fn has_changes(&self) -> bool {
        !self.changes.changes.is_empty()
    }

    /// The newest snapshot with this transaction's own changes. Fails where somebody else's commit made them
    /// impossible.
    pub(crate) fn view(&self) -> Result<View, SqlError> {
        let snapshot = self.catalog.snapshot();
        let head = if self.has_changes() {
            Arc::new(self.catalog.preview(&snapshot, &self.changes)?)
        } else {
            Arc::clone(snapshot.head())
        };
        Ok(View { head, _pin: snapshot })
    }

    /// Takes the changes of one statement.
    pub(crate) fn stage(&mut self, statement: ChangeSet) {
        self.changes.requires.extend(statement.requires);
        self.changes.changes.extend(statement.changes);
        if statement.ingest_id.is_some() {
            self.changes.ingest_id = statement.ingest_id;
        }
        self.writers += 1;
    }

    /// Commits everything, or discards it if a statement failed.
    pub(crate) async fn end(self) -> Result<Option<Commit>, SqlError> {
        if self.failed {
            self.discard().await;
            return Ok(None);
        }
        if !self.has_changes() {
            return Ok(None);
        }
        let objects = self.objects();
        match self.catalog.commit(self.changes).await {
            Ok(commit) => {
                if commit.duplicate {
                    delete_objects(&self.store, objects).await;
                }
                Ok(Some(commit))
            }
            Err(error) => {
                delete_objects(&self.store, objects).await;
                Err(error.into())
            }
        }
    }

    /// Leaves no trace: deletes the objects that its statements wrote.
    pub(crate) async fn discard(self) {
        delete_objects(&self.store, self.objects()).await;
    }

    fn objects(&self) -> Vec<(Oid, PartitionId)> {
        let appended = self.changes.changes.iter().filter_map(|change| match change {
            Change::Append { table, partitions, .. } => Some((*table, partitions)),
            Change::CreateDatabase(_)
            | Change::CreateSchema(_)
            | Change::DropSchema(_)
            | Change::CreateRelation(_)
            | Change::ReplaceRelation(_)
            | Change::DropRelation(_)
            | Change::EnsureColumn { .. }
            | Change::Remove { .. }
            | Change::Forget(_) => None,
        });
        appended.flat_map(|(table, partitions)| partitions.iter().map(move |p| (table, p.id))).collect()
    }
}

/// Best effort: what stays is an orphan, which no reader can see and `system.orphans` shows.
async fn delete_objects(store: &Store, objects: Vec<(Oid, PartitionId)>) {
    for (table, partition) in objects {
        if let Err(error) = store.delete_partition(table, partition).await {
            tracing::warn!(%table, %partition, %error, "could not delete the object of a discarded write");
        }
    }
}
