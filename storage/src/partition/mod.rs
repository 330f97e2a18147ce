//! Partitions: immutable Parquet objects. Written by [`RollingWriter`], read by [`reader`].

pub mod bucket;
pub mod reader;
pub mod widening;

mod checksum;
mod collected;
mod cutter;
mod encoder;
mod footers;
mod key;
mod metrics;
mod options;
mod physical;
mod row_groups;
mod sort;
mod spill;
mod writer;

pub use checksum::verify;
pub(crate) use checksum::{damaged, read_through};
pub use footers::{Footer, FooterCache};
pub use key::KeyRule;
pub use metrics::{ScanMetrics, ScanValues};
pub use options::WriteOptions;
pub use physical::canonical;
pub(crate) use physical::{file_field, from_file, is_interval, read_field, to_file};
pub use reader::{ReadColumn, ReadSpec, open_footer, read_partition, stored_type};
pub use row_groups::RowGroups;
pub use widening::text_of;
pub use writer::{RollingWriter, WriteSpec};

pub(crate) const NANOS_PER_MICRO: i64 = 1000;

#[cfg(test)]
mod tests;
