//! What makes DataFusion mean what PostgreSQL means: types, operators, casts, and the rules that put them in place.

mod aggregate_arguments;
mod analyzer;
mod array_forms;
mod array_operators;
mod assignment;
mod call_forms;
mod cast;
mod cast_bits;
pub(crate) mod cast_call;
mod cast_json;
mod cast_money;
mod cast_number;
mod cast_packed;
mod cast_text;
mod cast_time;
pub(crate) mod category;
mod choices;
mod comparison;
mod comparison_key;
mod computed_keys;
mod correlated_in;
mod decorrelate;
mod desugar;
mod desugar_call;
mod desugar_hypothetical;
mod desugar_like;
mod desugar_literal;
mod desugar_series;
mod desugar_variadic;
mod enum_cast;
mod key_equality;
mod key_order;
mod moving_frames;
mod numeric_literal;
mod operands;
pub(crate) mod operators;
mod own_operators;
mod polymorphic;
mod session;
mod shown_scale;
mod subquery_value;
mod subscript;
mod sum_chain;
pub(crate) mod text;
mod type_name;
pub(crate) mod type_planner;
mod union_operands;
mod union_types;

use std::sync::Arc;

use datafusion::logical_expr::planner::TypePlanner;

pub(crate) use analyzer::analyzed_cast;
pub use analyzer::analyzer_rules;
pub use assignment::{
    assignment_cast, column_type, is_assignable, is_integer, is_number, is_order_keeping_cast, is_taken, is_text,
};
pub(crate) use cast::{CastJob, PgCast, cast_array, is_fixed as is_fixed_cast};
pub use cast::{CastKind, cast_expr, cast_to_arrow};
pub use desugar::desugar;
pub(crate) use desugar::{call, is_quantified, string};
pub(crate) use desugar_literal::bits_as_written;
pub use operators::expr_planners;
pub use session::{physical_rules, session_config};
pub(crate) use shown_scale::with_shown_digits;
pub use type_name::pg_type_of_sql;
pub(crate) use type_name::{names_type, sql_type_of, with_type_names};

pub(crate) use cast_number::{decimal_at_scale, no_integer};
pub(crate) use cast_time::{DAY_MICROS, date_of_days, days_to_micros, micros_to_days};

/// DataFusion's hook for the names of types.
pub fn type_planner() -> Arc<dyn TypePlanner> {
    Arc::new(type_planner::PgTypePlanner)
}
