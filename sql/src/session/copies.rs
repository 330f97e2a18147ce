//! The COPYs that run: the source of `pg_stat_progress_copy`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use peristyle_catalog::model::Oid;

use crate::parse::CopyEnd;
use crate::scope::Scope;

/// How far one COPY is.
pub(crate) struct CopyProgress {
    pub(crate) process_id: i32,
    pub(crate) database: (Oid, String),
    /// 0 for a query.
    pub(crate) relation: Oid,
    /// `COPY FROM` or `COPY TO`.
    pub(crate) command: &'static str,
    /// PostgreSQL's word for the other end.
    pub(crate) end: &'static str,
    /// Size of the file that is read; 0 where it is not known.
    pub(crate) bytes_total: u64,
    bytes: AtomicU64,
    rows: AtomicU64,
    excluded: AtomicU64,
}

/// Bytes and rows of a COPY so far.
pub(crate) struct CopyFigures {
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    /// Rows that a WHERE left out.
    pub(crate) excluded: u64,
}

impl CopyProgress {
    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Says how many rows were taken and left out since the start.
    pub(crate) fn set_rows(&self, taken: u64, excluded: u64) {
        self.rows.store(taken, Ordering::Relaxed);
        self.excluded.store(excluded, Ordering::Relaxed);
    }

    pub(crate) fn figures(&self) -> CopyFigures {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        CopyFigures { bytes: read(&self.bytes), rows: read(&self.rows), excluded: read(&self.excluded) }
    }
}

/// All COPYs that run, by session: each runs one at a time.
#[derive(Clone, Default)]
pub(crate) struct Copies(Arc<Mutex<BTreeMap<i32, Arc<CopyProgress>>>>);

/// One COPY's entry; leaves the list when dropped.
pub(crate) struct CopyEntry {
    all: Copies,
    progress: Arc<CopyProgress>,
}

impl Copies {
    pub(crate) fn enter(
        scope: &Scope,
        relation: Option<Oid>,
        end: &CopyEnd,
        command: &'static str,
        bytes_total: u64,
    ) -> CopyEntry {
        let progress = Arc::new(CopyProgress {
            process_id: scope.session.process_id,
            database: (scope.session.database_oid, scope.session.database.clone()),
            relation: relation.unwrap_or(Oid(0)),
            command,
            end: match end {
                CopyEnd::Client => "PIPE",
                CopyEnd::Program => "PROGRAM",
                CopyEnd::File(_) => "FILE",
            },
            bytes_total,
            bytes: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            excluded: AtomicU64::new(0),
        });
        let all = scope.engine.copies().clone();
        all.0.lock().insert(progress.process_id, Arc::clone(&progress));
        CopyEntry { all, progress }
    }

    pub(crate) fn list(&self) -> Vec<Arc<CopyProgress>> {
        self.0.lock().values().cloned().collect()
    }
}

impl std::ops::Deref for CopyEntry {
    type Target = CopyProgress;

    fn deref(&self) -> &CopyProgress {
        &self.progress
    }
}

impl Drop for CopyEntry {
    fn drop(&mut self) {
        let mut all = self.all.0.lock();
        // The session may have gone on to its next.
        if all.get(&self.progress.process_id).is_some_and(|entry| Arc::ptr_eq(entry, &self.progress)) {
            all.remove(&self.progress.process_id);
        }
    }
}
