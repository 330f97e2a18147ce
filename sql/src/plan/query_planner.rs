//! DataFusion's planner of physical plans, which knows the nodes of ours too.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::with_once::OncePlanner;
use crate::row_locks::RowLockPlanner;

#[derive(Debug)]
pub(super) struct StatementPlanner;

#[async_trait]
impl QueryPlanner for StatementPlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        let own: Vec<Arc<dyn ExtensionPlanner + Send + Sync>> =
            vec![Arc::new(RowLockPlanner), Arc::new(OncePlanner::default())];
        DefaultPhysicalPlanner::with_extension_planners(own).create_physical_plan(plan, session).await
    }
}
