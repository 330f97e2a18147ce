//! Aggregates of DataFusion's that mean what PostgreSQL's do, under PostgreSQL's names.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::functions_aggregate as aggregate;
use datafusion::logical_expr::AggregateUDF;

use super::bits::BitAggregate;
use super::deviation;
use super::exact_statistic::{self, Statistic};
use super::retyped::Retyped;
use crate::functions::bits;

pub(crate) fn functions() -> Vec<Arc<AggregateUDF>> {
    let [stddev, stddev_pop, var, var_pop] = Statistic::ALL;
    vec![
        aggregate::count::count_udaf(),
        Retyped::ordered_function(aggregate::min_max::min_udaf()),
        Retyped::ordered_function(aggregate::min_max::max_udaf()),
        aggregate::bool_and_or::bool_and_udaf(),
        aggregate::bool_and_or::bool_or_udaf(),
        renamed(&aggregate::bool_and_or::bool_and_udaf(), "every"),
        BitAggregate::function(aggregate::bit_and_or_xor::bit_and_udaf(), bits::and),
        BitAggregate::function(aggregate::bit_and_or_xor::bit_or_udaf(), bits::or),
        BitAggregate::function(aggregate::bit_and_or_xor::bit_xor_udaf(), bits::xor),
        Retyped::function(aggregate::string_agg::string_agg_udaf(), DataType::Utf8View),
        Retyped::array_function(aggregate::array_agg::array_agg_udaf()),
        Arc::new(statistic(aggregate::stddev::stddev_udaf(), stddev)),
        Arc::new(statistic(aggregate::stddev::stddev_pop_udaf(), stddev_pop)),
        Arc::new(statistic(aggregate::variance::var_samp_udaf(), var)),
        renamed(&statistic(aggregate::variance::var_samp_udaf(), var), "variance"),
        Arc::new(statistic(aggregate::variance::var_pop_udaf(), var_pop)),
        aggregate::percentile_cont::percentile_cont_udaf(),
        aggregate::grouping::grouping_udaf(),
        aggregate::first_last::first_value_udaf(),
        aggregate::first_last::last_value_udaf(),
        aggregate::nth_value::nth_value_udaf(),
    ]
}

/// What tells the digits behind the point that PostgreSQL shows of an aggregate of that name over exact numbers, from the same
/// arguments; `None` where the result's type tells.
pub(crate) fn aggregate_scale(name: &str) -> Option<Arc<AggregateUDF>> {
    if name == "avg" {
        return Some(super::sum::average_scale());
    }
    let statistic = Statistic::ALL.into_iter().find(|statistic| statistic.name == name)?;
    Some(exact_statistic::function(statistic, true))
}

/// The statistic of floats, with that of exact numbers beside it.
fn statistic(of_floats: Arc<AggregateUDF>, of_exact: Statistic) -> AggregateUDF {
    deviation::function(of_floats, exact_statistic::function(of_exact, false))
}

fn renamed(function: &AggregateUDF, alias: &'static str) -> Arc<AggregateUDF> {
    Arc::new(function.clone().with_aliases([alias]))
}
