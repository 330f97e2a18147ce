//! The transaction object: every statement runs in one, an implicit one too.
//!
//! It holds the changes of its statements until the end ([`staged`]), in one change set, and shows them to its own
//! statements: a statement reads a new snapshot (READ COMMITTED), or the one that the transaction read first
//! (REPEATABLE READ, SERIALIZABLE), with the transaction's own changes applied on top by the same code that a commit
//! runs. Nothing lasts before the catalog commits; objects written on the way are deleted if it does not.

mod own;
mod reads;
mod renewed;
mod staged;

use std::collections::{BTreeSet, HashSet};
use std::ops::Deref;
use std::sync::Arc;

use peristyle_catalog::model::{Change, ChangeSet, ChunkId, Commit, Oid, PartitionId, Seq, TimestampMicros};
use peristyle_catalog::{Catalog, Claim, Head, Snapshot};
use peristyle_storage::Store;
use peristyle_storage::objects::partition_path;

use self::reads::First;
pub(crate) use self::reads::Reads;
pub(crate) use self::staged::Pile;
use self::staged::{Staged, appended_objects};
use crate::error::{SqlError, SqlState};
use crate::row_locks::HeldRows;
use crate::sequence::SharedRuns;

/// What one statement sees: a snapshot, which stays pinned, with the transaction's own changes.
#[derive(Clone)]
pub(crate) struct View {
    head: Arc<Head>,
    pin: Snapshot,
    is_past: bool,
}

impl View {
    fn new(head: Arc<Head>, pin: Snapshot) -> View {
        View { head, pin, is_past: false }
    }

    /// What a statement sees of a state of the past.
    pub(crate) fn of_past(snapshot: Snapshot) -> View {
        View { head: Arc::clone(snapshot.head()), pin: snapshot, is_past: true }
    }

    /// Whether partitions and chunks may hold rows that were not there yet.
    pub(crate) fn is_past(&self) -> bool {
        self.is_past
    }

    /// What others see too.
    pub(crate) fn committed_head(&self) -> &Arc<Head> {
        self.pin.head()
    }

    /// 72000 if the snapshot was held for so long that the objects it sees may be gone.
    pub(crate) fn check_age(&self) -> Result<(), SqlError> {
        if !self.pin.is_expired() {
            return Ok(());
        }
        Err(SqlError::new(SqlState::SNAPSHOT_TOO_OLD, "snapshot too old")
            .detail("The state that the statement reads was held for longer than snapshot_seconds_max."))
    }

    /// The head, for one who keeps it beside the view.
    pub(crate) fn head(&self) -> &Arc<Head> {
        &self.head
    }

    /// The newest commit that others see too; rows of later ones are the transaction's own.
    pub(crate) fn committed(&self) -> Seq {
        self.pin.seq()
    }
}

impl Deref for View {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

/// What a transaction's statements see of others' commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// Each statement, all that was committed before it began.
    ReadCommitted,
    /// All of them, what was committed before the first began.
    RepeatableRead,
    /// The same, and if the transaction writes, nobody changed what it read before it commits.
    Serializable,
}

/// Whether a commit is told before it is durable (`synchronous_commit = off`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    Awaited,
    Deferred,
}

/// How a transaction runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Modes {
    pub(crate) isolation: Isolation,
    pub(crate) is_read_only: bool,
    /// Shown, and changes nothing: who only reads is never refused.
    pub(crate) is_deferrable: bool,
}

