//! Writes: INSERT, COPY FROM and CREATE TABLE AS are a source of rows, a shaper, and one sink.
//!
//! ```text
//! source (VALUES | plan | decoder) → Shaper (defaults, NOT NULL, CHECK) → Sink (chunk | partitions) → ChangeSet
//! ```
//! The change set is staged in the transaction; nothing is visible before that commits.

mod assign;
mod copy_cutter;
mod copy_decoder;
mod copy_defaults;
mod copy_file;
mod copy_freeze;
mod copy_in;
mod copy_parquet;
mod copy_pipeline;
mod copy_skipped;
mod create_table_as;
mod evolve;
mod identity;
mod ingest;
mod insert;
mod keys;
mod literal_rows;
mod load;
mod part;
mod resolved;
mod returning;
mod returning_plan;
mod shape;
mod shaper;
mod sink;
mod target;
mod value_rows;

pub(crate) use assign::{assigned, check_count};
pub use copy_in::CopyIn;
pub(crate) use copy_in::copy_in;
pub(crate) use create_table_as::{create_table_as, fill, joined, result_columns};
pub(crate) use identity::{check_insert, check_update, takes_given};
pub(crate) use insert::{
    describe as describe_insert, hint_values, insert, insert_part, source_plan, stage, table_name, without_defaults,
};
pub(crate) use keys::{Existing, Key, KeyGuard, newest};
pub(crate) use literal_rows::{default_expression, is_constant, is_default};
pub(crate) use load::Load;
pub(crate) use part::{Assigning, Part, no_default, split};
pub(crate) use resolved::ResolvedInsert;
pub(crate) use returning_plan::returns_queries;
pub(crate) use target::Target;
pub(crate) use value_rows::wider;
