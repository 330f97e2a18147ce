//! Rows in the log: a record batch as the body of a chunk and back.
//!
//! The body carries no schema, the catalog's layout says the columns. It is made for very small batches, since a
//! single-row `INSERT` is one chunk: an Arrow IPC message would cost 16 bytes per buffer and padding, this costs one
//! byte per column and the values. The format is in docs/formats.md, "chunk body".

mod decode;
mod encode;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::FieldRef;
use bytes::Bytes;
use peristyle_catalog::model::{ColumnId, NewChunk, PartitionKey, PgType};

use crate::batches::{batch_of, conforming_batch};
use crate::partition::KeyRule;
use crate::schema::{stored_schema, written_type};
use crate::tight_decimal::tightened;
use crate::{Error, Result};

/// First byte of every body.
const VERSION: u8 = 1;
/// What a column's first byte says of its NULLs.
const NO_NULLS: u8 = 0;
const SOME_NULLS: u8 = 1;
const ALL_NULL: u8 = 2;

/// Encodes rows as a chunk. `ids` names the batch's columns in their order; the batch's fields carry their types.
/// [`Error::Unsupported`] for a type that is not stored.
pub fn encode(batch: &RecordBatch, ids: &[ColumnId], partition_key: &PartitionKey) -> Result<NewChunk> {
    if ids.len() != batch.num_columns() {
        return Err(Error::Internal("a chunk's columns and their ids differ in number".into()));
    }
    let fields = batch.schema();
    let tight = batch.columns().iter().zip(fields.fields()).map(|(values, field)| tightened(values, field));
    let (arrays, fields): (Vec<ArrayRef>, Vec<FieldRef>) = tight.collect::<Result<_>>()?;
    let columns: Vec<(ColumnId, PgType)> =
        ids.iter().zip(&fields).map(|(&id, field)| (id, written_type(field))).collect();
    let stored = restored(&arrays, batch.num_rows(), &columns)?;
    let key = KeyRule::new(partition_key, ids)?.range_of(&stored)?;
    let body = encode_body(&stored)?;
    Ok(NewChunk { columns, rows: batch.num_rows() as u64, key, body, decoded: Some(Arc::new(stored)) })
}

/// The same rows under the schema that decoding gives them, floats canonical.
fn restored(arrays: &[ArrayRef], rows: usize, columns: &[(ColumnId, PgType)]) -> Result<RecordBatch> {
    let arrays: Vec<ArrayRef> = arrays.iter().map(crate::partition::canonical).collect();
    conforming_batch(stored_schema(columns), &arrays, rows)
}

fn encode_body(batch: &RecordBatch) -> Result<Bytes> {
    let mut body = Vec::with_capacity(64 + batch.num_columns() * 16);
    body.push(VERSION);
    encode::length(&mut body, batch.num_rows());
    for column in batch.columns() {
        encode::column(&mut body, column)?;
    }
    Ok(body.into())
}

/// Decodes a body. The batch has the columns of the layout under [`stored_schema`]. [`Error::Corrupt`] for bytes that
/// are not what [`encode`] wrote.
pub fn decode(body: &[u8], columns: &[(ColumnId, PgType)]) -> Result<RecordBatch> {
    let mut input = decode::Input::new(body);
    let version = input.byte()?;
    if version != VERSION {
        return Err(Error::corrupt("chunk", format!("it has format {version}, this version reads {VERSION}")));
    }
    let rows = input.length()?;
    let schema = stored_schema(columns);
    let arrays = schema
        .fields()
        .iter()
        .map(|field| decode::column(&mut input, field.data_type(), rows))
        .collect::<Result<_>>()?;
    input.finish()?;
    batch_of(schema, arrays, rows).map_err(|error| Error::corrupt("chunk", error))
}

#[cfg(test)]
mod tests;
