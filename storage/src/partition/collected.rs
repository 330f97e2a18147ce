//! Rows of a table with a partition or order key on their way into partitions: collected and sorted in memory; past
//! the limit sorted runs go to the spill folder and are merged at the end.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::stream::{self, StreamExt, TryStreamExt};
use peristyle_catalog::model::NewPartition;
use tokio::sync::Mutex as AsyncMutex;

use super::cutter::{Cutter, FileMaker};
use super::encoder::on_blocking_thread;
use super::sort::{SortRule, SortedRows, schema_of};
use super::spill::{Merge, RUN_BATCH_ROWS, Run, SortedBatches};
use crate::Result;
use crate::batches::memory_of;

/// The memory limit is shared by rows that are collected, rows that are spilled and the copies made on the way.
const MEMORY_SHARES: usize = 3;
/// Rows of the batches that sorted rows are encoded in.
const PIECE_ROWS: usize = 32 * 1024;

/// Rows that wait to be sorted, and the runs that were.
pub(super) struct Collected {
    rule: SortRule,
    rows: AsyncMutex<Rows>,
    /// Runs by how often they were merged.
    runs: AsyncMutex<Vec<Vec<Run>>>,
}

#[derive(Default)]
struct Rows {
    batches: Vec<RecordBatch>,
    bytes: usize,
}

impl Collected {
    pub(super) fn new(rule: SortRule) -> Collected {
        Collected { rule, rows: AsyncMutex::default(), runs: AsyncMutex::default() }
    }

    pub(super) async fn write(&self, maker: &Arc<FileMaker>, batch: RecordBatch) -> Result<()> {
        let mut rows = self.rows.lock().await;
        rows.bytes += memory_of(&batch);
        rows.batches.push(batch);
        if rows.bytes < maker.plan.options.sort_memory_bytes / MEMORY_SHARES {
            return Ok(());
        }
        // Whoever comes meanwhile waits for the rows' lock, so no more than one lot is spilled while one is collected.
        let mut runs = self.runs.lock().await;
        let full = std::mem::take(&mut *rows);
        drop(rows);
        let run = self.spill(maker, full.batches).await?;
        self.add_run(maker, &mut runs, run).await
    }

    async fn spill(&self, maker: &Arc<FileMaker>, batches: Vec<RecordBatch>) -> Result<Run> {
        let (rule, name, maker) = (self.rule.clone(), maker.name(), maker.clone());
        on_blocking_thread(move || {
            let schema = schema_of(&batches)?;
            let sorted = SortedRows::new(&rule, batches)?;
            let pieces: SortedBatches = Box::new(sorted.pieces(RUN_BATCH_ROWS));
            Run::write(&maker.plan.options.spill_folder, name, &schema, pieces)
        })
        .await?
    }

    /// Merges the runs of one level once there are `sort_fan_in_max` of them, so that the last merge has a bounded
    /// number of sources and each row is rewritten a logarithmic number of times.
    async fn add_run(&self, maker: &Arc<FileMaker>, runs: &mut Vec<Vec<Run>>, mut run: Run) -> Result<()> {
        for level in 0.. {
            if runs.len() == level {
                runs.push(Vec::new());
            }
            runs[level].push(run);
            if runs[level].len() < maker.plan.options.sort_fan_in_max.max(2) {
                break;
            }
            run = self.merge_runs(maker, std::mem::take(&mut runs[level])).await?;
        }
        Ok(())
    }

    async fn merge_runs(&self, maker: &Arc<FileMaker>, runs: Vec<Run>) -> Result<Run> {
        let (rule, name, maker) = (self.rule.clone(), maker.name(), maker.clone());
        on_blocking_thread(move || {
            let sources = runs.into_iter().map(Run::read).collect::<Result<Vec<_>>>()?;
            let schema = &maker.plan.input_schema;
            let merged: SortedBatches = Box::new(Merge::new(&rule, schema, sources)?);
            Run::write(&maker.plan.options.spill_folder, name, schema, merged)
        })
        .await?
    }

    pub(super) async fn finish(&self, maker: &Arc<FileMaker>) -> Result<Vec<NewPartition>> {
        let rest = std::mem::take(&mut *self.rows.lock().await);
        let runs = std::mem::take(&mut *self.runs.lock().await);
        let rule = self.rule.clone();
        let sorted = on_blocking_thread(move || SortedRows::new(&rule, rest.batches)).await??;
        if runs.is_empty() {
            return write_sorted(maker, sorted).await;
        }
        let mut sources = runs.into_iter().flatten().map(Run::read).collect::<Result<Vec<_>>>()?;
        sources.push(Box::new(sorted.pieces(RUN_BATCH_ROWS)));
        let merge = Merge::new(&self.rule, &maker.plan.input_schema, sources)?;
        write_merged(maker, merge).await
    }

    pub(super) async fn abort(&self) {
        *self.rows.lock().await = Rows::default();
        self.runs.lock().await.clear();
    }
}

/// Writes sorted rows, several coarse units at once.
async fn write_sorted(maker: &Arc<FileMaker>, sorted: SortedRows) -> Result<Vec<NewPartition>> {
    let sorted = Arc::new(sorted);
    let units = sorted.coarse_ranges(&maker.plan.key)?;
    let encoders = maker.plan.options.encoders_max.max(1);
    let written = units.into_iter().map(|unit| write_unit(maker.clone(), sorted.clone(), unit));
    let partitions: Vec<Vec<NewPartition>> = stream::iter(written).buffer_unordered(encoders).try_collect().await?;
    Ok(partitions.into_iter().flatten().collect())
}

async fn write_unit(maker: Arc<FileMaker>, sorted: Arc<SortedRows>, unit: Range<usize>) -> Result<Vec<NewPartition>> {
    let mut from = unit.start;
    let next_piece = move || {
        let piece = from..(from + PIECE_ROWS).min(unit.end);
        from = piece.end;
        (!piece.is_empty()).then(|| sorted.take(piece))
    };
    write_pieces(maker, std::iter::from_fn(next_piece)).await
}

async fn write_merged(maker: &Arc<FileMaker>, merge: Merge) -> Result<Vec<NewPartition>> {
    write_pieces(maker.clone(), merge).await
}

/// Draws sorted batches on a blocking thread and writes them.
async fn write_pieces(
    maker: Arc<FileMaker>,
    mut pieces: impl Iterator<Item = Result<RecordBatch>> + Send + 'static,
) -> Result<Vec<NewPartition>> {
    let mut cutter = Cutter::new(maker);
    loop {
        let piece;
        (pieces, piece) = on_blocking_thread(move || {
            let piece = pieces.next();
            (pieces, piece)
        })
        .await?;
        let written = match piece {
            None => return cutter.finish().await,
            Some(Ok(batch)) => cutter.write(batch).await,
            Some(Err(error)) => Err(error),
        };
        if let Err(error) = written {
            cutter.abort().await;
            return Err(error);
        }
    }
}
