//! Trees → plans: names are resolved against the statement's snapshot, DataFusion plans and optimises.

mod bags;
mod balance;
mod column_aliases;
mod conditions;
mod constant;
mod constant_query;
mod copies;
mod dependent_columns;
mod exclusions;
pub(crate) mod from_items;
mod gathered;
mod grouping;
mod grouping_sets;
mod guarded;
mod in_order;
mod interruption;
pub(crate) mod kept_expression;
mod lasting;
mod late_settings;
mod lateral;
mod literals;
mod memory;
mod named_windows;
mod normalise;
mod open_parameters;
mod origins;
mod outer_aggregates;
pub(crate) mod output_names;
mod own_names;
mod page;
pub(crate) mod parameters;
mod past;
mod planner;
mod populated;
mod provider;
mod qualified;
mod quantified;
mod query;
mod query_planner;
mod recursion;
mod recursion_form;
mod refused;
mod refused_calls;
mod registered;
mod repeated_names;
mod row_values;
mod sampled;
mod scopes;
mod select_clauses;
mod statement_with;
mod stream;
mod ties;
pub(crate) mod user_types;
mod using_joins;
mod values_list;
mod values_rows;
mod view;
mod walks;
mod whole_rows;
mod with_names;
mod with_once;
mod written_columns;

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::Field;
use datafusion::common::config::ConfigNonZeroUsize;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::{SessionState, SessionStateBuilder};
use sqlparser::ast;

pub(crate) use constant::{argument, constant};
pub(crate) use constant_query::ConstantResult;
pub(crate) use lasting::Computing;
pub(crate) use outer_aggregates::has_aggregate;
pub(crate) use planner::{Planner, plan_over};
pub(crate) use provider::{ADDRESSED_SCHEMA, Touched, external};
pub(crate) use query::{describe_query, describe_schema, select};
pub(crate) use stream::{collect, start};
pub(crate) use view::{expand as expand_view, output_fields, plan_stored};

use crate::engine::EngineLimits;
use crate::error::SqlError;
use crate::scope::Scope;
use crate::{functions, semantics};

/// The state that every statement's starts from: functions, rules, limits.
pub(crate) fn base_state(limits: &EngineLimits, spill_folder: &Path) -> Result<SessionState, SqlError> {
    let mut config = semantics::session_config().with_target_partitions(limits.streams);
    // Spilled data is given back file by file; larger files held up a repartition that waited for its reader.
    config.options_mut().execution.max_spill_file_size_bytes = ConfigNonZeroUsize::try_new(1)?;
    let mut builder = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(memory::shared_environment(limits, spill_folder)?)
        .with_type_planner(semantics::type_planner())
        .with_expr_planners(semantics::expr_planners())
        .with_analyzer_rules(semantics::analyzer_rules())
        .with_query_planner(Arc::new(query_planner::StatementPlanner));
    functions::register(&mut builder);
    let mut state = builder.build();
    for rule in semantics::physical_rules() {
        state = SessionStateBuilder::new_from_existing(state).with_physical_optimizer_rule(rule).build();
    }
    Ok(state)
}

/// The memory of one statement, for what it holds beside its plans.
pub(crate) fn statement_memory(scope: &Scope) -> Arc<dyn MemoryPool> {
    let shared = scope.engine.state().runtime_env();
    Arc::clone(&memory::query_environment(shared, scope.engine.limits().query_memory_bytes).memory_pool)
}

/// PostgreSQL's name for the column of an expression.
pub(crate) fn expression_name(expression: &ast::Expr) -> String {
    output_names::expression_name(expression).unwrap_or_else(|| "?column?".to_owned())
}

/// The name that a client sees for a field of a plan.
pub(crate) fn shown_name(field: &Field) -> &str {
    output_names::shown(field.name())
}
