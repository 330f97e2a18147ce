//! What the benchmarks stand on: an engine over a folder of its own, sessions on it, and rows to fill it with.
#![allow(dead_code, unused_imports, reason = "each benchmark uses a part of it")]

mod bed;
mod client;
mod lineitem;
mod random;
mod size;

pub(crate) use bed::{Place, TestBed};
pub(crate) use client::Client;
pub(crate) use lineitem::{LINE_ITEM_COLUMNS, LineItem, csv, line_items, seven_columns};
pub(crate) use size::size;

/// The server's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
