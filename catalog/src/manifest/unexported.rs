//! What happened since the newest manifest, for the next delta.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::model::Seq;
use crate::records::RawOp;

/// Memory for operations that wait for a delta; past it the next manifest is a base.
const UNEXPORTED_BYTES_MAX: u64 = 64 << 20;
/// What an operation costs beside its bytes, about.
const OP_BYTES: u64 = 160;

/// Operations since the newest manifest; of several on a row only the last.
#[derive(Debug)]
pub(crate) struct Unexported {
    /// The newest manifest that is known to be durable; `None` if a delta could not go on from it, so that the next
    /// one must be a base.
    pub(crate) from: Option<Seq>,
    /// Deltas since the base.
    pub(crate) deltas: usize,
    ops: BTreeMap<Bytes, Option<Bytes>>,
    bytes: u64,
}

impl Unexported {
    pub(crate) fn new(from: Option<Seq>, deltas: usize) -> Unexported {
        Unexported { from, deltas, ops: BTreeMap::new(), bytes: 0 }
    }

    pub(crate) fn add(&mut self, ops: impl IntoIterator<Item = RawOp>) {
        for op in ops {
            if self.from.is_none() {
                return;
            }
            self.bytes += OP_BYTES + bytes_of(Some(&op.key)) + bytes_of(op.value.as_ref());
            let key_bytes = bytes_of(Some(&op.key));
            if let Some(before) = self.ops.insert(op.key, op.value) {
                self.bytes -= OP_BYTES + key_bytes + bytes_of(before.as_ref());
            }
            if self.bytes > UNEXPORTED_BYTES_MAX {
                self.give_up();
            }
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
    pub(crate) fn take(&mut self, to: Seq) -> Vec<RawOp> {
        let deltas = self.deltas + 1;
        let taken = std::mem::replace(self, Unexported::new(Some(to), deltas));
        taken.ops.into_iter().map(|(key, value)| RawOp { key, value }).collect()
    }
}

fn bytes_of(bytes: Option<&Bytes>) -> u64 {
    bytes.map_or(0, |bytes| bytes.len() as u64)
}
