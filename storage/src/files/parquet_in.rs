//! A foreign Parquet file: its columns as PostgreSQL's types, and its row groups, which any number of readers share.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{BoxStream, StreamExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use peristyle_catalog::model::PgType;

use super::parquet_out::TYPES_KEY;
use super::parquet_types::{column_of, to_plan};
use super::{FileError, Result, Source};
use crate::partition::read_field;
use crate::partition::reader::BATCH_ROWS;

/// Bytes at the end of a file that are fetched first; most footers are smaller.
const FOOTER_GUESS_BYTES: usize = 64 * 1024;

/// How Parquet says that it lacks a compression.
const NOT_BUILT_IN: &str = "Disabled feature at compile time:";

/// An open Parquet file.
#[derive(Debug)]
pub struct ParquetFile {
    source: Source,
    reader: ArrowReaderMetadata,
    schema: SchemaRef,
    /// The row group that the next reader takes.
    next: AtomicUsize,
}

impl ParquetFile {
    /// Reads the footer.
    pub async fn open(source: Source) -> Result<ParquetFile> {
        let footer = read_footer(&source).await.map_err(|error| of_parquet(&source, error))?;
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let invalid = |error| of_parquet(&source, error);
        let inferred = ArrowReaderMetadata::try_new(Arc::clone(&footer), options.clone()).map_err(invalid)?;
        let fields: Vec<FieldRef> = inferred.schema().fields().iter().map(read_field).collect();
        let types = written_types(&footer, fields.len());
        let columns = fields.iter().zip(types).map(|(field, ty)| column_of(field, ty)).collect::<Result<Vec<_>>>()?;
        let options = options.with_schema(Arc::new(Schema::new(fields)));
        let reader = ArrowReaderMetadata::try_new(footer, options).map_err(|error| of_parquet(&source, error))?;
        Ok(ParquetFile { source, reader, schema: Arc::new(Schema::new(columns)), next: AtomicUsize::new(0) })
    }

    /// The columns, each marked with its PostgreSQL type where it has one.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The name that it was opened by.
    pub fn place(&self) -> &str {
        self.source.place()
    }

    /// The rows of the next row group that nobody has taken, of the columns at these places, ascending; `None` when there
    /// is none left. The bytes that the row group takes in the file come with it.
    pub async fn next_group(
        &self,
        columns: &[usize],
    ) -> Option<Result<(BoxStream<'static, Result<RecordBatch>>, u64)>> {
        let group = self.next.fetch_add(1, Ordering::Relaxed);
        let groups = self.reader.metadata().row_groups();
        let bytes = u64::try_from(groups.get(group)?.compressed_size()).unwrap_or(0);
        Some(self.group(group, columns).map(|batches| (batches, bytes)))
    }

    fn group(&self, group: usize, columns: &[usize]) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let schema = self.reader.parquet_schema();
        let batches =
            ParquetRecordBatchStreamBuilder::new_with_metadata(Reader(self.source.clone()), self.reader.clone())
                .with_projection(ProjectionMask::roots(schema, columns.iter().copied()))
                .with_row_groups(vec![group])
                .with_batch_size(BATCH_ROWS)
                .build()
                .map_err(|error| of_parquet(&self.source, error))?;
        let wanted: Vec<FieldRef> = columns.iter().map(|at| Arc::clone(&self.schema.fields()[*at])).collect();
        let (wanted, source) = (Arc::new(Schema::new(wanted)), self.source.clone());
        Ok(batches.map(move |batch| converted(&batch.map_err(|error| of_parquet(&source, error))?, &wanted)).boxed())
    }
}

fn converted(batch: &RecordBatch, wanted: &SchemaRef) -> Result<RecordBatch> {
    let arrays = batch.columns().iter().zip(wanted.fields()).map(|(values, field)| to_plan(values, field));
    let arrays = arrays.collect::<Result<Vec<ArrayRef>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(wanted), arrays, &options)
        .map_err(|error| FileError::Internal(error.to_string()))
}

async fn read_footer(source: &Source) -> std::result::Result<Arc<ParquetMetaData>, ParquetError> {
    let mut reader = Reader(source.clone());
    let metadata = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Skip)
        .with_prefetch_hint(Some(FOOTER_GUESS_BYTES))
        .load_and_finish(&mut Fetch(&mut reader), source.size())
        .await?;
    Ok(Arc::new(metadata))
}

/// The PostgreSQL types that a file of ours says its columns were written from.
fn written_types(footer: &ParquetMetaData, columns: usize) -> Vec<Option<PgType>> {
    let pairs = footer.file_metadata().key_value_metadata();
    let value = pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key == TYPES_KEY)?.value.as_deref());
    let parse = |text: &str| {
        let (oid, typmod) = text.split_once(':')?;
        Some(PgType { oid: oid.parse().ok()?, typmod: typmod.parse().ok()? })
    };
    let types: Vec<Option<PgType>> = value.unwrap_or_default().split(',').map(parse).collect();
    if types.len() == columns { types } else { vec![None; columns] }
}

/// What failed below Parquet is told as it was.
fn of_parquet(source: &Source, error: ParquetError) -> FileError {
    match error {
        ParquetError::External(inner) => match inner.downcast::<FileError>() {
            Ok(error) => *error,
            Err(other) => FileError::Internal(other.to_string()),
        },
        // What this build was not made with, such as a compression.
        ParquetError::General(why) | ParquetError::NYI(why) if why.starts_with(NOT_BUILT_IN) => {
            FileError::Unsupported(format!("compression{} of file \"{}\"", &why[NOT_BUILT_IN.len()..], source.place()))
        }
        other => FileError::Format { place: source.place().to_owned(), why: other.to_string() },
    }
}

/// The file as Parquet reads it.
struct Reader(Source);

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        async move { self.0.range(range).await.map_err(|error| ParquetError::External(Box::new(error))) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async { Err(ParquetError::General("the footer is read before the rows".into())) }.boxed()
    }
}

/// The file as Parquet's footer reader wants it.
struct Fetch<'a>(&'a mut Reader);

impl parquet::arrow::async_reader::MetadataFetch for &mut Fetch<'_> {
    fn fetch(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.0.get_bytes(range)
    }
}
