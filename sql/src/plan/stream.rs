//! Runs a physical plan on the computing threads; its batches come through a bounded channel.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use tokio::sync::mpsc;

use super::in_order;
use crate::error::SqlError;
use crate::outcome::BatchStream;
use crate::scope::Scope;

/// Batches that wait for the client; behind them the statement waits.
const BATCHES_AHEAD_MAX: usize = 2;

/// Starts the plan. The stream ends with an error when the statement is stopped; dropping it stops the statement.
pub(crate) fn start(
    scope: &Arc<Scope>,
    plan: Arc<dyn ExecutionPlan>,
    task: Arc<TaskContext>,
) -> Result<BatchStream, SqlError> {
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD_MAX);
    let guard = scope.guard.clone();
    // The task holds the scope, and with it the pin of the snapshot that the plan reads.
    let held = Arc::clone(scope);
    scope.engine.spawn(async move {
        let _held = held;
        let run = async {
            let mut batches = in_order::execute(plan, task)?;
            while let Some(batch) = batches.next().await {
                if sender.send(Ok(batch?)).await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        tokio::select! {
            // The receiver is gone: nobody waits for the rest.
            () = sender.closed() => {}
            result = guard.watch(run) => if let Err(error) = result {
                // A full channel empties or closes; either way this ends.
                let _ = sender.send(Err(error)).await;
            }
        }
    });
    Ok(Box::pin(futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|batch| (batch, receiver))
    })))
}

/// Runs the plan to its end and keeps all batches: for results known to be small.
pub(crate) async fn collect(
    scope: &Arc<Scope>,
    plan: Arc<dyn ExecutionPlan>,
    task: Arc<TaskContext>,
) -> Result<Vec<RecordBatch>, SqlError> {
    let run = async { Ok(datafusion::physical_plan::collect(plan, task).await?) };
    scope.guard.watch(run).await
}
