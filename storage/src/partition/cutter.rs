//! Cuts sorted rows into partitions.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use parking_lot::Mutex;
use peristyle_catalog::Sources;
use peristyle_catalog::model::{NewPartition, PartitionId};
use tokio::task::JoinSet;

use super::encoder::{FilePlan, PartitionFile};
use crate::objects::{Store, partition_path};
use crate::{Error, Result};

/// Makes the files of one writer and remembers them, so that they can be deleted again.
pub(super) struct FileMaker {
    pub(super) store: Arc<Store>,
    pub(super) plan: Arc<FilePlan>,
    sources: Sources,
    made: Mutex<Vec<PartitionId>>,
}

impl FileMaker {
    pub(super) fn new(store: Arc<Store>, plan: Arc<FilePlan>, sources: Sources) -> FileMaker {
        FileMaker { store, plan, sources, made: Mutex::default() }
    }

    pub(super) fn make(&self) -> Result<PartitionFile> {
        let id = PartitionId(self.sources.uuid());
        self.made.lock().push(id);
        self.store.intents().note((self.plan.table, id));
        PartitionFile::create(self.store.clone(), self.plan.clone(), id)
    }

    pub(super) fn name(&self) -> uuid::Uuid {
        self.sources.uuid()
    }

    /// Deletes every object that was made, as well as that goes.
    pub(super) async fn delete_all(&self) {
        let made = std::mem::take(&mut *self.made.lock());
        for id in made {
            self.store.footers().remove(id);
            if let Err(error) = self.store.delete(&partition_path(self.plan.table, id)).await {
                tracing::warn!(partition = %id, %error, "could not delete a partition that was given up");
            }
        }
    }
}

/// Takes rows sorted by partition key. A partition never crosses a coarse unit of the key; within one, it ends with
/// the fine bucket in which it got large enough.
pub(super) struct Cutter {
    maker: Arc<FileMaker>,
    current: Option<Open>,
    closing: JoinSet<Result<NewPartition>>,
    done: Vec<NewPartition>,
}

struct Open {
    file: PartitionFile,
    coarse: Option<i64>,
    bucket: Option<i64>,
}

impl Cutter {
    pub(super) fn new(maker: Arc<FileMaker>) -> Cutter {
        Cutter { maker, current: None, closing: JoinSet::new(), done: Vec::new() }
    }

    pub(super) async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let buckets = self.maker.plan.key.buckets(&batch)?;
        let bucket_at = |row: usize| buckets.is_valid(row).then(|| buckets.value(row));
        let mut pending: Range<usize> = 0..0;
        for row in 0..batch.num_rows() {
            let bucket = bucket_at(row);
            // The first row of a batch may find its partition full; later ones only look where the bucket changes.
            if (row == 0 || bucket != bucket_at(row - 1)) && self.must_cut(bucket) {
                self.append(&batch, pending).await?;
                self.cut().await?;
                pending = row..row;
            }
            self.open(bucket)?;
            pending.end = row + 1;
        }
        self.append(&batch, pending).await
    }

    fn must_cut(&self, bucket: Option<i64>) -> bool {
        let Some(open) = &self.current else { return false };
        let (bytes, options) = (open.file.bytes(), &self.maker.plan.options);
        bytes >= options.partition_target_bytes
            || open.coarse != self.maker.plan.key.coarse(bucket)
            || (open.bucket != bucket && bytes >= options.partition_min_bytes)
    }

    fn open(&mut self, bucket: Option<i64>) -> Result<()> {
        match &mut self.current {
            Some(open) => open.bucket = bucket,
            None => {
                let coarse = self.maker.plan.key.coarse(bucket);
                self.current = Some(Open { file: self.maker.make()?, coarse, bucket });
            }
        }
        Ok(())
    }

    async fn append(&mut self, batch: &RecordBatch, rows: Range<usize>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let open = self.current.take().ok_or_else(|| Error::Internal("no partition is open".into()))?;
        let file = open.file.write(batch.slice(rows.start, rows.len())).await?;
        self.current = Some(Open { file, ..open });
        Ok(())
    }

    /// Ends the current partition. It is made durable while the next one is filled.
    async fn cut(&mut self) -> Result<()> {
        while self.closing.len() >= self.maker.plan.options.encoders_max.max(1) {
            self.join_one().await?;
        }
        if let Some(open) = self.current.take() {
            self.closing.spawn(open.file.finish());
        }
        Ok(())
    }

    async fn join_one(&mut self) -> Result<()> {
        if let Some(closed) = self.closing.join_next().await {
            let closed = closed.map_err(|error| Error::Internal(format!("closing a partition: {error}")))?;
            self.done.push(closed?);
        }
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<Vec<NewPartition>> {
        let finished = self.finish_all().await;
        if finished.is_err() {
            self.abort().await;
        }
        finished.map(|()| self.done)
    }

    async fn finish_all(&mut self) -> Result<()> {
        self.cut().await?;
        while !self.closing.is_empty() {
            self.join_one().await?;
        }
        Ok(())
    }

    /// Waits for what is under way, so that nothing appears after it was deleted.
    pub(super) async fn abort(&mut self) {
        if let Some(open) = self.current.take() {
            open.file.abort().await;
        }
        while self.closing.join_next().await.is_some() {}
    }
}
