//! The transaction object: every statement runs in one, an implicit one too.
//!
//! It holds the changes of its statements until the end, in one change set, and shows them to its own statements: a
//! statement reads a new snapshot (READ COMMITTED) with the transaction's own changes applied on top by the same code
//! that a commit runs. Nothing lasts before the catalog commits; objects written on the way are deleted if it does not.

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;

use peristyle_catalog::model::{
    Change, ChangeSet, ChunkId, Commit, Oid, PartitionId, RelationKind, Requirement, Seq, TimestampMicros,
};
use peristyle_catalog::{Catalog, Head, Snapshot};
use peristyle_storage::Store;
use peristyle_storage::objects::partition_path;

use crate::error::SqlError;

/// What one statement sees: a snapshot, which stays pinned, with the transaction's own changes.
#[derive(Clone)]
pub(crate) struct View {
    head: Arc<Head>,
    _pin: Snapshot,
}

impl View {
    /// The head, for one who keeps it beside the view.
    pub(crate) fn head(&self) -> &Arc<Head> {
        &self.head
    }
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
    requires: Vec<Requirement>,
    /// Without requirements, so that it can be previewed.
    changes: ChangeSet,
    started: TimestampMicros,
    failed: bool,
    /// Statements whose changes are in `changes`.
    writers: usize,
    /// The last view that showed own changes, so that the next adds only what came since.
    shown: Option<Shown>,
}

/// A view of own changes.
struct Shown {
    view: View,
    /// The snapshot that it rests on, and how many of the transaction's changes it has.
    rests_on: Seq,
    changes: usize,
}

/// What a statement looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looks {
    /// At rows too: it must see the transaction's own.
    AtRows,
    /// At definitions only, as an INSERT of constants does.
    AtDefinitions,
}

impl Transaction {
    pub(crate) fn begin(catalog: &Arc<Catalog>, store: &Arc<Store>, started: TimestampMicros) -> Self {
        Transaction {
            catalog: Arc::clone(catalog),
            store: Arc::clone(store),
            _base: catalog.snapshot(),
            requires: Vec::new(),
            changes: ChangeSet::default(),
            started,
            failed: false,
            writers: 0,
            shown: None,
        }
    }

    /// When it began: `now()`.
    pub(crate) fn started(&self) -> TimestampMicros {
        self.started
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.failed
    }

    /// Statements that changed something.
    pub(crate) fn writers(&self) -> usize {
        self.writers
    }

    pub(crate) fn fail(&mut self) {
        self.failed = true;
    }

    /// Whether it did anything that a commit would make last.
    pub(crate) fn has_changes(&self) -> bool {
        !self.changes.changes.is_empty()
    }

    /// The newest snapshot with this transaction's own changes, as far as the statement looks at them. Fails where
    /// somebody else's commit made them impossible.
    pub(crate) fn view(&mut self, looks: Looks) -> Result<View, SqlError> {
        let snapshot = self.catalog.snapshot();
        let only_rows = looks == Looks::AtDefinitions && self.changes.changes.iter().all(is_append);
        if !self.has_changes() || only_rows {
            return Ok(View { head: Arc::clone(snapshot.head()), _pin: snapshot });
        }
        let rests_on = snapshot.seq();
        let (start, done) = match self.shown.take().filter(|shown| shown.rests_on == rests_on) {
            Some(shown) => (shown.view.head, shown.changes),
            None => (Arc::clone(snapshot.head()), 0),
        };
        let more = ChangeSet { changes: self.changes.changes[done..].to_vec(), ..ChangeSet::default() };
        let head = if more.changes.is_empty() { start } else { self.catalog.preview(&start, &more)? };
        let view = View { head, _pin: snapshot };
        self.shown = Some(Shown { view: view.clone(), rests_on, changes: self.changes.changes.len() });
        Ok(view)
    }

    /// Takes the changes of one statement.
    ///
    /// The committer checks requirements against the head and then applies the changes in order. What a statement
    /// requires of something that an earlier statement of this transaction made or changed is guarded by that earlier
    /// change, and is left out.
    pub(crate) fn stage(&mut self, statement: ChangeSet) {
        let own_chunks: Vec<ChunkId> = self.shown.as_ref().map(own_chunks).unwrap_or_default();
        let mut statement = statement;
        for requirement in &mut statement.requires {
            if let Requirement::ChunksLive { chunks, .. } = requirement {
                chunks.retain(|chunk| !own_chunks.contains(chunk));
            }
        }
        if self.has_changes() {
            let own = Own::of(&self.changes.changes);
            self.requires.extend(statement.requires.into_iter().filter(|requirement| !own.guards(requirement)));
        } else {
            self.requires.extend(statement.requires);
        }
        for change in statement.changes {
            self.add(change);
        }
        if statement.ingest_id.is_some() {
            self.changes.ingest_id = statement.ingest_id;
        }
        self.writers += 1;
    }

