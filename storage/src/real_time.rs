//! The real-time tier: the rows of chunks that are not yet in a partition.
//!
//! Chunks of one layout are folded like the digits of a counter to the base of [`FOLD_RUNS`]: so many neighbouring runs of
//! about the same size become one, so that after n single-row commits there are few batches and each row was copied
//! about log n times. The base is a compromise: a fold costs more than the copying, and it is done while others wait for
//! their commit; a reader pays for each batch. Every row keeps its chunk, so that a merge can take chunks away and a
//! reader can look at an older commit.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use peristyle_catalog::model::{Chunk, ChunkId, ColumnId, Layout, Seq};
use peristyle_catalog::{ArrivingChunk, RealTimeRows, RealTimeTier, TierError};

use crate::batches::{batch_of, compact, memory_of};
use crate::partition::ReadColumn;
use crate::partition::reader::{missing_value, repeat, schema_of};
use crate::partition::widening::widen_array;
use crate::{Error, Result, chunk};

/// Runs of this many rows are not folded any further: they are good batches for a scan, and copying stays short.
const RUN_ROWS_MAX: usize = 32 * 1024;
/// Neighbouring runs of about one size that become one.
const FOLD_RUNS: usize = 16;
/// Memory of a span and of a run beside its arrays, in bytes.
const SPAN_BYTES: usize = size_of::<Span>();

/// Keeps the rows of all tables' chunks.
#[derive(Debug, Default)]
pub struct Tier;

/// The rows of one table's chunks as one head sees them.
#[derive(Clone, Default)]
struct Rows {
    layouts: Vec<Arc<LayoutRows>>,
    bytes: u64,
    rows: u64,
}

/// The runs of one layout; each but the last few is at its greatest size.
#[derive(Clone)]
struct LayoutRows {
    layout: Arc<Layout>,
    runs: Vec<Arc<Run>>,
    bytes: u64,
}

/// Folded chunks.
struct Run {
    batch: RecordBatch,
    /// The chunks in the order of their rows, none of them empty.
    spans: Vec<Span>,
    bytes: u64,
}

#[derive(Clone, Copy)]
struct Span {
    chunk: ChunkId,
    rows: usize,
}

impl RealTimeTier for Tier {
    fn append(
        &self,
        rows: Option<&Arc<dyn RealTimeRows>>,
        arriving: Vec<ArrivingChunk>,
    ) -> Result<Arc<dyn RealTimeRows>, TierError> {
        let mut next = rows.map_or_else(Rows::default, |rows| own(rows).clone());
        for chunk in arriving {
            next.append(chunk).map_err(|error| TierError(error.to_string()))?;
        }
        Ok(Arc::new(next))
    }

    fn remove(&self, rows: &Arc<dyn RealTimeRows>, chunks: &[Arc<Chunk>]) -> Option<Arc<dyn RealTimeRows>> {
        let removed: BTreeSet<ChunkId> = chunks.iter().map(|chunk| chunk.id).collect();
        let rest = own(rows).without(&removed);
        if rest.layouts.is_empty() { None } else { Some(Arc::new(rest)) }
    }
}

impl RealTimeRows for Rows {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}

fn own(rows: &Arc<dyn RealTimeRows>) -> &Rows {
    rows.as_any().downcast_ref().expect("all rows of the tier are made here")
}

/// Number of rows, whatever the snapshot.
pub fn row_count(rows: &Arc<dyn RealTimeRows>) -> u64 {
    own(rows).rows
}

/// The rows that the snapshot sees, in the plan's types. Batches are views of what is in memory where no widening is
/// needed.
pub fn read(rows: &Arc<dyn RealTimeRows>, projection: &[ReadColumn], as_of: Seq) -> Result<Vec<RecordBatch>> {
    read_chunks(rows, projection, |chunk| chunk.seq <= as_of, |_| 0)
}

/// The rows of the chunks that are wanted, in the plan's types. [`ColumnId::ROW_POSITION`] counts the rows of each
/// chunk on from its `first_position`.
pub fn read_chunks(
    rows: &Arc<dyn RealTimeRows>,
    projection: &[ReadColumn],
    wanted: impl Fn(ChunkId) -> bool,
    first_position: impl Fn(ChunkId) -> i64,
) -> Result<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    for layout in &own(rows).layouts {
        for run in &layout.runs {
            batches.extend(run.read(&layout.layout, projection, &wanted, &first_position)?);
        }
    }
    Ok(batches)
}

