//! Rows of the simulation's tables: written and read through the same doors as any others.

use std::sync::Arc;

use arrow::array::{AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{Int64Type, Schema};
use futures::TryStreamExt;
use peristyle_catalog::Head;
use peristyle_catalog::model::*;

use super::world::Life;
use crate::partition::{ReadColumn, ReadSpec, RollingWriter, ScanMetrics, WriteOptions, WriteSpec, read_partition};
use crate::testing::field;
use crate::{Result, chunk, real_time};

const NUMBER: ColumnId = ColumnId(1);
const WORTH: ColumnId = ColumnId(2);

/// Row number and worth.
pub(super) type Row = (i64, i64);

fn batch(rows: &[Row]) -> RecordBatch {
    let schema = Schema::new(vec![field("number", PgType::INT8), field("worth", PgType::INT8)]);
    let (numbers, worths): (Vec<i64>, Vec<i64>) = rows.iter().copied().unzip();
    let arrays = vec![Arc::new(Int64Array::from(numbers)) as _, Arc::new(Int64Array::from(worths)) as _];
    RecordBatch::try_new(schema.into(), arrays).expect("two columns")
}

pub(super) fn chunk_of(rows: &[Row]) -> Result<NewChunk> {
    chunk::encode(&batch(rows), &[NUMBER, WORTH], &PartitionKey::None)
}

pub(super) fn options(life: &Life) -> WriteOptions {
    WriteOptions { encoders_max: 1, ..WriteOptions::new(life.spill.clone()) }
}

/// Durable partitions that nothing names yet. On an error nothing is left but perhaps orphans.
pub(super) async fn write_partitions(
    life: &Life,
    table: Oid,
    rows: &[Row],
) -> Result<(RollingWriter, Vec<NewPartition>)> {
    let spec = WriteSpec {
        table,
        columns: vec![(NUMBER, field("number", PgType::INT8)), (WORTH, field("worth", PgType::INT8))],
        has_row_seqs: false,
        partition_key: PartitionKey::None,
        order_key: Vec::new(),
        level: 0,
        options: options(life),
        sources: life.sources.clone(),
    };
    let writer = RollingWriter::new(Arc::clone(&life.store), spec)?;
    if let Err(error) = writer.write(batch(rows)).await {
        writer.abort().await;
        return Err(error);
    }
    let partitions = writer.finish().await?;
    Ok((writer, partitions))
}

fn columns() -> Arc<[ReadColumn]> {
    let column = |id, name| ReadColumn { id, field: field(name, PgType::INT8), missing: None };
    Arc::new([column(NUMBER, "number"), column(WORTH, "worth")])
}

fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    let column = |at: usize| batch.column(at).as_primitive::<Int64Type>();
    let (numbers, worths) = (column(0), column(1));
    (0..batch.num_rows()).map(|row| (numbers.value(row), worths.value(row))).collect()
}

/// The rows of one partition that a reader of the head sees.
pub(super) async fn read_one(life: &Life, head: &Head, partition: &Arc<Partition>) -> Result<Vec<Row>> {
    let spec = ReadSpec {
        columns: columns(),
        as_of: head.seq(),
        batch_rows: 1024,
        row_groups: None,
        first_position: 0,
        metrics: Arc::new(ScanMetrics::default()),
    };
    let batches: Vec<RecordBatch> = read_partition(&life.store, partition, spec).await?.try_collect().await?;
    Ok(batches.iter().flat_map(rows_of).collect())
}

/// The rows of some chunks.
pub(super) fn read_chunks(head: &Head, table: Oid, wanted: impl Fn(ChunkId) -> bool) -> Result<Vec<Row>> {
    let Some(rows) = head.contents(table).and_then(|contents| contents.real_time()) else { return Ok(Vec::new()) };
    let batches = real_time::read_chunks(rows, &columns(), wanted, |_| 0)?;
    Ok(batches.iter().flat_map(rows_of).collect())
}

/// The rows that a state of the past has in the log alone.
async fn read_log(life: &Life, head: &Head, table: Oid) -> Result<Vec<Row>> {
    let chunks = head.contents(table).map(|contents| contents.chunks_in_log().to_vec()).unwrap_or_default();
    if chunks.is_empty() {
        return Ok(Vec::new());
    }
    let rows = match life.catalog.rows_in_log(head.seq(), chunks).await {
        Err(error @ peristyle_catalog::Error::Corrupt { .. }) if !life.is_dead() => {
            panic!("chunks of the state of commit {} cannot be read: {error}", head.seq())
        }
        rows => rows?,
    };
    let batches = real_time::read(&rows, &columns(), head.seq())?;
    Ok(batches.iter().flat_map(rows_of).collect())
}

/// Every row of the table.
pub(super) async fn read_all(life: &Life, head: &Head, table: Oid) -> Result<Vec<Row>> {
    let mut rows = read_chunks(head, table, |chunk| chunk.seq <= head.seq())?;
    rows.extend(read_log(life, head, table).await?);
    let partitions = head.contents(table).into_iter().flat_map(|contents| contents.partitions());
    for partition in partitions {
        // A cached footer would hide that the object is gone.
        life.store.footers().remove(partition.id);
        rows.extend(read_one(life, head, partition).await?);
    }
    rows.sort_unstable();
    Ok(rows)
}
