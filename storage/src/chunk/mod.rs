//! Rows in the log: a record batch as the body of a chunk and back.
//!
//! The body carries no schema, the catalog's layout says the columns. It is made for very small batches, since a
//! single-row `INSERT` is one chunk: an Arrow IPC message would cost 16 bytes per buffer and padding, this costs one
//! byte per column and the values. The format is in docs/formats.md, "chunk body".

mod decode;
mod encode;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, Fields, SchemaRef};
use bytes::Bytes;
use peristyle_catalog::model::{ColumnId, NewChunk, PartitionKey, PgType};

use crate::batches::{batch_of, compact, conforming_batch};
use crate::partition::KeyRule;
use crate::schema::{stored_schema, written_type};
use crate::shape::is_shaped;
use crate::tight_decimal::tightened;
use crate::types::pg_type;
use crate::{Error, Result};

/// First byte of every body.
const VERSION: u8 = 1;
/// What a column's first byte says of its NULLs.
const NO_NULLS: u8 = 0;
const SOME_NULLS: u8 = 1;
const ALL_NULL: u8 = 2;

/// Encodes batches of one form as chunks. What the form alone decides is found once: a single-row `INSERT` is a chunk, and
/// may be one of very many.
pub struct Encoder {
    ids: Vec<ColumnId>,
    /// Whether a column's stored type depends on its values: a bare numeric's, a shaped array's.
    has_open_types: bool,
    columns: Vec<(ColumnId, PgType)>,
    /// What decoding gives.
    schema: SchemaRef,
    key: KeyRule,
}

impl Encoder {
    /// For batches with these fields, which carry their types. `ids` names the columns in their order.
    pub fn new(fields: &Fields, ids: Vec<ColumnId>, partition_key: &PartitionKey) -> Result<Encoder> {
        if ids.len() != fields.len() {
            return Err(Error::Internal("a chunk's columns and their ids differ in number".into()));
        }
        let columns = stored_columns(&ids, fields.iter());
        Ok(Encoder {
            has_open_types: fields.iter().any(|field| pg_type(field).is_bare_numeric() || is_shaped(field.data_type())),
            schema: stored_schema(&columns),
            columns,
            key: KeyRule::new(partition_key, &ids)?,
            ids,
        })
    }

    /// Encodes rows as a chunk. [`Error::Unsupported`] for a type that is not stored.
    pub fn encode(&self, batch: &RecordBatch) -> Result<NewChunk> {
        if self.has_open_types {
            return self.encode_tight(batch);
        }
        self.encode_as(batch.columns(), batch.num_rows(), &self.columns, &self.schema)
    }

    fn encode_tight(&self, batch: &RecordBatch) -> Result<NewChunk> {
        let fields = batch.schema();
        let tight = batch.columns().iter().zip(fields.fields()).map(|(values, field)| tightened(values, field));
        let (arrays, fields): (Vec<ArrayRef>, Vec<FieldRef>) = tight.collect::<Result<_>>()?;
        let columns = stored_columns(&self.ids, fields.iter());
        self.encode_as(&arrays, batch.num_rows(), &columns, &stored_schema(&columns))
    }

    fn encode_as(
        &self,
        arrays: &[ArrayRef],
        rows: usize,
        columns: &[(ColumnId, PgType)],
        schema: &SchemaRef,
    ) -> Result<NewChunk> {
        // The same rows under the schema that decoding gives them, floats canonical.
        let arrays: Vec<ArrayRef> = arrays.iter().map(crate::partition::canonical).collect();
        let stored = conforming_batch(Arc::clone(schema), &arrays, rows)?;
        let key = self.key.range_of(&stored)?;
        let body = encode_body(&stored)?;
        // The rows are kept until a merge; builders make room for more values than a single row has.
        let decoded = Some(Arc::new(compact(stored)?) as _);
        Ok(NewChunk { columns: columns.to_vec(), rows: rows as u64, key, body, decoded })
    }
}

/// Encodes rows as a chunk; see [`Encoder`].
pub fn encode(batch: &RecordBatch, ids: &[ColumnId], partition_key: &PartitionKey) -> Result<NewChunk> {
    Encoder::new(batch.schema_ref().fields(), ids.to_vec(), partition_key)?.encode(batch)
}

fn stored_columns<'a>(ids: &[ColumnId], fields: impl Iterator<Item = &'a FieldRef>) -> Vec<(ColumnId, PgType)> {
    ids.iter().zip(fields).map(|(&id, field)| (id, written_type(field))).collect()
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
