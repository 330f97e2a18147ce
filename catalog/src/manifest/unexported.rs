//! What happened since the newest manifest, for the next delta.

use crate::model::Seq;
use crate::records::{NewestOps, RawOp};

/// Memory for operations that wait for a delta; past it the next manifest is a base.
const UNEXPORTED_BYTES_MAX: u64 = 64 << 20;

/// Operations since the newest manifest.
#[derive(Debug)]
pub(crate) struct Unexported {
    /// The newest manifest that is known to be durable; `None` if a delta could not go on from it, so that the next
    /// one must be a base.
    pub(crate) from: Option<Seq>,
    /// Deltas since the base.
    pub(crate) deltas: usize,
    ops: NewestOps,
}

impl Unexported {
    pub(crate) fn new(from: Option<Seq>, deltas: usize) -> Unexported {
        Unexported { from, deltas, ops: NewestOps::default() }
    }

    pub(crate) fn add(&mut self, ops: impl IntoIterator<Item = RawOp>) {
        if self.from.is_none() {
            return;
        }
        ops.into_iter().for_each(|op| self.ops.add(op));
        if self.ops.bytes() > UNEXPORTED_BYTES_MAX {
            self.make_room();
        }
    }

    /// Sorting out must win half of the room, so that it is done seldom.
    fn make_room(&mut self) {
        self.ops.sort_out();
        if self.ops.bytes() > UNEXPORTED_BYTES_MAX / 2 {
            self.give_up();
        }
    }

    /// The next manifest must be a base.
    pub(crate) fn give_up(&mut self) {
        *self = Unexported::new(None, 0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Takes the operations; from now on those since `to` are collected.
    pub(crate) fn take(&mut self, to: Seq) -> NewestOps {
        let deltas = self.deltas + 1;
        std::mem::replace(self, Unexported::new(Some(to), deltas)).ops
    }
}
