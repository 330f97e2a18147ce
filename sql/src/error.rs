//! placeholder: replaced by the full list of states.

use std::fmt;

/// An error as a client sees it.
#[derive(Debug, Clone)]
pub struct SqlError {
    pub code: &'static str,
    pub message: String,
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SqlError {}
