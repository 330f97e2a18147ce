//! The catalog: names, types, snapshots, the partition index, the log, and the one commit point.

pub mod model;

mod catalog;
mod committer;
mod disk;
mod error;
mod folder;
mod head;
mod index;
mod log;
mod manifest;
mod open;
mod pins;
mod records;
mod shared;
mod sources;
mod statistics;
mod tier;

#[cfg(test)]
mod tests;

pub use catalog::{Catalog, Parts, Settings};
pub use error::{Error, Result};
pub use head::{Head, PartitionOrder, TableContents};
pub use pins::Snapshot;
pub use shared::Metrics;
pub use sources::{Clock, Entropy, Sources};
pub use tier::{ArrivingChunk, ManifestStore, RealTimeRows, RealTimeTier, TierError};
