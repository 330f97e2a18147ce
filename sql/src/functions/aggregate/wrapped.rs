//! Aggregates of DataFusion's that mean what PostgreSQL's do, under PostgreSQL's names.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use datafusion::functions_aggregate as aggregate;
use datafusion::logical_expr::AggregateUDF;
use peristyle_storage::types::DECIMAL256_PRECISION_MAX;

use super::retyped::Retyped;

pub(crate) fn functions() -> Vec<Arc<AggregateUDF>> {
    vec![
        aggregate::count::count_udaf(),
        Retyped::ordered_function(aggregate::min_max::min_udaf()),
        Retyped::ordered_function(aggregate::min_max::max_udaf()),
        aggregate::bool_and_or::bool_and_udaf(),
        aggregate::bool_and_or::bool_or_udaf(),
        renamed(&aggregate::bool_and_or::bool_and_udaf(), "every"),
        aggregate::bit_and_or_xor::bit_and_udaf(),
        aggregate::bit_and_or_xor::bit_or_udaf(),
        aggregate::bit_and_or_xor::bit_xor_udaf(),
        Retyped::function(aggregate::string_agg::string_agg_udaf(), DataType::Utf8View),
        Retyped::array_function(aggregate::array_agg::array_agg_udaf()),
        aggregate::stddev::stddev_udaf(),
        aggregate::stddev::stddev_pop_udaf(),
        aggregate::variance::var_samp_udaf(),
        renamed(&aggregate::variance::var_samp_udaf(), "variance"),
        aggregate::variance::var_pop_udaf(),
        aggregate::correlation::corr_udaf(),
        aggregate::covariance::covar_samp_udaf(),
        aggregate::covariance::covar_pop_udaf(),
        aggregate::regr::regr_slope_udaf(),
        aggregate::regr::regr_intercept_udaf(),
        Retyped::function(aggregate::regr::regr_count_udaf(), DataType::Int64),
        aggregate::regr::regr_r2_udaf(),
        aggregate::regr::regr_avgx_udaf(),
        aggregate::regr::regr_avgy_udaf(),
        aggregate::regr::regr_sxx_udaf(),
        aggregate::regr::regr_syy_udaf(),
        aggregate::regr::regr_sxy_udaf(),
        aggregate::percentile_cont::percentile_cont_udaf(),
        aggregate::grouping::grouping_udaf(),
        aggregate::first_last::first_value_udaf(),
        aggregate::first_last::last_value_udaf(),
        aggregate::nth_value::nth_value_udaf(),
    ]
}

/// Digits behind the point of a deviation or variance of exact numbers, which is computed in double precision.
const STATISTIC_SCALE: i8 = 16;

/// Deviations and variances as numerics, for exact numbers.
static EXACT_STATISTICS: LazyLock<Vec<Arc<AggregateUDF>>> = LazyLock::new(|| {
    let functions = [
        aggregate::stddev::stddev_udaf(),
        aggregate::stddev::stddev_pop_udaf(),
        aggregate::variance::var_samp_udaf(),
        aggregate::variance::var_pop_udaf(),
    ];
    let numeric = DataType::Decimal256(DECIMAL256_PRECISION_MAX, STATISTIC_SCALE);
    functions.map(|function| Retyped::function(function, numeric.clone())).into()
});

/// The function of that name as it is for exact numbers; `None` if it is the same for all.
pub(crate) fn exact_statistic(name: &str) -> Option<Arc<AggregateUDF>> {
    EXACT_STATISTICS.iter().find(|function| function.name() == name).cloned()
}

fn renamed(function: &AggregateUDF, alias: &'static str) -> Arc<AggregateUDF> {
    Arc::new(function.clone().with_aliases([alias]))
}
