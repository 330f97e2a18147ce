//! What makes changes last, one group of commits at a time.

mod gathering;
mod group;
mod history;
mod keys;
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
pub(crate) use resolve::{Context, check, resolve};

use self::gathering::Gathering;
use self::group::Group;

/// Largest encoded rows of a change set that is small, in bytes.
const SMALL_BYTES_MAX: usize = 64 * 1024;

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
    /// queue is the way. `queued` counts what is in it.
    pub(crate) fn commit_here(
        committer: &Mutex<Committer>,
        waiting: Waiting,
        queued: impl Fn() -> usize,
    ) -> Option<Waiting> {
        if queued() > 0 || !is_small(&waiting.changes) {
            return Some(waiting);
        }
        let Some(mut committer) = committer.try_lock() else { return Some(waiting) };
        let group_max = Duration::from_micros(committer.shared.settings.commit_here_microseconds_max);
        if !committer.is_open || committer.expects_others() || !committer.gathering.is_quick(group_max) {
            return Some(waiting);
        }
        committer.commit_all(VecDeque::from([waiting]), queued);
        // To the queue's thread, if it waits.
        MutexGuard::unlock_fair(committer);
        None
    }

    /// Whether several wrote at the same time lately.
    fn expects_others(&self) -> bool {
        !self.gathering.are_all(1)
    }

    /// Makes groups of what waits. `queued` counts, when they are made, who came meanwhile.
    fn commit_all(&mut self, mut waiting: VecDeque<Waiting>, queued: impl Fn() -> usize) {
        if waiting.is_empty() {
            return;
        }
        self.is_open = false;
        let (began, commits) = (self.now(), waiting.len());
        while !waiting.is_empty() {
            self.commit_group(&mut waiting);
        }
        self.gathering.note(commits, queued(), began, self.now());
        self.is_open = true;
    }

    fn now(&self) -> TimestampMicros {
        self.shared.parts.sources.clock.now()
    }
}

/// Whether it is so little that the asking thread can do it between others' work, and a group can do it once more.
fn is_small(changes: &ChangeSet) -> bool {
    let bytes = |change: &Change| match change {
        Change::Append { chunks, .. } => chunks.iter().map(|chunk| chunk.body.len()).sum(),
        _ => 0,
    };
    changes.are_rows_alone() && changes.changes.iter().map(bytes).sum::<usize>() <= SMALL_BYTES_MAX
}

/// Somebody who stopped waiting does not mind: the commit is durable all the same.
fn answer(waiting: oneshot::Sender<Result<Commit>>, result: Result<Commit>) {
    drop(waiting.send(result));
}

/// A change set that no correct caller makes.
fn invalid(detail: impl Into<String>) -> Error {
    Error::Invalid(detail.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::support::{Home, T, append_chunk, create_t, set};

    #[tokio::test]
    async fn who_comes_while_a_group_is_made_counts_as_a_writer() {
        let home = Home::new();
        let catalog = home.open().await;
        catalog.commit(create_t()).await.unwrap();
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { changes: set(vec![append_chunk(T, b"x")]), is_deferred: false, answer };
        let before = catalog.snapshot().seq();
        let expects_others = {
            let mut committer = catalog.committer.lock();
            committer.commit_all(VecDeque::from([waiting]), || {
                assert!(catalog.snapshot().seq() > before, "counted when the group is made");
                3
            });
            committer.expects_others()
        };
        assert!(expects_others);
        answered.await.unwrap().unwrap();
    }
}
