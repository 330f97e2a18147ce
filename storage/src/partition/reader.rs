//! Reads a partition as a stream of batches in the plan's types: columns are found by id, widened, or filled in where
//! the file lacks them; rows of commits after the reader's snapshot are left out.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::types::Int64Type;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::{filter, filter_record_batch, take};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use peristyle_catalog::model::{ColumnId, Partition, PgType, Seq};

use super::footers::Footer;
use super::metrics::ScanMetrics;
use super::physical::from_file;
use super::widening::widen_array;
use crate::batches::batch_of;
use crate::objects::{Store, path_of};
use crate::{Error, Result};

/// Rows of a batch, if the reader does not say.
pub const BATCH_ROWS: usize = 32 * 1024;
/// Bytes at the end of an object that are fetched first; most footers are smaller.
const FOOTER_GUESS_BYTES: usize = 64 * 1024;

/// A column as the plan wants it.
#[derive(Clone, Debug)]
pub struct ReadColumn {
    /// [`ColumnId::ROW_SEQ`] reads each row's commit, [`ColumnId::ROW_POSITION`] its place, both as bigint.
    pub id: ColumnId,
    pub field: FieldRef,
    /// One value of the field's type that files without the column read as; NULL if there is none.
    pub missing: Option<ArrayRef>,
}

/// What to read of a partition.
#[derive(Clone)]
pub struct ReadSpec {
    pub columns: Arc<[ReadColumn]>,
    /// The reader's snapshot.
    pub as_of: Seq,
    /// Most rows of a batch.
    pub batch_rows: usize,
    /// All, if `None`.
    pub row_groups: Option<Vec<usize>>,
    /// The [`ColumnId::ROW_POSITION`] of the file's first row.
    pub first_position: i64,
    pub metrics: Arc<ScanMetrics>,
}

impl ReadSpec {
    /// The schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        schema_of(&self.columns)
    }
}

pub(crate) fn schema_of(columns: &[ReadColumn]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()))
}

/// The partition's footer, from memory or from the store.
pub async fn open_footer(store: &Arc<Store>, partition: &Partition, metrics: &Arc<ScanMetrics>) -> Result<Arc<Footer>> {
    if let Some(footer) = store.footers().get(partition.id) {
        return Ok(footer);
    }
    metrics.open(partition.id);
    let mut reader = ObjectReader { store: store.clone(), path: path_of(partition), metrics: metrics.clone() };
    let metadata = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Skip)
        .with_prefetch_hint(Some(FOOTER_GUESS_BYTES))
        .load_and_finish(&mut Fetch(&mut reader), partition.bytes)
        .await?;
    let footer = Arc::new(Footer::new(Arc::new(metadata))?);
    store.footers().put(partition.id, footer.clone());
    Ok(footer)
}

/// Reads the partition's rows that the snapshot sees. The stream's batches have [`ReadSpec::schema`].
pub async fn read_partition(
    store: &Arc<Store>,
    partition: &Arc<Partition>,
    spec: ReadSpec,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let (first, last) = partition.row_seqs;
    if first > spec.as_of {
        return Ok(stream::empty().boxed());
    }
    let mut plan = Projection::new(partition, &spec.columns);
    let newest = (last > spec.as_of).then_some(spec.as_of);
    if newest.is_some() {
        plan.need_row_seqs();
    }
    if plan.reads_nothing() && spec.row_groups.is_none() {
        plan.positions = Positions::new(spec.first_position, [partition.rows], None);
        return Ok(constant_batches(plan, partition.rows, spec.batch_rows));
    }
    let footer = open_footer(store, partition, &spec.metrics).await?;
    plan.bind(&footer, partition)?;
    let row_groups = spec.row_groups.clone().unwrap_or_else(|| (0..footer.row_groups()).collect());
    let sizes = (0..footer.row_groups()).map(|group| footer.row_group_rows(group));
    plan.positions = Positions::new(spec.first_position, sizes, Some(&row_groups));
    if plan.reads_nothing() {
        let rows = row_groups.iter().map(|group| footer.row_group_rows(*group)).sum();
        return Ok(constant_batches(plan, rows, spec.batch_rows));
    }
    spec.metrics.open(partition.id);
    spec.metrics.row_groups(row_groups.len());
    let reader = ObjectReader { store: store.clone(), path: path_of(partition), metrics: spec.metrics.clone() };
    let schema = footer.reader.parquet_schema();
    let batches = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, footer.reader.clone())
        .with_projection(ProjectionMask::roots(schema, plan.file_positions()))
        .with_row_groups(row_groups)
        .with_batch_size(spec.batch_rows.max(1))
        .build()?;
    let visible = batches.map(move |batch| plan.apply(&batch?, newest));
    Ok(visible.filter(|batch| std::future::ready(!matches!(batch, Ok(batch) if batch.num_rows() == 0))).boxed())
}

