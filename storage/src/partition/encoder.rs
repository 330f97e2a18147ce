//! One Parquet file in the making: rows in, an uploaded object and its catalog row out. Encoding runs on a blocking
//! thread, so that it neither holds up other tasks nor the rows that are parsed meanwhile.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use peristyle_catalog::model::{ColumnId, ColumnStatistics, NewPartition, Oid, PartitionId, PgType, Seq};

use super::footers::{Footer, NAN_COLUMNS};
use super::key::{KeyRule, KeyTracker};
use super::options::WriteOptions;
use super::physical;
use crate::objects::{Store, Upload, Uploaded, partition_path};
use crate::schema::row_seq_field;
use crate::statistics::Collector;
use crate::tight_decimal::tightened_type;
use crate::{Error, Result};

/// What all files of one writer have in common.
#[derive(Debug)]
pub(super) struct FilePlan {
    pub(super) table: Oid,
    /// As recorded in the catalog: without the hidden column.
    pub(super) columns: Vec<(ColumnId, PgType)>,
    /// Arrow schema of the batches.
    pub(super) input_schema: SchemaRef,
    /// Arrow schema of the file.
    pub(super) file_schema: SchemaRef,
    /// Whether the batches end with the hidden column.
    pub(super) has_row_seqs: bool,
    pub(super) key: KeyRule,
    pub(super) level: u8,
    pub(super) options: WriteOptions,
}

/// The Arrow schema of a file with these columns.
pub(super) fn file_schema(input: &Schema, columns: &[(ColumnId, PgType)], has_row_seqs: bool) -> SchemaRef {
    let fields = columns.iter().zip(input.fields()).map(|((id, _), field)| physical::file_field(*id, field));
    let row_seq = has_row_seqs.then(|| physical::file_field(ColumnId::ROW_SEQ, &row_seq_field()));
    Arc::new(Schema::new(fields.chain(row_seq).collect::<Vec<_>>()))
}

/// A file that takes rows.
pub(super) struct PartitionFile {
    store: Arc<Store>,
    id: PartitionId,
    encoder: Box<Encoder>,
    upload: Upload,
}

impl PartitionFile {
    pub(super) fn create(store: Arc<Store>, plan: Arc<FilePlan>, id: PartitionId) -> Result<PartitionFile> {
        let upload = store.upload(partition_path(plan.table, id));
        Ok(PartitionFile { store, id, encoder: Box::new(Encoder::new(plan)?), upload })
    }

    /// About how large the object is by now, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.encoder.bytes()
    }

    /// Takes rows. On an error what was uploaded is given up.
    pub(super) async fn write(mut self, batch: RecordBatch) -> Result<PartitionFile> {
        let mut encoder = self.encoder;
        let (encoder, written) = on_blocking_thread(move || {
            let written = encoder.write(&batch);
            (encoder, written)
        })
        .await?;
        self.encoder = encoder;
        let sent = match written {
            Ok(bytes) if bytes.is_empty() => Ok(()),
            Ok(bytes) => self.upload.write(bytes).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => Ok(self),
            Err(error) => {
                self.abort().await;
                Err(error)
            }
        }
    }

    /// Makes the object durable and puts its footer in the cache.
    pub(super) async fn finish(self) -> Result<NewPartition> {
        let PartitionFile { store, id, encoder, mut upload } = self;
        let finished = match on_blocking_thread(move || encoder.finish()).await? {
            Ok(finished) => finished,
            Err(error) => return Err(give_up(upload, error).await),
        };
        if let Err(error) = upload.write(finished.rest).await {
            return Err(give_up(upload, error).await);
        }
        let Uploaded { bytes, checksum } = upload.finish().await?;
        store.footers().put(id, Arc::new(Footer::new(finished.footer)?));
        Ok(NewPartition { id, bytes, checksum: Some(checksum), ..finished.partition })
    }

    /// Gives up what was uploaded, as well as that goes.
    pub(super) async fn abort(self) {
        if let Err(error) = self.upload.abort().await {
            tracing::warn!(partition = %self.id, %error, "could not give up an upload");
        }
    }
}

async fn give_up(upload: Upload, error: Error) -> Error {
    if let Err(abort) = upload.abort().await {
        tracing::warn!(error = %abort, "could not give up an upload");
    }
    error
}

pub(super) async fn on_blocking_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(format!("encoder thread: {error}")))
}

/// The part of a file that needs the processor.
struct Encoder {
    plan: Arc<FilePlan>,
    parquet: ArrowWriter<Vec<u8>>,
    statistics: Vec<Collector>,
    nan_columns: Vec<ColumnId>,
    key: KeyTracker,
    seqs: Option<(i64, i64)>,
    rows: u64,
}