/// Changes on their way to one commit.
pub(crate) struct Transaction {
    catalog: Arc<Catalog>,
    store: Arc<Store>,
    modes: Modes,
    /// Whether it goes on after its first statement.
    is_block: bool,
    /// The first snapshot that a statement read, pinned: later changes may rest on it.
    first: Option<First>,
    staged: Staged,
    started: TimestampMicros,
    failed: bool,
    /// The last view that showed own changes, so that the next adds only what came since.
    shown: Option<Shown>,
    /// What its statements replace; given up when it ends.
    claims: Vec<Claim>,
    /// The runs of sequences' values that its statements began.
    begun_runs: SharedRuns,
    /// What its statements read.
    reads: Reads,
    /// What its statements locked.
    locked_rows: Arc<HeldRows>,
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

/// A moment to which a transaction can go back.
#[derive(Clone)]
pub(crate) struct Savepoint(Staged);

impl Transaction {
    pub(crate) fn begin(
        catalog: &Arc<Catalog>,
        store: &Arc<Store>,
        started: TimestampMicros,
        modes: Modes,
        locked_rows: HeldRows,
    ) -> Self {
        Transaction {
            catalog: Arc::clone(catalog),
            store: Arc::clone(store),
            modes,
            is_block: false,
            first: None,
            staged: Staged::default(),
            started,
            failed: false,
            shown: None,
            claims: Vec::new(),
            begun_runs: SharedRuns::default(),
            reads: Reads::default(),
            locked_rows: Arc::new(locked_rows),
        }
    }

    /// The runs of sequences' values that its statements began.
    pub(crate) fn begun_runs(&self) -> SharedRuns {
        Arc::clone(&self.begun_runs)
    }

    /// Where its statements note what they read.
    pub(crate) fn reads(&self) -> Reads {
        self.reads.clone()
    }

    /// Where its statements lock rows.
    pub(crate) fn locked_rows(&self) -> Arc<HeldRows> {
        Arc::clone(&self.locked_rows)
    }

    /// Keeps a claim until the transaction ends.
    pub(crate) fn hold(&mut self, claim: Claim) {
        self.claims.push(claim);
    }

    /// When it began: `now()`.
    pub(crate) fn started(&self) -> TimestampMicros {
        self.started
    }

    /// The client has opened a block.
    pub(crate) fn open_block(&mut self) {
        self.is_block = true;
    }

    /// Has it begin at an earlier time.
    pub(crate) fn begun_at(&mut self, started: TimestampMicros) {
        self.started = started;
    }

    pub(crate) fn modes(&self) -> Modes {
        self.modes
    }

    /// How it runs from here on.
    pub(crate) fn set_modes(&mut self, modes: Modes) {
        self.modes = modes;
    }

    /// Whether a statement has read or written in it.
    pub(crate) fn is_used(&self) -> bool {
        self.first.is_some()
    }

    /// Nothing rests yet on the snapshot that was read first: the next statement reads a new one.
    pub(crate) fn forget_snapshot(&mut self) {
        debug_assert!(self.staged.is_empty(), "what was staged rests on the snapshot");
        self.first = None;
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.failed
    }

    /// Statements that changed something.
    pub(crate) fn writers(&self) -> usize {
        self.staged.writers()
    }

    /// The tables that get or lose rows.
    pub(crate) fn changed_tables(&self) -> BTreeSet<Oid> {
        self.staged.changed_tables()
    }

    /// The tables of which more chunks wait than that.
    pub(crate) fn piled_up(&self, most: Pile) -> Vec<Oid> {
        let is_high = |pile: Pile| pile.chunks > most.chunks || pile.bytes > most.bytes;
        self.staged.piles().filter(|(_, pile)| is_high(*pile)).map(|(table, _)| table).collect()
    }

    pub(crate) fn fail(&mut self) {
        self.failed = true;
    }

    /// The snapshot that a statement reads, with this transaction's own changes as far as the statement looks at
    /// them. Fails where somebody else's commit made them impossible.
    pub(crate) fn view(&mut self, looks: Looks) -> Result<View, SqlError> {
        let snapshot = self.snapshot();
        let only_rows = looks == Looks::AtDefinitions && self.staged.only_adds_rows();
        if self.staged.is_empty() || only_rows {
            return Ok(View::new(Arc::clone(snapshot.head()), snapshot));
        }
        let rests_on = snapshot.seq();
        let (start, done) = match self.shown.take().filter(|shown| shown.rests_on == rests_on) {
            Some(shown) => (shown.view.head, shown.changes),
            None => (Arc::clone(snapshot.head()), 0),
        };
        let more = self.staged.changes_from(done);
        let head = if more.changes.is_empty() { start } else { self.catalog.preview(&start, &more)? };
        let view = View::new(head, snapshot);
        self.shown = Some(Shown { view: view.clone(), rests_on, changes: self.staged.len() });
        Ok(view)
    }

