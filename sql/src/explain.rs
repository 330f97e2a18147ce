//! EXPLAIN [ANALYZE]: the plan as text, and what a run of it read.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringViewArray};
use arrow::datatypes::Schema;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use peristyle_catalog::model::{PgType, TimestampMicros};
use peristyle_storage::types::{arrow_type, pg_field};
use sqlparser::ast::{self, UtilityOption};

use crate::error::SqlError;
use crate::modify::{self, ChangeStatement};
use crate::outcome::{ColumnDescription, Outcome, Rows, RowsTag};
use crate::plan::parameters::Bound;
use crate::plan::{self, Planner};
use crate::scan::ScanExec;
use crate::scope::Scope;
use crate::session::SharedTransaction;
use crate::write;

/// The explained query's parameters, and the one column of an explanation.
pub(crate) fn describe(
    scope: &Arc<Scope>,
    explained: &ast::Statement,
    types: &[Option<PgType>],
) -> Result<(Vec<PgType>, Option<Vec<ColumnDescription>>), SqlError> {
    let parameters = match explained {
        tree if let Some(change) = ChangeStatement::of(tree) => modify::describe(scope, tree, change, types)?.0,
        ast::Statement::Query(_) => plan::describe_query(scope, explained, types)?.0,
        ast::Statement::Insert(insert) => write::describe_insert(scope, insert, types)?.0,
        _ => Vec::new(),
    };
    Ok((parameters, Some(columns())))
}

fn columns() -> Vec<ColumnDescription> {
    vec![ColumnDescription::computed("QUERY PLAN", PgType::TEXT)]
}

/// Explains a query or a write. With ANALYZE runs it: a query's rows are thrown away, a write's are written.
pub(crate) async fn run(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    tree: &ast::Statement,
    bound: &Bound,
) -> Result<Outcome, SqlError> {
    let ast::Statement::Explain { statement, analyze, verbose, options, format, .. } = tree else {
        return Err(SqlError::internal("an EXPLAIN was expected"));
    };
    let options = Options::of(*analyze, *verbose, options.as_deref(), format.is_some())?;
    let lines = match statement.as_ref() {
        tree if let Some(change) = ChangeStatement::of(tree) => {
            explain_change(scope, transaction, change, bound, options.analyze).await?
        }
        ast::Statement::Query(query) => explain_query(&scope, query, bound, options.analyze).await?,
        ast::Statement::Insert(insert) if options.analyze => run_insert(&scope, transaction, insert, bound).await?,
        ast::Statement::Insert(insert) => {
            write::describe_insert(&scope, insert, bound.types())?;
            explain_write(&scope, format!("Insert on {}", insert.table), insert.source.as_deref(), bound).await?
        }
        ast::Statement::CreateTable(create) if create.query.is_some() && !options.analyze => {
            explain_write(&scope, format!("Create {}", create.name), create.query.as_deref(), bound).await?
        }
        _ => return Err(SqlError::unsupported("EXPLAIN of this statement is not supported yet")),
    };
    text_rows(lines)
}

async fn explain_query(
    scope: &Arc<Scope>,
    query: &ast::Query,
    bound: &Bound,
    analyze: bool,
) -> Result<Vec<String>, SqlError> {
    let planner = Planner::new(scope)?;
    let begun = scope.engine.now();
    let plan = planner.query(query, bound.types())?;
    let physical = planner.physical(plan, bound).await?;
    let planned = scope.engine.now();
    let mut lines = Vec::new();
    if analyze {
        let rows = run_through(scope, &physical, planner.task()).await?;
        let ended = scope.engine.now();
        operators(&physical, true, &mut lines);
        lines.push(format!("Planning Time: {:.3} ms", milliseconds(begun, planned)));
        lines.push(format!("Execution Time: {:.3} ms, rows={rows}", milliseconds(planned, ended)));
    } else {
        operators(&physical, false, &mut lines);
    }
    Ok(lines)
}

/// What is written, over the plan of where its rows come from.
async fn explain_write(
    scope: &Arc<Scope>,
    head: String,
    source: Option<&ast::Query>,
    bound: &Bound,
) -> Result<Vec<String>, SqlError> {
    let mut lines = vec![head];
    if let Some(source) = source {
        let plan = explain_query(scope, &write::without_defaults(source), bound, false).await?;
        lines.extend(plan.into_iter().map(|line| format!("  {line}")));
    }
    Ok(lines)
}

async fn run_insert(
    scope: &Arc<Scope>,
    transaction: SharedTransaction,
    insert: &ast::Insert,
    bound: &Bound,
) -> Result<Vec<String>, SqlError> {
    let begun = scope.engine.now();
    let silent = ast::Insert { returning: None, ..insert.clone() };
    let outcome = write::insert(Arc::clone(scope), transaction, &silent, bound).await?;
    let ended = scope.engine.now();
    let Outcome::Command(tag) = outcome else { return Err(SqlError::internal("an INSERT gave rows")) };
    let rows = tag.rsplit(' ').next().unwrap_or_default();
    Ok(vec![
        format!("Insert on {}", insert.table),
        format!("Execution Time: {:.3} ms, rows={rows}", milliseconds(begun, ended)),
    ])
}

/// A statement that changes rows, over the plan that finds them.
async fn explain_change(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    change: ChangeStatement<'_>,
    bound: &Bound,
    analyze: bool,
) -> Result<Vec<String>, SqlError> {
    let (title, plan) = modify::explained(&scope, change, bound).await?;
    let mut lines = vec![title];
    operators(&plan, false, &mut lines);
    lines[1..].iter_mut().for_each(|line| line.insert_str(0, "  "));
    if analyze {
        let begun = scope.engine.now();
        let outcome = modify::run(Arc::clone(&scope), transaction, change, bound).await?;
        let ended = scope.engine.now();
        let rows = match outcome {
            Outcome::Command(tag) => tag.rsplit(' ').next().unwrap_or_default().to_owned(),
            _ => return Err(SqlError::unsupported("EXPLAIN ANALYZE of RETURNING is not supported yet")),
        };
        lines.push(format!("Execution Time: {:.3} ms, rows={rows}", milliseconds(begun, ended)));
    }
    Ok(lines)
}

fn milliseconds(from: TimestampMicros, to: TimestampMicros) -> f64 {
    (to.0 - from.0) as f64 / 1000.0
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