struct Finished {
    rest: Bytes,
    footer: Arc<ParquetMetaData>,
    /// Without its identity, size and checksum.
    partition: NewPartition,
}

impl Encoder {
    fn new(plan: Arc<FilePlan>) -> Result<Encoder> {
        let options = ArrowWriterOptions::new()
            .with_properties(plan.options.properties(&plan.file_schema)?)
            .with_skip_arrow_metadata(true);
        let parquet = ArrowWriter::try_new_with_options(Vec::new(), plan.file_schema.clone(), options)?;
        let statistics = plan.columns.iter().map(|(id, ty)| Collector::new(*id, *ty)).collect();
        let (nan_columns, key) = (Vec::new(), KeyTracker::default());
        Ok(Encoder { plan, parquet, statistics, nan_columns, key, seqs: None, rows: 0 })
    }

    fn bytes(&self) -> usize {
        self.parquet.bytes_written() + self.parquet.in_progress_size()
    }

    /// Takes rows and returns the bytes that are ready to be sent.
    fn write(&mut self, batch: &RecordBatch) -> Result<Bytes> {
        self.observe(batch)?;
        let fields = self.plan.file_schema.fields().clone();
        let arrays = batch.columns().iter().zip(&fields).map(|(values, field)| physical::to_file(values, field));
        let rows = RecordBatch::try_new(self.plan.file_schema.clone(), arrays.collect::<Result<_>>()?)
            .map_err(|error| Error::Internal(format!("rows are not of their declared types: {error}")))?;
        self.parquet.write(&rows)?;
        self.ready()
    }

    fn ready(&mut self) -> Result<Bytes> {
        self.parquet.sync().map_err(|source| Error::Io { what: "could not encode".into(), source })?;
        Ok(std::mem::take(self.parquet.inner_mut()).into())
    }

    fn observe(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.key.add(&self.plan.key, batch)?;
        for (at, collector) in self.statistics.iter_mut().enumerate() {
            let (id, values) = (self.plan.columns[at].0, batch.column(at));
            collector.add(values);
            if !self.nan_columns.contains(&id) && physical::has_nan(values) {
                self.nan_columns.push(id);
            }
        }
        if self.plan.has_row_seqs && batch.num_rows() > 0 {
            self.observe_seqs(batch.column(self.plan.columns.len()))?;
        }
        Ok(())
    }

    fn observe_seqs(&mut self, values: &ArrayRef) -> Result<()> {
        use arrow::array::AsArray;
        let seqs = values.as_primitive_opt::<arrow::datatypes::Int64Type>();
        let seqs = seqs.ok_or_else(|| Error::Internal("row sequence numbers are not bigint".into()))?;
        if let (Some(low), Some(high)) = (arrow::compute::min(seqs), arrow::compute::max(seqs)) {
            let (from, to) = self.seqs.unwrap_or((low, high));
            self.seqs = Some((from.min(low), to.max(high)));
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Finished> {
        if !self.nan_columns.is_empty() {
            let ids: Vec<String> = self.nan_columns.iter().map(|id| id.0.to_string()).collect();
            self.parquet.append_key_value_metadata(KeyValue::new(NAN_COLUMNS.to_owned(), ids.join(",")));
        }
        let footer = self.parquet.finish()?;
        let rest = self.ready()?;
        // Nothing selects rows within a row group, so the offset index would only take memory.
        let footer = footer.into_builder().set_offset_index(None).set_column_index(None).build();
        let seq = |seq: i64| Seq(u64::try_from(seq).unwrap_or(0));
        let written = self.plan.columns.iter().zip(self.plan.input_schema.fields()).zip(&self.statistics);
        let stored = |field, ty, known: &Collector| tightened_type(field, ty, known.decimals());
        let columns = written.map(|(((id, ty), field), known)| (*id, stored(field, *ty, known))).collect();
        let statistics: Vec<ColumnStatistics> = self.statistics.into_iter().map(Collector::finish).collect();
        let partition = NewPartition {
            id: PartitionId(uuid::Uuid::nil()),
            columns,
            rows: self.rows,
            bytes: 0,
            checksum: None,
            row_seqs: self.seqs.map(|(from, to)| (seq(from), seq(to))),
            key: self.key.range(),
            level: self.plan.level,
            statistics,
            shared: None,
        };
        Ok(Finished { rest, footer: Arc::new(footer), partition })
    }
}
