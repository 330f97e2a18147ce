//! The work of one merge: the rows of a group into new partitions, each row with its commit. DELETE and UPDATE write
//! what stays of a partition or of chunks in the same way.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use futures::TryStreamExt;
use peristyle_catalog::model::{
    Chunk, ChunkId, Column, ColumnId, Layout, NewChunk, NewPartition, Oid, Partition, PgType, Seq, Table, TypeKind,
    widen,
};
use peristyle_catalog::{RealTimeRows, Sources};

use super::{Group, Pace, ParseMissing, Removed, RowSet};
use crate::objects::Store;
use crate::partition::reader::{BATCH_ROWS, schema_of, stored_as};
use crate::partition::{ReadColumn, ReadSpec, RollingWriter, WriteOptions, WriteSpec, read_partition, verify};
use crate::schema::{TableField, row_position_field, row_seq_field};
use crate::{Error, Result, chunk, real_time, types};

/// What to rewrite the rows of.
pub struct Rewrite<'a> {
    pub store: &'a Arc<Store>,
    pub sources: &'a Sources,
    pub options: &'a WriteOptions,
    pub parse_missing: &'a ParseMissing,
    pub oid: Oid,
    pub table: &'a Table,
    /// The table's columns at the snapshot that the group is of.
    pub fields: Vec<TableField>,
    pub real_time: Option<&'a Arc<dyn RealTimeRows>>,
    /// Whether the rows keep their commits; otherwise they are of the commit that names what is written.
    pub keeps_seqs: bool,
    /// Rows that are left out.
    pub without: &'a Removed,
    pub pace: &'a Pace,
}

/// Durable partitions that nothing names yet.
pub struct Rewritten {
    pub partitions: Vec<NewPartition>,
    writer: RollingWriter,
}

impl Rewritten {
    /// Deletes them again.
    pub async fn discard(self) {
        self.writer.abort().await;
    }
}

