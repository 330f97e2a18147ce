//! RETURNING with subqueries: a plan over the rows that a write made.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::{DFSchema, TableReference};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, ident};
use sqlparser::ast::{Expr, Insert, Query, SelectItem, Visit, Visitor};

use crate::error::SqlError;
use crate::modify::value_over;
use crate::plan::parameters::Bound;
use crate::plan::{self, Planner};
use crate::scope::Scope;

/// The number of a row among those that were written; no name of a client's holds a control character.
const NUMBER: &str = "\u{1}number";

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

/// Whether what an INSERT returns is asked of tables.
pub(crate) fn returns_queries(insert: &Insert) -> bool {
    insert.returning.as_deref().is_some_and(holds_query)
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

    /// The rows keep their order.
    fn plan(&self, items: &[(String, Expr)], rows: Vec<RecordBatch>) -> Result<LogicalPlan, SqlError> {
        let rows = self.numbered(rows)?;
        let mut output = Vec::with_capacity(items.len() + 1);
        for (at, (_, item)) in items.iter().enumerate() {
            let value = value_over(self.planner, item, rows.schema(), self.bound.types(), "RETURNING")?;
            output.push(value.alias(format!("\u{1}returned{at}")));
        }
        output.push(column(rows.schema(), self.input.fields().len()).alias(NUMBER));
        let numbered = LogicalPlanBuilder::from(rows).project(output)?.sort([ident(NUMBER).sort(true, false)])?;
        let returned = (0..items.len()).map(|at| column(numbered.schema(), at));
        let returned: Vec<PlanExpr> = returned.collect();
        Ok(numbered.project(returned)?.build()?)
    }

    /// The rows with their numbers behind them.
    fn numbered(&self, rows: Vec<RecordBatch>) -> Result<LogicalPlan, SqlError> {
        let number = Arc::new(Field::new(NUMBER, DataType::Int64, false));
        let fields: Vec<FieldRef> = self.input.fields().iter().cloned().chain([number]).collect();
        let schema = Arc::new(Schema::new(fields));
        let mut next = 0;
        let mut numbered = Vec::with_capacity(rows.len());
        for batch in rows {
            let numbers = next..next + batch.num_rows() as i64;
            next = numbers.end;
            let mut columns = batch.columns().to_vec();
            columns.push(Arc::new(Int64Array::from_iter_values(numbers)));
            numbered.push(RecordBatch::try_new(Arc::clone(&schema), columns)?);
        }
        let rows = MemTable::try_new(schema, vec![numbered])?;
        Ok(LogicalPlanBuilder::scan(self.table.clone(), provider_as_source(Arc::new(rows)), None)?.build()?)
    }
}

fn column(schema: &DFSchema, at: usize) -> PlanExpr {
    PlanExpr::Column(schema.qualified_field(at).into())
}
