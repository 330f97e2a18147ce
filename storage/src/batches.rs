//! Record batches that hold no more memory than their rows need.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions, StructArray};
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
        DataType::Struct(fields) => {
            let group = values.as_struct();
            let parts = group.columns().iter().map(compact_array).collect();
            Arc::new(StructArray::new(fields.clone(), parts, group.nulls().cloned()))
        }
        _ => values.clone(),
    }
}

/// The same array under a type that differs only in what its array elements' field says beside their type.
pub(crate) fn conform(values: &ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
    match (values.data_type(), wanted) {
        (DataType::List(found), DataType::List(item)) if found != item && found.data_type() == item.data_type() => {
            let lists = values.as_list::<i32>();
            let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(item.clone(), offsets, lists.values().clone(), nulls)?))
        }
        (DataType::Struct(found), DataType::Struct(fields)) if found != fields && found.len() == fields.len() => {
            let group = values.as_struct();
            let parts = group.columns().iter().zip(fields).map(|(part, field)| conform(part, field.data_type()));
            let parts = parts.collect::<Result<_>>()?;
            Ok(Arc::new(StructArray::try_new(fields.clone(), parts, group.nulls().cloned())?))
        }
        _ => Ok(values.clone()),
    }
}

/// [`batch_of`] columns that [`conform`].
pub(crate) fn conforming_batch(schema: SchemaRef, columns: &[ArrayRef], rows: usize) -> Result<RecordBatch> {
    let columns = columns.iter().zip(schema.fields()).map(|(values, field)| conform(values, field.data_type()));
    let columns = columns.collect::<Result<_>>()?;
    batch_of(schema, columns, rows)
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
