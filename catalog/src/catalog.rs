//! The door of the room: open, snapshot, commit, checkpoint, close.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use crate::claims::Claims;
use crate::committer::{self, Committer, Request, Waiting};
use crate::folder::Folder;
use crate::history;
use crate::log::LogWriter;
use crate::manifest::Checkpoints;
use crate::model::{
    Change, ChangeSet, Chunk, ColumnId, ColumnStatistics, Commit, Oid, Partition, Seq, TimestampMicros,
};
use crate::open::{self, LostChunks, Machine};
use crate::pins::Snapshot;
use crate::sequences::Sequences;
use crate::shared::{Metrics, Shared};
use crate::sources::Sources;
use crate::tier::{ObjectFolder, RealTimeRows, RealTimeTier};
use crate::{Error, Head, Result};

/// Limits of the catalog, each a setting of the server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Size to which a log segment is preallocated, in bytes.
    pub log_segment_bytes: u64,
    /// Largest frame (one group of commits), in bytes.
    pub log_frame_bytes_max: u64,
    /// Memory for statistics of partitions, in bytes.
    pub statistics_cache_bytes: u64,
    /// Memory for sled's page cache, in bytes.
    pub index_cache_bytes: u64,
    /// Rows that the index may be behind the log; they are kept in memory and replayed at a start after a crash.
    pub index_lag_rows_max: usize,
    /// Commits that may wait for the committer.
    pub commit_queue_max: usize,
    /// Longest that a group of commits waits for those who wrote together with it before, in microseconds.
    pub commit_wait_microseconds_max: u64,
    /// With groups of commits that take less than this, a lone writer's small commit is made on the thread that asks, in
    /// microseconds.
    pub commit_here_microseconds_max: u64,
    /// Most columns of a table.
    pub max_table_columns: usize,
    /// How long an ingest id is remembered, in seconds.
    pub ingest_id_seconds: u64,
    /// Deltas after which the manifest is written whole again.
    pub manifest_deltas_max: usize,
    pub durability: Durability,
    /// With [`Durability::Object`], commits of at most this time are lost with the local disk, in seconds.
    pub log_loss_seconds_max: u64,
    /// How long a commit then waits for the store before it is refused, in seconds.
    pub log_ship_wait_seconds: u64,
    /// How long a deferred commit may wait to be written, in milliseconds (PostgreSQL's `wal_writer_delay`).
    pub deferred_write_milliseconds: u64,
}

/// Where a commit is durable, and from when on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// On the local disk when it is acknowledged. In the store when it is in a partition and a manifest.
    #[default]
    Local,
    /// And in the store a stated time later.
    Object,
}

/// What the catalog is built from.
pub struct Parts {
    pub sources: Sources,
    pub real_time: Arc<dyn RealTimeTier>,
    pub manifests: Arc<dyn ObjectFolder>,
    /// Copies of the log.
    pub shipped_log: Arc<dyn ObjectFolder>,
}

/// The catalog of one data folder.
pub struct Catalog {
    pub(crate) shared: Arc<Shared>,
    pub(crate) sequences: Sequences,
    checkpoints: Checkpoints,
    claims: Arc<Claims>,
    /// Empty once the catalog is dropped.
    queue: Option<mpsc::Sender<Request>>,
    is_closing: AtomicBool,
    /// Whether a task waits to have deferred commits written.
    is_write_planned: Arc<AtomicBool>,
    pub(crate) committer: Arc<Mutex<Committer>>,
    /// Commits what is queued.
    thread: Option<JoinHandle<()>>,
}

impl Catalog {
    /// Opens or creates the catalog of a data folder: locks it, opens or rebuilds the index, replays the log.
    pub async fn open(folder: &Path, settings: Settings, parts: Parts) -> Result<Arc<Catalog>> {
        Catalog::open_on(folder, settings, parts, Machine::real()).await
    }

    pub(crate) async fn open_on(
        folder: &Path,
        settings: Settings,
        parts: Parts,
        machine: Machine,
    ) -> Result<Arc<Catalog>> {
        let folder = Folder::open(folder, &parts.sources)?;
        Catalog::open_in(folder, settings, parts, machine, &LostChunks::new()).await
    }

    /// As [`Catalog::open`] in a folder that is locked already, without the rows of lost chunks.
    pub(crate) async fn open_in(
        folder: Folder,
        settings: Settings,
        parts: Parts,
        machine: Machine,
        lost: &LostChunks,
    ) -> Result<Arc<Catalog>> {
        let opened = open::open(folder, &settings, &parts, &machine, lost).await?;
        let log = LogWriter::open(
            Arc::clone(&opened.segments),
            opened.folder.id,
            settings.log_segment_bytes,
            opened.end,
            machine.on_sync_failure,
        );
        let log = log.map_err(|source| Error::Io { what: "log".to_owned(), source })?;
        let is_incomplete = history::is_incomplete(&opened);
        let (queue, requests) = mpsc::channel(settings.commit_queue_max.max(1));
        let shared = Arc::new(Shared::new(opened, settings, parts));
        let committer = Arc::new(Mutex::new(Committer::new(Arc::clone(&shared), log)));
        let of_thread = Arc::clone(&committer);
        let thread = std::thread::Builder::new().name("committer".to_owned());
        let thread = thread.spawn(move || committer::serve(requests, &of_thread));
        let thread = thread.map_err(|source| Error::Io { what: "committer".to_owned(), source })?;
        let catalog = Arc::new(Catalog {
            shared,
            sequences: Sequences::default(),
            checkpoints: Checkpoints::default(),
            claims: Arc::default(),
            queue: Some(queue),
            is_closing: AtomicBool::new(false),
            is_write_planned: Arc::default(),
            committer,
            thread: Some(thread),
        });
        if is_incomplete {
            catalog.begin_history_anew().await?;
        }
        Ok(catalog)
    }

