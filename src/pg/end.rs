//! How a connection ends, and how a message may fail without ending it.

use std::fmt;
use std::io;

use peristyle_sql::SqlError;
use pgwire::error::PgWireError;

/// Why a connection is over.
#[derive(Debug)]
pub(crate) enum End {
    /// The client said so.
    Terminated,
    /// The client closed the connection, or it broke.
    Gone,
    /// The socket failed.
    Socket(io::Error),
    /// The server ends it, and tells why.
    Fatal(SqlError),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Terminated => f.write_str("terminated by the client"),
            End::Gone => f.write_str("closed by the client"),
            End::Socket(error) => write!(f, "socket: {error}"),
            End::Fatal(error) => write!(f, "{}: {error}", error.code),
        }
    }
}

/// What can go wrong with one message.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Told to the client; the connection goes on.
    Sql(SqlError),
    /// The connection is over.
    End(End),
}

impl From<SqlError> for Fault {
    fn from(error: SqlError) -> Fault {
        Fault::Sql(error)
    }
}

impl From<End> for Fault {
    fn from(end: End) -> Fault {
        Fault::End(end)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> End {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => End::Gone,
            _ => End::Socket(error),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::End(error.into())
    }
}

impl From<PgWireError> for End {
    fn from(error: PgWireError) -> End {
        End::Socket(error.into())
    }
}

impl From<PgWireError> for Fault {
    fn from(error: PgWireError) -> Fault {
        Fault::End(error.into())
    }
}
