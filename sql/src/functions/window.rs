//! Window functions. DataFusion's ranks are unsigned; PostgreSQL's are bigint (`ntile` integer).

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_window as window;
use datafusion::logical_expr::function::{ExpressionArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{PartitionEvaluator, Signature, WindowUDF, WindowUDFImpl};
use std::ops::Range;

pub(crate) fn all() -> Vec<Arc<WindowUDF>> {
    let bigint =
        |function: Arc<WindowUDF>| Arc::new(WindowUDF::new_from_impl(Signed { inner: function, ty: DataType::Int64 }));
    vec![
        bigint(window::row_number::row_number_udwf()),
        bigint(window::rank::rank_udwf()),
        bigint(window::rank::dense_rank_udwf()),
        window::rank::percent_rank_udwf(),
        window::cume_dist::cume_dist_udwf(),
        Arc::new(WindowUDF::new_from_impl(Signed { inner: window::ntile::ntile_udwf(), ty: DataType::Int32 })),
        window::lead_lag::lead_udwf(),
        window::lead_lag::lag_udwf(),
        window::nth_value::first_value_udwf(),
        window::nth_value::last_value_udwf(),
        window::nth_value::nth_value_udwf(),
    ]
}

/// A window function whose unsigned result is cast to a signed type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Signed {
    inner: Arc<WindowUDF>,
    ty: DataType,
}

impl WindowUDFImpl for Signed {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arguments)
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), self.ty.clone(), false)))
    }

    fn expressions(&self, args: ExpressionArgs<'_>) -> Vec<Arc<dyn datafusion::physical_plan::PhysicalExpr>> {
        self.inner.inner().expressions(args)
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs<'_>) -> Result<Box<dyn PartitionEvaluator>> {
        let inner = self.inner.partition_evaluator_factory(args)?;
        Ok(Box::new(SignedEvaluator { inner, ty: self.ty.clone() }))
    }
}

#[derive(Debug)]
struct SignedEvaluator {
    inner: Box<dyn PartitionEvaluator>,
    ty: DataType,
}

impl PartitionEvaluator for SignedEvaluator {
    fn memoize(&mut self, state: &mut datafusion::logical_expr::window_state::WindowAggState) -> Result<()> {
        self.inner.memoize(state)
    }

    fn get_range(&self, row: usize, rows: usize) -> Result<Range<usize>> {
        self.inner.get_range(row, rows)
    }

    fn is_causal(&self) -> bool {
        self.inner.is_causal()
    }

    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        Ok(cast(&self.inner.evaluate_all(values, rows)?, &self.ty)?)
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        self.inner.evaluate(values, range)?.cast_to(&self.ty)
    }

    fn evaluate_all_with_rank(&self, rows: usize, ranks: &[Range<usize>]) -> Result<ArrayRef> {
        Ok(cast(&self.inner.evaluate_all_with_rank(rows, ranks)?, &self.ty)?)
    }

    fn supports_bounded_execution(&self) -> bool {
        self.inner.supports_bounded_execution()
    }

    fn uses_window_frame(&self) -> bool {
        self.inner.uses_window_frame()
    }

    fn include_rank(&self) -> bool {
        self.inner.include_rank()
    }
}
