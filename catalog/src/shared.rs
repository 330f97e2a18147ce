//! What the door, the committer and checkpoints share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::catalog::{Parts, Settings};
use crate::committer::{Context, Numbers, check, resolve};
use crate::fail_points::{self, Done};
use crate::folder::Folder;
use crate::index::{Applied, Index};
use crate::indexing::Indexing;
use crate::log::{LogPoint, Segments};
use crate::manifest::Unexported;
use crate::model::{ChangeSet, Seq};
use crate::pins::Pins;
use crate::records::RawOp;
use crate::shipping::Shipping;
use crate::statistics::StatisticsCache;
use crate::{Head, Result};

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) parts: Parts,
    pub(crate) pins: Arc<Pins>,
    pub(crate) numbers: Numbers,
    pub(crate) segments: Arc<Segments>,
    pub(crate) statistics: StatisticsCache,
    pub(crate) counters: MetricCounters,
    /// `None` if the log stays on the local disk.
    pub(crate) shipping: Option<Shipping>,
    indexing: Indexing,
    /// What the manifest lacks, and the newest durable head with the end of the log: they change together.
    durable: Mutex<Durable>,
    newest: watch::Sender<Seq>,
    /// The commit up to which a durable manifest goes.
    exported: AtomicU64,
    /// From which commit on states can be read by that manifest.
    history_exported: AtomicU64,
    /// Outlives the index, which lies in it.
    pub(crate) folder: Folder,
}

/// The state that a crash leaves.
struct Durable {
    unexported: Unexported,
    end: LogPoint,
    head: Arc<Head>,
}

/// What the catalog did since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Change sets that were committed.
    pub commits: u64,
    /// Groups of commits, each one frame and one fdatasync.
    pub groups: u64,
    /// Bytes appended to the log.
    pub log_bytes: u64,
    /// Manifests written.
    pub manifests: u64,
}

#[derive(Default)]
pub(crate) struct MetricCounters {
    pub(crate) commits: AtomicU64,
    pub(crate) groups: AtomicU64,
    pub(crate) log_bytes: AtomicU64,
    pub(crate) manifests: AtomicU64,
}

impl MetricCounters {
    pub(crate) fn read(&self) -> Metrics {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Metrics {
            commits: get(&self.commits),
            groups: get(&self.groups),
            log_bytes: get(&self.log_bytes),
            manifests: get(&self.manifests),
        }
    }
}

/// Where a catalog that was just opened stands.
pub(crate) struct Opened {
    pub(crate) folder: Folder,
    pub(crate) index: Index,
    pub(crate) segments: Arc<Segments>,
    pub(crate) head: Head,
    pub(crate) end: LogPoint,
    pub(crate) unexported: Unexported,
    pub(crate) shipping: Option<Shipping>,
    pub(crate) exported: Seq,
}

impl Shared {
    pub(crate) fn new(opened: Opened, settings: Settings, parts: Parts) -> Shared {
        Shared {
            pins: Arc::new(Pins::new(opened.head.clone())),
            numbers: Numbers::new(opened.head.next_oid),
            segments: opened.segments,
            shipping: opened.shipping,
            statistics: StatisticsCache::new(settings.statistics_cache_bytes),
            counters: MetricCounters::default(),
            indexing: Indexing::new(opened.index, settings.index_lag_rows_max),
            durable: Mutex::new(Durable {
                unexported: opened.unexported,
                end: opened.end,
                head: Arc::new(opened.head.clone()),
            }),
            newest: watch::Sender::new(opened.head.seq),
            exported: AtomicU64::new(opened.exported.0),
            history_exported: AtomicU64::new(if opened.exported == opened.head.seq {
                opened.head.history_from().0
            } else {
                0
            }),
            folder: opened.folder,
            settings,
            parts,
        }
    }

    /// See [`crate::Catalog::preview`].
    pub(crate) fn preview(&self, head: &Head, changes: &ChangeSet) -> Result<Arc<Head>> {
        let context = Context {
            numbers: &self.numbers,
            now: head.at,
            // Its chunks lie nowhere; no checkpoint sees this head.
            log_position: u64::MAX,
            max_table_columns: self.settings.max_table_columns,
            ingest_id_seconds: self.settings.ingest_id_seconds,
        };
        if check(head, changes)?.is_some() {
            return Ok(Arc::new(head.clone()));
        }
        let mut resolved = resolve(head.clone(), changes, &context)?;
        resolved.move_rows(&*self.parts.real_time)?;
        Ok(Arc::new(resolved.head))
    }

    /// Makes durable commits visible: statistics to the index, then the head to readers.
    pub(crate) fn publish(&self, head: Arc<Head>, ops: Vec<RawOp>, end: LogPoint) {
        self.indexing.add(&ops, Applied { seq: head.seq, point: end }, &self.folder);
        fail_points::pass(Done::CommitIndexed);
        let seq = head.seq;
        {
            let mut durable = self.durable.lock();
            durable.unexported.add(ops);
            durable.end = end;
            durable.head = Arc::clone(&head);
            self.pins.publish(head);
        }
        if let Some(shipping) = &self.shipping {
            shipping.published(end.position, self.parts.sources.clock.now());
        }
        self.newest.send_replace(seq);
        fail_points::pass(Done::CommitPublished);
    }

    /// Makes commits visible that are not durable yet, and hold no statistics that readers would look for in the index.
    pub(crate) fn publish_early(&self, head: Arc<Head>) {
        let seq = head.seq;
        self.pins.publish(head);
        self.newest.send_replace(seq);
    }

    /// Runs with the open index.
    pub(crate) fn with_index<T>(&self, run: impl FnOnce(&Index) -> Result<T>) -> Result<T> {
        self.indexing.with(run)
    }

    /// Brings the index up to the newest published commit, before log that it may lack is freed.
    pub(crate) fn catch_up_index(&self) {
        self.indexing.catch_up(&self.folder);
    }

    /// The end of the log.
    pub(crate) fn log_end(&self) -> LogPoint {
        self.durable.lock().end
    }

    /// The newest head that a crash leaves.
    pub(crate) fn durable_head(&self) -> Arc<Head> {
        Arc::clone(&self.durable.lock().head)
    }

    /// Runs with what the manifest lacks, the head that belongs to it and the end of the log.
    pub(crate) fn with_unexported<T>(&self, run: impl FnOnce(&mut Unexported, Arc<Head>, LogPoint) -> T) -> T {
        let mut durable = self.durable.lock();
        let (head, end) = (Arc::clone(&durable.head), durable.end);
        run(&mut durable.unexported, head, end)
    }

    /// Takes note of a durable manifest of a head.
    pub(crate) fn exported(&self, head: &Head) {
        self.exported.fetch_max(head.seq.0, Ordering::AcqRel);
        self.history_exported.fetch_max(head.history_from().0, Ordering::AcqRel);
    }

    /// From which commit on states can be read by a durable manifest.
    pub(crate) fn history_exported(&self) -> Seq {
        Seq(self.history_exported.load(Ordering::Acquire))
    }

    /// The commit up to which a durable manifest goes.
    pub(crate) fn exported_to(&self) -> Seq {
        Seq(self.exported.load(Ordering::Acquire))
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Seq> {
        self.newest.subscribe()
    }

    /// Closes the index so that it can be trusted at the next start.
    pub(crate) fn close_index(&self) -> Result<()> {
        self.indexing.close(&self.folder)
    }
}
