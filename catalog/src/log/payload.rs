//! What a frame holds: commits, each its row operations and the bodies of its chunks.

use bytes::Bytes;

use crate::model::{Oid, Seq};
use crate::records::codec::{Decoded, Field, Input, put_bytes, put_varint};
use crate::records::{RawOp, decode_ops, encode_op};

/// One commit as read from the log.
pub(crate) struct LoggedCommit {
    pub(crate) seq: Seq,
    pub(crate) ops: Vec<RawOp>,
    /// Table, position among the commit's chunks, encoded rows.
    pub(crate) bodies: Vec<(Oid, u32, Bytes)>,
}

/// Appends one commit to a payload.
pub(crate) struct CommitEncoder<'a> {
    pub(crate) seq: Seq,
    pub(crate) ops: &'a [RawOp],
    pub(crate) bodies: &'a [(Oid, u32, Bytes)],
}

impl CommitEncoder<'_> {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        self.seq.put(out);
        put_varint(self.ops.len() as u64, out);
        self.ops.iter().for_each(|op| encode_op(op, out));
        put_varint(self.bodies.len() as u64, out);
        for (table, ordinal, body) in self.bodies {
            table.put(out);
            ordinal.put(out);
            put_bytes(body, out);
        }
    }
}

/// The commits of a frame; they share the payload's memory.
pub(crate) fn decode_payload(payload: &Bytes) -> Decoded<Vec<LoggedCommit>> {
    let mut input = Input::new(payload);
    let mut commits = Vec::new();
    while !input.is_empty() {
        commits.push(decode_commit(payload, &mut input)?);
    }
    Ok(commits)
}

fn decode_commit(payload: &Bytes, input: &mut Input<'_>) -> Decoded<LoggedCommit> {
    let seq = Seq::take(input)?;
    let count = input.count()?;
    let ops = decode_ops(payload, input, count)?;
    let count = input.count()?;
    let bodies = (0..count).map(|_| decode_body(payload, input)).collect::<Decoded<_>>()?;
    Ok(LoggedCommit { seq, ops, bodies })
}

fn decode_body(payload: &Bytes, input: &mut Input<'_>) -> Decoded<(Oid, u32, Bytes)> {
    let (table, ordinal) = Field::take(input)?;
    let length = input.count()?;
    Ok((table, ordinal, payload.slice_ref(input.bytes(length)?)))
}
