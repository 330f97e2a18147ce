//! Operations of which only the last on each row counts: what the index lacks, what the next manifest brings.
//!
//! They are kept as they come and sorted out when somebody wants them: to keep them in order at each commit took a good
//! part of a small commit's time.

use super::{Key, RawOp};

/// What an operation costs beside its bytes, about.
const OP_BYTES: u64 = 160;

/// Operations in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct NewestOps {
    ops: Vec<RawOp>,
    bytes: u64,
}

impl NewestOps {
    pub(crate) fn add(&mut self, op: RawOp) {
        self.bytes += memory(&op);
        self.ops.push(op);
    }

    /// How many there are; more than there are rows, if some came to a row more than once.
    pub(crate) fn len(&self) -> usize {
        self.ops.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Memory that they hold, about.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Drops all but the last on each row.
    pub(crate) fn sort_out(&mut self) {
        self.ops = std::mem::take(self).into_sorted();
        self.bytes = self.ops.iter().map(memory).sum();
    }

    /// The last on each row, in order of keys. A row that came and went is not among them.
    pub(crate) fn into_sorted(self) -> Vec<RawOp> {
        let mut ops = self.ops;
        // Stable: of one row the last stays last.
        ops.sort_by(|one, other| one.key.cmp(&other.key));
        let mut newest: Vec<RawOp> = Vec::with_capacity(ops.len());
        for op in ops {
            match newest.last_mut() {
                Some(before) if before.key == op.key => {
                    if came_and_went(before, &op) {
                        newest.pop();
                    } else {
                        *before = op;
                    }
                }
                _ => newest.push(op),
            }
        }
        newest
    }
}

/// Whether a row was put for the first time and then deleted: who lacks these operations never saw it.
fn came_and_went(first: &RawOp, then: &RawOp) -> bool {
    first.value.is_some() && then.value.is_none() && Key::is_written_once(&then.key)
}

fn memory(op: &RawOp) -> u64 {
    OP_BYTES + op.key.len() as u64 + op.value.as_ref().map_or(0, |value| value.len() as u64)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::{ChunkId, Oid, Seq};

    fn op(key: &Key, value: Option<&'static [u8]>) -> RawOp {
        RawOp { key: key.encode().into(), value: value.map(Bytes::from_static) }
    }

    fn values(ops: &[RawOp]) -> Vec<Option<&[u8]>> {
        ops.iter().map(|op| op.value.as_deref()).collect()
    }

    #[test]
    fn a_row_is_kept_as_it_was_last_and_not_at_all_if_it_came_and_went() {
        let chunk = |seq| Key::Chunk(Oid(20000), ChunkId { seq: Seq(seq), ordinal: 0 });
        let mut ops = NewestOps::default();
        let first = [op(&Key::Counters, Some(b"5")), op(&chunk(5), Some(b"rows"))];
        let then = [op(&Key::Counters, Some(b"6")), op(&chunk(5), None), op(&chunk(4), None)];
        first.into_iter().chain(then).for_each(|op| ops.add(op));
        let before = ops.bytes();
        ops.sort_out();
        assert_eq!((ops.len(), ops.bytes() < before), (2, true));
        ops.add(op(&Key::Counters, None));
        let newest = ops.into_sorted();
        assert_eq!(values(&newest), [None, None], "the counters may be elsewhere, and so may the older chunk");
        assert_eq!(
            [&newest[0].key, &newest[1].key].map(|key| key.to_vec()),
            [Key::Counters.encode(), chunk(4).encode()]
        );
    }

    #[test]
    fn a_row_that_is_put_again_after_its_deletion_is_there() {
        let mut ops = NewestOps::default();
        [Some(&b"1"[..]), None, Some(b"2")].into_iter().for_each(|value| ops.add(op(&Key::Counters, value)));
        assert_eq!(values(&ops.into_sorted()), [Some(&b"2"[..])]);
    }
}
