//! SQL: parsing, planning, execution and PostgreSQL's types, over the catalog and the storage.

pub mod copy;
pub mod error;
pub mod values;
