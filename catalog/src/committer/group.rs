//! One group of commits: resolved one after the other, one frame, one fdatasync, one publication.
//!
//! Deferred commits are published and answered first; the group stays open and its frame is written with the next commit
//! that somebody waits for, when it is full, or when a barrier asks for it.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use super::resolve::{Context, Outcome, Resolved, resolve};
use super::{Committer, Waiting, answer};
use crate::log::{AppendError, CommitEncoder, FRAME_HEADER_BYTES, LogPoint};
use crate::model::{Commit, Oid};
use crate::records::RawOp;
use crate::{Error, Head, Result};

/// Commits on their way into one frame.
pub(crate) struct Group {
    head: Head,
    ops: Vec<RawOp>,
    dropped: Vec<Oid>,
    commits: u64,
    /// Whether somebody waits for it to be durable.
    is_awaited: bool,
    /// Whether some of it was told to clients already, so that it cannot fail any more.
    is_published: bool,
    answers: Vec<(oneshot::Sender<Result<Commit>>, Commit)>,
}

/// Whether a change set found its place.
enum Placed {
    Yes(Commit),
    /// The frame is full; the set goes first in the next.
    Next,
}

impl Committer {
    /// Takes change sets from the front as long as they fit in one frame, and makes them last.
    pub(super) fn commit_group(&mut self, waiting: &mut VecDeque<Waiting>) {
        let mut group = match self.deferred.take() {
            Some(open) => open,
            None => {
                self.frame.clear();
                Group::new(&self.shared.pins.head())
            }
        };
        while let Some(next) = waiting.pop_front() {
            match self.place(&mut group, &next) {
                Ok(Placed::Yes(commit)) => {
                    group.is_awaited |= !next.is_deferred;
                    group.answers.push((next.answer, commit));
                }
                Ok(Placed::Next) => {
                    waiting.push_front(next);
                    break;
                }
                Err(error) => answer(next.answer, Err(error)),
            }
        }
        let is_full = !waiting.is_empty();
        if group.is_awaited || is_full || !self.frame.has_payload() {
            self.make_last(group);
        } else {
            self.publish_early(group);
        }
    }

    /// Shows deferred commits and tells their clients; they become durable later.
    fn publish_early(&mut self, mut group: Group) {
        self.shared.publish_early(Arc::new(group.head.clone()));
        for (waiting, commit) in std::mem::take(&mut group.answers) {
            answer(waiting, Ok(commit));
        }
        group.is_published = true;
        self.deferred = Some(group);
    }

    /// Makes durable what was told to clients before it was.
    pub(super) fn write_deferred(&mut self) {
        if let Some(group) = self.deferred.take() {
            self.make_last(group);
        }
    }

    /// Resolves a change set against the group so far and adds it.
    fn place(&mut self, group: &mut Group, waiting: &Waiting) -> Result<Placed> {
        let settings = &self.shared.settings;
        let context = Context {
            numbers: &self.shared.numbers,
            now: self.shared.parts.sources.clock.now(),
            log_position: self.log.end().position,
            max_table_columns: settings.max_table_columns,
            ingest_id_seconds: settings.ingest_id_seconds,
        };
        let mut resolved = match resolve(&group.head, &waiting.changes, &context)? {
            Outcome::Nothing(commit) => return Ok(Placed::Yes(commit)),
            Outcome::Changes(resolved) => resolved,
        };
        let before = self.frame.payload().len();
        let encoder = CommitEncoder { seq: resolved.head.seq, ops: &resolved.ops, bodies: &resolved.bodies };
        encoder.encode(self.frame.payload());
        let limit = settings.log_frame_bytes_max;
        if self.frame.len() > limit {
            let bytes = self.frame.len() - before as u64 + FRAME_HEADER_BYTES as u64;
            self.frame.payload().truncate(before);
            return if bytes > limit { Err(Error::CommitTooLarge { bytes, limit }) } else { Ok(Placed::Next) };
        }
        if let Err(error) = resolved.move_rows(&*self.shared.parts.real_time) {
            self.frame.payload().truncate(before);
            return Err(error);
        }
        let commit = resolved.commit();
        group.add(*resolved);
        Ok(Placed::Yes(commit))
    }

    /// Log, index, head, clients: in this order.
    fn make_last(&mut self, group: Group) {
        if self.frame.has_payload() {
            let (began, bytes) = (self.now(), self.frame.len());
            match self.log.append(&mut self.frame) {
                Ok(end) => {
                    self.gathering.note_sync(began, self.now());
                    self.publish(group, end, bytes);
                }
                Err(error) => {
                    if group.is_published {
                        // Others have seen it: there is no way back.
                        self.log.give_up(&error);
                    }
                    group.fail(&error);
                }
            }
        } else {
            group.succeed();
        }
    }

    fn publish(&self, mut group: Group, end: LogPoint, bytes: u64) {
        let counters = &self.shared.counters;
        counters.commits.fetch_add(group.commits, Ordering::Relaxed);
        counters.groups.fetch_add(1, Ordering::Relaxed);
        counters.log_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.shared.publish(Arc::new(std::mem::take(&mut group.head)), std::mem::take(&mut group.ops), end);
        self.shared.numbers.forget(&group.dropped);
        group.succeed();
    }
}

impl Group {
    fn new(head: &Head) -> Group {
        Group {
            head: head.clone(),
            ops: Vec::new(),
            dropped: Vec::new(),
            commits: 0,
            is_awaited: false,
            is_published: false,
            answers: Vec::new(),
        }
    }

    fn add(&mut self, resolved: Resolved) {
        self.head = resolved.head;
        self.ops.extend(resolved.ops);
        self.dropped.extend(resolved.dropped);
        self.commits += 1;
    }

    fn succeed(self) {
        for (waiting, commit) in self.answers {
            answer(waiting, Ok(commit));
        }
    }

    /// Everybody who waits for this frame learns why it is not there.
    fn fail(self, error: &AppendError) {
        for (waiting, _) in self.answers {
            answer(waiting, Err(append_error(error)));
        }
    }
}

fn append_error(error: &AppendError) -> Error {
    match error {
        AppendError::Write(error) if error.kind() == io::ErrorKind::StorageFull => Error::DiskFull,
        AppendError::Write(error) => Error::LogWrite(io::Error::new(error.kind(), error.to_string())),
        AppendError::Poisoned => Error::LogWrite(io::Error::other("an earlier fsync failed")),
    }
}
