//! What suites run on. An engine gives each trial a fresh database state of its own, a [`Host`], and
//! connections to it.

mod binary;
mod in_process;
mod postgres;
mod server;
mod wire;

use std::fmt;

pub(crate) use postgres::Oracle;
use sqllogictest::DBOutput;

use crate::column::ColumnLetter;
use crate::failure::Failure;
use in_process::{InProcessConnection, InProcessHost};
use postgres::OracleDatabase;
use server::Server;
use wire::{Address, Protocol, WireConnection};

/// The engines, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum EngineKind {
    /// The engine as a library, no socket.
    InProcess,
    /// A server of ours, simple protocol: values in text.
    Simple,
    /// A server of ours, extended protocol: values in binary, turned into text here.
    Extended,
    /// PostgreSQL, simple protocol: what is expected.
    Postgres,
    /// PostgreSQL, extended protocol: holds the binary decoder to PostgreSQL's own text.
    PostgresExtended,
}

/// A rows-or-count answer.
pub(crate) type Answer = DBOutput<ColumnLetter>;

/// A trial's database, fresh at first and gone when dropped.
pub(crate) enum Host {
    InProcess(InProcessHost),
    Server(Server, Protocol),
    Oracle(OracleDatabase, Protocol),
}

/// A connection to a [`Host`].
pub(crate) enum Connection {
    InProcess(Box<InProcessConnection>),
    Wire(WireConnection, &'static str),
}

impl EngineKind {
    pub(crate) const ALL: [EngineKind; 5] = [
        EngineKind::InProcess,
        EngineKind::Simple,
        EngineKind::Extended,
        EngineKind::Postgres,
        EngineKind::PostgresExtended,
    ];

    /// Name on the command line, and label for `onlyif` and `skipif`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            EngineKind::InProcess => "in-process",
            EngineKind::Simple => "simple",
            EngineKind::Extended => "extended",
            EngineKind::Postgres => "postgres",
            EngineKind::PostgresExtended => "postgres-extended",
        }
    }

    /// Whether this is PostgreSQL.
    pub(crate) fn is_oracle(self) -> bool {
        matches!(self, EngineKind::Postgres | EngineKind::PostgresExtended)
    }

    /// Labels for `onlyif` and `skipif` beside its name: whose it is, and the protocol if there is one.
    pub(crate) fn labels(self) -> &'static [&'static str] {
        match self {
            EngineKind::InProcess => &["peristyle"],
            EngineKind::Simple => &["peristyle", "simple-protocol"],
            EngineKind::Extended => &["peristyle", "extended-protocol"],
            EngineKind::Postgres => &["oracle", "simple-protocol"],
            EngineKind::PostgresExtended => &["oracle", "extended-protocol"],
        }
    }

    /// A fresh database; `oracle` must be there for the engines that are PostgreSQL.
    pub(crate) fn open(self, oracle: Option<&Oracle>) -> Result<Host, Failure> {
        let database = || oracle.ok_or_else(|| Failure::runner("PostgreSQL was not started"))?.create_database();
        Ok(match self {
            EngineKind::InProcess => Host::InProcess(InProcessHost::open()?),
            EngineKind::Simple => Host::Server(Server::start()?, Protocol::Simple),
            EngineKind::Extended => Host::Server(Server::start()?, Protocol::Extended),
            EngineKind::Postgres => Host::Oracle(database()?, Protocol::Simple),
            EngineKind::PostgresExtended => Host::Oracle(database()?, Protocol::Extended),
        })
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Host {
    /// A new connection, its TimeZone as given.
    pub(crate) fn connect(&self, engine: EngineKind, time_zone: &str) -> Result<Connection, Failure> {
        let wire = |address: &Address, protocol| {
            Ok(Connection::Wire(WireConnection::open(address, protocol, time_zone)?, engine.name()))
        };
        match self {
            Host::InProcess(host) => Ok(Connection::InProcess(Box::new(host.connect(time_zone)?))),
            Host::Server(server, protocol) => wire(server.address(), *protocol),
            Host::Oracle(database, protocol) => wire(database.address(), *protocol),
        }
    }

    /// The last lines that the server wrote, for a failed trial.
    pub(crate) fn trace_tail(&self) -> Option<String> {
        match self {
            Host::Server(server, _) => Some(server.trace_tail()),
            Host::InProcess(_) | Host::Oracle(..) => None,
        }
    }
}

impl sqllogictest::DB for Connection {
    type Error = Failure;
    type ColumnType = ColumnLetter;

    fn run(&mut self, sql: &str) -> Result<Answer, Failure> {
        match self {
            Connection::InProcess(connection) => connection.run(sql),
            Connection::Wire(connection, _) => connection.run(sql),
        }
    }

    fn engine_name(&self) -> &str {
        match self {
            Connection::InProcess(_) => EngineKind::InProcess.name(),
            Connection::Wire(_, name) => name,
        }
    }

    fn error_sql_state(failure: &Failure) -> Option<String> {
        Some(failure.code.clone())
    }
}
