//! The rows of an open portal or cursor, taken forward from their source and, where they are kept, backward too.

use std::collections::VecDeque;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;

use crate::error::{SqlError, SqlState};
use crate::outcome::BatchStream;
use crate::parse::Movement;

/// Rows and a place among them.
pub(super) struct CursorRows {
    /// What is still to be read; `None` after its end.
    source: Option<BatchStream>,
    /// What was read and may be given yet.
    batches: VecDeque<Numbered>,
    /// Rows read from the source.
    read: u64,
    /// The row that it stands on: 0 before the first, one more than there are after the last.
    position: u64,
    /// Whether it may go back.
    scrolls: bool,
    /// Whether rows stay in memory after they were read.
    keeps: bool,
    kept_bytes: usize,
    kept_bytes_max: usize,
    has_failed: bool,
}

/// A batch with the number of its first row, from 1.
struct Numbered {
    first: u64,
    batch: RecordBatch,
}

/// Rows to be given, in which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Give {
    Forward(u64),
    Backward(u64),
}

impl Numbered {
    /// The number of the row after its last.
    fn end(&self) -> u64 {
        self.first + self.batch.num_rows() as u64
    }
}

impl CursorRows {
    /// `kept_bytes_max`: memory for rows that are kept, in bytes.
    pub(super) fn new(source: BatchStream, scrolls: bool, kept_bytes_max: usize) -> CursorRows {
        CursorRows {
            source: Some(source),
            batches: VecDeque::new(),
            read: 0,
            position: 0,
            scrolls,
            keeps: scrolls,
            kept_bytes: 0,
            kept_bytes_max,
            has_failed: false,
        }
    }

    /// Reading failed; there is nothing more to get.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// A statement that read here failed: like PostgreSQL's, the cursor is of no more use.
    pub(super) fn fail(&mut self) {
        self.has_failed = true;
    }

    /// Goes to where a movement's rows begin, and says which they are.
    pub(super) async fn seek(&mut self, movement: Movement) -> Result<Give, SqlError> {
        match movement {
            Movement::Forward(None) => Ok(Give::Forward(u64::MAX)),
            Movement::Backward(None) => Ok(Give::Backward(u64::MAX)),
            Movement::Forward(Some(0)) | Movement::Backward(Some(0)) | Movement::Relative(0) => self.again(),
            Movement::Forward(Some(rows)) => Ok(forward(rows)),
            Movement::Backward(Some(rows)) => Ok(forward(-rows)),
            Movement::Relative(rows) => {
                self.pass(forward(rows - rows.signum())).await?;
                Ok(forward(rows.signum()))
            }
            Movement::Absolute(row) if row >= 0 => self.before(row.unsigned_abs()).await,
            Movement::Absolute(row) => {
                self.pass(Give::Forward(u64::MAX)).await?;
                self.pass(Give::Backward(row.unsigned_abs() - 1)).await?;
                Ok(Give::Backward(1))
            }
        }
    }

    /// The row that it stands on, once more.
    fn again(&mut self) -> Result<Give, SqlError> {
        if self.position == 0 || self.is_after_the_last() {
            return Ok(Give::Forward(0));
        }
        self.require_scroll()?;
        self.position -= 1;
        Ok(Give::Forward(1))
    }

    async fn before(&mut self, row: u64) -> Result<Give, SqlError> {
        let target = row.saturating_sub(1);
        if target < self.position {
            self.require_scroll()?;
            self.position = target;
        } else {
            self.pass(Give::Forward(target - self.position)).await?;
        }
        Ok(Give::Forward(row.min(1)))
    }

    /// Moves without giving; the number of rows that would have been given.
    pub(super) async fn pass(&mut self, mut give: Give) -> Result<u64, SqlError> {
        let mut rows = 0;
        while let Some(batch) = self.next(&mut give).await? {
            rows += batch.num_rows() as u64;
        }
        Ok(rows)
    }

    /// The next rows of those to be given, as many as lie together; `None` when there are no more.
    pub(super) async fn next(&mut self, give: &mut Give) -> Result<Option<RecordBatch>, SqlError> {
        let batch = match *give {
            Give::Forward(0) | Give::Backward(0) => None,
            Give::Forward(rows) => self.forward(rows).await?,
            Give::Backward(rows) => self.backward(rows)?,
        };
        let given = batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        match give {
            Give::Forward(rows) | Give::Backward(rows) => *rows -= given,
        }
        Ok(batch)
    }

