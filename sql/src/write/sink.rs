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

/// Takes shaped rows of one statement. Dropping it leaves at most orphans; [`Sink::abort`] deletes them.
pub(crate) struct Sink {
    scope: Arc<Scope>,
    table: Oid,
    columns: Vec<(ColumnId, FieldRef)>,
    schema: SchemaRef,
    partition_key: PartitionKey,
    order_key: Vec<OrderColumn>,
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
    pub(crate) fn new(scope: &Arc<Scope>, target: &Target, columns: Vec<(ColumnId, FieldRef)>) -> Sink {
        let fields: Vec<FieldRef> =
            columns.iter().map(|(_, field)| Arc::new(field.as_ref().clone().with_nullable(true))).collect();
        let live = |id: ColumnId| columns.iter().any(|(column, _)| *column == id);
        let table = target.table();
        // A part whose column this write does not hold bounds nothing: its rows have NULL there.
        let time = table.partition_key.time().filter(|(_, column)| live(*column));
        let bucket = table.partition_key.bucket().filter(|(_, column)| live(*column));
        let partition_key = PartitionKey::of_parts(time, bucket);
        let order_key = table.order_key.iter().filter(|order| live(order.column)).cloned().collect();
        Sink {
            scope: Arc::clone(scope),
            table: target.oid(),
            schema: Arc::new(Schema::new(fields)),
            columns,
            partition_key,
            order_key,
            rows: 0,
            stage: Stage::Few { batches: Vec::new(), bytes: 0 },
        }
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
                    return self.become_many().await;
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
            table: self.table,
            columns: self.columns.clone(),
            has_row_seqs: false,
            partition_key: self.partition_key.clone(),
            order_key: self.order_key.clone(),
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
        let columns = self.columns.iter().map(|(id, field)| (*id, written_type(field))).collect();
        let mut written = Written { rows: self.rows, columns, partitions: Vec::new(), chunks: Vec::new() };
        match self.stage {
            Stage::Few { batches, .. } if batches.is_empty() => {}
            Stage::Few { batches, .. } => {
                let ids: Vec<ColumnId> = self.columns.iter().map(|(id, _)| *id).collect();
                self.scope.engine.admit_chunk().await?;
                let whole = concat_batches(&self.schema, &batches)?;
                written.chunks.push(chunk::encode(&whole, &ids, &self.partition_key)?);
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
                written.partitions = writer.finish().await?;
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
