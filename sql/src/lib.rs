//! sql

pub mod functions;
pub mod semantics;
