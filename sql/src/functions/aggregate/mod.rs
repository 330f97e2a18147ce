//! Aggregate functions: exact sums and averages, and the ones whose names or types DataFusion has otherwise.

mod addend;
mod anew;
mod bits;
mod deviation;
mod distinct;
mod exact_statistic;
mod fold;
mod regression;
mod retyped;
mod sole_value;
mod special_tally;
mod sum;
mod sum_accumulator;
mod sum_groups;
mod wrapped;

use std::sync::Arc;

use datafusion::logical_expr::AggregateUDF;

pub(crate) use anew::over_moving_frame;
pub(crate) use sole_value::sole_value;
pub(crate) use wrapped::aggregate_scale;

/// Every aggregate function.
pub(crate) fn all() -> Vec<Arc<AggregateUDF>> {
    let mut functions = sum::functions();
    functions.extend(regression::functions());
    functions.extend(wrapped::functions());
    functions
}
