//! What a transaction's statements asked for, until it ends. Copies share structure: a savepoint is one.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::{OrdMap, Vector};
use peristyle_catalog::model::{Change, ChangeSet, ChunkId, IngestId, NewChunk, Oid, PartitionId, Requirement, Seq};

use super::own::Own;
use super::reads::Reads;
use super::renewed::Renewed;
use crate::error::SqlError;

/// Changes on their way to one commit, and what they require.
#[derive(Clone, Default)]
pub(super) struct Staged {
    requires: Vector<Arc<Requirement>>,
    changes: Vector<Arc<Change>>,
    ingest_id: Option<IngestId>,
    /// Whether there is a statement without that id.
    has_other: bool,
    own: Own,
    pub(super) renewed: Renewed,
    /// The chunks of each table that are in `changes`.
    chunks: OrdMap<Oid, Pile>,
    /// Statements whose changes are here.
    writers: usize,
}

/// How many chunks of one table wait, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pile {
    pub(crate) chunks: usize,
    pub(crate) bytes: u64,
}

impl Pile {
    fn add(&mut self, chunk: &NewChunk) {
        self.chunks += 1;
        self.bytes += chunk.body.len() as u64;
    }

    fn take(&mut self, chunk: &NewChunk) {
        self.chunks -= 1;
        self.bytes -= chunk.body.len() as u64;
    }
}

