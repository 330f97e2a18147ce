//! Partitions and chunks: their bytes in the store, their rows in memory.

pub mod types;
