//! The catalog: names, types, snapshots, the partition index, the log, and the one commit point.
//!
//! # The path of a commit
//! ```text
//! ChangeSet ─▶ Catalog::commit ─▶ queue ─▶ the committer (one at a time: its thread, or who asks if nobody else does)
//!                                             │ committer::resolve   check requirements, give numbers; operations on rows
//!                                             │ log::LogWriter       one frame, one fdatasync for all that waited
//!                                             │ indexing::Indexing   the same operations, into sled
//!                                             │ pins::Pins           the new head, for readers
//!                                             ▼
//!                                           Commit
//! ```
//! State has one representation: rows of key and value bytes ([`records`]). Log frames, the index and manifests hold
//! the same operations on rows, and one function (`Head::apply`) makes heads from them, so commit, replay, rebuild and
//! start cannot differ. Bytes are laid out in docs/formats.md.
//!
//! # What is durable when
//! * After the fdatasync of its frame a commit is durable: the log holds its rows and the bodies of its chunks.
//! * The index is never the only copy. It is trusted after a clean stop or within the same boot, otherwise built anew
//!   from the manifest and the log.
//! * A manifest ([`Catalog::checkpoint`]) makes the log below it unnecessary, but for the bodies of chunks that are in
//!   no partition yet; only then segments are deleted.
//! * Oids and column ids that were handed out become durable with the commit that uses them.
//!
//! # Modules
//! | module | what it is for |
//! |---|---|
//! | [`model`] | plain data that every room speaks |
//! | `catalog` | the door |
//! | `history` | states of the past, and the rows that only they see |
//! | `head` | the state at one commit; `head::apply` changes it, `head::contents` is what one table holds |
//! | `pins` | snapshots, and the horizon that they hold |
//! | `claims` | what open transactions are about to replace |
//! | `sequences` | values of sequences, given from memory within what the log allows |
//! | `committer` | requirements, changes, groups |
//! | `records` | rows and their bytes |
//! | `log` | frames, segments, reading and writing them |
//! | `index` | rows on the local disk; the one place that knows sled |
//! | `indexing` | keeps the index a few rows behind the log |
//! | `statistics` | a bounded cache of partitions' statistics over the index |
//! | `manifest` | the exported catalog and checkpoints |
//! | `shipping` | copies of the log in the store |
//! | [`fail_points`] | where tests make a server fail |
//! | `open` | start: trust or rebuild the index, replay, fetch chunks' rows |
//! | [`offline`] | check, repair and restore a data folder that no server has open |
//! | `folder` | lock, format and identity of the data folder |
//! | `lineage` | which data folder may go on with the store after a restore |
//! | `disk` | the file system under the log, so that tests can cut the power |
//! | `sources`, `tier` | what is passed in: clock and chance; the real-time tier and the store of manifests |

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod model;

mod catalog;
mod claims;
mod committer;
mod disk;
mod error;
pub mod fail_points;
mod folder;
mod head;
mod history;
mod index;
mod indexing;
mod lineage;
mod log;
mod manifest;
pub mod offline;
mod open;
mod pins;
mod records;
mod sequences;
mod shared;
mod shipping;
#[cfg(any(test, feature = "simulation"))]
pub mod simulation;
mod sources;
mod statistics;
mod tier;

#[cfg(test)]
mod tests;

pub use catalog::{Catalog, Durability, Parts, Settings};
pub use claims::{Claim, Claims, StateClaim};
pub use error::{Error, Result};
pub use folder::{FENCE_FILE, SPILL_FOLDER, replace_file};
pub use head::{DecimalNeeds, Definitions, Head, PartitionOrder, ShapedColumns, TableContents};
pub use log::LogGap;
pub use pins::Snapshot;
pub use sequences::{HeldRuns, NewRun};
pub use shared::Metrics;
pub use sources::{Clock, Entropy, Sources};
pub use tier::{ArrivingChunk, ObjectFolder, RealTimeRows, RealTimeTier, TierError};
