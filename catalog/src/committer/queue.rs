//! The thread that commits what is queued.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::{Committer, Request, Waiting, gathering};
use crate::Result;

/// Serves requests until it is stopped or nobody can ask any more.
pub(crate) fn serve(mut queue: mpsc::Receiver<Request>, committer: &Mutex<Committer>) {
    while let Some(first) = queue.blocking_recv() {
        let mut committer = committer.lock();
        if !committer.is_open {
            return;
        }
        let mut waiting = VecDeque::new();
        let control = committer.take(first, &mut queue, &mut waiting);
        committer.commit_all(waiting, || queue.len());
        match control {
            None => {}
            Some(Control::Barrier(answer)) => {
                committer.write_deferred();
                let _ = answer.send(());
            }
            Some(Control::Stop(answer)) => {
                committer.write_deferred();
                committer.is_open = false;
                drop(answer.send(committer.shared.close_index()));
                return;
            }
        }
    }
    committer.lock().write_deferred();
}

enum Control {
    Barrier(oneshot::Sender<()>),
    Stop(oneshot::Sender<Result<()>>),
}

impl Committer {
    /// Takes everything that waits, up to a request that is not a commit, and lets those who wrote a moment ago join in;
    /// see [`gathering`].
    fn take(
        &self,
        first: Request,
        queue: &mut mpsc::Receiver<Request>,
        waiting: &mut VecDeque<Waiting>,
    ) -> Option<Control> {
        let control = self.drain(first, queue, waiting);
        if control.is_some() || waiting.iter().all(|commit| commit.is_deferred) {
            return control;
        }
        for _ in 0..self.gathering.looks() {
            if self.gathering.are_all(waiting.len()) {
                break;
            }
            std::thread::sleep(gathering::STEP);
            let control = queue.try_recv().ok().and_then(|next| self.drain(next, queue, waiting));
            if control.is_some() {
                return control;
            }
        }
        None
    }

    fn drain(
        &self,
        first: Request,
        queue: &mut mpsc::Receiver<Request>,
        waiting: &mut VecDeque<Waiting>,
    ) -> Option<Control> {
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
            next = queue.try_recv().ok();
        }
        None
    }
}
