//! Writes: INSERT, COPY FROM and CREATE TABLE AS are a source of rows, a shaper, and one sink.
//!
//! ```text
//! source (VALUES | plan | decoder) → Shaper (defaults, NOT NULL, CHECK) → Sink (chunk | partitions) → ChangeSet
//! ```
//! The change set is staged in the transaction; nothing is visible before that commits.

mod copy_in;
mod create_table_as;
mod evolve;
mod insert;
mod literal_rows;
mod returning;
mod shape;
mod shaper;
mod sink;
mod target;
mod value_rows;

pub use copy_in::CopyIn;
pub(crate) use copy_in::copy_in;
pub(crate) use create_table_as::create_table_as;
pub(crate) use insert::{describe as describe_insert, insert, stage, without_defaults};
pub(crate) use literal_rows::is_constant;
pub(crate) use target::Target;
