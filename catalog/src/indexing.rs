//! Keeps the index up with the log, a few rows behind it.
//!
//! What the server reads from its index while it runs are statistics; every other row is read there at the next start
//! only, which takes what is missing from the log. So rows of small commits wait until there are enough of them or
//! statistics come, and are applied as one batch: a batch per commit cost more than the commit itself.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};

use crate::folder::Folder;
use crate::index::{Applied, Index, IndexError};
use crate::records::{Key, NewestOps, RawOp};
use crate::{Error, Result};

/// The index and what it lacks.
pub(crate) struct Indexing {
    /// Empty once the catalog is closed.
    index: RwLock<Option<Index>>,
    lag: Mutex<Lag>,
    lag_rows_max: usize,
    /// The index missed a batch: it is not written any more and not trusted at the next start.
    is_behind: AtomicBool,
}

/// Rows of durable commits that the index lacks.
#[derive(Default)]
pub(crate) struct Lag {
    ops: NewestOps,
    /// Where the index stands with them.
    reaches: Applied,
}

impl Lag {
    /// Takes the rows of commits up to `reaches`.
    pub(crate) fn add<'a>(&mut self, ops: impl IntoIterator<Item = &'a RawOp>, reaches: Applied) {
        ops.into_iter().for_each(|op| self.ops.add(op.clone()));
        self.reaches = reaches;
    }

    pub(crate) fn len(&self) -> usize {
        self.ops.len()
    }

    /// Brings the index up.
    pub(crate) fn apply(&mut self, index: &Index) -> std::result::Result<(), IndexError> {
        if self.ops.is_empty() {
            return Ok(());
        }
        let ops = std::mem::take(&mut self.ops).into_sorted();
        index.apply(&ops, Some(self.reaches))
    }
}

impl Indexing {
    pub(crate) fn new(index: Index, lag_rows_max: usize) -> Indexing {
        Indexing {
            index: RwLock::new(Some(index)),
            lag: Mutex::default(),
            lag_rows_max,
            is_behind: AtomicBool::new(false),
        }
    }

    /// Takes the rows of durable commits, up to `reaches`. Once it returns, the statistics among them can be read.
    pub(crate) fn add(&self, ops: &[RawOp], reaches: Applied, folder: &Folder) {
        let mut lag = self.lag.lock();
        lag.add(ops, reaches);
        let can_wait = lag.len() <= self.lag_rows_max && !ops.iter().any(is_statistics);
        if !can_wait {
            self.apply(&mut lag, folder);
        }
    }

    /// Applies what waits. The log below the last commit is not needed by the index any more.
    pub(crate) fn catch_up(&self, folder: &Folder) {
        self.apply(&mut self.lag.lock(), folder);
    }

    /// The commits are durable whatever happens here; an index that fails is rebuilt at the next start.
    fn apply(&self, lag: &mut Lag, folder: &Folder) {
        let index = self.index.read();
        let Some(index) = index.as_ref().filter(|_| lag.len() > 0 && !self.is_behind()) else { return };
        if let Err(error) = lag.apply(index) {
            self.give_up(&error, folder);
        }
    }

    fn give_up(&self, error: &IndexError, folder: &Folder) {
        self.is_behind.store(true, Ordering::Relaxed);
        tracing::error!(%error, "the index could not be written; it will be rebuilt at the next start");
        if let Err(error) = folder.doubt() {
            tracing::error!(%error, "the index could not be marked as doubtful");
        }
    }

    fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    /// Runs with the open index, which may lack rows other than statistics.
    pub(crate) fn with<T>(&self, run: impl FnOnce(&Index) -> Result<T>) -> Result<T> {
        run(self.index.read().as_ref().ok_or(Error::Closed)?)
    }

    /// Closes the index so that it can be trusted at the next start.
    pub(crate) fn close(&self, folder: &Folder) -> Result<()> {
        self.catch_up(folder);
        let Some(index) = self.index.write().take() else { return Ok(()) };
        if self.is_behind() {
            return folder.doubt();
        }
        index.close()?;
        folder.trust_after_clean_stop()
    }
}

fn is_statistics(op: &RawOp) -> bool {
    op.key.starts_with(Key::STATISTICS_PREFIX)
}
