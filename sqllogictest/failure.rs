//! The one error of an engine: what a client would see of it.

use std::fmt;

/// SQLSTATE of a connection that broke or could not be made.
const CONNECTION_FAILURE: &str = "08006";

/// SQLSTATE of a server that does not take sessions yet.
const CANNOT_CONNECT_NOW: &str = "57P03";

/// A failed statement. Printed `SQLSTATE: message`, which is what `statement error <regex>` matches;
/// `statement error (42P01)` matches the state alone.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: &str, message: impl fmt::Display) -> Failure {
        Failure { code: code.to_owned(), message: message.to_string() }
    }

    /// The connection is of no more use.
    pub(crate) fn connection(message: impl fmt::Display) -> Failure {
        Failure::new(CONNECTION_FAILURE, message)
    }

    /// Whether the connection broke or could not be made.
    pub(crate) fn is_connection_lost(&self) -> bool {
        self.code == CONNECTION_FAILURE
    }

    /// Whether a server that is starting may answer so.
    pub(crate) fn is_worth_waiting(&self) -> bool {
        self.is_connection_lost() || self.code == CANNOT_CONNECT_NOW
    }

    /// The runner itself cannot go on: class XX, which no suite expects.
    pub(crate) fn runner(message: impl fmt::Display) -> Failure {
        Failure::new("XXRUN", message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::connection(error)
    }
}