impl Rows {
    fn append(&mut self, arriving: ArrivingChunk) -> Result<()> {
        let layout = &arriving.chunk.layout;
        let run = Run::of_chunk(&arriving)?;
        let Some(run) = run else { return Ok(()) };
        self.rows += run.batch.num_rows() as u64;
        match self.layouts.iter_mut().find(|rows| rows.layout.id == layout.id) {
            Some(rows) => Arc::make_mut(rows).push(run)?,
            None => self.layouts.push(Arc::new(LayoutRows::new(layout.clone(), vec![Arc::new(run)]))),
        }
        self.count_bytes();
        Ok(())
    }

    fn count_bytes(&mut self) {
        self.bytes = self.layouts.iter().map(|layout| layout.bytes).sum();
    }

    fn without(&self, removed: &BTreeSet<ChunkId>) -> Rows {
        let layouts = self.layouts.iter().filter_map(|layout| layout.without(removed)).collect();
        let mut rest = Rows { layouts, bytes: 0, rows: 0 };
        rest.rows = rest.layouts.iter().flat_map(|layout| &layout.runs).map(|run| run.batch.num_rows() as u64).sum();
        rest.count_bytes();
        rest
    }
}

impl LayoutRows {
    fn new(layout: Arc<Layout>, runs: Vec<Arc<Run>>) -> LayoutRows {
        let bytes = runs.iter().map(|run| run.bytes).sum();
        LayoutRows { layout, runs, bytes }
    }

    /// Adds a run and folds the last ones while there are enough of its size, as a counter carries.
    fn push(&mut self, run: Run) -> Result<()> {
        self.bytes += run.bytes;
        self.runs.push(Arc::new(run));
        while let Some(first) = self.first_to_fold() {
            let folded = Run::fold(&self.runs[first..])?;
            self.bytes -= self.runs.drain(first..).map(|run| run.bytes).sum::<u64>();
            self.bytes += folded.bytes;
            self.runs.push(Arc::new(folded));
        }
        Ok(())
    }

    /// Where the runs begin that are no larger than the last one, by their digits, if they are to become one.
    fn first_to_fold(&self) -> Option<usize> {
        let newest = self.runs.last()?.digits()?;
        let is_no_larger = |run: &&Arc<Run>| run.digits().is_some_and(|digits| digits <= newest);
        let last = self.runs.iter().rev().take_while(is_no_larger);
        let (runs, rows) = last.fold((0, 0), |(runs, rows), run| (runs + 1, rows + run.batch.num_rows()));
        let is_due = runs >= FOLD_RUNS || (runs > 1 && rows >= RUN_ROWS_MAX);
        is_due.then(|| self.runs.len() - runs)
    }

    fn without(self: &Arc<Self>, removed: &BTreeSet<ChunkId>) -> Option<Arc<LayoutRows>> {
        let touches = |run: &Arc<Run>| run.spans.iter().any(|span| removed.contains(&span.chunk));
        if !self.runs.iter().any(touches) {
            return Some(self.clone());
        }
        let runs: Vec<Arc<Run>> = self
            .runs
            .iter()
            .filter_map(|run| if touches(run) { run.without(removed).map(Arc::new) } else { Some(run.clone()) })
            .collect();
        (!runs.is_empty()).then(|| Arc::new(LayoutRows::new(self.layout.clone(), runs)))
    }
}

impl Run {
    fn new(batch: RecordBatch, spans: Vec<Span>) -> Run {
        let bytes = (memory_of(&batch) + spans.len() * SPAN_BYTES) as u64;
        Run { batch, spans, bytes }
    }

    /// The run of one chunk; `None` if it has no rows.
    fn of_chunk(arriving: &ArrivingChunk) -> Result<Option<Run>> {
        let held = arriving.decoded.as_ref().and_then(|decoded| decoded.downcast_ref::<RecordBatch>());
        let batch = match held {
            Some(batch) => batch.clone(),
            None => chunk::decode(&arriving.body, &arriving.chunk.layout.columns)?,
        };
        let span = Span { chunk: arriving.chunk.id, rows: batch.num_rows() };
        Ok((span.rows > 0).then(|| Run::new(batch, vec![span])))
    }

