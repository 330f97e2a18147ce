//! The catalog: names, types, snapshots, the partition index, the log, and the one commit point.

pub mod model;

mod catalog;
mod error;
mod head;
mod sources;
mod tier;

pub use catalog::{Catalog, Parts, Settings, Snapshot};
pub use error::{Error, Result};
pub use head::{Head, PartitionOrder, TableContents};
pub use sources::{Clock, Entropy, Sources};
pub use tier::{ArrivingChunk, ManifestStore, RealTimeRows, RealTimeTier, TierError};
