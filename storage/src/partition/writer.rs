//! The rolling partition writer: rows in, durable partitions out, memory flat whatever the size.
//!
//! Rows of a table without keys go straight to one of a few open files. Rows of a table with a partition or order
//! key are collected and sorted; past the memory limit sorted runs go to the spill folder and are merged at the end.
//! So the number of objects depends on the keys and the size, not on the order in which the rows come.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use parking_lot::Mutex;
use peristyle_catalog::Sources;
use peristyle_catalog::model::{ColumnId, NewPartition, Oid, OrderColumn, PartitionKey, PgType};
use tokio::sync::Semaphore;

use super::collected::Collected;
use super::cutter::FileMaker;
use super::encoder::{FilePlan, PartitionFile, file_schema};
use super::key::KeyRule;
use super::options::WriteOptions;
use super::sort::SortRule;
use crate::batches::conforming_batch;
use crate::objects::Store;
use crate::schema::{row_seq_field, written_type};
use crate::{Error, Result};

/// What to write.
pub struct WriteSpec {
    pub table: Oid,
    /// Columns of the batches, in their order. The fields' types are recorded as written; an open decimal's field
    /// says the precision and scale that its values have.
    pub columns: Vec<(ColumnId, FieldRef)>,
    /// Whether each batch ends with one more column of bigint that holds the rows' commits ([`ColumnId::ROW_SEQ`]).
    pub has_row_seqs: bool,
    pub partition_key: PartitionKey,
    pub order_key: Vec<OrderColumn>,
    /// [`NewPartition::level`] of what is written.
    pub level: u8,
    pub options: WriteOptions,
    pub sources: Sources,
}

/// Writes the partitions of one table. May be used by several tasks at once: with `encoders_max` callers, so many
/// files without a key are encoded in parallel.
pub struct RollingWriter {
    maker: Arc<FileMaker>,
    schema: SchemaRef,
    mode: Mode,
    progress: Progress,
}

enum Mode {
    Direct(Pool),
    Sorted(Collected),
}

/// Files without a key that wait for more rows.
struct Pool {
    encoders: Semaphore,
    idle: Mutex<Vec<PartitionFile>>,
    done: Mutex<Vec<NewPartition>>,
}

/// A write that failed or was dropped half way lost rows; then nothing may be finished.
#[derive(Default)]
struct Progress {
    under_way: AtomicUsize,
    has_failed: AtomicBool,
    is_finished: AtomicBool,
}

impl Progress {
    fn begin(&self) -> Result<Step<'_>> {
        if self.has_failed.load(Ordering::Acquire) || self.is_finished.load(Ordering::Acquire) {
            return Err(Error::Internal("write after the end or a failure of a partition writer".into()));
        }
        self.under_way.fetch_add(1, Ordering::AcqRel);
        Ok(Step { progress: self, is_done: false })
    }

    fn finish(&self) -> Result<()> {
        let was_finished = self.is_finished.swap(true, Ordering::AcqRel);
        let is_clean = !self.has_failed.load(Ordering::Acquire) && self.under_way.load(Ordering::Acquire) == 0;
        if was_finished || !is_clean {
            return Err(Error::Internal("finish of a partition writer that failed, is in use or was finished".into()));
        }
        Ok(())
    }
}

struct Step<'a> {
    progress: &'a Progress,
    is_done: bool,
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.progress.has_failed.store(true, Ordering::Release);
        }
        self.progress.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

impl RollingWriter {
    /// A writer. Creates nothing before rows come.
    pub fn new(store: Arc<Store>, spec: WriteSpec) -> Result<RollingWriter> {
        let ids: Vec<ColumnId> = spec.columns.iter().map(|(id, _)| *id).collect();
        if ids.iter().collect::<BTreeSet<_>>().len() != ids.len() {
            return Err(Error::Internal("a column is written twice".into()));
        }
        let columns: Vec<(ColumnId, PgType)> =
            spec.columns.iter().map(|(id, field)| (*id, written_type(field))).collect();
        let schema = input_schema(&spec);
        let key = KeyRule::new(&spec.partition_key, &ids)?;
        let rule = SortRule::new(key.clone(), &spec.order_key, &ids);
        let encoders = spec.options.encoders_max.max(1);
        let plan = FilePlan {
            table: spec.table,
            input_schema: schema.clone(),
            file_schema: file_schema(&schema, &columns, spec.has_row_seqs),
            columns,
            has_row_seqs: spec.has_row_seqs,
            key,
            level: spec.level,
            options: spec.options,
        };
        let maker = Arc::new(FileMaker::new(store, Arc::new(plan), spec.sources));
        let mode =
            if rule.is_trivial() { Mode::Direct(Pool::new(encoders)) } else { Mode::Sorted(Collected::new(rule)) };
        Ok(RollingWriter { maker, schema, mode, progress: Progress::default() })
    }