impl Rewrite<'_> {
    /// Reads, sorts and writes partitions of that level. On an error nothing is left.
    pub async fn run(&self, group: &Group, level: u8) -> Result<Rewritten> {
        let mut columns = self.columns(group)?;
        let one_seq = single_seq(group).filter(|_| self.keeps_seqs);
        let has_row_seqs = self.keeps_seqs && one_seq.is_none();
        let spec = WriteSpec {
            table: self.oid,
            columns: columns.iter().map(|column| (column.id, column.field.clone())).collect(),
            has_row_seqs,
            partition_key: self.table.partition_key.clone(),
            order_key: self.table.order_key.clone(),
            level,
            options: self.options.clone(),
            sources: self.sources.clone(),
        };
        if has_row_seqs {
            columns.push(hidden(ColumnId::ROW_SEQ, row_seq_field()));
        }
        let writer = RollingWriter::new(self.store.clone(), spec)?;
        if let Err(error) = self.copy(group, columns.into(), &writer).await {
            writer.abort().await;
            return Err(error);
        }
        let mut partitions = writer.finish().await?;
        if let Some(seq) = one_seq {
            partitions.iter_mut().for_each(|partition| partition.row_seqs = Some((seq, seq)));
        }
        Ok(Rewritten { partitions, writer })
    }

    /// The rows of chunks that stay, as one chunk in which each row keeps its commit; for few rows.
    pub fn chunk(&self, chunks: &[Arc<Chunk>]) -> Result<NewChunk> {
        let group = Group { chunks: chunks.to_vec(), partitions: Vec::new() };
        let mut columns = self.columns(&group)?;
        if self.keeps_seqs {
            columns.push(hidden(ColumnId::ROW_SEQ, row_seq_field()));
        }
        let batches = self.read_chunks(chunks, &columns)?;
        let whole = concat_batches(&schema_of(&columns), &batches)?;
        let ids: Vec<ColumnId> = columns.iter().map(|column| column.id).collect();
        chunk::encode(&whole, &ids, &self.table.partition_key)
    }

    async fn copy(&self, group: &Group, columns: Arc<[ReadColumn]>, writer: &RollingWriter) -> Result<()> {
        if !group.chunks.is_empty() {
            for batch in self.read_chunks(&group.chunks, &columns)? {
                writer.write(batch).await?;
            }
            self.pace.spend(group.chunks.iter().map(|chunk| chunk.bytes).sum()).await;
        }
        for partition in &group.partitions {
            self.copy_partition(partition, &columns, writer).await.map_err(|error| error.of_partition(partition.id))?;
        }
        Ok(())
    }

    async fn copy_partition(
        &self,
        partition: &Arc<Partition>,
        columns: &[ReadColumn],
        writer: &RollingWriter,
    ) -> Result<()> {
        // A damage must not be written again as data with a checksum that agrees.
        if partition.checksum.is_some() {
            self.pace.spend(partition.bytes).await;
        }
        verify(self.store, partition).await?;
        let left_out = self.without.partitions.get(&partition.id).filter(|rows| !rows.is_empty());
        let read = if left_out.is_some() { with_position(columns) } else { columns.to_vec() };
        let mut batches = read_partition(self.store, partition, read_spec(read.into())).await?;
        while let Some(batch) = batches.try_next().await? {
            self.pace.spend(share(partition, batch.num_rows())).await;
            let batch = match left_out {
                Some(left_out) => remaining(batch, left_out)?,
                None => batch,
            };
            writer.write(batch).await?;
        }
        Ok(())
    }

    fn read_chunks(&self, chunks: &[Arc<Chunk>], columns: &[ReadColumn]) -> Result<Vec<RecordBatch>> {
        let rows = self.real_time.ok_or_else(|| Error::Internal("chunks to rewrite are not in memory".into()))?;
        let wanted: BTreeSet<ChunkId> = chunks.iter().map(|chunk| chunk.id).collect();
        let is_wanted = |chunk: ChunkId| wanted.contains(&chunk);
        if self.without.chunks.is_empty() {
            return real_time::read_chunks(rows, columns, is_wanted, |_| 0);
        }
        // Positions of all chunks in one row of numbers, so that one set says which rows go.
        let (mut starts, mut left_out, mut next) = (HashMap::new(), RowSet::default(), 0);
        for chunk in chunks {
            starts.insert(chunk.id, next);
            if let Some(rows) = self.without.chunks.get(&chunk.id) {
                for row in (0..chunk.rows).filter(|row| rows.contains(*row)) {
                    left_out.insert(next + row);
                }
            }
            next += chunk.rows;
        }
        let start = |chunk: ChunkId| starts.get(&chunk).copied().unwrap_or_default() as i64;
        let batches = real_time::read_chunks(rows, &with_position(columns), is_wanted, start)?;
        batches.into_iter().map(|batch| remaining(batch, &left_out)).collect()
    }

    /// The live columns that some of the group has.
    fn columns(&self, group: &Group) -> Result<Vec<ReadColumn>> {
        let mut columns = Vec::new();
        for field in &self.fields {
            let stored = stored_types(group, field.id);
            if !stored.is_empty() {
                columns.push(self.column(field, &stored, group)?);
            }
        }
        Ok(columns)
    }

    fn column(&self, field: &TableField, stored: &BTreeSet<PgType>, group: &Group) -> Result<ReadColumn> {
        let is_missing_somewhere = sources_of(group).any(|source| source.stored(field.id).is_none());
        let value = self.table.column_by_id(field.id).and_then(|column: &Column| column.missing.as_ref());
        let value = value.filter(|_| is_missing_somewhere);
        let narrow = if value.is_none() { narrow_decimal(field, stored) } else { None };
        let field_to_write = narrow.unwrap_or_else(|| field.field.clone());
        let missing = value.map(|value| (self.parse_missing)(value, &field_to_write)).transpose()?;
        Ok(ReadColumn { id: field.id, field: field_to_write, missing })
    }
}

