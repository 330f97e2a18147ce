//! `SELECT 1 UNION ALL SELECT 2` gives its rows in the order of its parts, as PostgreSQL does, though SQL promises none:
//! people and tools count on it.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, execute_stream};
use futures::{StreamExt, TryStreamExt};

/// Starts a plan: a union of parts that are each one stream is read part by part, anything else as its streams come.
pub(super) fn execute(plan: Arc<dyn ExecutionPlan>, task: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
    if !is_union_of_streams(&plan) {
        return execute_stream(plan, task);
    }
    let (schema, parts) = (plan.schema(), plan.output_partitioning().partition_count());
    // A part starts when the one before it has ended.
    let parts = futures::stream::iter(0..parts).map(move |part| plan.execute(part, Arc::clone(&task)));
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, parts.try_flatten())))
}

fn is_union_of_streams(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let is_one = |plan: &&Arc<dyn ExecutionPlan>| plan.output_partitioning().partition_count() == 1;
    match plan.children().as_slice() {
        children if plan.downcast_ref::<UnionExec>().is_some() => children.iter().all(is_one),
        // What works on each stream by itself keeps their number.
        [child] => {
            let count = child.output_partitioning().partition_count();
            let keeps_streams = count > 1 && count == plan.output_partitioning().partition_count();
            keeps_streams && plan.maintains_input_order() == [true] && is_union_of_streams(child)
        }
        _ => false,
    }
}