    /// Takes rows; their columns are those of the [`WriteSpec`], names do not matter. After an error, or if the
    /// future is dropped, only [`RollingWriter::abort`] is left to do.
    pub async fn write(&self, batch: RecordBatch) -> Result<()> {
        let mut step = self.progress.begin()?;
        if batch.num_columns() != self.schema.fields().len() {
            return Err(Error::Internal("a batch has another number of columns than its writer".into()));
        }
        if batch.num_rows() > 0 {
            let batch = conforming_batch(self.schema.clone(), batch.columns(), batch.num_rows())?;
            match &self.mode {
                Mode::Direct(pool) => pool.write(&self.maker, batch).await?,
                Mode::Sorted(collected) => collected.write(&self.maker, batch).await?,
            }
        }
        step.is_done = true;
        Ok(())
    }

    /// Makes everything durable. On an error, and where a write failed before, deletes what was written.
    pub async fn finish(&self) -> Result<Vec<NewPartition>> {
        let finished = match self.progress.finish() {
            Ok(()) => self.finish_mode().await,
            Err(error) => Err(error),
        };
        if finished.is_err() {
            self.abort().await;
        }
        finished
    }

    async fn finish_mode(&self) -> Result<Vec<NewPartition>> {
        match &self.mode {
            Mode::Direct(pool) => pool.finish().await,
            Mode::Sorted(collected) => collected.finish(&self.maker).await,
        }
    }

    /// Deletes what was written, as well as that goes; what stays behind is an orphan that no reader sees.
    pub async fn abort(&self) {
        self.progress.has_failed.store(true, Ordering::Release);
        match &self.mode {
            Mode::Direct(pool) => pool.abort().await,
            Mode::Sorted(collected) => collected.abort().await,
        }
        self.maker.delete_all().await;
    }
}

fn input_schema(spec: &WriteSpec) -> SchemaRef {
    let mut fields: Vec<FieldRef> = spec.columns.iter().map(|(_, field)| field.clone()).collect();
    if spec.has_row_seqs {
        fields.push(row_seq_field());
    }
    Arc::new(Schema::new(fields))
}

impl Pool {
    fn new(encoders: usize) -> Pool {
        Pool { encoders: Semaphore::new(encoders), idle: Mutex::default(), done: Mutex::default() }
    }

    async fn write(&self, maker: &FileMaker, batch: RecordBatch) -> Result<()> {
        let _permit = self.encoders.acquire().await.expect("the semaphore of encoders is never closed");
        let idle = self.idle.lock().pop();
        let file = match idle {
            Some(file) => file,
            None => maker.make()?,
        };
        let file = file.write(batch).await?;
        if file.bytes() >= maker.plan.options.partition_target_bytes {
            let partition = file.finish().await?;
            self.done.lock().push(partition);
        } else {
            self.idle.lock().push(file);
        }
        Ok(())
    }

    async fn finish(&self) -> Result<Vec<NewPartition>> {
        let open = std::mem::take(&mut *self.idle.lock());
        let finished = futures::future::join_all(open.into_iter().map(PartitionFile::finish)).await;
        let mut done = std::mem::take(&mut *self.done.lock());
        for partition in finished {
            done.push(partition?);
        }
        Ok(done)
    }

    async fn abort(&self) {
        let open = std::mem::take(&mut *self.idle.lock());
        futures::future::join_all(open.into_iter().map(PartitionFile::abort)).await;
    }
}