    /// A chunk of this very transaction has only a provisional number: removing it means not writing it.
    fn add(&mut self, change: Change) {
        let Change::Remove { table, partitions, chunks } = change else { return self.changes.changes.push(change) };
        let shown = self.shown.take();
        let own: Vec<ChunkId> = shown.as_ref().map(own_chunks).unwrap_or_default();
        let (leaving, theirs): (Vec<ChunkId>, Vec<ChunkId>) = chunks.into_iter().partition(|chunk| own.contains(chunk));
        // The n-th of the own chunks that were shown is the n-th that will be written.
        let mut places: Vec<usize> = leaving.iter().filter_map(|chunk| own.binary_search(chunk).ok()).collect();
        places.sort_unstable_by(|a, b| b.cmp(a));
        for place in places {
            self.forget_chunk(place);
        }
        self.changes.changes.push(Change::Remove { table, partitions, chunks: theirs });
    }

    fn forget_chunk(&mut self, place: usize) {
        let mut before = 0;
        for change in &mut self.changes.changes {
            let Change::Append { chunks, .. } = change else { continue };
            if place < before + chunks.len() {
                chunks.remove(place - before);
                return;
            }
            before += chunks.len();
        }
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
        let changes = ChangeSet { requires: self.requires, ..self.changes };
        match self.catalog.commit(changes).await {
            Ok(commit) => {
                if commit.duplicate {
                    delete_objects(&self.store, objects).await;
                }
                Ok(Some(commit))
            }
            Err(error) => {
                if error.left_nothing() {
                    delete_objects(&self.store, objects).await;
                }
                Err(error.into())
            }
        }
    }

    /// Leaves no trace: deletes the objects that its statements wrote.
    pub(crate) async fn discard(self) {
        delete_objects(&self.store, self.objects()).await;
    }

    fn objects(&self) -> Vec<(Oid, PartitionId)> {
        appended_objects(&self.changes.changes)
    }
}

/// The objects that changes would name.
fn appended_objects(changes: &[Change]) -> Vec<(Oid, PartitionId)> {
    let appended = changes.iter().filter_map(|change| match change {
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

/// Deletes the objects of changes that will not be committed.
pub(crate) async fn delete_appended(store: &Store, changes: &[Change]) {
    delete_objects(store, appended_objects(changes)).await;
}

fn is_append(change: &Change) -> bool {
    matches!(change, Change::Append { .. })
}

/// The provisional numbers of the transaction's own chunks, in order.
fn own_chunks(shown: &Shown) -> Vec<ChunkId> {
    let head = &shown.view.head;
    let tables = head.relations().filter_map(|relation| head.contents(relation.oid));
    let mut own: Vec<ChunkId> = tables
        .flat_map(|contents| contents.chunks())
        .map(|chunk| chunk.id)
        .filter(|id| id.seq > shown.rests_on)
        .collect();
    own.sort_unstable();
    own
}

/// What a transaction made or changed itself.
#[derive(Default)]
struct Own {
    relations: HashSet<Oid>,
    schemas: HashSet<Oid>,
    partitions: HashSet<PartitionId>,
    /// Whether names were given or freed.
    renamed: bool,
}

impl Own {
    fn of(changes: &[Change]) -> Own {
        let mut own = Own::default();
        for change in changes {
            match change {
                Change::CreateSchema(schema) => {
                    own.schemas.insert(schema.oid);
                    own.renamed = true;
                }
                Change::DropSchema(_) | Change::CreateDatabase(_) => own.renamed = true,
                Change::CreateRelation(relation) | Change::ReplaceRelation(relation) => {
                    own.relations.insert(relation.oid);
                    if let RelationKind::Index(index) = &relation.kind {
                        own.relations.insert(index.table);
                    }
                    own.renamed = true;
                }
                Change::DropRelation(oid) => {
                    own.relations.insert(*oid);
                    own.renamed = true;
                }
                Change::EnsureColumn { table, .. } => {
                    own.relations.insert(*table);
                }
                Change::Append { partitions, .. } => own.partitions.extend(partitions.iter().map(|p| p.id)),
                Change::Remove { .. } | Change::Forget(_) => {}
            }
        }
        own
    }

    /// Whether the committer checks this again when it applies the transaction's own changes in order.
    fn guards(&self, requirement: &Requirement) -> bool {
        match requirement {
            Requirement::SchemaLive(oid) | Requirement::SchemaEmpty(oid) => self.schemas.contains(oid) || self.renamed,
            Requirement::SchemaNameFree { .. } | Requirement::NameFree { .. } => self.renamed,
            Requirement::RelationLive(oid)
            | Requirement::RelationVersion { oid, .. }
            | Requirement::ColumnsAccept { table: oid, .. }
            | Requirement::EnforcesOnly { table: oid, .. }
            | Requirement::TableEmpty(oid) => self.relations.contains(oid),
            Requirement::NoDependents { .. } | Requirement::NoColumnDependents { .. } => self.renamed,
            Requirement::PartitionsLive { partitions, .. } => {
                partitions.iter().any(|partition| self.partitions.contains(partition))
            }
            Requirement::ChunksLive { .. } => false,
        }
    }
}

/// Best effort: what stays is an orphan, which no reader can see and `system.orphans` shows.
async fn delete_objects(store: &Store, objects: Vec<(Oid, PartitionId)>) {
    for (table, partition) in objects {
        if let Err(error) = store.delete(&partition_path(table, partition)).await {
            tracing::warn!(%table, %partition, %error, "could not delete the object of a discarded write");
        }
    }
}
