//! A table of one column that counts: its rows are made as they are read.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::memory::{LazyBatchGenerator, LazyMemoryExec};
use parking_lot::RwLock;

/// From `start` to `stop` inclusive; the step is not 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Integers {
    pub(super) start: i64,
    pub(super) stop: i64,
    pub(super) step: i64,
}

impl Integers {
    fn is_past_stop(self, value: i64) -> bool {
        if self.step > 0 { value > self.stop } else { value < self.stop }
    }
}

/// A series of integers as a table; no rows without a series.
#[derive(Debug)]
pub(super) struct IntegerSeries {
    schema: SchemaRef,
    series: Option<Integers>,
}

impl IntegerSeries {
    /// A series whose values and bounds fit the integer type.
    pub(super) fn new(column: &str, ty: DataType, series: Option<Integers>) -> Self {
        IntegerSeries { schema: Arc::new(Schema::new(vec![Field::new(column, ty, false)])), series }
    }
}

#[async_trait]
impl TableProvider for IntegerSeries {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let batch_rows = state.config_options().execution.batch_size.get();
        let counter =
            Counter { schema: self.schema(), series: self.series, next: self.series.map(|s| s.start), batch_rows };
        let exec = LazyMemoryExec::try_new(self.schema(), vec![Arc::new(RwLock::new(counter))])?;
        Ok(Arc::new(exec.with_projection(projection.cloned())))
    }
}

#[derive(Clone, Debug)]
struct Counter {
    schema: SchemaRef,
    series: Option<Integers>,
    /// The value to give next; `None` at the end.
    next: Option<i64>,
    batch_rows: usize,
}

impl Counter {
    fn take(&mut self) -> Option<i64> {
        let series = self.series?;
        let value = self.next.filter(|value| !series.is_past_stop(*value))?;
        // A series ends where its type does.
        self.next = value.checked_add(series.step);
        Some(value)
    }
}

impl LazyBatchGenerator for Counter {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn generate_next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let rows = self.batch_rows;
        let values: Vec<i64> = std::iter::from_fn(|| self.take()).take(rows).collect();
        if values.is_empty() {
            return Ok(None);
        }
        let values: ArrayRef = Arc::new(Int64Array::from(values));
        let column = cast(&values, self.schema.field(0).data_type())?;
        Ok(Some(RecordBatch::try_new(Arc::clone(&self.schema), vec![column])?))
    }

    fn reset_state(&self) -> Arc<RwLock<dyn LazyBatchGenerator>> {
        Arc::new(RwLock::new(Counter { next: self.series.map(|series| series.start), ..self.clone() }))
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.series {
            Some(Integers { start, stop, step }) => write!(f, "series: start={start}, stop={stop}, step={step}"),
            None => f.write_str("series: empty"),
        }
    }
}
