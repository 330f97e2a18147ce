//! Which rows of a piece stay: rows with a fault are left out at the end, under `ON_ERROR ignore`.

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::filter;

use super::decoder::SkippedRow;
use crate::error::{Result, SqlError};

/// The rows read so far, and the bad ones among them.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) len: usize,
    bad: Vec<usize>,
    pub(super) skipped: Vec<SkippedRow>,
}

impl Rows {
    /// Marks the row that is being read.
    pub(super) fn skip(&mut self, row: SkippedRow) {
        if self.bad.last() != Some(&self.len) {
            self.bad.push(self.len);
            self.skipped.push(row);
        }
    }

    /// Whether the row that is being read is bad.
    pub(super) fn is_skipping(&self) -> bool {
        self.bad.last() == Some(&self.len)
    }

    /// Number of rows that stay.
    pub(super) fn kept(&self) -> usize {
        self.len - self.bad.len()
    }

    fn mask(&self) -> BooleanArray {
        let mut bad = self.bad.iter().peekable();
        (0..self.len).map(|row| Some(bad.next_if(|at| **at == row).is_none())).collect()
    }

    /// Columns without the bad rows.
    pub(super) fn keep(&self, arrays: impl Iterator<Item = ArrayRef>) -> Result<Vec<ArrayRef>> {
        if self.bad.is_empty() {
            return Ok(arrays.collect());
        }
        let mask = self.mask();
        let keep = |array: ArrayRef| filter(&array, &mask).map_err(|error| SqlError::internal(error.to_string()));
        arrays.map(keep).collect()
    }
}
