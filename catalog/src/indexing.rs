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

/// Rows that the index is given at once. What they replace in it stays in memory until the last of them is written.
const BATCH_ROWS_MAX: usize = 4096;

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
        index.apply(&self.take(), Some(self.reaches))
    }

    /// The same in parts. Until the last one is there the index is of no commit, and not to be trusted.
    fn apply_in_parts(&mut self, index: &Index) -> std::result::Result<(), IndexError> {
        let ops = self.take();
        let mut parts = ops.chunks(BATCH_ROWS_MAX).peekable();
        while let Some(part) = parts.next() {
            index.apply(part, parts.peek().is_none().then_some(self.reaches))?;
        }
        Ok(())
    }

    fn take(&mut self) -> Vec<RawOp> {
        std::mem::take(&mut self.ops).into_sorted()
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
        if let Err(error) = bring_up(index, lag, folder) {
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

/// Writes what waits. Many rows go in parts: who is killed in between finds the index in doubt at the next start.
fn bring_up(index: &Index, lag: &mut Lag, folder: &Folder) -> std::result::Result<(), IndexError> {
    if lag.len() <= BATCH_ROWS_MAX || folder.doubt().is_err() {
        return lag.apply(index);
    }
    lag.apply_in_parts(index)?;
    if let Err(error) = folder.trust_until_boot() {
        tracing::warn!(%error, "the index could not be marked as complete; it is rebuilt at the next start if this stays so");
    }
    Ok(())
}

fn is_statistics(op: &RawOp) -> bool {
    op.key.starts_with(Key::STATISTICS_PREFIX)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::folder::RestorePlace;
    use crate::model::{Oid, PartitionId, Seq};

    fn op(key: &Key, value: Option<&'static [u8]>) -> RawOp {
        RawOp { key: key.encode().into(), value: value.map(Bytes::from_static) }
    }

    /// Rows of partitions of one table, which lie alone.
    fn partitions(count: u128) -> Vec<RawOp> {
        let key = |id| Key::Partition(Oid(20000), PartitionId(uuid::Uuid::from_u128(id)));
        (0..count).map(|id| op(&key(id), Some(b"row"))).collect()
    }

    #[test]
    fn many_rows_are_written_in_parts_and_the_last_says_how_far_they_reach() {
        let (home, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = Folder::begin_restore(RestorePlace::take(home.path()).unwrap(), uuid::Uuid::nil()).unwrap();
        folder.trust_until_boot().unwrap();
        let mark = || std::fs::metadata(home.path().join("INDEX")).unwrap().modified().unwrap();
        let indexing = Indexing::new(Index::open(files.path(), 1 << 20).unwrap(), 10);
        let reaches = |seq| Applied { seq: Seq(seq), ..Applied::default() };
        let applied = || indexing.with(|index| Ok(index.applied()?)).unwrap();
        let before = mark();
        indexing.add(&partitions(20), reaches(1), &folder);
        assert_eq!((applied(), mark()), (Some(reaches(1)), before), "few rows are one batch");
        let many = partitions(2 * BATCH_ROWS_MAX as u128 + 1);
        indexing.add(&many, reaches(2), &folder);
        assert_eq!(applied(), Some(reaches(2)));
        assert!(mark() > before, "meanwhile the index was in doubt");
        let text = std::fs::read_to_string(home.path().join("INDEX")).unwrap();
        assert_eq!(text, std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim(), "no longer");
        let rows = indexing.with(|index| Ok(index.scan(&[], None).count())).unwrap();
        assert_eq!(rows, many.len());
    }

    #[test]
    fn only_the_last_part_makes_the_index_one_of_a_commit() {
        let files = tempfile::tempdir().unwrap();
        let index = Index::open(files.path(), 1 << 20).unwrap();
        let mut lag = Lag::default();
        lag.add(&partitions(BATCH_ROWS_MAX as u128 + 1), Applied { seq: Seq(7), ..Applied::default() });
        let ops = lag.take();
        index.apply(&ops[..BATCH_ROWS_MAX], None).unwrap();
        assert_eq!(index.applied().unwrap(), None);
        ops.into_iter().for_each(|op| lag.ops.add(op));
        lag.apply_in_parts(&index).unwrap();
        assert_eq!(index.applied().unwrap().map(|applied| applied.seq), Some(Seq(7)));
        assert_eq!(lag.len(), 0);
    }
}
