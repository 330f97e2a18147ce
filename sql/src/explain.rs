//! EXPLAIN [ANALYZE]: the plan as text, and what a run of it read.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringViewArray};
use arrow::datatypes::Schema;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{arrow_type, pg_field};
use sqlparser::ast::{self, UtilityOption};

use crate::error::SqlError;
use crate::outcome::{ColumnDescription, Outcome, Rows, RowsTag};
use crate::plan::parameters::Bound;
use crate::plan::{self, Planner};
use crate::scan::ScanExec;
use crate::scope::Scope;

/// The explained query's parameters, and the one column of an explanation.
pub(crate) fn describe(
    scope: &Arc<Scope>,
    explained: &ast::Statement,
    types: &[Option<PgType>],
) -> Result<(Vec<PgType>, Option<Vec<ColumnDescription>>), SqlError> {
    let (parameters, _) = plan::describe_query(scope, explained_query(explained)?, types)?;
    Ok((parameters, Some(columns())))
}

fn columns() -> Vec<ColumnDescription> {
    vec![ColumnDescription::computed("QUERY PLAN", PgType::TEXT)]
}

fn explained_query(explained: &ast::Statement) -> Result<&ast::Statement, SqlError> {
    match explained {
        ast::Statement::Query(_) => Ok(explained),
        _ => Err(SqlError::unsupported("EXPLAIN of statements other than SELECT is not supported yet")),
    }
}

/// Explains a query; with ANALYZE runs it and throws its rows away.
pub(crate) async fn run(scope: Arc<Scope>, tree: &ast::Statement, bound: &Bound) -> Result<Outcome, SqlError> {
    let ast::Statement::Explain { statement, analyze, verbose, options, format, .. } = tree else {
        return Err(SqlError::internal("an EXPLAIN was expected"));
    };
    let options = Options::of(*analyze, *verbose, options.as_deref(), format.is_some())?;
    let ast::Statement::Query(query) = explained_query(statement)? else {
        return Err(SqlError::internal("a query was expected"));
    };
    let planner = Planner::new(&scope)?;
    let begun = scope.engine.now();
    let plan = planner.query(query, bound.types())?;
    let physical = planner.physical(plan, bound).await?;
    let planned = scope.engine.now();
    let mut lines = Vec::new();
    if options.analyze {
        let rows = run_through(&scope, &physical, planner.state().task_ctx()).await?;
        let ended = scope.engine.now();
        operators(&physical, true, &mut lines);
        let milliseconds = |from: i64, to: i64| (to - from) as f64 / 1000.0;
        lines.push(format!("Planning Time: {:.3} ms", milliseconds(begun.0, planned.0)));
        lines.push(format!("Execution Time: {:.3} ms, rows={rows}", milliseconds(planned.0, ended.0)));
    } else {
        operators(&physical, false, &mut lines);
    }
    text_rows(lines)
}

struct Options {
    analyze: bool,
}

impl Options {
    fn of(analyze: bool, _verbose: bool, list: Option<&[UtilityOption]>, format: bool) -> Result<Options, SqlError> {
        let mut options = Options { analyze };
        for option in list.unwrap_or_default() {
            let on = option
                .arg
                .as_ref()
                .is_none_or(|arg| !matches!(arg.to_string().to_lowercase().as_str(), "false" | "off" | "0"));
            match option.name.value.to_lowercase().as_str() {
                "analyze" => options.analyze = on,
                "verbose" | "costs" | "buffers" | "timing" | "summary" | "settings" | "wal" => {}
                "format" if option.arg.as_ref().is_some_and(|arg| arg.to_string().eq_ignore_ascii_case("text")) => {}
                "format" => return Err(SqlError::unsupported("EXPLAIN formats other than TEXT are not supported")),
                other => return Err(SqlError::syntax(format!("unrecognized EXPLAIN option \"{other}\""))),
            }
        }
        if format {
            return Err(SqlError::unsupported("EXPLAIN formats other than TEXT are not supported"));
        }
        Ok(options)
    }
}

async fn run_through(
    scope: &Arc<Scope>,
    plan: &Arc<dyn ExecutionPlan>,
    task: Arc<datafusion::execution::TaskContext>,
) -> Result<usize, SqlError> {
    let mut batches = execute_stream(Arc::clone(plan), task)?;
    let mut rows = 0;
    while let Some(batch) = scope.guard.watch(async { Ok(batches.next().await) }).await? {
        rows += batch?.num_rows();
    }
    Ok(rows)
}

/// The tree of operators, and a line per scan of a table.
fn operators(plan: &Arc<dyn ExecutionPlan>, analyzed: bool, lines: &mut Vec<String>) {
    let tree = match analyzed {
        true => DisplayableExecutionPlan::with_metrics(plan.as_ref()).indent(false).to_string(),
        false => DisplayableExecutionPlan::new(plan.as_ref()).indent(false).to_string(),
    };
    lines.extend(tree.lines().map(str::to_owned));
    if analyzed {
        scans(plan, lines);
    }
}

fn scans(plan: &Arc<dyn ExecutionPlan>, lines: &mut Vec<String>) {
    if let Some(scan) = (plan.as_ref() as &dyn std::any::Any).downcast_ref::<ScanExec>() {
        let figures = scan.figures();
        lines.push(format!(
            "Scan of {}: partitions total={} pruned={} read={} objects_opened={} bytes_read={}",
            scan.table(),
            figures.partitions_total,
            figures.partitions_pruned,
            figures.partitions_read,
            figures.objects_opened,
            figures.bytes_read
        ));
    }
    plan.children().into_iter().for_each(|child| scans(child, lines));
}

fn text_rows(lines: Vec<String>) -> Result<Outcome, SqlError> {
    let field = pg_field("QUERY PLAN", PgType::TEXT, arrow_type(PgType::TEXT, None), false);
    let array = Arc::new(StringViewArray::from_iter_values(lines));
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array])?;
    let batches = Box::pin(futures::stream::iter([Ok(batch)]));
    Ok(Outcome::Rows(Rows { columns: columns(), batches, tag: RowsTag::Fixed("EXPLAIN") }))
}
