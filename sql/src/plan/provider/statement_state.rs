//! The state that one statement is planned and run in.

use std::sync::Arc;

use datafusion::execution::SessionState;
use datafusion::execution::memory_pool::MemoryPool;

use crate::functions::FunctionContext;
use crate::scope::Scope;

/// The engine's state with this statement's clock, session and memory.
pub(super) fn statement_state(scope: &Scope, memory: Arc<dyn MemoryPool>) -> SessionState {
    let mut state = scope.engine.state().clone();
    let context = FunctionContext {
        transaction_start: scope.transaction_started,
        statement_start: scope.started,
        sources: scope.engine.sources().clone(),
        chance: scope.session.chance.clone(),
        output: scope.settings.output_style(),
        date_order: scope.settings.input_style(scope.transaction_started).date_order,
        user: scope.session.user.clone(),
        database: scope.session.database.clone(),
        search_path: scope.found_schemas(),
        backend_pid: scope.session.process_id,
        version: crate::VERSION.to_owned(),
        settings: Arc::clone(&scope.settings) as _,
        enums: Some(scope.enums()),
        memory,
    };
    let options = state.config_mut().options_mut();
    options.execution.time_zone = Some(scope.settings.arrow_time_zone());
    if scope.session.chance.is_seeded() {
        options.execution.target_partitions = 1;
    }
    context.install(options);
    state.mark_start_execution();
    state
}