    fn snapshot(&mut self) -> Snapshot {
        match &self.first {
            Some(_) if self.modes.isolation == Isolation::ReadCommitted => self.catalog.snapshot(),
            Some(first) => first.snapshot.clone(),
            None => {
                self.first.insert(First::of(&self.catalog, self.modes, self.is_block, &self.reads)).snapshot.clone()
            }
        }
    }

    /// Takes the changes of one statement; 0A000 if it has another ingest id than one before.
    pub(crate) fn stage(&mut self, statement: ChangeSet) -> Result<(), SqlError> {
        self.staged.check_ingest_id(statement.ingest_id.as_ref())?;
        let removes_rows = statement.changes.iter().any(|change| matches!(change, Change::Remove { .. }));
        // What it takes back of this transaction's own rows, the view still shows.
        let shown = if removes_rows { self.shown.take() } else { None };
        self.staged.add(statement, &shown.as_ref().map(own_chunks).unwrap_or_default());
        Ok(())
    }

    /// The moment after what was staged so far.
    pub(crate) fn savepoint(&mut self) -> Savepoint {
        self.staged.renewed.enter();
        Savepoint(self.staged.clone())
    }

    /// Goes back to a moment: what was staged since is gone, and the transaction is good again. The objects that were
    /// written since are deleted by the future.
    pub(crate) fn go_back(&mut self, savepoint: &Savepoint) -> impl Future<Output = ()> + use<> {
        let kept: HashSet<_> = savepoint.0.objects().collect();
        let left: Vec<_> = self.staged.objects().filter(|object| !kept.contains(object)).collect();
        self.staged = savepoint.0.clone();
        self.shown = None;
        self.failed = false;
        let store = Arc::clone(&self.store);
        async move { delete_objects(&store, left).await }
    }

    /// Commits everything, or discards it if a statement failed.
    pub(crate) async fn end(mut self, durability: Durability) -> Result<Option<Commit>, SqlError> {
        if self.failed {
            self.discard().await;
            return Ok(None);
        }
        if self.staged.is_empty() {
            return Ok(None);
        }
        if let (Isolation::Serializable, Some(first)) = (self.modes.isolation, &self.first) {
            self.staged.require_unchanged(&self.reads, first.snapshot.seq());
        }
        self.staged.require(self.locked_rows.requirements());
        let objects: Vec<_> = self.staged.objects().collect();
        let has_more = self.staged.has_more_than_its_load();
        let mut changes = self.staged.into_change_set();
        let begun = std::mem::take(&mut *self.begun_runs.lock());
        let held = self.catalog.settle_runs(&mut changes.changes, |run| begun.get(&run).map(|begun| begun.new)).await;
        let committed = match durability {
            Durability::Awaited => self.catalog.commit(changes).await,
            Durability::Deferred => self.catalog.commit_deferred(changes).await,
        };
        drop(held);
        match committed {
            Ok(commit) if commit.duplicate => {
                delete_objects(&self.store, objects).await;
                // What else the transaction did is not in what was committed before.
                if has_more { Err(ingested_meanwhile()) } else { Ok(Some(commit)) }
            }
            Ok(commit) => Ok(Some(commit)),
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
        delete_objects(&self.store, self.staged.objects().collect()).await;
    }
}

fn ingested_meanwhile() -> SqlError {
    SqlError::new(SqlState::SERIALIZATION_FAILURE, "could not serialize access due to concurrent update")
        .detail("Another transaction committed the same ingest id.")
}

/// Deletes the objects of changes that will not be committed.
pub(crate) async fn delete_appended(store: &Store, changes: &[Change]) {
    delete_objects(store, changes.iter().flat_map(appended_objects).collect()).await;
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

/// Best effort: what stays is an orphan, which no reader can see and `system.orphans` shows.
async fn delete_objects(store: &Store, objects: Vec<(Oid, PartitionId)>) {
    for (table, partition) in objects {
        if let Err(error) = store.delete(&partition_path(table, partition)).await {
            tracing::warn!(%table, %partition, %error, "could not delete the object of a discarded write");
        }
    }
}