/// How the plan's columns come out of the file's.
struct Projection {
    schema: SchemaRef,
    outputs: Vec<Output>,
    /// Positions in the file of the columns that are read, ascending, as Parquet's projection has them.
    read: Vec<usize>,
    row_seq: Option<ColumnId>,
    row_seq_position: usize,
    positions: Positions,
}

enum Output {
    /// In the file: its id there, the type as stored, the position once the file is known.
    Stored { column: ReadColumn, in_file: ColumnId, ty: PgType, position: usize },
    /// The same value in every row.
    Constant(ArrayRef),
    /// Where each row lies.
    Position,
}

/// Where the rows that are read lie, in the order in which they come.
#[derive(Default)]
struct Positions {
    ranges: VecDeque<Range<i64>>,
}

impl Positions {
    /// Of a file whose row groups have so many rows, the first row at `first`; `read` says which of them come.
    fn new(first: i64, row_groups: impl IntoIterator<Item = u64>, read: Option<&[usize]>) -> Positions {
        let mut start = first;
        let ranges = row_groups.into_iter().map(|rows| {
            let range = start..start + rows as i64;
            start = range.end;
            range
        });
        let ranges: Vec<Range<i64>> = ranges.collect();
        let ranges = match read {
            None => ranges.into(),
            Some(read) => read.iter().filter_map(|group| ranges.get(*group).cloned()).collect(),
        };
        Positions { ranges }
    }

    /// Those of the next rows.
    fn take(&mut self, rows: usize) -> Int64Array {
        let mut taken = Vec::with_capacity(rows);
        while taken.len() < rows
            && let Some(range) = self.ranges.front_mut()
        {
            let end = range.end.min(range.start + (rows - taken.len()) as i64);
            taken.extend(range.start..end);
            range.start = end;
            if range.is_empty() {
                self.ranges.pop_front();
            }
        }
        Int64Array::from(taken)
    }
}

impl Projection {
    fn new(partition: &Partition, columns: &[ReadColumn]) -> Projection {
        let outputs = columns.iter().map(|column| Output::new(partition, column)).collect();
        let schema = schema_of(columns);
        Projection {
            schema,
            outputs,
            read: Vec::new(),
            row_seq: None,
            row_seq_position: 0,
            positions: Positions::default(),
        }
    }

    fn need_row_seqs(&mut self) {
        self.row_seq = Some(ColumnId::ROW_SEQ);
    }

    fn reads_nothing(&self) -> bool {
        self.row_seq.is_none() && !self.outputs.iter().any(|output| matches!(output, Output::Stored { .. }))
    }

    /// Finds the columns in the file.
    fn bind(&mut self, footer: &Footer, partition: &Partition) -> Result<()> {
        let find = |id: ColumnId| {
            let lost = || Error::corrupt(format!("partition {}", partition.id), format!("it lacks column {}", id.0));
            footer.position(id).ok_or_else(lost)
        };
        for output in &mut self.outputs {
            if let Output::Stored { in_file, position, .. } = output {
                *position = find(*in_file)?;
                self.read.push(*position);
            }
        }
        if let Some(id) = self.row_seq {
            self.row_seq_position = find(id)?;
            self.read.push(self.row_seq_position);
        }
        self.read.sort_unstable();
        self.read.dedup();
        Ok(())
    }

    fn file_positions(&self) -> Vec<usize> {
        self.read.clone()
    }

    fn column<'a>(&self, batch: &'a RecordBatch, position: usize) -> &'a ArrayRef {
        batch.column(self.read.partition_point(|read| *read < position))
    }

    /// Positions of the next rows, if they are asked for.
    fn next_positions(&mut self, rows: usize) -> Option<ArrayRef> {
        let is_wanted = self.outputs.iter().any(|output| matches!(output, Output::Position));
        is_wanted.then(|| Arc::new(self.positions.take(rows)) as ArrayRef)
    }

    /// A batch of the file as one of the plan, without rows after `newest`.
    fn apply(&mut self, file: &RecordBatch, newest: Option<Seq>) -> Result<RecordBatch> {
        let mut positions = self.next_positions(file.num_rows());
        let visible;
        let file = match newest {
            None => file,
            Some(newest) => {
                let seqs = self.column(file, self.row_seq_position).as_primitive::<Int64Type>();
                let mask = visible_rows(seqs, newest);
                visible = filter_record_batch(file, &mask)?;
                positions = positions.map(|positions| filter(&positions, &mask)).transpose()?;
                &visible
            }
        };
        self.assemble(file.num_rows(), positions, |position| self.column(file, position))
    }

    fn assemble<'a>(
        &self,
        rows: usize,
        positions: Option<ArrayRef>,
        stored: impl Fn(usize) -> &'a ArrayRef,
    ) -> Result<RecordBatch> {
        let arrays = self.outputs.iter().map(|output| match output {
            Output::Stored { column, ty, position, .. } => {
                widen_array(&from_file(stored(*position))?, *ty, &column.field)
            }
            Output::Constant(value) => repeat(value, rows),
            Output::Position => positions.clone().ok_or_else(|| Error::Internal("rows without positions".into())),
        });
        batch_of(self.schema.clone(), arrays.collect::<Result<_>>()?, rows)
    }
}

