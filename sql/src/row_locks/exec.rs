//! Locks rows as they come, no more of them than are asked for, and waits where others have them.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_datafusion_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::projection::ProjectionMapping;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties, Partitioning, PhysicalExpr,
    PlanProperties,
};
use futures::StreamExt;

use super::Place;
use super::node::Locking;

pub(super) struct LockRowsExec {
    input: Arc<dyn ExecutionPlan>,
    locking: Arc<Locking>,
    /// Rows that are asked for; those behind them are not locked.
    fetch: Option<usize>,
    /// The places of the columns that it gives.
    given: Vec<usize>,
    /// The place of each column that says which row is locked.
    addresses: Vec<usize>,
    properties: Arc<PlanProperties>,
}

impl LockRowsExec {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        locking: Arc<Locking>,
        fetch: Option<usize>,
    ) -> Result<LockRowsExec> {
        let schema = input.schema();
        let names = schema.fields().iter().enumerate();
        let given: Vec<usize> =
            names.filter(|(_, field)| !locking.is_hidden(field.name())).map(|(place, _)| place).collect();
        let place_of = |(name, _): &(String, _)| schema.index_of(name).map_err(DataFusionError::from);
        let addresses = locking.columns.iter().map(place_of).collect::<Result<Vec<_>>>()?;
        let mapping = ProjectionMapping::from_indices(&given, &schema)?;
        let shown = Arc::new(schema.project(&given)?);
        let properties = PlanProperties::new(
            input.equivalence_properties().project(&mapping, shown),
            Partitioning::UnknownPartitioning(1),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Ok(LockRowsExec { input, locking, fetch, given, addresses, properties: Arc::new(properties) })
    }

    fn passing(&self) -> Passing {
        Passing {
            locking: Arc::clone(&self.locking),
            given: self.given.clone(),
            addresses: self.addresses.clone(),
            wanted: self.fetch.unwrap_or(usize::MAX),
        }
    }
}

/// Rows on their way through.
struct Passing {
    locking: Arc<Locking>,
    given: Vec<usize>,
    addresses: Vec<usize>,
    /// How many more are asked for.
    wanted: usize,
}

impl Passing {
    /// The rows of a batch that could be locked.
    async fn lock(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let addresses: Vec<&Int64Array> =
            self.addresses.iter().map(|&place| batch.column(place).as_primitive::<Int64Type>()).collect();
        let mut passes = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let is_locked = self.wanted > 0 && self.lock_row(&addresses, row).await?;
            self.wanted -= usize::from(is_locked);
            passes.push(is_locked);
        }
        Ok(filter_record_batch(&batch.project(&self.given)?, &BooleanArray::from(passes))?)
    }

    async fn lock_row(&self, addresses: &[&Int64Array], row: usize) -> Result<bool> {
        let mut places = Vec::with_capacity(addresses.len());
        for (address, (_, lock)) in addresses.iter().zip(&self.locking.columns) {
            if address.is_null(row) {
                continue;
            }
            let found = self.locking.book.source_at(address.value(row));
            let (source, position) = found.ok_or_else(|| internal_datafusion_err!("a row to lock was lost"))?;
            if source.added() <= self.locking.committed {
                places.push(Place { lock, source, position });
            }
        }
        let locked = self.locking.rows.lock(&places, self.locking.wait_max).await;
        locked.map_err(|error| DataFusionError::External(Box::new(error)))
    }
}

impl fmt::Debug for LockRowsExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockRowsExec").field("fetch", &self.fetch).finish_non_exhaustive()
    }
}

impl DisplayAs for LockRowsExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables: Vec<&str> = self.locking.columns.iter().map(|(_, lock)| lock.table_name.as_str()).collect();
        write!(f, "LockRows: {}", tables.join(", "))
    }
}

impl ExecutionPlan for LockRowsExec {
    fn name(&self) -> &'static str {
        "LockRows"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    /// Which rows are locked depends on their order.
    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.into_iter().next().ok_or_else(|| internal_datafusion_err!("rows to lock were lost"))?;
        Ok(Arc::new(LockRowsExec::new(input, Arc::clone(&self.locking), self.fetch)?))
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        let exec = LockRowsExec::new(Arc::clone(&self.input), Arc::clone(&self.locking), limit);
        Some(Arc::new(exec.ok()?))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn execute(&self, _partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let batches = self.input.execute(0, context)?;
        let locked = futures::stream::try_unfold((batches, self.passing()), |(mut batches, mut passing)| async move {
            if passing.wanted == 0 {
                return Ok(None);
            }
            let Some(batch) = batches.next().await else { return Ok(None) };
            let locked = passing.lock(&batch?).await?;
            Ok(Some((locked, (batches, passing))))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), locked)))
    }
}
