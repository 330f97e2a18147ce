//! What a transaction's statements asked for, until it ends. Copies share structure: a savepoint is one.

use imbl::Vector;
use peristyle_catalog::model::{Change, ChangeSet, ChunkId, IngestId, Oid, PartitionId, Requirement};

use super::own::Own;

/// Changes on their way to one commit, and what they require.
#[derive(Clone, Default)]
pub(super) struct Staged {
    requires: Vector<Requirement>,
    changes: Vector<Change>,
    ingest_id: Option<IngestId>,
    own: Own,
    /// Statements whose changes are here.
    writers: usize,
}

impl Staged {
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn writers(&self) -> usize {
        self.writers
    }

    /// How many changes there are.
    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn only_adds_rows(&self) -> bool {
        !self.own.is_more_than_rows
    }

    /// The changes after the first `done`, without requirements, so that they can be previewed.
    pub(super) fn changes_from(&self, done: usize) -> ChangeSet {
        ChangeSet { changes: self.changes.iter().skip(done).cloned().collect(), ..ChangeSet::default() }
    }

    /// Takes the changes of one statement; `own_chunks` are the provisional numbers of the chunks that it saw of this
    /// transaction, in order.
    ///
    /// The committer checks requirements against the head and then applies the changes in order. What a statement
    /// requires of something that an earlier statement of this transaction made or changed is guarded by that earlier
    /// change, and is left out.
    pub(super) fn add(&mut self, statement: ChangeSet, own_chunks: &[ChunkId]) {
        for mut requirement in statement.requires {
            match &mut requirement {
                Requirement::ChunksLive { chunks, .. } => {
                    chunks.retain(|chunk| own_chunks.binary_search(chunk).is_err());
                }
                Requirement::PartitionsLive { partitions, .. } => partitions.retain(|id| !self.own.has_partition(id)),
                _ => {}
            }
            if !self.own.guards(&requirement) && !self.requires.contains(&requirement) {
                self.requires.push_back(requirement);
            }
        }
        for change in statement.changes {
            self.add_change(change, own_chunks);
        }
        if statement.ingest_id.is_some() {
            self.ingest_id = statement.ingest_id;
        }
        self.writers += 1;
    }

    /// A chunk of this very transaction has only a provisional number: removing it means not writing it.
    fn add_change(&mut self, change: Change, own_chunks: &[ChunkId]) {
        self.own.add(&change);
        let Change::Remove { table, partitions, chunks } = change else { return self.changes.push_back(change) };
        // The n-th of the own chunks that were shown is the n-th that will be written.
        let mut places: Vec<usize> = chunks.iter().filter_map(|chunk| own_chunks.binary_search(chunk).ok()).collect();
        places.sort_unstable_by(|a, b| b.cmp(a));
        places.into_iter().for_each(|place| self.forget_chunk(place));
        let theirs = chunks.into_iter().filter(|chunk| own_chunks.binary_search(chunk).is_err()).collect();
        self.changes.push_back(Change::Remove { table, partitions, chunks: theirs });
    }

    fn forget_chunk(&mut self, place: usize) {
        let mut before = 0;
        for change in &mut self.changes {
            let Change::Append { chunks, .. } = change else { continue };
            if place < before + chunks.len() {
                chunks.remove(place - before);
                return;
            }
            before += chunks.len();
        }
    }

    /// The objects that the changes name.
    pub(super) fn objects(&self) -> impl Iterator<Item = (Oid, PartitionId)> {
        self.changes.iter().flat_map(appended_objects)
    }

    /// What is committed.
    pub(super) fn into_change_set(self) -> ChangeSet {
        ChangeSet {
            requires: self.requires.into_iter().collect(),
            changes: self.changes.into_iter().collect(),
            ingest_id: self.ingest_id,
        }
    }
}

/// The objects that a change would name.
pub(super) fn appended_objects(change: &Change) -> impl Iterator<Item = (Oid, PartitionId)> {
    let appended = match change {
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
    };
    appended.into_iter().flat_map(|(table, partitions)| partitions.iter().map(move |p| (table, p.id)))
}
