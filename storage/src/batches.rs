//! Record batches that hold no more memory than their rows need.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, SchemaRef};

use crate::{Error, Result};

/// Copies the bytes of views together. Rows that were picked or concatenated share the buffers of all the batches
/// that they came from; kept or written to disk, each would drag those along whole.
pub(crate) fn compact(batch: RecordBatch) -> Result<RecordBatch> {
    let arrays = batch.columns().iter().map(compact_array).collect();
    batch_of(batch.schema(), arrays, batch.num_rows())
}

fn compact_array(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Utf8View => Arc::new(values.as_string_view().gc()),
        DataType::BinaryView => Arc::new(values.as_binary_view().gc()),
        DataType::List(item) if matches!(item.data_type(), DataType::Utf8View | DataType::BinaryView) => {
            let lists = values.as_list::<i32>();
            let items = compact_array(lists.values());
            Arc::new(ListArray::new(item.clone(), lists.offsets().clone(), items, lists.nulls().cloned()))
        }
        _ => values.clone(),
    }
}

/// A batch that knows its number of rows even if it has no column.
pub(crate) fn batch_of(schema: SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options)
        .map_err(|error| Error::Internal(format!("columns do not make up a batch: {error}")))
}

/// About how much memory the batch holds, in bytes.
pub(crate) fn memory_of(batch: &RecordBatch) -> usize {
    batch.get_array_memory_size()
}