    async fn forward(&mut self, rows_max: u64) -> Result<Option<RecordBatch>, SqlError> {
        let next = self.position + 1;
        if self.is_after_the_last() || !self.reach(next).await? {
            self.position = self.read + 1;
            return Ok(None);
        }
        let Some(at) = self.find(next) else { return Err(SqlError::internal("a cursor's row was lost")) };
        let Numbered { first, batch } = &self.batches[at];
        let offset = (next - first) as usize;
        let rows = (batch.num_rows() - offset).min(usize::try_from(rows_max).unwrap_or(usize::MAX));
        let given = if rows == batch.num_rows() { batch.clone() } else { batch.slice(offset, rows) };
        self.position += rows as u64;
        self.forget();
        Ok(Some(given))
    }

    fn backward(&mut self, rows_max: u64) -> Result<Option<RecordBatch>, SqlError> {
        self.require_scroll()?;
        let last = self.position.saturating_sub(1);
        let Some(at) = self.find(last) else {
            self.position = 0;
            return Ok(None);
        };
        let Numbered { first, batch } = &self.batches[at];
        let rows = (last - first + 1).min(rows_max);
        let newest = last - first;
        let indices = UInt64Array::from_iter_values((0..rows).map(|back| newest - back));
        let given = take_record_batch(batch, &indices)?;
        self.position -= rows;
        Ok(Some(given))
    }

