//! The rows on the local disk, in sled: an index that can be rebuilt, never the only copy of anything.
//!
//! sled 0.34 is named in this folder only. What was found in it, and what follows: `flush()` does not fsync on Linux,
//! so the folder is trusted only after a clean stop (which fsyncs its files) or under the same kernel boot; values
//! over 128 KiB become files that are never fsynced, so values are split at 4 KiB; iterators are not snapshots, so
//! there is one writer and scans happen while nothing writes or do not mind; transactions cannot scan, so batches it
//! is, and each carries the position of the log up to which rows are applied; writing a row costs it several µs, so that
//! small rows share [`leaves`]; what a batch replaced is freed only by many operations after it, so that it is told to.

mod leaves;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::log::LogPoint;
use crate::model::Seq;
use crate::records::codec::{Field, Input, fields};
use crate::records::{Key, RawOp};
use crate::{Error, Result};

use self::leaves::{Leaf, LeafChange};

/// Values up to this size are one row of sled; longer ones continue in others.
const VALUE_BYTES_MAX: usize = 4096;
/// First bytes of sled's keys: what is applied, the catalog's rows, the rest of long rows.
const APPLIED_KEY: &[u8] = &[0];
const ROW: u8 = 1;
const CONTINUATION: u8 = 2;
/// First bytes of sled's values of catalog rows.
const WHOLE: u8 = 0;
const CONTINUED: u8 = 1;
/// Not a row's value but several rows.
const LEAF: u8 = 2;
/// What sled frees at once of what was replaced, in nodes of its tree; each row that is written replaces one.
const FREED_AT_ONCE: usize = 512;
/// How often it must be told before the newest of it counts as seen by nobody any more.
const TOLD_IN_VAIN: usize = 3;
/// sled releases its file a moment after the last handle is dropped.
const OPEN_ATTEMPTS_MAX: u32 = 50;
const OPEN_ATTEMPT_WAIT: Duration = Duration::from_millis(40);

/// Up to where the rows are those of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) seq: Seq,
    pub(crate) point: LogPoint,
}

fields!(Applied { seq, point });

/// The open index.
pub(crate) struct Index {
    db: sled::Db,
    folder: PathBuf,
    /// Rows that continue, and in how many others, so that a shorter value leaves none behind.
    continued: Mutex<HashMap<Bytes, u32>>,
}

/// A failure of sled; the index is then not to be trusted.
#[derive(Debug, thiserror::Error)]
#[error("index: {0}")]
pub(crate) struct IndexError(String);

impl From<sled::Error> for IndexError {
    fn from(error: sled::Error) -> Self {
        IndexError(error.to_string())
    }
}

impl From<IndexError> for Error {
    fn from(error: IndexError) -> Self {
        Error::Io { what: "index".to_owned(), source: io::Error::other(error.0) }
    }
}

impl Index {
    /// Opens the folder or makes it.
    pub(crate) fn open(folder: &Path, cache_bytes: u64) -> Result<Index, IndexError> {
        let config = sled::Config::new().path(folder).cache_capacity(cache_bytes);
        let mut attempt = 1;
        loop {
            // sled asserts on damaged files; that is a doubt like any other.
            let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
            match opened.map_err(|_| IndexError("sled gave up while opening".to_owned()))? {
                Ok(db) => return Ok(Index { db, folder: folder.to_owned(), continued: Mutex::default() }),
                Err(error) if attempt < OPEN_ATTEMPTS_MAX && is_locked(&error) => std::thread::sleep(OPEN_ATTEMPT_WAIT),
                Err(error) => return Err(error.into()),
            }
            attempt += 1;
        }
    }

    /// Deletes the folder.
    pub(crate) fn delete(folder: &Path) -> io::Result<()> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Up to where the rows are applied; `None` in a new index.
    pub(crate) fn applied(&self) -> Result<Option<Applied>, IndexError> {
        let Some(value) = self.db.get(APPLIED_KEY)? else { return Ok(None) };
        let applied = Applied::take(&mut Input::new(&value));
        applied.map(Some).map_err(|error| IndexError(error.to_string()))
    }

