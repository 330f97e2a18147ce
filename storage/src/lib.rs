//! Partitions and chunks: their bytes in the store, their rows in memory.
//!
//! | module | what it is for |
//! |---|---|
//! | [`types`] | PostgreSQL's types in Arrow |
//! | [`packed`] | values of types that Arrow has none for |
//! | [`shape`] | arrays with dimensions and lower bounds of their own |
//! | [`schema`] | the Arrow schema of a table at a snapshot and of what was written |
//! | [`objects`] | the object store, durable and bounded |
//! | [`partition`] | partitions: the rolling writer, the reader, widening, bucket hash |
//! | [`special_numeric`] | NaN and the infinities of numerics |
//! | [`statistics`] | what is known of a column without reading it |
//! | [`chunk`] | rows in the log |
//! | [`real_time`] | the rows of chunks in memory |
//! | [`merge`] | chunks into partitions, small partitions into larger |
//! | [`files`] | files that are not the store's, for COPY |
//! | [`check`] | whether what the catalog names is in the store, whole |
//! | [`gc`] | deletion of objects that no reader needs, and the search for orphans |
//! | [`settings`] | the limits of all of them |

pub mod check;
pub mod chunk;
pub mod files;
pub mod gc;
pub mod merge;
pub mod objects;
pub mod packed;
pub mod partition;
pub mod real_time;
pub mod schema;
pub mod settings;
pub mod shape;
pub mod special_numeric;
pub mod statistics;
pub mod types;

mod batches;
mod error;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod testing;
mod tight_decimal;

pub use error::{Error, ErrorKind, Result};
pub use objects::Store;
pub use settings::{GcSettings, StorageSettings, StoreSettings};
