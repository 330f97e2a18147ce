//! Reads what pruning left: each stream takes pieces of the shared work until none is left.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use peristyle_catalog::model::{Chunk, Partition, Seq};
use peristyle_catalog::{Catalog, RealTimeRows};
use peristyle_storage::partition::{ReadColumn, ReadSpec, RowGroups, ScanMetrics, open_footer, read_partition};
use peristyle_storage::{Store, real_time};

use super::TableScan;
use super::addresses::AddressBook;
use super::log_rows;
use super::prune::{self, Pruned};
use super::work::{Piece, Work};
use crate::transaction::View;

/// The leaf of every plan that reads a table.
pub(crate) struct ScanExec {
    table: String,
    reader: Arc<Reader>,
    pruned: Arc<Pruned>,
    work: Arc<Work>,
    statistics: Arc<Statistics>,
    properties: Arc<PlanProperties>,
}

/// What EXPLAIN ANALYZE says of a scan.
pub(crate) struct ScanFigures {
    pub(crate) partitions_total: usize,
    pub(crate) partitions_pruned: usize,
    pub(crate) partitions_read: usize,
    pub(crate) objects_opened: u64,
    pub(crate) bytes_read: u64,
}

/// What all streams of a scan share.
pub(super) struct Reader {
    pub(super) catalog: Arc<Catalog>,
    store: Arc<Store>,
    columns: Arc<[ReadColumn]>,
    /// All of the table's columns, by which row groups are pruned.
    table_columns: Vec<ReadColumn>,
    schema: SchemaRef,
    view: View,
    real_time: Option<Arc<dyn RealTimeRows>>,
    /// Whether a stream has taken the rows in memory.
    real_time_taken: AtomicBool,
    /// Chunks whose rows are in the log alone.
    in_log: Vec<Arc<Chunk>>,
    /// Of a scan that shows where rows lie.
    addresses: Option<Arc<AddressBook>>,
    metrics: Arc<ScanMetrics>,
}

impl ScanExec {
    pub(super) fn new(scan: &TableScan, pruned: Pruned, columns: Vec<ReadColumn>, statistics: Statistics) -> ScanExec {
        let streams = scan.scope.engine.limits().streams.max(1);
        let schema = Arc::new(Schema::new(columns.iter().map(|c| Arc::clone(&c.field)).collect::<Vec<_>>()));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(streams),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let contents = scan.contents.as_ref();
        let reader = Reader {
            catalog: Arc::clone(scan.scope.engine.catalog()),
            store: Arc::clone(scan.scope.engine.store()),
            columns: columns.into(),
            table_columns: scan.columns.clone(),
            schema,
            view: scan.scope.view.clone(),
            real_time: contents.and_then(|contents| contents.real_time()).cloned(),
            real_time_taken: AtomicBool::new(false),
            in_log: contents.map(|contents| contents.chunks_in_log().to_vec()).unwrap_or_default(),
            addresses: scan.addresses.clone(),
            metrics: Arc::default(),
        };
        ScanExec {
            table: scan.relation.name.clone(),
            work: Arc::new(Work::new(&pruned.partitions, &reader.in_log)),
            reader: Arc::new(reader),
            pruned: Arc::new(pruned),
            statistics: Arc::new(statistics),
            properties: Arc::new(properties),
        }
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    pub(crate) fn figures(&self) -> ScanFigures {
        let values = self.reader.metrics.values();
        let read = self.pruned.partitions.len();
        ScanFigures {
            partitions_total: self.pruned.total,
            partitions_pruned: self.pruned.total - read,
            partitions_read: read,
            objects_opened: values.objects_opened,
            bytes_read: values.bytes_read,
        }
    }
}

impl Reader {
    /// The next piece's batches; `None` when no work is left.
    async fn next_piece(
        self: &Arc<Self>,
        work: &Work,
        pruned: &Pruned,
        context: &TaskContext,
    ) -> Result<Option<BoxStream<'static, Result<RecordBatch>>>> {
        if let Some(rows) = self.take_real_time()? {
            return Ok(Some(stream::iter(rows.into_iter().map(Ok)).boxed()));
        }
        while let Some(piece) = work.take() {
            self.view.check_age().map_err(|error| DataFusionError::External(Box::new(error)))?;
            let (partition, row_groups) = match piece {
                Piece::LogRows(chunks) => return log_rows::read(self, chunks, context.memory_pool()).await.map(Some),
                Piece::RowGroups(partition, row_groups) => (partition, Some(row_groups)),
                Piece::Partition(partition) => match self.open(&partition, pruned).await? {
                    None => (partition, None),
                    Some(groups) => {
                        work.share(&partition, groups);
                        continue;
                    }
                },
            };
            let batch_rows = context.session_config().batch_size();
            return Ok(Some(self.read(&partition, row_groups, batch_rows).await?));
        }
        Ok(None)
    }