impl Staged {
    /// Whether there is nothing to commit. The id of a load without rows is something: the load was done.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.ingest_id.is_none()
    }

    /// A transaction commits under one ingest id.
    pub(super) fn check_ingest_id(&self, id: Option<&IngestId>) -> Result<(), SqlError> {
        match (&self.ingest_id, id) {
            (Some(has), Some(id)) if has != id => {
                Err(SqlError::unsupported("a transaction with two ingest ids is not supported")
                    .hint("Load them in transactions of their own."))
            }
            _ => Ok(()),
        }
    }

    /// Whether something is here that the ingest id does not name.
    pub(super) fn has_more_than_its_load(&self) -> bool {
        self.has_other
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

    /// The chunks that wait, by table.
    pub(super) fn piles(&self) -> impl Iterator<Item = (Oid, Pile)> {
        self.chunks.iter().map(|(table, pile)| (*table, *pile))
    }

    pub(super) fn changed_tables(&self) -> BTreeSet<Oid> {
        let table = |change: &Arc<Change>| match &**change {
            Change::Append { table, .. } | Change::Remove { table, .. } => Some(*table),
            _ => None,
        };
        self.changes.iter().filter_map(table).collect()
    }

    /// The changes after the first `done`, without requirements, so that they can be previewed.
    pub(super) fn changes_from(&self, done: usize) -> ChangeSet {
        ChangeSet {
            changes: self.changes.iter().skip(done).map(|change| Change::clone(change)).collect(),
            ..ChangeSet::default()
        }
    }

    /// Takes the changes of one statement; `own_chunks` are the provisional numbers of the chunks that it saw of this
    /// transaction, in order.
    ///
    /// The committer checks requirements against the head and then applies the changes in order. What a statement
    /// requires of something that an earlier statement of this transaction made or changed is guarded by that earlier
    /// change, and is left out.
    pub(super) fn add(&mut self, statement: ChangeSet, own_chunks: &[ChunkId]) {
        self.require_of_others(statement.requires, own_chunks);
        for change in self.without_own_chunks(statement.changes, own_chunks) {
            self.add_change(change);
        }
        match statement.ingest_id {
            Some(id) => self.ingest_id = Some(id),
            None => self.has_other = true,
        }
        self.writers += 1;
    }

    /// Requires something of what others committed.
    pub(super) fn require(&mut self, requires: Vec<Requirement>) {
        self.require_of_others(requires, &[]);
    }

    fn require_of_others(&mut self, requires: Vec<Requirement>, own_chunks: &[ChunkId]) {
        for mut requirement in requires {
            let is_about_others = match &mut requirement {
                Requirement::ChunksLive { chunks, .. } => {
                    chunks.retain(|chunk| own_chunks.binary_search(chunk).is_err());
                    !chunks.is_empty()
                }
                Requirement::PartitionsLive { partitions, .. } => {
                    partitions.retain(|id| !self.own.has_partition(id));
                    !partitions.is_empty()
                }
                // The statement saw what became of the transaction's own relations.
                Requirement::NoDependents { except, .. } | Requirement::NoColumnDependents { except, .. } => {
                    except.extend(self.own.relations());
                    true
                }
                _ => true,
            };
            if is_about_others && !self.own.guards(&requirement) {
                self.require_once(requirement);
            }
        }
    }

    /// What says the same as one that is here is left out, or becomes a part of it.
    fn require_once(&mut self, requirement: Requirement) {
        if self.requires.iter().any(|known| **known == requirement) {
            return;
        }
        let joined = |(at, known): (usize, &Arc<Requirement>)| Some((at, known.joined(&requirement)?));
        match self.requires.iter().enumerate().find_map(joined) {
            Some((at, joined)) => drop(self.requires.set(at, Arc::new(joined))),
            None => self.requires.push_back(Arc::new(requirement)),
        }
    }

    /// Requires of what the transaction read that it is as it was, where others can have changed it.
    pub(super) fn require_unchanged(&mut self, read: &Reads, since: Seq) {
        let requires = read.relations().into_iter().map(|relation| Requirement::UnchangedSince { relation, since });
        self.requires.extend(requires.filter(|requirement| !self.own.guards(requirement)).map(Arc::new));
    }

    /// A chunk of this very transaction has only a provisional number: removing it means not writing it. The places of all
    /// that a statement removes are counted before any of them is forgotten.
    fn without_own_chunks(&mut self, mut changes: Vec<Change>, own_chunks: &[ChunkId]) -> Vec<Change> {
        let mut places = BTreeSet::new();
        changes.retain_mut(|change| {
            let Change::Remove { partitions, chunks, .. } = change else { return true };
            // The n-th of the own chunks that were shown is the n-th that will be written.
            chunks.retain(|chunk| match own_chunks.binary_search(chunk) {
                Ok(place) => {
                    places.insert(place);
                    false
                }
                Err(_) => true,
            });
            !partitions.is_empty() || !chunks.is_empty()
        });
        self.forget_chunks(&places);
        changes
    }

    fn add_change(&mut self, change: Change) {
        self.own.add(&change);
        if let Change::CreateRelation(relation) = &change {
            self.renewed.add(relation.oid);
        }
        if let Change::Append { table, chunks, .. } = &change
            && !chunks.is_empty()
        {
            let pile = self.chunks.entry(*table).or_default();
            chunks.iter().for_each(|chunk| pile.add(chunk));
        }
        self.changes.push_back(Arc::new(change));
    }

    /// Leaves out the chunks at these places among all that would be written.
    fn forget_chunks(&mut self, places: &BTreeSet<usize>) {
        if places.is_empty() {
            return;
        }
        let mut place = 0;
        let mut stays = |pile: &mut Pile, chunk: &NewChunk| {
            let is_forgotten = places.contains(&place);
            place += 1;
            if is_forgotten {
                pile.take(chunk);
            }
            !is_forgotten
        };
        let piles = &mut self.chunks;
        let changes = std::mem::take(&mut self.changes).into_iter().filter_map(|mut change| {
            let Change::Append { table, partitions, chunks } = Arc::make_mut(&mut change) else { return Some(change) };
            let pile = piles.entry(*table).or_default();
            chunks.retain(|chunk| stays(pile, chunk));
            let is_empty = partitions.is_empty() && chunks.is_empty();
            (!is_empty).then_some(change)
        });
        self.changes = changes.collect();
    }

    /// The objects that the changes name.
    pub(super) fn objects(&self) -> impl Iterator<Item = (Oid, PartitionId)> {
        self.changes.iter().flat_map(|change| appended_objects(change))
    }

    /// What is committed.
    pub(super) fn into_change_set(self) -> ChangeSet {
        ChangeSet {
            requires: self.requires.into_iter().map(Arc::unwrap_or_clone).collect(),
            changes: self.changes.into_iter().map(Arc::unwrap_or_clone).collect(),
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
        | Change::AdvanceSequence { .. }
        | Change::EnsureColumn { .. }
        | Change::Remove { .. }
        | Change::Merge { .. }
        | Change::ForgetHistory { .. }
        | Change::Forget(_) => None,
    };
    appended.into_iter().flat_map(|(table, partitions)| partitions.iter().map(move |p| (table, p.id)))
}