    /// Digits of its number of rows to the base of [`FOLD_RUNS`]; `None` for a run that is large enough.
    fn digits(&self) -> Option<u32> {
        let rows = self.batch.num_rows();
        (rows <= RUN_ROWS_MAX / 2).then(|| rows.ilog(FOLD_RUNS))
    }

    /// Neighbouring runs as one.
    fn fold(runs: &[Arc<Run>]) -> Result<Run> {
        let schema = runs[0].batch.schema();
        // The field ids in two schemas of a layout may differ where the committer renamed one; the types do not.
        let alike = |run: &Arc<Run>| batch_of(schema.clone(), run.batch.columns().to_vec(), run.batch.num_rows());
        let batches = runs.iter().map(alike).collect::<Result<Vec<_>>>()?;
        let batch = if schema.fields().is_empty() {
            batch_of(schema, Vec::new(), batches.iter().map(RecordBatch::num_rows).sum())?
        } else {
            compact(concat_batches(&schema, &batches)?)?
        };
        let spans = runs.iter().flat_map(|run| &run.spans).copied().collect();
        Ok(Run::new(batch, spans))
    }

    fn mask(&self, keep: impl Fn(ChunkId) -> bool) -> BooleanArray {
        self.spans.iter().flat_map(|span| std::iter::repeat_n(Some(keep(span.chunk)), span.rows)).collect()
    }

    fn without(&self, removed: &BTreeSet<ChunkId>) -> Option<Run> {
        let keep = |chunk: ChunkId| !removed.contains(&chunk);
        let spans: Vec<Span> = self.spans.iter().filter(|span| keep(span.chunk)).copied().collect();
        if spans.is_empty() {
            return None;
        }
        let rest = filter_record_batch(&self.batch, &self.mask(keep)).map_err(Error::from);
        let rest = rest.and_then(compact).expect("rows that are in memory can be filtered");
        Some(Run::new(rest, spans))
    }

    fn read(
        &self,
        layout: &Layout,
        projection: &[ReadColumn],
        wanted: &impl Fn(ChunkId) -> bool,
        first_position: &impl Fn(ChunkId) -> i64,
    ) -> Result<Option<RecordBatch>> {
        // A decimal of the wanted rows may be narrower than those of others.
        if !self.spans.iter().any(|span| wanted(span.chunk)) {
            return Ok(None);
        }
        let column = |column: &ReadColumn| match column.id {
            ColumnId::ROW_POSITION => Ok(self.positions(first_position)),
            _ => self.column(layout, column),
        };
        let arrays = projection.iter().map(column).collect::<Result<_>>()?;
        let whole = batch_of(schema_of(projection), arrays, self.batch.num_rows())?;
        if self.spans.iter().all(|span| wanted(span.chunk)) {
            return Ok(Some(whole));
        }
        let some = filter_record_batch(&whole, &self.mask(wanted))?;
        Ok((some.num_rows() > 0).then_some(some))
    }

    fn positions(&self, first_position: &impl Fn(ChunkId) -> i64) -> ArrayRef {
        let positions = self.spans.iter().flat_map(|span| {
            let first = first_position(span.chunk);
            first..first + span.rows as i64
        });
        Arc::new(Int64Array::from_iter_values(positions))
    }

    fn column(&self, layout: &Layout, column: &ReadColumn) -> Result<ArrayRef> {
        let has_own = || layout.columns.iter().any(|(id, _)| *id == ColumnId::ROW_SEQ);
        if column.id == ColumnId::ROW_SEQ && !has_own() {
            let seqs = self.spans.iter().flat_map(|span| std::iter::repeat_n(span.chunk.seq.0 as i64, span.rows));
            return Ok(Arc::new(Int64Array::from_iter_values(seqs)));
        }
        match layout.columns.iter().position(|(id, _)| *id == column.id) {
            Some(at) => widen_array(self.batch.column(at), layout.columns[at].1, &column.field),
            None => repeat(&missing_value(column), self.batch.num_rows()),
        }
    }
}

#[cfg(test)]
mod tests;