    /// The row groups to read, or `None` for a read that needs no column and so no file.
    async fn open(&self, partition: &Arc<Partition>, pruned: &Pruned) -> Result<Option<Vec<usize>>> {
        if self.columns.is_empty() && partition.row_seqs.1 <= self.as_of() {
            return Ok(None);
        }
        let footer = open_footer(&self.store, partition, &self.metrics).await.map_err(|error| self.failure(error))?;
        let groups = RowGroups::new(Arc::clone(partition), footer);
        match &pruned.predicate {
            Some(predicate) => prune::row_groups(predicate, &groups, &self.table_columns).map(Some),
            None => Ok(Some((0..groups.len()).collect())),
        }
    }

    async fn read(
        self: &Arc<Self>,
        partition: &Arc<Partition>,
        row_groups: Option<Vec<usize>>,
        batch_rows: usize,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let spec = ReadSpec {
            columns: Arc::clone(&self.columns),
            as_of: self.as_of(),
            batch_rows,
            row_groups,
            first_position: self.addresses.as_ref().map_or(0, |book| book.first_of_partition(partition.id)),
            metrics: Arc::clone(&self.metrics),
        };
        let batches = read_partition(&self.store, partition, spec).await.map_err(|error| self.failure(error))?;
        let reader = Arc::clone(self);
        Ok(batches.map_err(move |error| reader.failure(error)).boxed())
    }

    /// Of which state the rows are, where it is not the newest.
    fn moment(&self) -> String {
        if self.view.is_past() { format!(" at snapshot {}", self.as_of().0) } else { String::new() }
    }

    pub(super) fn as_of(&self) -> Seq {
        self.view.seq()
    }

    /// An object that is gone may be one that an expired snapshot held no longer.
    fn failure(&self, error: peristyle_storage::Error) -> DataFusionError {
        self.failure_or(|| external(error))
    }

    pub(super) fn failure_or(&self, error: impl FnOnce() -> DataFusionError) -> DataFusionError {
        match self.view.check_age() {
            Ok(()) => error(),
            Err(too_old) => DataFusionError::External(Box::new(too_old)),
        }
    }

    /// The rows in memory, for the first stream that asks.
    fn take_real_time(&self) -> Result<Option<Vec<RecordBatch>>> {
        let Some(rows) = &self.real_time else { return Ok(None) };
        if self.real_time_taken.swap(true, Ordering::AcqRel) {
            return Ok(None);
        }
        self.read_rows(rows).map(Some)
    }

    /// Those of the rows of chunks that the state sees.
    pub(super) fn read_rows(&self, rows: &Arc<dyn RealTimeRows>) -> Result<Vec<RecordBatch>> {
        let first = |chunk| self.addresses.as_ref().map_or(0, |book| book.first_of_chunk(chunk));
        let batches = real_time::read_chunks(rows, &self.columns, |chunk| chunk.seq <= self.as_of(), first);
        batches.map_err(external)
    }
}

fn external(error: peristyle_storage::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl fmt::Debug for ScanExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanExec").field("table", &self.table).finish_non_exhaustive()
    }
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = self.figures();
        let names: Vec<&str> = self.reader.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(
            f,
            "Scan: {}{} columns=[{}] partitions total={} pruned={} read={}",
            self.table,
            self.reader.moment(),
            names.join(", "),
            figures.partitions_total,
            figures.partitions_pruned,
            figures.partitions_read
        )
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &'static str {
        "Scan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    /// A plan that runs again, as the recursive part of a CTE does, has all its work before it again.
    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        let reader = Reader {
            catalog: Arc::clone(&self.reader.catalog),
            store: Arc::clone(&self.reader.store),
            columns: Arc::clone(&self.reader.columns),
            table_columns: self.reader.table_columns.clone(),
            schema: Arc::clone(&self.reader.schema),
            view: self.reader.view.clone(),
            real_time: self.reader.real_time.clone(),
            real_time_taken: AtomicBool::new(false),
            in_log: self.reader.in_log.clone(),
            addresses: self.reader.addresses.clone(),
            metrics: Arc::clone(&self.reader.metrics),
        };
        Ok(Arc::new(ScanExec {
            table: self.table.clone(),
            reader: Arc::new(reader),
            work: Arc::new(Work::new(&self.pruned.partitions, &self.reader.in_log)),
            pruned: Arc::clone(&self.pruned),
            statistics: Arc::clone(&self.statistics),
            properties: Arc::clone(&self.properties),
        }))
    }

    fn execute(&self, _partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let state = (Arc::clone(&self.reader), Arc::clone(&self.work), Arc::clone(&self.pruned), context);
        let pieces = stream::try_unfold(state, move |(reader, work, pruned, context)| async move {
            let piece = reader.next_piece(&work, &pruned, &context).await?;
            Ok::<_, DataFusionError>(piece.map(|piece| (piece, (reader, work, pruned, context))))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.reader.schema), pieces.try_flatten())))
    }

    fn statistics_from_inputs(&self, _inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        match args.partition() {
            None => Ok(Arc::clone(&self.statistics)),
            // Which stream reads what is decided while it runs.
            Some(_) => Ok(Arc::new(Statistics::new_unknown(&self.reader.schema))),
        }
    }
}