    /// Reads on until that row was read; false if there is no such row.
    async fn reach(&mut self, row: u64) -> Result<bool, SqlError> {
        while self.read < row {
            if !self.read_batch().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads everything that is left, to give it after the source is gone.
    pub(super) async fn keep_rest(&mut self) -> Result<(), SqlError> {
        self.keeps = true;
        self.kept_bytes = self.batches.iter().map(|kept| kept.batch.get_array_memory_size()).sum();
        while self.read_batch().await? {}
        Ok(())
    }

    async fn read_batch(&mut self) -> Result<bool, SqlError> {
        use futures::StreamExt;
        let Some(source) = &mut self.source else { return Ok(false) };
        let batch = match source.next().await {
            None => {
                self.source = None;
                return Ok(false);
            }
            Some(batch) => batch?,
        };
        let first = self.read + 1;
        self.read += batch.num_rows() as u64;
        if batch.num_rows() > 0 {
            self.count(&batch)?;
            self.batches.push_back(Numbered { first, batch });
        }
        Ok(true)
    }

    fn count(&mut self, batch: &RecordBatch) -> Result<(), SqlError> {
        if !self.keeps {
            return Ok(());
        }
        self.kept_bytes += batch.get_array_memory_size();
        if self.kept_bytes <= self.kept_bytes_max {
            return Ok(());
        }
        let message = format!("cursor holds more than {} bytes of rows", self.kept_bytes_max);
        Err(SqlError::new(SqlState::CONFIGURATION_LIMIT_EXCEEDED, message)
            .hint("The limit is cursor_bytes_max. Only cursors WITH HOLD or SCROLL keep their rows."))
    }

    /// Drops what cannot be given again.
    fn forget(&mut self) {
        if self.keeps {
            return;
        }
        while self.batches.front().is_some_and(|batch| batch.end() <= self.position + 1) {
            self.batches.pop_front();
        }
    }

    /// Where the batch with that row lies.
    fn find(&self, row: u64) -> Option<usize> {
        let at = self.batches.partition_point(|batch| batch.end() <= row);
        self.batches.get(at).filter(|batch| batch.first <= row).map(|_| at)
    }

    fn is_after_the_last(&self) -> bool {
        self.source.is_none() && self.position > self.read
    }

    fn require_scroll(&self) -> Result<(), SqlError> {
        if self.scrolls {
            return Ok(());
        }
        Err(SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward")
            .hint("Declare it with SCROLL option to enable backward scan."))
    }
}

fn forward(rows: i64) -> Give {
    if rows < 0 { Give::Backward(rows.unsigned_abs()) } else { Give::Forward(rows.unsigned_abs()) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int64Array};
    use arrow::datatypes::Int64Type;
    use futures::stream;

    use super::*;

    /// 1 to 7 in batches of three.
    fn seven(scrolls: bool, bytes_max: usize) -> CursorRows {
        let batch = |numbers: &[i64]| {
            let column: ArrayRef = Arc::new(Int64Array::from(numbers.to_vec()));
            Ok(RecordBatch::try_from_iter([("n", column)]).expect("one column"))
        };
        let batches = [batch(&[1, 2, 3]), batch(&[4, 5, 6]), batch(&[7])];
        CursorRows::new(Box::pin(stream::iter(batches)), scrolls, bytes_max)
    }

    async fn fetch(rows: &mut CursorRows, movement: Movement) -> Result<Vec<i64>, SqlError> {
        let mut give = rows.seek(movement).await?;
        let mut numbers = Vec::new();
        while let Some(batch) = rows.next(&mut give).await? {
            numbers.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
        }
        Ok(numbers)
    }

    async fn all(scrolls: bool, steps: &[(Movement, &[i64])]) {
        let mut rows = seven(scrolls, usize::MAX);
        for (movement, expected) in steps {
            assert_eq!(fetch(&mut rows, *movement).await.expect("may go there"), *expected, "{movement:?}");
        }
    }

    #[tokio::test]
    async fn it_goes_both_ways() {
        use Movement::{Absolute, Backward, Forward, Relative};
        all(
            true,
            &[
                (Backward(Some(1)), &[]),
                (Forward(Some(4)), &[1, 2, 3, 4]),
                (Forward(Some(0)), &[4]),
                (Backward(Some(2)), &[3, 2]),
                (Relative(3), &[5]),
                (Relative(0), &[5]),
                (Relative(-4), &[1]),
                (Absolute(-1), &[7]),
                (Forward(None), &[]),
                (Forward(Some(0)), &[]),
                (Backward(Some(1)), &[7]),
                (Forward(Some(9)), &[]),
                (Backward(None), &[7, 6, 5, 4, 3, 2, 1]),
                (Absolute(6), &[6]),
                (Absolute(0), &[]),
                (Forward(Some(1)), &[1]),
                (Absolute(-9), &[]),
                (Forward(Some(-1)), &[]),
                (Absolute(9), &[]),
                (Forward(Some(-1)), &[7]),
            ],
        )
        .await;
    }

    #[tokio::test]
    async fn without_scroll_it_goes_on_only() {
        use Movement::{Absolute, Backward, Forward, Relative};
        all(false, &[(Absolute(2), &[2]), (Relative(2), &[4]), (Forward(None), &[5, 6, 7]), (Forward(Some(1)), &[])])
            .await;
        for back in [Backward(Some(1)), Absolute(1), Relative(-1), Forward(Some(0)), Absolute(-1)] {
            let mut rows = seven(false, usize::MAX);
            fetch(&mut rows, Forward(Some(2))).await.expect("forward");
            let error = fetch(&mut rows, back).await.expect_err("back");
            assert_eq!(error.code, SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "{back:?}");
        }
    }

    #[tokio::test]
    async fn what_is_kept_has_a_limit() {
        let mut rows = seven(true, 1);
        let error = fetch(&mut rows, Movement::Forward(None)).await.expect_err("too much");
        assert_eq!(error.code, SqlState::CONFIGURATION_LIMIT_EXCEEDED);
        let mut rows = seven(false, 1);
        assert_eq!(fetch(&mut rows, Movement::Forward(Some(4))).await.expect("keeps nothing"), [1, 2, 3, 4]);
        assert!(rows.batches.len() == 1, "what was given is forgotten");
        assert!(rows.keep_rest().await.is_err());
    }

    #[tokio::test]
    async fn what_is_left_survives_its_source() {
        let mut rows = seven(false, usize::MAX);
        fetch(&mut rows, Movement::Forward(Some(2))).await.expect("forward");
        rows.keep_rest().await.expect("small");
        assert_eq!(fetch(&mut rows, Movement::Forward(None)).await.expect("forward"), [3, 4, 5, 6, 7]);
        assert!(fetch(&mut rows, Movement::Backward(Some(1))).await.is_err());
    }
}