    /// States of the past can be read no more.
    async fn begin_history_anew(&self) -> Result<()> {
        let before = self.snapshot().seq();
        tracing::warn!(%before, "the log lacks chunks of earlier states, which can be read no more");
        // A commit forgets a bounded number of them.
        while self.snapshot().history_from() < before {
            let changes = vec![Change::ForgetHistory { before }];
            self.make_last(ChangeSet { changes, ..ChangeSet::default() }, false).await?;
        }
        Ok(())
    }

    /// The catalog's identity, made when the folder was created. It is also the log's.
    pub fn id(&self) -> Uuid {
        self.shared.folder.id
    }

    /// What open transactions are about to replace.
    pub fn claims(&self) -> &Arc<Claims> {
        &self.claims
    }

    /// Pins and returns the newest head.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.pins.snapshot()
    }

    /// Pins the state of a commit in the past, with what one table held: `find` picks it among the definitions of then.
    /// `None` if it finds none; [`Error::NotInHistory`] if nothing is kept of that state.
    pub fn snapshot_at(&self, seq: Seq, find: impl FnOnce(&Head) -> Option<Oid>) -> Result<Option<(Snapshot, Oid)>> {
        let found = self.find_at(seq, find);
        // What was not there may have been forgotten meanwhile.
        found.or_else(|error| history::check(&self.shared.pins.head(), seq).and(Err(error)))
    }

    /// The rows of some of [`TableContents::chunks_in_log`] of the state of a commit, for as long as it is pinned. The log is
    /// read beside the threads that compute; each frame in which a chunk lies is read whole.
    ///
    /// [`TableContents::chunks_in_log`]: crate::TableContents::chunks_in_log
    pub async fn rows_in_log(&self, seq: Seq, chunks: Vec<Arc<Chunk>>) -> Result<Arc<dyn RealTimeRows>> {
        let shared = Arc::clone(&self.shared);
        let read = tokio::task::spawn_blocking(move || history::rows_in_log(&shared, &chunks)).await;
        let read = read.map_err(|error| Error::Io { what: "log".to_owned(), source: io::Error::other(error) });
        // What is not there may have been forgotten by a commit that was under way when the state was pinned.
        read.flatten().or_else(|error| history::check(&self.shared.pins.head(), seq).and(Err(error)))
    }

    fn find_at(&self, seq: Seq, find: impl FnOnce(&Head) -> Option<Oid>) -> Result<Option<(Snapshot, Oid)>> {
        self.shared.pins.past(seq, self.shared.parts.sources.clock.now(), |newest| {
            history::check(newest, seq)?;
            let mut past = newest.definitions_as_of(seq);
            let Some(table) = find(&past) else { return Ok(None) };
            if let Some(definition) = newest.wide_definition(table, &past) {
                past.put_whole(definition);
            }
            if let Some(contents) = newest.contents_as_of(table, seq) {
                past.put_contents(table, contents);
            }
            Ok(Some((past, table)))
        })
    }

    /// Tells of every new head by its sequence number.
    pub fn subscribe(&self) -> watch::Receiver<Seq> {
        self.shared.subscribe()
    }

    /// What was done since the catalog was opened.
    pub fn metrics(&self) -> Metrics {
        self.shared.counters.read()
    }

    /// Commits: when this returns `Ok`, the change set is durable and in the head. Shares its fsync with every
    /// commit that waits at the same time. Dropping the future does not take a queued commit back.
    pub async fn commit(&self, changes: ChangeSet) -> Result<Commit> {
        if self.is_closing.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        self.admit().await?;
        self.make_last(changes, false).await
    }

    /// Commits without waiting for the log: when this returns `Ok`, everybody sees the change set, and a crash within
    /// [`Settings::deferred_write_milliseconds`] may lose it, with all deferred commits after it and without damage. Change
    /// sets of more than rows in chunks are committed as by [`Self::commit`].
    pub async fn commit_deferred(&self, changes: ChangeSet) -> Result<Commit> {
        if !changes.are_rows_alone() {
            return self.commit(changes).await;
        }
        if self.is_closing.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        self.admit().await?;
        let commit = self.make_last(changes, true).await?;
        self.plan_write();
        Ok(commit)
    }

    /// Commits however much of the log the store lacks.
    pub(crate) async fn make_last(&self, changes: ChangeSet, is_deferred: bool) -> Result<Commit> {
        let queue = self.queue.as_ref().ok_or(Error::Closed)?;
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { changes, is_deferred, answer };
        let queued = || queue.max_capacity() - queue.capacity();
        if let Some(waiting) = Committer::commit_here(&self.committer, waiting, queued) {
            queue.send(Request::Commit(waiting)).await.map_err(|_| Error::Closed)?;
        }
        answered.await.map_err(|_| Error::Closed)?
    }

    /// Waits while the store lacks too old a part of the log.
    async fn admit(&self) -> Result<()> {
        match &self.shared.shipping {
            Some(shipping) => shipping.admit(&self.shared.settings, &*self.shared.parts.sources.clock).await,
            None => Ok(()),
        }
    }

    /// Has deferred commits written in a while, if nobody does so before.
    fn plan_write(&self) {
        if self.is_write_planned.swap(true, Ordering::AcqRel) {
            return;
        }
        // Does not keep the committer from ending, which writes them too.
        let Some(queue) = self.queue.as_ref().map(mpsc::Sender::downgrade) else { return };
        let is_planned = Arc::clone(&self.is_write_planned);
        let delay = Duration::from_millis(self.shared.settings.deferred_write_milliseconds);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            is_planned.store(false, Ordering::Release);
            let (answer, _) = oneshot::channel();
            if let Some(queue) = queue.upgrade() {
                let _ = queue.send(Request::Barrier(answer)).await;
            }
        });
    }

    /// The head that this change set would make of `head`, by the code that commits it: what a transaction shows its own
    /// statements. Nothing lasts; the sequence numbers in it are provisional. Requirements are not checked.
    pub fn preview(&self, head: &Head, changes: &ChangeSet) -> Result<Arc<Head>> {
        self.shared.preview(head, changes)
    }

    /// Sequence numbers that readers hold, with how many hold each.
    pub fn pins(&self) -> Vec<(Seq, u64)> {
        self.shared.pins.held()
    }

    /// Takes numbers for new objects; unused ones are lost, used ones are never given again.
    pub fn reserve_oids(&self, count: u32) -> Oid {
        self.shared.numbers.reserve_oids(count)
    }

    /// Takes ids to propose for new columns of a table.
    pub fn reserve_columns(&self, table: Oid, count: u32) -> ColumnId {
        self.shared.numbers.reserve_columns(&self.shared.pins.head(), table, count)
    }

    /// Statistics of some columns of some partitions: for each partition, for each column asked for, what is known.
    /// Read from the index on first use and kept within `statistics_cache_bytes`.
    pub fn statistics(
        &self,
        partitions: &[Arc<Partition>],
        columns: &[ColumnId],
    ) -> Result<Vec<Vec<Option<ColumnStatistics>>>> {
        self.shared.with_index(|index| self.shared.statistics.read(index, partitions, columns))
    }

    /// Ends the hold of snapshots that have not been the newest since that time or before: no reader can stop the
    /// deletion of objects for ever. Returns the number of readers that this concerns.
    pub fn expire_snapshots(&self, until: TimestampMicros) -> usize {
        self.shared.pins.expire(until)
    }

    /// The oldest sequence number that a reader may still hold.
    pub fn horizon(&self) -> Seq {
        self.shared.pins.horizon()
    }

    /// The commit up to which the store's manifests go: what a restore starts from needs its objects.
    pub fn exported(&self) -> Seq {
        self.shared.exported_to()
    }

    /// From which commit on states of the past can be read by the store's manifests: those need the objects.
    pub fn history_exported(&self) -> Seq {
        self.shared.history_exported()
    }

    /// Position up to which the log is written and the position from which on it is kept, in bytes.
    pub fn log_extent(&self) -> (u64, u64) {
        let end = self.shared.log_end().position;
        (end, self.shared.segments.first().unwrap_or(end))
    }

    /// Writes the manifest for the head and frees the log segments that nothing needs any more.
    pub async fn checkpoint(&self) -> Result<()> {
        // Deferred commits are in it too.
        self.ask(Request::Barrier).await?;
        self.checkpoints.run(&self.shared).await
    }

    /// Copies to the store what was committed since the last time, if `durability` asks for it. Returns how many bytes.
    pub async fn ship_log(&self) -> Result<u64> {
        match &self.shared.shipping {
            Some(shipping) => shipping.run(&self.shared.parts, &self.shared.segments).await,
            None => Ok(0),
        }
    }

    /// Refuses new commits, finishes queued ones, writes a checkpoint, leaves the mark of a clean stop.
    pub async fn close(&self) -> Result<()> {
        self.write_exact_places().await;
        self.is_closing.store(true, Ordering::Release);
        self.ask(Request::Barrier).await?;
        let shipped = self.ship_log().await.map(drop);
        let checkpoint = self.checkpoint().await;
        self.ask(Request::Stop).await??;
        shipped.and(checkpoint)
    }

    /// Queues a request and waits for its answer.
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(Error::Closed)?;
        queue.send(request(answer)).await.map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)
    }
}

impl Drop for Catalog {
    /// Waits for the committer, so that the folder is free afterwards.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the committer panicked");
        }
    }
}
