//! Peristyle, the server: listener, configuration, signals, background tasks. A library too, so that tests can start
//! a server in their own process.

pub mod pg;
pub mod system;