/// An open decimal is written no wider than the group's own values need.
fn narrow_decimal(field: &TableField, stored: &BTreeSet<PgType>) -> Option<FieldRef> {
    let is_open = field.ty == PgType::NUMERIC;
    if !is_open || stored.iter().any(|ty| ty.kind() != Some(TypeKind::Numeric) || ty.is_array()) {
        return None;
    }
    let joined = stored.iter().copied().reduce(widen)?;
    let (precision, scale) = joined.numeric_precision_scale()?;
    let arrow: DataType = types::decimal_type(precision, scale);
    Some(types::pg_field(field.field.name(), field.ty, arrow, field.field.is_nullable()))
}

/// Everything of a partition that is live in the head it was taken from.
fn read_spec(columns: Arc<[ReadColumn]>) -> ReadSpec {
    ReadSpec {
        columns,
        as_of: Seq(u64::MAX),
        batch_rows: BATCH_ROWS,
        row_groups: None,
        first_position: 0,
        metrics: Arc::default(),
    }
}

/// About how many bytes of a partition its rows are.
fn share(partition: &Partition, rows: usize) -> u64 {
    (u128::from(partition.bytes) * rows as u128 / u128::from(partition.rows.max(1))) as u64
}

fn hidden(id: ColumnId, field: FieldRef) -> ReadColumn {
    ReadColumn { id, field, missing: None }
}

/// The columns and behind them each row's position.
fn with_position(columns: &[ReadColumn]) -> Vec<ReadColumn> {
    let position = hidden(ColumnId::ROW_POSITION, row_position_field("position"));
    columns.iter().cloned().chain([position]).collect()
}

/// The rows of a batch whose last column, the position, is not among those left out; without that column.
fn remaining(mut batch: RecordBatch, left_out: &RowSet) -> Result<RecordBatch> {
    let positions = batch.remove_column(batch.num_columns() - 1);
    let mask = left_out.others(positions.as_primitive::<Int64Type>());
    Ok(filter_record_batch(&batch, &mask)?)
}

/// A chunk or partition of the group.
enum Source<'a> {
    Chunk(&'a Layout),
    Partition(&'a Partition),
}

impl Source<'_> {
    fn stored(&self, id: ColumnId) -> Option<PgType> {
        match self {
            Source::Chunk(layout) => layout.columns.iter().find(|(column, _)| *column == id).map(|(_, ty)| *ty),
            Source::Partition(partition) => stored_as(partition, id).map(|(_, ty)| ty),
        }
    }
}

fn sources_of(group: &Group) -> impl Iterator<Item = Source<'_>> {
    // Neighbouring chunks mostly share a layout.
    let layouts = group.chunks.chunk_by(|a, b| a.layout.id == b.layout.id).map(|alike| Source::Chunk(&alike[0].layout));
    layouts.chain(group.partitions.iter().map(|partition| Source::Partition(partition)))
}

fn stored_types(group: &Group, id: ColumnId) -> BTreeSet<PgType> {
    sources_of(group).filter_map(|source| source.stored(id)).collect()
}

/// The one commit that wrote all rows of the group, if it was one.
fn single_seq(group: &Group) -> Option<Seq> {
    let has_own = |chunk: &Arc<Chunk>| chunk.layout.columns.iter().any(|(id, _)| *id == ColumnId::ROW_SEQ);
    if group.chunks.iter().any(has_own) {
        return None;
    }
    let chunks = group.chunks.iter().map(|chunk| (chunk.id.seq, chunk.id.seq));
    let mut ranges = chunks.chain(group.partitions.iter().map(|partition| partition.row_seqs));
    let (first, last) = ranges.next()?;
    (first == last && ranges.all(|range| range == (first, first))).then_some(first)
}
