//! The lone statement of an implicit transaction, which can be run again if its commit lost a race.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use futures::TryStreamExt;
use peristyle_catalog::model::TimestampMicros;

use super::Session;
use crate::error::SqlError;
use crate::outcome::{Outcome, Rows, RowsTag};
use crate::parse::Statement;
use crate::plan::parameters::Bound;
use crate::statement;

/// What must be run again.
pub(super) struct Rerun {
    statement: Statement,
    bound: Arc<Bound>,
    /// When its transaction began: what is run again is still of then.
    started: TimestampMicros,
    /// What RETURNING gave: the client may have it before the commit.
    returned: Vec<RecordBatch>,
    /// The tag that it came to, without rows.
    tag: Option<String>,
}

/// What running a statement again came to.
pub(super) enum Again {
    Alike,
    /// The tag is another, of which the client was not told yet.
    Retold(String),
    /// The client may have other rows.
    Differs,
}

impl Session {
    /// A lone writing statement can be run again if its commit loses a race. Any statement after it may have seen what it
    /// did, so then it cannot.
    pub(super) async fn remember_for_rerun(
        &mut self,
        before: usize,
        statement: &Statement,
        bound: Arc<Bound>,
        outcome: Outcome,
    ) -> Result<Outcome, SqlError> {
        self.rerun = None;
        let is_lone_writer = self.block.is_none() && before == 0 && self.writers() == 1;
        if !is_lone_writer || !statement::can_rerun(statement) {
            return Ok(outcome);
        }
        let (returned, tag, outcome) = match outcome {
            Outcome::Rows(rows) if returns(&rows.tag) => {
                let Rows { columns, batches, tag } = rows;
                let returned: Vec<RecordBatch> = batches.try_collect().await?;
                let batches = Box::pin(futures::stream::iter(returned.clone().into_iter().map(Ok)));
                (returned, None, Outcome::Rows(Rows { columns, batches, tag }))
            }
            Outcome::Rows(_) => return Ok(outcome),
            Outcome::Command(tag) => (Vec::new(), Some(tag.clone()), Outcome::Command(tag)),
            outcome => (Vec::new(), None, outcome),
        };
        let started = self.transaction_started();
        self.rerun = Some(Rerun { statement: statement.clone(), bound, started, returned, tag });
        Ok(outcome)
    }

    /// Runs it once more.
    pub(super) async fn run_again(&mut self, again: &Rerun) -> Result<Again, SqlError> {
        self.in_transaction(|transaction| transaction.begun_at(again.started));
        let (returned, tag) = match self.run_once(&again.statement, &again.bound).await? {
            Outcome::Rows(rows) => (rows.batches.try_collect().await?, None),
            Outcome::Command(tag) => (Vec::new(), Some(tag)),
            _ => (Vec::new(), None),
        };
        Ok(match tag {
            Some(tag) if again.tag.as_ref() != Some(&tag) => Again::Retold(tag),
            _ if are_alike(&again.returned, &returned) => Again::Alike,
            _ => Again::Differs,
        })
    }
}

/// Whether such rows are what a statement that changes rows says of them, which it holds in memory.
fn returns(tag: &RowsTag) -> bool {
    match tag {
        RowsTag::InsertReturning | RowsTag::Changed(_) => true,
        RowsTag::Select | RowsTag::Fetch { .. } | RowsTag::Fixed(_) => false,
    }
}

/// Whether both hold the same rows, in whatever order.
fn are_alike(one: &[RecordBatch], other: &[RecordBatch]) -> bool {
    types(one) == types(other) && matches!((sorted(one), sorted(other)), (Some(one), Some(other)) if one == other)
}

/// Those of the columns; a number's digits are told by its type.
fn types(batches: &[RecordBatch]) -> Vec<DataType> {
    let first = batches.iter().find(|batch| batch.num_rows() > 0);
    first.map_or(Vec::new(), |batch| batch.columns().iter().map(|column| column.data_type().clone()).collect())
}

/// The rows as bytes that are equal where the rows of such columns are; `None` for types of which Arrow makes none, whose
/// statements are not run again.
fn sorted(batches: &[RecordBatch]) -> Option<Vec<Vec<u8>>> {
    let Some(first) = batches.first() else { return Some(Vec::new()) };
    let fields = first.schema();
    let fields = fields.fields().iter().map(|field| SortField::new(field.data_type().clone()));
    let converter = RowConverter::new(fields.collect()).ok()?;
    let mut rows = Vec::new();
    for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
        let converted = converter.convert_columns(batch.columns()).ok()?;
        rows.extend(converted.iter().map(|row| row.data().to_vec()));
    }
    rows.sort_unstable();
    Some(rows)
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int32Array, StringViewArray};

    use super::*;

    fn rows(numbers: &[i32], texts: &[Option<&str>]) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int32Array::from(numbers.to_vec()));
        let texts: ArrayRef = Arc::new(StringViewArray::from(texts.to_vec()));
        RecordBatch::try_from_iter_with_nullable([("n", numbers, true), ("t", texts, true)]).unwrap()
    }

    #[test]
    fn the_same_rows_in_another_order_are_alike() {
        let one = [rows(&[1, 2], &[Some("a"), None]), rows(&[2], &[None])];
        assert!(are_alike(&one, &[rows(&[2, 2, 1], &[None, None, Some("a")])]));
        assert!(!are_alike(&one, &[rows(&[2, 1], &[None, Some("a")])]), "one is missing");
        assert!(!are_alike(&one, &[rows(&[2, 2, 1], &[None, Some(""), Some("a")])]));
        assert!(are_alike(&[], &[]));
        assert!(!are_alike(&[], &one));
    }
}