    /// Applies operations and, with the last of them, how far they reach.
    pub(crate) fn apply<'a>(
        &self,
        ops: impl IntoIterator<Item = &'a RawOp>,
        applied: Option<Applied>,
    ) -> Result<(), IndexError> {
        let (in_leaves, alone): (Vec<_>, Vec<_>) = ops.into_iter().partition(|op| Key::shares_leaf(&op.key));
        let in_leaves: BTreeMap<_, _> = in_leaves.into_iter().map(|op| (&op.key, op.value.as_ref())).collect();
        let changes = self.leaf_changes(in_leaves)?;
        let rows = alone.len() + changes.len();
        let mut batch = Batch { rows: sled::Batch::default(), continued: &mut self.continued.lock() };
        for op in alone {
            match &op.value {
                Some(value) => batch.put(&op.key, value),
                None => batch.remove(&op.key),
            }
        }
        changes.iter().for_each(|change| batch.change_leaf(change));
        if let Some(applied) = applied {
            let mut value = Vec::new();
            applied.put(&mut value);
            batch.rows.insert(APPLIED_KEY, value);
        }
        let Batch { rows: writes, .. } = batch;
        self.db.apply_batch(writes)?;
        free_replaced(rows);
        Ok(())
    }

    /// The value of one row that shares no leaf.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        debug_assert!(!Key::shares_leaf(key), "rows of leaves are read by scans");
        let Some(value) = self.db.get(row_key(key))? else { return Ok(None) };
        self.whole_value(key, &value).map(Some)
    }

    /// All rows with keys from `from` on and below `to` (to the end, if `None`), in order. Both are among rows that share
    /// no leaf.
    pub(crate) fn scan(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> impl Iterator<Item = Result<(Bytes, Vec<u8>), IndexError>> {
        let past = to.map_or_else(|| vec![CONTINUATION], row_key);
        self.db.range(row_key(from)..past).flat_map(|item| match self.rows_of(item) {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    }

    /// What one of sled's rows holds: a row or those of a leaf.
    fn rows_of(&self, item: sled::Result<(sled::IVec, sled::IVec)>) -> Result<Vec<(Bytes, Vec<u8>)>, IndexError> {
        let (key, value) = item?;
        if let Some((&LEAF, rows)) = value.split_first() {
            return leaves::decode(rows);
        }
        let key = Bytes::copy_from_slice(&key[1..]);
        let value = self.whole_value(&key, &value)?;
        Ok(vec![(key, value)])
    }

    fn whole_value(&self, key: &[u8], value: &[u8]) -> Result<Vec<u8>, IndexError> {
        match value.split_first() {
            Some((&WHOLE, value)) => Ok(value.to_vec()),
            Some((&CONTINUED, parts)) => self.long_value(key, parts),
            _ => Err(IndexError("a row is damaged".to_owned())),
        }
    }

    fn long_value(&self, key: &[u8], parts: &[u8]) -> Result<Vec<u8>, IndexError> {
        let parts = u32::take(&mut Input::new(parts)).map_err(|error| IndexError(error.to_string()))?;
        let mut value = Vec::new();
        for part in 0..parts {
            let bytes = self.db.get(continuation_key(key, part))?;
            value.extend_from_slice(&bytes.ok_or_else(|| IndexError("a part of a row is missing".to_owned()))?);
        }
        self.continued.lock().insert(Bytes::copy_from_slice(key), parts);
        Ok(value)
    }

    /// Writes everything out and makes it durable, so that the folder can be trusted after a power loss.
    pub(crate) fn close(self) -> Result<(), IndexError> {
        self.db.flush()?;
        let folder = self.folder.clone();
        drop(self);
        sync_tree(&folder).map_err(|error| IndexError(error.to_string()))
    }
}

/// Has sled free the nodes that a batch replaced. By itself it frees [`FREED_AT_ONCE`] with every 128th operation, and a batch
/// is one: of thousands of rows each, batches left gigabytes behind.
fn free_replaced(rows: usize) {
    for _ in 0..TOLD_IN_VAIN + rows / FREED_AT_ONCE {
        sled::pin().flush();
    }
}

fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock || error.to_string().contains("lock"))
}

fn row_key(key: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(key.len() + 1);
    row.push(ROW);
    row.extend_from_slice(key);
    row
}

