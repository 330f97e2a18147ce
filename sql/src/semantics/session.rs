//! The options under which DataFusion plans and runs as PostgreSQL would.

use std::sync::Arc;

use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::prelude::SessionConfig;

/// Rows per batch; measured better than 8 K for analytical plans.
const BATCH_ROWS: usize = 32_768;
/// A join's build side up to this size is collected once instead of being repartitioned.
const COLLECT_LEFT_BYTES_MAX: usize = 1 << 30;
/// The same in rows.
const COLLECT_LEFT_ROWS_MAX: usize = 16_000_000;

/// The configuration of a session, without the parser's dialect and the statement's context.
pub fn session_config() -> SessionConfig {
    let mut config = SessionConfig::new().with_batch_size(BATCH_ROWS).with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.map_string_types_to_utf8view = true;
    // What gathers a subquery's rows takes them in its order.
    options.sql_parser.enable_subquery_sort_elimination = false;
    options.sql_parser.default_null_ordering = "nulls_max".to_owned();
    // A field of a row that is taken nearer to the rows may meet a column of its name there; no table has rows in columns.
    options.optimizer.enable_leaf_expression_pushdown = false;
    options.optimizer.hash_join_single_partition_threshold = COLLECT_LEFT_BYTES_MAX;
    options.optimizer.hash_join_single_partition_threshold_rows = COLLECT_LEFT_ROWS_MAX;
    config
}

/// Physical rules of ours, after DataFusion's. None is needed: checked arithmetic is planned as functions.
pub fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    Vec::new()
}
