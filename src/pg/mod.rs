//! PostgreSQL's wire protocol, version 3.0 and 3.2.
//!
//! pgwire gives the messages; the machine that takes and answers them is ours, because one query string, or all up to
//! one Sync, is one implicit transaction whose answers go out one by one, and because cancel, time limit and the
//! client's departure must stop a statement at any stage, from planning to its last row.
//!
//! One task serves one connection: [`listener`] accepts it, [`handshake`] makes it a session, [`connection`] takes one
//! message after the other and hands it to [`simple`], [`extended`] or [`copy`].

mod connection;
mod copy;
mod decode;
mod describe;
mod door;
mod end;
mod errors;
mod extended;
mod frames;
mod handshake;
mod listener;
mod options;
mod outbox;
mod portal;
mod registry;
mod rows;
mod settings;
mod simple;
mod startup;
mod texts;
mod tls;

pub use door::{Answer, CopySink, Interrupt, SqlEngine, SqlSession};
pub use listener::{ListenError, Listener};
pub use settings::WireSettings;
pub use tls::{TlsError, TlsFiles};

#[cfg(test)]
mod tests;
