//! Runs a query once for all that read it.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_datafusion_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;

/// What the one run gave.
#[derive(Debug, Default)]
pub(super) struct Run {
    rows: OnceCell<Rows>,
}

/// Rows in memory, for which they hold a reservation.
#[derive(Debug)]
struct Rows {
    batches: Vec<RecordBatch>,
    _reservation: MemoryReservation,
}

impl Run {
    /// The batches; whoever asks first runs the query, the others wait.
    async fn batches(&self, input: &Arc<dyn ExecutionPlan>, context: &Arc<TaskContext>) -> Result<Vec<RecordBatch>> {
        let rows = self.rows.get_or_try_init(|| collected(input, context)).await?;
        Ok(rows.batches.clone())
    }
}

async fn collected(input: &Arc<dyn ExecutionPlan>, context: &Arc<TaskContext>) -> Result<Rows> {
    let reservation = MemoryConsumer::new("Once").register(context.memory_pool());
    let mut rows = input.execute(0, Arc::clone(context))?;
    let mut batches = Vec::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        reservation.try_grow(batch.get_array_memory_size())?;
        batches.push(batch);
    }
    Ok(Rows { batches, _reservation: reservation })
}

/// One of those that read the query's rows.
pub(super) struct OnceExec {
    input: Arc<dyn ExecutionPlan>,
    run: Arc<Run>,
    properties: Arc<PlanProperties>,
}

impl OnceExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, run: Arc<Run>) -> OnceExec {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        OnceExec { input, run, properties: Arc::new(properties) }
    }
}

impl fmt::Debug for OnceExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceExec").field("input", &self.input).finish_non_exhaustive()
    }
}

impl DisplayAs for OnceExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Once")
    }
}

impl ExecutionPlan for OnceExec {
    fn name(&self) -> &'static str {
        "Once"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
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
        let input = children.into_iter().next().ok_or_else(|| internal_datafusion_err!("a query of WITH was lost"))?;
        Ok(Arc::new(OnceExec::new(input, Arc::clone(&self.run))))
    }

    fn execute(&self, _partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (run, input) = (Arc::clone(&self.run), Arc::clone(&self.input));
        let batches = async move {
            let batches = run.batches(&input, &context).await?;
            Ok::<_, DataFusionError>(stream::iter(batches.into_iter().map(Ok)))
        };
        let rows = stream::once(batches).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.input.schema(), rows)))
    }
}
