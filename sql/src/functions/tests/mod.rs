//! SQL in, text out: each family's table of statements with the answers that PostgreSQL 15 gives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::context::SessionContext;
use datafusion::execution::memory_pool::UnboundedMemoryPool;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::sql::parser::Statement;
use peristyle_catalog::model::TimestampMicros;
use peristyle_catalog::{Clock, Entropy, Sources};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::chance::Chance;
use super::context::{FunctionContext, SettingsReader};
use super::error::function_error;
use crate::semantics;
use crate::semantics::text::print_value;
use crate::values::{DateOrder, OutputStyle, Zone};

mod aggregates;
mod casts;
mod datetime;
mod json;
mod math;
mod new_york;
mod operators;
mod plans;
mod text;

/// 2024-03-10 12:34:56.789012 UTC.
const NOW: i64 = 1_710_074_096_789_012;

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> TimestampMicros {
        TimestampMicros(NOW + 1)
    }
}

struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = (self.0.fetch_add(0x9e37_79b9, Ordering::Relaxed) >> 3) as u8;
        }
    }
}

struct NoSettings;

impl SettingsReader for NoSettings {
    fn setting(&self, name: &str) -> Option<String> {
        (name == "TimeZone").then(|| "UTC".to_owned())
    }
}

fn style(zone: &str) -> OutputStyle {
    OutputStyle { zone: Zone::require(zone).expect("a zone"), ..OutputStyle::default() }
}

fn function_context(zone: &str) -> FunctionContext {
    FunctionContext {
        transaction_start: TimestampMicros(NOW),
        statement_start: TimestampMicros(NOW),
        sources: Sources { clock: Arc::new(FixedClock), entropy: Arc::new(CountingEntropy(AtomicU64::new(7))) },
        chance: Chance::default(),
        output: style(zone),
        date_order: DateOrder::Mdy,
        user: "peristyle".to_owned(),
        database: "peristyle".to_owned(),
        search_path: vec!["public".to_owned()],
        backend_pid: 42,
        memory: Arc::new(UnboundedMemoryPool::default()),
        version: "PostgreSQL 15.0 (Peristyle)".to_owned(),
        settings: Arc::new(NoSettings),
        enums: None,
    }
}

/// A session with all plug-ins.
pub(crate) fn session(zone: &str) -> SessionContext {
    let mut config = semantics::session_config().with_target_partitions(2);
    function_context(zone).install(config.options_mut());
    let mut builder = SessionStateBuilder::new()
        .with_config(config)
        .with_analyzer_rules(semantics::analyzer_rules())
        .with_expr_planners(semantics::expr_planners())
        .with_type_planner(semantics::type_planner());
    super::register(&mut builder);
    SessionContext::new_with_state(builder.build())
}

/// The optimised logical plan of a query.
async fn plan_text(context: &SessionContext, sql: &str) -> String {
    let mut statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("a statement").remove(0);
    semantics::desugar(&mut statement);
    let state = context.state();
    let plan = state.statement_to_plan(Statement::Statement(Box::new(statement))).await.expect("a plan");
    state.optimize(&plan).expect("an optimised plan").display_indent().to_string()
}

async fn run(context: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>> {
    let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    let mut statement = statements.remove(0);
    name_columns(&mut statement);
    semantics::desugar(&mut statement);
    let plan = context.state().statement_to_plan(Statement::Statement(Box::new(statement))).await?;
    context.execute_logical_plan(plan).await?.collect().await
}

/// Result columns need names that differ, which the server's own planning gives them.
fn name_columns(statement: &mut sqlparser::ast::Statement) {
    use sqlparser::ast::{Ident, SelectItem, SetExpr, Statement};
    let Statement::Query(query) = statement else { return };
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    for (place, item) in select.projection.iter_mut().enumerate() {
        if let SelectItem::UnnamedExpr(expr) = item
            && !matches!(expr, sqlparser::ast::Expr::Identifier(_))
        {
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::new(format!("column{place}")) };
        }
    }
}

/// Rows as psql's `-At` prints them, joined by `;`; an error as its SQLSTATE and message.
pub(crate) async fn answer(context: &SessionContext, zone: &str, sql: &str) -> String {
    let style = style(zone);
    match run(context, sql).await {
        Ok(batches) => {
            let rows = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| print_row(batch, row, &style)));
            rows.collect::<Vec<_>>().join(";")
        }
        Err(error) => match function_error(&error) {
            Some(error) => format!("{} {}", error.sqlstate, error.message),
            None => format!("unmapped: {error}"),
        },
    }
}

fn print_row(batch: &RecordBatch, row: usize, style: &OutputStyle) -> String {
    let print = |column: &Arc<dyn arrow::array::Array>| {
        if column.is_null(row) {
            return String::new();
        }
        match column.data_type() {
            arrow::datatypes::DataType::Boolean => {
                if arrow::array::AsArray::as_boolean(column).value(row) {
                    "t".to_owned()
                } else {
                    "f".to_owned()
                }
            }
            _ => print_value(column, row, style).unwrap_or_else(|e| format!("unprintable: {e}")),
        }
    };
    batch.columns().iter().map(print).collect::<Vec<_>>().join("|")
}

/// Runs each line `sql` → `answer` of a table and reports all that differ.
pub(crate) fn check(zone: &str, cases: &[(&str, &str)]) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let context = session(zone);
    let mut differences = Vec::new();
    for (sql, expected) in cases {
        let got = runtime.block_on(answer(&context, zone, sql));
        if got != *expected {
            differences.push(format!("{sql}\n   expected {expected}\n   got      {got}"));
        }
    }
    assert!(differences.is_empty(), "{} of {} differ:\n{}", differences.len(), cases.len(), differences.join("\n"));
}
