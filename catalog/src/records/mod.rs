//! The one representation of the catalog's state: rows of key bytes and value bytes.
//!
//! A key is a tag byte and big-endian parts, so that rows lie in an order in which each needs only rows before it.
//! A value begins with a version byte. The same rows are in log frames, in the index and in manifests; see
//! docs/formats.md for the tables of bytes.

pub(crate) mod codec;
mod keys;
mod newest;
mod ops;
mod rows;
mod values;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod round_trips;

pub(crate) use keys::{Key, StatisticsKey, statistics_group};
pub(crate) use newest::NewestOps;
pub(crate) use ops::{RawOp, RowOp, decode_op, decode_ops, encode_op};
pub(crate) use rows::{ChunkRow, CommitRow, Counters, PartitionRow, Record};
