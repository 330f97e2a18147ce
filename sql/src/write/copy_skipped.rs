//! `COPY … FROM … (ON_ERROR ignore)`: rows that are left out are counted, told, and limited.

use crate::copy::{CopyOptions, LogVerbosity, SkippedRow};
use crate::error::{SqlError, SqlState};
use crate::scope::Scope;

/// Skipped rows that `LOG_VERBOSITY verbose` tells of; those after them are only counted. Notices wait in memory until the
/// statement ends.
const TOLD_MAX: u64 = 1000;

/// The rows that one COPY left out so far.
pub(super) struct SkippedRows<'a> {
    scope: &'a Scope,
    verbosity: LogVerbosity,
    limit: Option<u64>,
    count: u64,
}

impl<'a> SkippedRows<'a> {
    pub(super) fn new(scope: &'a Scope, options: &CopyOptions) -> SkippedRows<'a> {
        SkippedRows { scope, verbosity: options.log_verbosity, limit: options.reject_limit, count: 0 }
    }

    /// Takes the rows of a piece; fails at the first that is over the limit.
    pub(super) fn take(&mut self, rows: &[SkippedRow]) -> Result<(), SqlError> {
        for row in rows {
            self.count += 1;
            if let Some(limit) = self.limit.filter(|limit| self.count > *limit) {
                return Err(over(limit, row));
            }
            if self.verbosity == LogVerbosity::Verbose && self.count <= TOLD_MAX {
                self.scope.notice(SqlState::SUCCESSFUL_COMPLETION, told(row));
            }
        }
        Ok(())
    }

    /// Tells how many there were.
    pub(super) fn tell(&self) {
        if self.count > 0 && self.verbosity != LogVerbosity::Silent {
            let rows = if self.count == 1 { "row was" } else { "rows were" };
            let message = format!("{} {rows} skipped due to data type incompatibility", self.count);
            self.scope.notice(SqlState::SUCCESSFUL_COMPLETION, message);
        }
    }
}

fn told(row: &SkippedRow) -> String {
    let SkippedRow { line, column, value, error } = row;
    match column.is_empty() {
        false => {
            format!("skipping row due to data type incompatibility at line {line} for column \"{column}\": \"{value}\"")
        }
        true => format!("skipping row at line {line}: {}", error.message),
    }
}

fn over(limit: u64, row: &SkippedRow) -> SqlError {
    let message = format!("skipped more than REJECT_LIMIT ({limit}) rows due to data type incompatibility");
    let error = SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, message);
    match &row.error.context {
        Some(place) => error.context(place.clone()),
        None => error,
    }
}
