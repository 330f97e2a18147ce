//! Peristyle, the server: listener, configuration, signals, background tasks. A library too, so that tests can start
//! a server in their own process.

pub mod assembly;
pub mod background;
pub mod commands;
pub mod config;
pub mod fencing;
pub mod pg;
pub mod server;
pub mod signals;
pub mod system;
pub mod trace;