impl Output {
    fn new(partition: &Partition, column: &ReadColumn) -> Output {
        if column.id == ColumnId::ROW_SEQ {
            return Output::row_seq(partition, column);
        }
        if column.id == ColumnId::ROW_POSITION {
            return Output::Position;
        }
        match stored_as(partition, column.id) {
            Some((in_file, ty)) => Output::Stored { column: column.clone(), in_file, ty, position: 0 },
            None => Output::Constant(missing_value(column)),
        }
    }

    fn row_seq(partition: &Partition, column: &ReadColumn) -> Output {
        let (first, last) = partition.row_seqs;
        if first == last {
            return Output::Constant(Arc::new(Int64Array::from(vec![first.0 as i64])));
        }
        let (in_file, ty) = (ColumnId::ROW_SEQ, PgType::INT8);
        Output::Stored { column: column.clone(), in_file, ty, position: 0 }
    }
}

/// In which type the partition holds a column of the table; `None` if it lacks it.
pub fn stored_type(partition: &Partition, id: ColumnId) -> Option<PgType> {
    stored_as(partition, id).map(|(_, ty)| ty)
}

/// Under which id and in which type the partition holds a column of the table.
pub(crate) fn stored_as(partition: &Partition, id: ColumnId) -> Option<(ColumnId, PgType)> {
    let renamed = partition.remap.iter().find(|remap| remap.in_table == id);
    let hidden = renamed.is_none() && partition.remap.iter().any(|remap| remap.in_file == id);
    if hidden {
        return None;
    }
    let in_file = renamed.map_or(id, |remap| remap.in_file);
    let find = |wanted: ColumnId| partition.layout.columns.iter().find(|(id, _)| *id == wanted);
    // The layout of a renamed column may name it as the table does.
    let (_, ty) = find(in_file).or_else(|| find(id))?;
    Some((in_file, *ty))
}

/// The one value that a file without the column reads as.
pub(crate) fn missing_value(column: &ReadColumn) -> ArrayRef {
    column.missing.clone().unwrap_or_else(|| new_null_array(column.field.data_type(), 1))
}

/// One value as many times as there are rows.
pub(crate) fn repeat(value: &ArrayRef, rows: usize) -> Result<ArrayRef> {
    if value.is_null(0) {
        return Ok(new_null_array(value.data_type(), rows));
    }
    Ok(take(value, &UInt32Array::from(vec![0; rows]), None)?)
}

pub(crate) fn visible_rows(seqs: &Int64Array, newest: Seq) -> BooleanArray {
    let newest = i64::try_from(newest.0).unwrap_or(i64::MAX);
    BooleanArray::from_unary(seqs, |seq| seq <= newest)
}

/// Batches of nothing but constants.
fn constant_batches(mut plan: Projection, rows: u64, batch_rows: usize) -> BoxStream<'static, Result<RecordBatch>> {
    let batch_rows = batch_rows.max(1) as u64;
    let sizes = (0..rows).step_by(batch_rows as usize).map(move |from| (rows - from).min(batch_rows) as usize);
    let no_column = |_| -> &ArrayRef { unreachable!("a plan that reads nothing has no stored column") };
    let batches = sizes.map(move |rows| {
        let positions = plan.next_positions(rows);
        plan.assemble(rows, positions, no_column)
    });
    stream::iter(batches).boxed()
}

/// An object as Parquet reads it.
struct ObjectReader {
    store: Arc<Store>,
    path: Path,
    metrics: Arc<ScanMetrics>,
}

impl ObjectReader {
    async fn ranges(&self, ranges: &[Range<u64>]) -> parquet::errors::Result<Vec<Bytes>> {
        let parts = self.store.get_ranges(&self.path, ranges).await;
        let parts = parts.map_err(|error| ParquetError::External(Box::new(error)))?;
        self.metrics.read(parts.iter().map(|part| part.len() as u64).sum());
        Ok(parts)
    }

    async fn range(&self, range: Range<u64>) -> parquet::errors::Result<Bytes> {
        let mut parts = self.ranges(&[range]).await?;
        parts.pop().ok_or_else(|| ParquetError::EOF("the store returned no range".into()))
    }
}

impl AsyncFileReader for ObjectReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.range(range).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        async move { self.ranges(&ranges).await }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async { Err(ParquetError::General("the footer is read before the rows".into())) }.boxed()
    }
}

/// An object as Parquet's footer reader wants it.
struct Fetch<'a>(&'a mut ObjectReader);

impl parquet::arrow::async_reader::MetadataFetch for &mut Fetch<'_> {
    fn fetch(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.0.range(range).boxed()
    }
}
