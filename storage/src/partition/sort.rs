//! Rows in the order of (partition key, order key).

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{SortOptions, interleave_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::row::{RowConverter, Rows, SortField};
use peristyle_catalog::model::{ColumnId, OrderColumn};

use super::key::{KeyRule, bucket_array};
use crate::batches::compact;
use crate::{Error, Result};

/// What to sort by.
#[derive(Clone, Debug)]
pub(super) struct SortRule {
    key: KeyRule,
    columns: Vec<(usize, SortOptions)>,
}

impl SortRule {
    /// A table with a time key and no order key is sorted by that time. Order columns that the rows lack are all
    /// NULL and sort nothing.
    pub(super) fn new(key: KeyRule, order_key: &[OrderColumn], ids: &[ColumnId]) -> SortRule {
        let position = |id: ColumnId| ids.iter().position(|column| *column == id);
        let mut columns: Vec<(usize, SortOptions)> = order_key
            .iter()
            .filter_map(|order| {
                let options = SortOptions { descending: order.descending, nulls_first: order.nulls_first };
                Some((position(order.column)?, options))
            })
            .collect();
        if order_key.is_empty() {
            let ascending = SortOptions { descending: false, nulls_first: true };
            columns.extend(key.time_column().map(|at| (at, ascending)));
        }
        SortRule { key, columns }
    }

    /// Whether rows may stay in the order in which they come.
    pub(super) fn is_trivial(&self) -> bool {
        self.key.is_none() && self.columns.is_empty()
    }

    fn converter(&self, schema: &SchemaRef) -> Result<RowConverter> {
        let nulls_first = SortOptions { descending: false, nulls_first: true };
        let mut fields = vec![SortField::new_with_options(DataType::Int64, nulls_first)];
        for (at, options) in &self.columns {
            fields.push(SortField::new_with_options(schema.field(*at).data_type().clone(), *options));
        }
        Ok(RowConverter::new(fields)?)
    }

    fn key_arrays(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let mut arrays = vec![bucket_array(&self.key, batch)?];
        arrays.extend(self.columns.iter().map(|(at, _)| batch.column(*at).clone()));
        Ok(arrays)
    }
}

/// Makes comparable keys of rows.
pub(super) struct SortKeys {
    rule: SortRule,
    converter: RowConverter,
}

impl SortKeys {
    pub(super) fn new(rule: &SortRule, schema: &SchemaRef) -> Result<SortKeys> {
        Ok(SortKeys { rule: rule.clone(), converter: rule.converter(schema)? })
    }

    pub(super) fn of(&self, batch: &RecordBatch) -> Result<Rows> {
        Ok(self.converter.convert_columns(&self.rule.key_arrays(batch)?)?)
    }
}

/// Batches and the order of their rows.
pub(super) struct SortedRows {
    batches: Vec<RecordBatch>,
    order: Vec<(usize, usize)>,
}

impl SortedRows {
    /// Sorts; equal rows keep their order.
    pub(super) fn new(rule: &SortRule, batches: Vec<RecordBatch>) -> Result<SortedRows> {
        let Some(first) = batches.first() else { return Ok(SortedRows { batches, order: Vec::new() }) };
        let keys = SortKeys::new(rule, first.schema_ref())?;
        let rows = batches.iter().map(|batch| keys.of(batch)).collect::<Result<Vec<Rows>>>()?;
        let key = |(batch, row): &(usize, usize)| rows[*batch].row(*row);
        let of_batch = |(at, batch): (usize, &RecordBatch)| (0..batch.num_rows()).map(move |row| (at, row));
        let mut order: Vec<(usize, usize)> = batches.iter().enumerate().flat_map(of_batch).collect();
        if !order.is_sorted_by(|a, b| key(a) <= key(b)) {
            order.sort_unstable_by(|a, b| key(a).cmp(&key(b)).then(a.cmp(b)));
        }
        Ok(SortedRows { batches, order })
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// A piece of the sorted rows.
    pub(super) fn take(&self, range: Range<usize>) -> Result<RecordBatch> {
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        compact(interleave_record_batch(&batches, &self.order[range])?)
    }

    /// The ranges of rows that lie in one coarse unit.
    pub(super) fn coarse_ranges(&self, key: &KeyRule) -> Result<Vec<Range<usize>>> {
        let buckets = self.batches.iter().map(|batch| key.buckets(batch)).collect::<Result<Vec<_>>>()?;
        let coarse = |(batch, row): &(usize, usize)| {
            let bucket = &buckets[*batch];
            key.coarse(arrow::array::Array::is_valid(bucket, *row).then(|| bucket.value(*row)))
        };
        let mut ranges = Vec::new();
        let mut start = 0;
        for group in self.order.chunk_by(|a, b| coarse(a) == coarse(b)) {
            ranges.push(start..start + group.len());
            start += group.len();
        }
        Ok(ranges)
    }

    /// All rows in pieces.
    pub(super) fn pieces(self, rows: usize) -> impl Iterator<Item = Result<RecordBatch>> + Send {
        let pieces = Arc::new(self);
        (0..pieces.len()).step_by(rows).map(move |from| pieces.take(from..(from + rows).min(pieces.len())))
    }
}

/// The schema of batches, which must all have the same one.
pub(super) fn schema_of(batches: &[RecordBatch]) -> Result<SchemaRef> {
    batches.first().map(RecordBatch::schema).ok_or_else(|| Error::Internal("no rows to sort".into()))
}
