//! The node above each copy of a query that runs once.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{DFSchemaRef, Result, internal_datafusion_err};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};

use super::exec::{OnceExec, Run};

/// Gives all rows and columns of its input; nothing is pushed through it, so that all copies stay the same.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Once {
    input: LogicalPlan,
    /// Which query it is.
    number: usize,
}

impl Once {
    pub(super) fn over(input: LogicalPlan, number: usize) -> LogicalPlan {
        LogicalPlan::Extension(Extension { node: Arc::new(Once { input, number }) })
    }
}

impl PartialOrd for Once {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input).filter(|order| *order != Ordering::Equal || self == other)
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        UserDefinedLogicalNodeCore::fmt_for_explain(self, f)
    }
}

impl UserDefinedLogicalNodeCore for Once {
    fn name(&self) -> &'static str {
        "Once"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Once")
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Once> {
        let input = inputs.into_iter().next().ok_or_else(|| internal_datafusion_err!("a query of WITH was lost"))?;
        Ok(Once { input, number: self.number })
    }
}

/// Plans the nodes of one statement.
#[derive(Debug, Default)]
pub(crate) struct OncePlanner {
    /// The run of each query.
    runs: Mutex<HashMap<usize, Arc<Run>>>,
}

#[async_trait]
impl ExtensionPlanner for OncePlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        _session: &dyn Session,
        _context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let ([input], Some(node)) = (physical_inputs, node.as_any().downcast_ref::<Once>()) else {
            return Ok(None);
        };
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let run = Arc::clone(runs.entry(node.number).or_default());
        Ok(Some(Arc::new(OnceExec::new(Arc::clone(input), run))))
    }
}