fn continuation_key(key: &[u8], part: u32) -> Vec<u8> {
    let mut row = Vec::with_capacity(key.len() + 5);
    row.push(CONTINUATION);
    row.extend_from_slice(key);
    row.extend_from_slice(&part.to_be_bytes());
    row
}

fn whole(value: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(value.len() + 1);
    row.push(WHOLE);
    row.extend_from_slice(value);
    row
}

/// What is about to be written to sled at once.
struct Batch<'a> {
    rows: sled::Batch,
    continued: &'a mut HashMap<Bytes, u32>,
}

impl Batch<'_> {
    fn put(&mut self, key: &Bytes, value: &[u8]) {
        self.forget_continuation(key);
        if value.len() > VALUE_BYTES_MAX {
            let parts = self.put_long(key, value);
            self.continued.insert(key.clone(), parts);
        } else {
            self.rows.insert(row_key(key), whole(value));
        }
    }

    fn remove(&mut self, key: &Bytes) {
        self.forget_continuation(key);
        self.rows.remove(row_key(key));
    }

    fn change_leaf(&mut self, change: &LeafChange) {
        if let Some(key) = &change.removed {
            self.remove(key);
        }
        for leaf in &change.put {
            match leaf {
                Leaf::Row(key, value) => self.put(key, value),
                Leaf::Rows(key, bytes) => {
                    let mut value = vec![LEAF];
                    value.extend_from_slice(bytes);
                    self.rows.insert(row_key(key), value);
                }
            }
        }
    }

    /// Returns in how many parts the value lies.
    fn put_long(&mut self, key: &[u8], value: &[u8]) -> u32 {
        let mut parts = 0;
        for part in value.chunks(VALUE_BYTES_MAX) {
            self.rows.insert(continuation_key(key, parts), part);
            parts += 1;
        }
        let mut row = vec![CONTINUED];
        parts.put(&mut row);
        self.rows.insert(row_key(key), row);
        parts
    }

    fn forget_continuation(&mut self, key: &Bytes) {
        for part in 0..self.continued.remove(key).unwrap_or(0) {
            self.rows.remove(continuation_key(key, part));
        }
    }
}

fn sync_tree(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            sync_tree(&entry?.path())?;
        }
    }
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn put(key: &'static [u8], value: Vec<u8>) -> RawOp {
        RawOp { key: Bytes::from_static(key), value: Some(value.into()) }
    }

    #[test]
    fn long_rows_come_back_whole_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let long: Vec<u8> = (0..20_000_u32).map(|n| n as u8).collect();
        let applied = Applied { seq: Seq(7), point: LogPoint { position: 9, checksum: 5 } };
        let index = Index::open(folder.path(), 1 << 20).unwrap();
        index.apply(&[put(b"a", long.clone()), put(b"b", vec![1])], Some(applied)).unwrap();
        drop(index);
        let index = Index::open(folder.path(), 1 << 20).unwrap();
        let rows: Vec<_> = index.scan(&[], None).map(Result::unwrap).collect();
        assert_eq!(rows, [(Bytes::from_static(b"a"), long), (Bytes::from_static(b"b"), vec![1])]);
        assert_eq!(index.applied().unwrap(), Some(applied));
        index.apply(&[put(b"a", vec![2])], None).unwrap();
        assert_eq!(index.get(b"a").unwrap(), Some(vec![2]));
        assert_eq!(index.db.len(), 3, "two rows and the applied position");
    }

    #[test]
    fn what_batches_replace_is_freed() {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(folder.path(), 1 << 20).unwrap();
        let rows = |round: u32| {
            (0..2000_u32).map(move |row| {
                let key = [&[1][..], &round.to_be_bytes(), &row.to_be_bytes()].concat();
                RawOp { key: key.into(), value: Some(Bytes::from_static(b"value")) }
            })
        };
        // Stands for a node: it is freed as one that was replaced at this moment.
        let freed = Arc::new(AtomicBool::new(false));
        let of_sled = Arc::clone(&freed);
        sled::pin().defer(move || of_sled.store(true, Ordering::Relaxed));
        // By themselves they would come to 128 operations much later. Other tests may hold everything back for a moment.
        for round in 0..20 {
            index.apply(&rows(round).collect::<Vec<_>>(), None).unwrap();
        }
        assert!(freed.load(Ordering::Relaxed));
    }
}
