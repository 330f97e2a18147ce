//! The work of one merge: the rows of a group into new partitions, each row with its commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use futures::TryStreamExt;
use peristyle_catalog::model::{
    ChunkId, Column, ColumnId, Layout, NewPartition, Oid, Partition, PgType, Seq, Table, TypeKind, widen,
};
use peristyle_catalog::{RealTimeRows, Sources};

use super::{Group, ParseMissing};
use crate::objects::Store;
use crate::partition::reader::{BATCH_ROWS, stored_as};
use crate::partition::{ReadColumn, ReadSpec, RollingWriter, WriteOptions, WriteSpec, read_partition};
use crate::schema::{TableField, row_seq_field};
use crate::{Error, Result, real_time, types};

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
    /// Reads, sorts and writes. On an error nothing is left.
    pub async fn run(&self, group: &Group) -> Result<Rewritten> {
        let mut columns = self.columns(group)?;
        let one_seq = single_seq(group);
        let spec = WriteSpec {
            table: self.oid,
            columns: columns.iter().map(|column| (column.id, column.field.clone())).collect(),
            has_row_seqs: one_seq.is_none(),
            partition_key: self.table.partition_key.clone(),
            order_key: self.table.order_key.clone(),
            level: group.level(),
            options: self.options.clone(),
            sources: self.sources.clone(),
        };
        if one_seq.is_none() {
            columns.push(ReadColumn { id: ColumnId::ROW_SEQ, field: row_seq_field(), missing: None });
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

    async fn copy(&self, group: &Group, columns: Arc<[ReadColumn]>, writer: &RollingWriter) -> Result<()> {
        if !group.chunks.is_empty() {
            let rows = self.real_time.ok_or_else(|| Error::Internal("chunks to merge are not in memory".into()))?;
            let wanted: BTreeSet<ChunkId> = group.chunks.iter().map(|chunk| chunk.id).collect();
            for batch in real_time::read_chunks(rows, &columns, |chunk| wanted.contains(&chunk))? {
                writer.write(batch).await?;
            }
        }
        for partition in &group.partitions {
            let mut batches = read_partition(self.store, partition, self.read_spec(columns.clone())).await?;
            while let Some(batch) = batches.try_next().await? {
                writer.write(batch).await?;
            }
        }
        Ok(())
    }

    fn read_spec(&self, columns: Arc<[ReadColumn]>) -> ReadSpec {
        // What a merge reads is live in the newest head, so every row of it is visible.
        ReadSpec { columns, as_of: Seq(u64::MAX), batch_rows: BATCH_ROWS, row_groups: None, metrics: Arc::default() }
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
    let chunks = group.chunks.iter().map(|chunk| (chunk.id.seq, chunk.id.seq));
    let mut ranges = chunks.chain(group.partitions.iter().map(|partition| partition.row_seqs));
    let (first, last) = ranges.next()?;
    (first == last && ranges.all(|range| range == (first, first))).then_some(first)
}
