//! Operations on rows: what a commit is resolved into, and what the log, the index and manifests hold.

use bytes::Bytes;

use super::codec::{Decoded, Input, put_bytes, put_varint};
use super::{Key, Record};

/// A change of one row, typed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RowOp {
    Put(Record),
    Delete(Key),
}

/// A change of one row as bytes: a value to put, or none to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawOp {
    pub(crate) key: Bytes,
    pub(crate) value: Option<Bytes>,
}

impl RawOp {
    /// The same in memory of its own, so that keeping it does not keep what it was read from.
    pub(crate) fn detached(&self) -> RawOp {
        let copy = |bytes: &Bytes| Bytes::copy_from_slice(bytes);
        RawOp { key: copy(&self.key), value: self.value.as_ref().map(copy) }
    }

    pub(crate) fn decode(&self) -> Decoded<RowOp> {
        let key = Key::decode(&self.key)?;
        match &self.value {
            Some(value) => Record::decode(key, value).map(RowOp::Put),
            None => Ok(RowOp::Delete(key)),
        }
    }
}

impl From<&RowOp> for RawOp {
    fn from(op: &RowOp) -> RawOp {
        match op {
            RowOp::Put(record) => RawOp { key: record.key().encode().into(), value: Some(Bytes::from(record.value())) },
            RowOp::Delete(key) => RawOp { key: key.encode().into(), value: None },
        }
    }
}

/// Key length and whether a value follows share the first varint.
pub(crate) fn encode_op(op: &RawOp, out: &mut Vec<u8>) {
    put_varint((op.key.len() as u64) << 1 | u64::from(op.value.is_some()), out);
    out.extend_from_slice(&op.key);
    if let Some(value) = &op.value {
        put_bytes(value, out);
    }
}

/// Reads `count` operations; they share the memory of `bytes`, of which `input` is a part.
pub(crate) fn decode_ops(bytes: &Bytes, input: &mut Input<'_>, count: usize) -> Decoded<Vec<RawOp>> {
    (0..count).map(|_| decode_op(bytes, input)).collect()
}

/// Reads one operation, as [`decode_ops`] does.
pub(crate) fn decode_op(bytes: &Bytes, input: &mut Input<'_>) -> Decoded<RawOp> {
    let head = input.varint()?;
    let length = usize::try_from(head >> 1).unwrap_or(usize::MAX);
    let key = bytes.slice_ref(input.bytes(length)?);
    if head & 1 == 0 {
        return Ok(RawOp { key, value: None });
    }
    let length = input.count()?;
    Ok(RawOp { key, value: Some(bytes.slice_ref(input.bytes(length)?)) })
}
