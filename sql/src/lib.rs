//! SQL: parsing, planning, execution and PostgreSQL's types, over the catalog and the storage.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod copy;
pub mod error;
pub mod values;
