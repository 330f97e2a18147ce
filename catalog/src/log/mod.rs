//! The log: one append-only sequence of checksummed frames over several files, *the* commit point.
//!
//! Positions are byte offsets from the first frame ever written; they keep increasing over segments. A frame holds
//! one group of commits. The next frame is written only after the last one's fdatasync, so after a crash at most
//! one frame can be torn, and nothing valid can follow it. Bytes are laid out in docs/formats.md.

mod frame;
mod payload;
mod reader;
mod segments;
mod survey;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use frame::{FRAME_HEADER_BYTES, FrameBuffer};
pub(crate) use payload::{CommitEncoder, LoggedCommit, decode_payload};
pub(crate) use reader::{Found, LogReader};
pub(crate) use segments::Segments;
pub use survey::LogGap;
pub(crate) use survey::{Survey, survey};
pub(crate) use writer::{AppendError, LogWriter, SyncFailure};

use crate::records::codec::fields;

/// A place in the log between two frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogPoint {
    /// Where the next frame starts.
    pub(crate) position: u64,
    /// The checksum of the frame before, which the next one repeats; 0 before the first.
    pub(crate) checksum: u32,
}

fields!(LogPoint { position, checksum });
