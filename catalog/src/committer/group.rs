//! One group of commits: resolved one after the other, one frame, one fdatasync, one publication.
//!
//! Small sets of rows are resolved on the group's head itself: what the first of them copied of the published head the
//! others change in place. Should one fail half way, the group begins again without it, and resolves on copies.
//!
//! Deferred commits are published and answered first; the group stays open and its frame is written with the next commit
//! that somebody waits for, when it is full, or when a barrier asks for it.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::resolve::{Context, Resolved, check, resolve};
use super::{Committer, Waiting, answer, is_small};
use crate::log::{AppendError, CommitEncoder, FRAME_HEADER_BYTES, LogPoint};
use crate::model::{Commit, Oid};
use crate::records::RawOp;
use crate::{Error, Head, Result};

/// Room that a frame has for a small change set at least, in bytes: its rows and what the catalog adds.
const SMALL_FRAME_ROOM: u64 = 1 << 20;

/// Commits on their way into one frame.
pub(crate) struct Group {
    head: Head,
    /// Whether small sets of rows are resolved on the head itself.
    is_in_place: bool,
    /// Whether a change set took the head and did not give it back.
    is_spoiled: bool,
    ops: Vec<RawOp>,
    dropped: Vec<Oid>,
    commits: u64,
    /// Whether somebody waits for it to be durable.
    is_awaited: bool,
    /// Whether some of it was told to clients already, so that it cannot fail any more.
    is_published: bool,
    placed: Vec<(Waiting, Commit)>,
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
        let mut group = self.deferred.take().unwrap_or_else(|| self.begin(true));
        while let Some(next) = waiting.pop_front() {
            let placed = self.place(&mut group, &next);
            if group.is_spoiled {
                waiting.push_front(next);
                group = self.begin_again(group, waiting);
                continue;
            }
            match placed {
                Ok(Placed::Yes(commit)) => {
                    group.is_awaited |= !next.is_deferred;
                    group.placed.push((next, commit));
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

    fn begin(&mut self, is_in_place: bool) -> Group {
        self.frame.clear();
        Group::new(&self.shared.pins.head(), is_in_place)
    }

    /// A change set left the group without a head: those that were placed wait again, to be resolved on copies.
    fn begin_again(&mut self, spoiled: Group, waiting: &mut VecDeque<Waiting>) -> Group {
        spoiled.placed.into_iter().rev().for_each(|(placed, _)| waiting.push_front(placed));
        self.begin(false)
    }

    /// Shows deferred commits and tells their clients; they become durable later.
    fn publish_early(&mut self, mut group: Group) {
        self.shared.publish_early(Arc::new(group.head.clone()));
        for (waiting, commit) in std::mem::take(&mut group.placed) {
            answer(waiting.answer, Ok(commit));
        }
        group.is_published = true;
        group.is_in_place = false;
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
        if let Some(commit) = check(&group.head, &waiting.changes)? {
            return Ok(Placed::Yes(commit));
        }
        let has_room = self.frame.len() + SMALL_FRAME_ROOM <= settings.log_frame_bytes_max;
        let head = group.head_for(has_room && is_small(&waiting.changes));
        let mut resolved = resolve(head, &waiting.changes, &context)?;
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
        group.add(resolved);
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
    fn new(head: &Head, is_in_place: bool) -> Group {
        Group {
            head: head.clone(),
            is_in_place,
            is_spoiled: false,
            ops: Vec::new(),
            dropped: Vec::new(),
            commits: 0,
            is_awaited: false,
            is_published: false,
            placed: Vec::new(),
        }
    }

    /// The head to resolve a change set on. A small one gets the group's own, and the group has none until it is added.
    fn head_for(&mut self, is_small: bool) -> Head {
        self.is_spoiled = self.is_in_place && is_small;
        if self.is_spoiled { std::mem::take(&mut self.head) } else { self.head.clone() }
    }

    fn add(&mut self, resolved: Resolved) {
        self.head = resolved.head;
        self.is_spoiled = false;
        self.ops.extend(resolved.ops);
        self.dropped.extend(resolved.dropped);
        self.commits += 1;
    }

    fn succeed(self) {
        for (waiting, commit) in self.placed {
            answer(waiting.answer, Ok(commit));
        }
    }

    /// Everybody who waits for this frame learns why it is not there.
    fn fail(self, error: &AppendError) {
        for (waiting, _) in self.placed {
            answer(waiting.answer, Err(append_error(error)));
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
