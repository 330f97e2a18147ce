//! The exported catalog: a base with all rows, then deltas with the operations since, kept in the store beside the
//! objects. Log segments are freed by it, and the index is rebuilt from it. Bytes are laid out in docs/formats.md.

mod checkpoint;
mod format;
mod names;
mod unexported;

#[cfg(test)]
mod tests;

pub(crate) use checkpoint::{Checkpoints, create_first, encode_base};
pub(crate) use format::{decode, read_reached};
pub(crate) use names::{Chain, ManifestName};
pub(crate) use unexported::Unexported;
