//! RETURNING with subqueries: a plan over the rows that a write made.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, SchemaRef};
use datafusion::common::TableReference;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use sqlparser::ast::{Expr, Query, SelectItem, Visit, Visitor};

use crate::error::SqlError;
use crate::modify::value_over;
use crate::plan::parameters::Bound;
use crate::plan::{self, Planner};
use crate::scope::Scope;

/// What a clause with subqueries is asked of.
pub(super) struct Asked<'p, 'a> {
    pub(super) planner: &'p Planner<'a>,
    pub(super) bound: &'p Bound,
    /// What the table is called.
    pub(super) table: TableReference,
    /// Its columns.
    pub(super) input: SchemaRef,
}

/// Whether a subquery is among the items.
pub(super) fn holds_query(items: &[SelectItem]) -> bool {
    items.iter().any(|item| item.visit(&mut Finder).is_break())
}

struct Finder;

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

impl Asked<'_, '_> {
    /// The columns that the items give.
    pub(super) fn fields(&self, items: &[(String, Expr)]) -> Result<Vec<FieldRef>, SqlError> {
        let settled = self.planner.settled(self.plan(items, Vec::new())?, self.bound)?;
        Ok(settled.schema().fields().iter().cloned().collect())
    }

    /// What the items give for the rows, which have all columns of the table.
    pub(super) async fn rows(
        &self,
        scope: &Arc<Scope>,
        items: &[(String, Expr)],
        rows: Vec<RecordBatch>,
    ) -> Result<(SchemaRef, Vec<RecordBatch>), SqlError> {
        let physical = self.planner.physical(self.plan(items, rows)?, self.bound).await?;
        let schema = physical.schema();
        Ok((schema, plan::collect(scope, physical, self.planner.task()).await?))
    }

    fn plan(&self, items: &[(String, Expr)], rows: Vec<RecordBatch>) -> Result<LogicalPlan, SqlError> {
        let rows = MemTable::try_new(Arc::clone(&self.input), vec![rows])?;
        let rows = LogicalPlanBuilder::scan(self.table.clone(), provider_as_source(Arc::new(rows)), None)?.build()?;
        let mut output = Vec::with_capacity(items.len());
        for (at, (_, item)) in items.iter().enumerate() {
            let value = value_over(self.planner, item, rows.schema(), self.bound.types(), "RETURNING")?;
            output.push(value.alias(format!("\u{1}returned{at}")));
        }
        Ok(LogicalPlanBuilder::from(rows).project(output)?.build()?)
    }
}
