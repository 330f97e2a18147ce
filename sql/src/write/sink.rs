//! The end of every write: few rows become a chunk in the log, many go through the rolling partition writer.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use peristyle_catalog::model::{ColumnId, NewChunk, NewPartition, Oid, OrderColumn, PartitionKey, PgType};
use peristyle_storage::chunk;
use peristyle_storage::partition::{RollingWriter, WriteSpec};
use peristyle_storage::schema::written_type;
use tokio::task::JoinSet;

use super::Target;
use crate::error::SqlError;
use crate::scope::Scope;

/// Where shaped rows of these columns go and in which order; made once for any number of sinks.
pub(crate) struct SinkPlan {
    table: Oid,
    columns: Vec<(ColumnId, FieldRef)>,
    /// The columns with the types that they are written in.
    written: Vec<(ColumnId, PgType)>,
    schema: SchemaRef,
    partition_key: PartitionKey,
    order_key: Vec<OrderColumn>,
    chunks: chunk::Encoder,
}

impl SinkPlan {
    pub(super) fn new(target: &Target, columns: Vec<(ColumnId, FieldRef)>) -> Result<SinkPlan, SqlError> {
        let live = |id: ColumnId| columns.iter().any(|(column, _)| *column == id);
        let table = target.table();
        // A part whose column this write does not hold bounds nothing: its rows have NULL there.
        let time = table.partition_key.time().filter(|(_, column)| live(*column));
        let bucket = table.partition_key.bucket().filter(|(_, column)| live(*column));
        let partition_key = PartitionKey::of_parts(time, bucket);
        let schema = nullable_schema(columns.iter().map(|(_, field)| field));
        let ids = columns.iter().map(|(id, _)| *id).collect();
        Ok(SinkPlan {
            table: target.oid(),
            written: columns.iter().map(|(id, field)| (*id, written_type(field))).collect(),
            order_key: table.order_key.iter().filter(|order| live(order.column)).cloned().collect(),
            chunks: chunk::Encoder::new(schema.fields(), ids, &partition_key)?,
            schema,
            partition_key,
            columns,
        })
    }

    /// The columns with their ids.
    pub(super) fn columns(&self) -> &[(ColumnId, FieldRef)] {
        &self.columns
    }
}

/// The fields as a schema in which NULL may stand everywhere: what may not be NULL is checked with better errors.
pub(super) fn nullable_schema<'a>(fields: impl Iterator<Item = &'a FieldRef>) -> SchemaRef {
    let nullable = fields.map(|field| field.as_ref().clone().with_nullable(true));
    Arc::new(Schema::new(nullable.collect::<Vec<_>>()))
}

/// Takes shaped rows of one statement. Dropping it leaves at most orphans; [`Sink::abort`] deletes them.
pub(crate) struct Sink {
    scope: Arc<Scope>,
    plan: Arc<SinkPlan>,
    rows: u64,
    stage: Stage,
}

/// What a sink wrote; nothing of it is visible yet.
pub(crate) struct Written {
    pub(crate) rows: u64,
    /// The columns with the types they were written in.
    pub(crate) columns: Vec<(ColumnId, PgType)>,
    pub(crate) partitions: Vec<NewPartition>,
    pub(crate) chunks: Vec<NewChunk>,
}

enum Stage {
    /// Not yet known to be many.
    Few {
        batches: Vec<RecordBatch>,
        bytes: usize,
    },
    Many {
        writer: Arc<RollingWriter>,
        under_way: JoinSet<Result<(), peristyle_storage::Error>>,
    },
}

impl Sink {
    pub(super) fn new(scope: &Arc<Scope>, plan: &Arc<SinkPlan>) -> Sink {
        let stage = Stage::Few { batches: Vec::new(), bytes: 0 };
        Sink { scope: Arc::clone(scope), plan: Arc::clone(plan), rows: 0, stage }
    }

    /// Rows taken so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes a batch; waits while as many are being encoded as there are streams.
    pub(crate) async fn write(&mut self, batch: RecordBatch) -> Result<(), SqlError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.rows += batch.num_rows() as u64;
        let limits = self.scope.engine.limits();
        match &mut self.stage {
            Stage::Few { batches, bytes } => {
                *bytes += batch.get_array_memory_size();
                batches.push(batch);
                let is_many = self.rows > limits.chunk_rows_max as u64 || *bytes > limits.chunk_bytes_max;
                if is_many {
                    return Box::pin(self.become_many()).await;
                }
                Ok(())
            }
            Stage::Many { writer, under_way } => {
                while under_way.len() >= limits.streams {
                    joined(under_way.join_next().await)?;
                }
                let writer = Arc::clone(writer);
                under_way.spawn(async move { writer.write(batch).await });
                Ok(())
            }
        }
    }

    async fn become_many(&mut self) -> Result<(), SqlError> {
        let spec = WriteSpec {
            table: self.plan.table,
            columns: self.plan.columns.clone(),
            has_row_seqs: false,
            partition_key: self.plan.partition_key.clone(),
            order_key: self.plan.order_key.clone(),
            level: 0,
            options: self.scope.engine.storage().write.clone(),
            sources: self.scope.engine.sources().clone(),
        };
        let writer = Arc::new(RollingWriter::new(Arc::clone(self.scope.engine.store()), spec)?);
        let many = Stage::Many { writer: Arc::clone(&writer), under_way: JoinSet::new() };
        if let Stage::Few { batches, .. } = std::mem::replace(&mut self.stage, many) {
            for batch in batches {
                writer.write(batch).await?;
            }
        }
        Ok(())
    }

    /// Makes what was written durable, or encodes it for the log.
    pub(crate) async fn finish(self) -> Result<Written, SqlError> {
        let columns = self.plan.written.clone();
        let mut written = Written { rows: self.rows, columns, partitions: Vec::new(), chunks: Vec::new() };
        match self.stage {
            Stage::Few { batches, .. } if batches.is_empty() => {}
            Stage::Few { batches, .. } => {
                self.scope.engine.admit_chunk().await?;
                let chunk = match batches.as_slice() {
                    [whole] => self.plan.chunks.encode(whole)?,
                    several => self.plan.chunks.encode(&concat_batches(&self.plan.schema, several)?)?,
                };
                written.chunks.push(chunk);
            }
            Stage::Many { writer, mut under_way } => {
                let mut result = Ok(());
                while let Some(done) = under_way.join_next().await {
                    result = result.and(joined(Some(done)));
                }
                if let Err(error) = result {
                    writer.abort().await;
                    return Err(error);
                }
                written.partitions = Box::pin(writer.finish()).await?;
            }
        }
        Ok(written)
    }

    /// Deletes what was written.
    pub(crate) async fn abort(self) {
        if let Stage::Many { writer, mut under_way } = self.stage {
            under_way.shutdown().await;
            writer.abort().await;
        }
    }
}

fn joined(done: Option<Result<Result<(), peristyle_storage::Error>, tokio::task::JoinError>>) -> Result<(), SqlError> {
    match done {
        None => Ok(()),
        Some(Ok(result)) => Ok(result?),
        Some(Err(error)) => Err(SqlError::internal(format!("a writer stopped unexpectedly: {error}"))),
    }
}
