//! Where in the data an error arose: PostgreSQL's `COPY t, line 3, column b: "x"`.

use crate::error::SqlError;

/// PostgreSQL shows this much of a value.
const SHOWN_BYTES_MAX: usize = 100;

/// The table and line that are being read.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) table: &'a str,
    pub(super) line: u64,
}

impl Place<'_> {
    /// Adds the line alone.
    #[cold]
    pub(super) fn of_line(self, error: SqlError) -> SqlError {
        error.context(format!("COPY {}, line {}", self.table, self.line))
    }

    /// Adds the line and the column.
    #[cold]
    pub(super) fn of_column(self, error: SqlError, column: &str) -> SqlError {
        error.context(format!("COPY {}, line {}, column {column}", self.table, self.line))
    }

    /// Adds the line and the record's text.
    #[cold]
    pub(super) fn of_record(self, error: SqlError, record: &str) -> SqlError {
        error.context(format!("COPY {}, line {}: \"{}\"", self.table, self.line, shown(record)))
    }

    /// Adds the line, the column and the value's text.
    #[cold]
    pub(super) fn of_value(self, error: SqlError, column: &str, value: &str) -> SqlError {
        error.context(format!("COPY {}, line {}, column {column}: \"{}\"", self.table, self.line, shown(value)))
    }
}

/// A value as messages show it.
pub(super) fn shown(text: &str) -> String {
    if text.len() <= SHOWN_BYTES_MAX {
        return text.to_owned();
    }
    format!("{}...", &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)])
}
