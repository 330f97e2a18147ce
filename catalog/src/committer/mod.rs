//! What makes changes last, one group of commits at a time.

mod gathering;
mod group;
mod history;
mod numbers;
mod queue;
mod relations;
mod require;
mod resolve;
mod tables;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::oneshot;

use crate::log::{FrameBuffer, LogWriter};
use crate::model::{Change, ChangeSet, Commit, TimestampMicros};
use crate::shared::Shared;
use crate::{Error, Result};

pub(crate) use numbers::Numbers;
pub(crate) use queue::serve;
pub(crate) use resolve::{Context, Outcome, resolve};

use self::gathering::Gathering;
use self::group::Group;

/// Largest encoded rows of a change set that the asking thread commits, in bytes.
const COMMIT_HERE_BYTES_MAX: usize = 64 * 1024;

/// What the committer's thread is asked.
pub(crate) enum Request {
    Commit(Waiting),
    /// Answered when everything asked before is done and durable.
    Barrier(oneshot::Sender<()>),
    /// Close the index and end.
    Stop(oneshot::Sender<Result<()>>),
}

/// A change set and who waits for it.
pub(crate) struct Waiting {
    pub(crate) changes: ChangeSet,
    /// Whether its client is told before it is durable.
    pub(crate) is_deferred: bool,
    pub(crate) answer: oneshot::Sender<Result<Commit>>,
}

/// Makes changes last: it owns the end of the log and is the only writer of the index. Whoever has its lock commits, the
/// thread of the queue or, if nobody else does, who asks ([`Self::commit_here`]).
pub(crate) struct Committer {
    shared: Arc<Shared>,
    log: LogWriter,
    frame: FrameBuffer,
    /// Deferred commits that are published and not durable yet; their bytes wait in the frame.
    deferred: Option<Group>,
    gathering: Gathering,
    /// Whether it takes commits: not after a stop, nor after a group that ended in a panic.
    is_open: bool,
}

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>, log: LogWriter) -> Committer {
        let wait_max = Duration::from_micros(shared.settings.commit_wait_microseconds_max);
        let gathering = Gathering::new(wait_max);
        Committer { shared, log, frame: FrameBuffer::new(), deferred: None, gathering, is_open: true }
    }

    /// Makes a small change set last on the thread that asks, where a lone writer writes to a quick disk: this saves two
    /// changes of threads. Several writers are left to the queue, where they share an fsync. Gives the set back where the
    /// queue is the way.
    pub(crate) fn commit_here(committer: &Mutex<Committer>, waiting: Waiting, queued: usize) -> Option<Waiting> {
        if queued > 0 || !is_small(&waiting.changes) {
            return Some(waiting);
        }
        let Some(mut committer) = committer.try_lock() else { return Some(waiting) };
        let group_max = Duration::from_micros(committer.shared.settings.commit_here_microseconds_max);
        let is_lone = committer.gathering.are_all(1);
        if !committer.is_open || !is_lone || !committer.gathering.is_quick(group_max) {
            return Some(waiting);
        }
        committer.commit_all(VecDeque::from([waiting]), queued);
        // To the queue's thread, if it waits.
        MutexGuard::unlock_fair(committer);
        None
    }

    fn commit_all(&mut self, mut waiting: VecDeque<Waiting>, queued: usize) {
        if waiting.is_empty() {
            return;
        }
        self.is_open = false;
        let (began, commits) = (self.now(), waiting.len());
        while !waiting.is_empty() {
            self.commit_group(&mut waiting);
        }
        self.gathering.note(commits, queued, began, self.now());
        self.is_open = true;
    }

    fn now(&self) -> TimestampMicros {
        self.shared.parts.sources.clock.now()
    }
}

/// Whether it is so little that the asking thread can do it between others' work.
fn is_small(changes: &ChangeSet) -> bool {
    let bytes = |change: &Change| match change {
        Change::Append { chunks, .. } => chunks.iter().map(|chunk| chunk.body.len()).sum(),
        _ => 0,
    };
    changes.are_rows_alone() && changes.changes.iter().map(bytes).sum::<usize>() <= COMMIT_HERE_BYTES_MAX
}

/// Somebody who stopped waiting does not mind: the commit is durable all the same.
fn answer(waiting: oneshot::Sender<Result<Commit>>, result: Result<Commit>) {
    drop(waiting.send(result));
}

/// A change set that no correct caller makes.
fn invalid(detail: impl Into<String>) -> Error {
    Error::Invalid(detail.into())
}
