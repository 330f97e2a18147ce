//! The node of a plan that locks the rows it lets through.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, DFSchemaRef, Result, internal_datafusion_err};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};
use peristyle_catalog::model::Seq;

use super::exec::LockRowsExec;
use super::{HeldRows, RowLock};
use crate::scan::AddressBook;

/// What a node locks, and for whom.
#[derive(Clone)]
pub(super) struct Locking {
    /// Hidden columns with the addresses of rows, each with the lock that they get.
    pub(super) columns: Vec<(String, RowLock)>,
    /// What the addresses number.
    pub(super) book: Arc<AddressBook>,
    pub(super) rows: Arc<HeldRows>,
    /// Rows of later commits are the transaction's own, of which nobody else knows.
    pub(super) committed: Seq,
    /// How long to wait for a row: `lock_timeout`.
    pub(super) wait_max: Option<Duration>,
}

impl Locking {
    pub(super) fn is_hidden(&self, column: &str) -> bool {
        self.columns.iter().any(|(name, _)| name == column)
    }
}

/// Locks the rows of its input, and gives them without the columns that hold addresses.
pub(super) struct LockRows {
    input: LogicalPlan,
    schema: DFSchemaRef,
    locking: Arc<Locking>,
}

impl LockRows {
    pub(super) fn over(input: LogicalPlan, locking: Arc<Locking>) -> Result<LogicalPlan> {
        let node = LockRows::new(input, locking)?;
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
    }

    fn new(input: LogicalPlan, locking: Arc<Locking>) -> Result<LockRows> {
        let fields = input.schema().iter().filter(|(_, field)| !locking.is_hidden(field.name()));
        let fields = fields.map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field))).collect();
        let schema = DFSchema::new_with_metadata(fields, input.schema().metadata().clone())?;
        Ok(LockRows { input, schema: Arc::new(schema), locking })
    }

    /// The places of the columns that it gives, and of those that it takes away.
    fn places(&self) -> (Vec<usize>, Vec<usize>) {
        let fields = self.input.schema().fields();
        (0..fields.len()).partition(|&place| !self.locking.is_hidden(fields[place].name()))
    }

    fn names(&self) -> impl Iterator<Item = (&String, &RowLock)> {
        self.locking.columns.iter().map(|(name, lock)| (name, lock))
    }
}

impl UserDefinedLogicalNodeCore for LockRows {
    fn name(&self) -> &'static str {
        "LockRows"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables: Vec<&str> = self.names().map(|(_, lock)| lock.table_name.as_str()).collect();
        write!(f, "LockRows: {}", tables.join(", "))
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<LockRows> {
        let input = inputs.into_iter().next().ok_or_else(|| internal_datafusion_err!("rows to lock were lost"))?;
        LockRows::new(input, Arc::clone(&self.locking))
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let (given, hidden) = self.places();
        let mut needed: Vec<usize> = output_columns.iter().map(|&column| given[column]).chain(hidden).collect();
        needed.sort_unstable();
        Some(vec![needed])
    }
}

impl fmt::Debug for LockRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        UserDefinedLogicalNodeCore::fmt_for_explain(self, f)
    }
}

impl PartialEq for LockRows {
    fn eq(&self, other: &Self) -> bool {
        self.input == other.input && self.names().eq(other.names())
    }
}

impl Eq for LockRows {}

impl Hash for LockRows {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
        self.names().for_each(|named| named.hash(state));
    }
}

impl PartialOrd for LockRows {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input).filter(|order| *order != Ordering::Equal || self == other)
    }
}

/// Plans the node.
#[derive(Debug)]
pub(crate) struct RowLockPlanner;

#[async_trait]
impl ExtensionPlanner for RowLockPlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        _session: &dyn Session,
        _context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let ([input], Some(node)) = (physical_inputs, node.as_any().downcast_ref::<LockRows>()) else {
            return Ok(None);
        };
        let exec = LockRowsExec::new(Arc::clone(input), Arc::clone(&node.locking), None)?;
        Ok(Some(Arc::new(exec)))
    }
}
