//! The one thread that makes changes last: it owns the end of the log and is the only writer of the index.

mod gathering;
mod group;
mod history;
mod numbers;
mod relations;
mod require;
mod resolve;
mod tables;

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::log::{FrameBuffer, LogWriter};
use crate::model::{ChangeSet, Commit, TimestampMicros};
use crate::shared::Shared;
use crate::{Error, Result};

pub(crate) use gathering::Gathering;
pub(crate) use group::Group;
pub(crate) use numbers::Numbers;
pub(crate) use resolve::{Context, Outcome, resolve};

/// What the committer is asked.
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

/// State of the thread.
pub(crate) struct Committer {
    pub(crate) queue: mpsc::Receiver<Request>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) log: LogWriter,
    pub(crate) frame: FrameBuffer,
    /// Deferred commits that are published and not durable yet; their bytes wait in the frame.
    pub(crate) deferred: Option<Group>,
    pub(crate) gathering: Gathering,
}

impl Committer {
    /// Serves requests until it is stopped or nobody can ask any more.
    pub(crate) fn run(mut self) {
        while let Some(first) = self.queue.blocking_recv() {
            let mut waiting = VecDeque::new();
            let control = self.drain(first, &mut waiting).or_else(|| self.gather(&mut waiting));
            self.commit_all(waiting);
            match control {
                None => {}
                Some(Control::Barrier(answer)) => {
                    self.write_deferred();
                    let _ = answer.send(());
                }
                Some(Control::Stop(answer)) => {
                    self.write_deferred();
                    drop(answer.send(self.shared.close_index()));
                    return;
                }
            }
        }
        self.write_deferred();
    }

    fn commit_all(&mut self, mut waiting: VecDeque<Waiting>) {
        if waiting.is_empty() {
            return;
        }
        let (began, commits) = (self.now(), waiting.len());
        while !waiting.is_empty() {
            self.commit_group(&mut waiting);
        }
        self.gathering.note(commits, self.queue.len(), began, self.now());
    }

    fn now(&self) -> TimestampMicros {
        self.shared.parts.sources.clock.now()
    }

    /// Lets those who wrote a moment ago join in; see [`gathering`].
    fn gather(&mut self, waiting: &mut VecDeque<Waiting>) -> Option<Control> {
        if waiting.iter().all(|commit| commit.is_deferred) {
            return None;
        }
        for _ in 0..self.gathering.looks() {
            if self.gathering.are_all(waiting.len()) {
                break;
            }
            std::thread::sleep(gathering::STEP);
            let control = self.queue.try_recv().ok().and_then(|next| self.drain(next, waiting));
            if control.is_some() {
                return control;
            }
        }
        None
    }

    /// Takes everything that waits, up to a request that is not a commit.
    fn drain(&mut self, first: Request, waiting: &mut VecDeque<Waiting>) -> Option<Control> {
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Commit(commit) => waiting.push_back(commit),
                Request::Barrier(answer) => return Some(Control::Barrier(answer)),
                Request::Stop(answer) => return Some(Control::Stop(answer)),
            }
            if waiting.len() >= self.shared.settings.commit_queue_max {
                return None;
            }
            next = self.queue.try_recv().ok();
        }
        None
    }
}

enum Control {
    Barrier(oneshot::Sender<()>),
    Stop(oneshot::Sender<Result<()>>),
}

/// Somebody who stopped waiting does not mind: the commit is durable all the same.
fn answer(waiting: oneshot::Sender<Result<Commit>>, result: Result<Commit>) {
    drop(waiting.send(result));
}

/// A change set that no correct caller makes.
fn invalid(detail: impl Into<String>) -> Error {
    Error::Invalid(detail.into())
}
