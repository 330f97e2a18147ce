//! EXPLAIN [ANALYZE]: the plan as text or JSON, and what a run of it read.

mod parts;

use std::sync::Arc;

use arrow::array::{RecordBatch, StringViewArray};
use arrow::datatypes::Schema;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use peristyle_catalog::model::{PgType, TimestampMicros};
use peristyle_storage::types::{arrow_type, pg_field};
use serde_json::{Value, json};
use sqlparser::ast::{self, UtilityOption};

use crate::error::{SqlError, SqlState};
use crate::modify::{self, ChangeStatement};
use crate::outcome::{ColumnDescription, Outcome, Rows, RowsTag};
use crate::plan::Planner;
use crate::plan::parameters::Bound;
use crate::scan::ScanExec;
use crate::scope::Scope;
use crate::session::SharedTransaction;
use crate::statement;
use crate::with_changes::WithChanges;
use crate::write::{self, ResolvedInsert};

/// The explained query's parameters, and the one column of an explanation.
pub(crate) fn describe(
    scope: &Arc<Scope>,
    explained: &ast::Statement,
    options: Option<&[UtilityOption]>,
    types: &[Option<PgType>],
) -> Result<(Vec<PgType>, Option<Vec<ColumnDescription>>), SqlError> {
    let (parameters, _) = statement::describe_tree(scope, explained, types)?;
    Ok((parameters, Some(columns(Format::of_options(options)?))))
}

fn columns(format: Format) -> Vec<ColumnDescription> {
    vec![ColumnDescription::computed("QUERY PLAN", format.pg_type())]
}

/// Explains a query or a write. With ANALYZE runs it: a query's rows are thrown away, a write's are written.
pub(crate) async fn run(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    tree: &ast::Statement,
    bound: &Bound,
) -> Result<Outcome, SqlError> {
    let ast::Statement::Explain { statement, analyze, options, format, .. } = tree else {
        return Err(SqlError::internal("an EXPLAIN was expected"));
    };
    if format.is_some() {
        return Err(SqlError::syntax("syntax error at or near \"FORMAT\""));
    }
    let options = Options::of(*analyze, options.as_deref())?;
    let explained = match statement.as_ref() {
        tree if let Some(statement) = WithChanges::of(tree) => {
            options.refuse_json_of_parts()?;
            let lines = parts::explain(scope, transaction, statement, bound, options.analyze).await?;
            return rendered(lines, Format::Text);
        }
        tree if let Some(change) = ChangeStatement::of(tree) => {
            explain_change(scope, transaction, change, bound, options.analyze).await?
        }
        ast::Statement::Query(query) => explain_query(&scope, query, bound, options.analyze).await?,
        ast::Statement::Insert(insert) if options.analyze => run_insert(&scope, transaction, insert, bound).await?,
        ast::Statement::Insert(insert) => explain_insert(&scope, insert, bound).await?,
        ast::Statement::CreateTable(create) if create.query.is_some() && !options.analyze => {
            explain_write(&scope, format!("Create {}", create.name), create.query.as_deref(), bound).await?
        }
        _ => return Err(SqlError::unsupported("EXPLAIN of this statement is not supported yet")),
    };
    match options.format {
        Format::Text => rendered(explained.lines(), Format::Text),
        Format::Json => rendered(vec![explained.json()], Format::Json),
    }
}

/// What there is to say of a statement.
struct Explained {
    /// What is written, if it is a write.
    head: Option<String>,
    /// The plan of its rows; `None` for constants.
    plan: Option<Arc<dyn ExecutionPlan>>,
    planning_milliseconds: f64,
    /// Of ANALYZE: how long it ran, and the rows that it gave.
    run: Option<(f64, usize)>,
}

impl Explained {
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(plan) = &self.plan {
            // The plan of a write is not the one that ran.
            operators(plan, self.run.is_some() && self.head.is_none(), &mut lines);
        }
        if let Some(head) = &self.head {
            indent(&mut lines);
            lines.insert(0, head.clone());
        }
        if let Some((milliseconds, rows)) = self.run {
            lines.push(format!("Planning Time: {:.3} ms", self.planning_milliseconds));
            lines.push(format!("Execution Time: {milliseconds:.3} ms, rows={rows}"));
        }
        lines
    }

    /// One array of one object, as PostgreSQL has it: `Plan` with `Plans` below, then times.
    fn json(&self) -> String {
        let mut plan = self.plan.as_ref().map(json_plan);
        if let Some(head) = &self.head {
            plan = Some(json!({ "Node Type": head, "Plans": plan.into_iter().collect::<Vec<_>>() }));
        }
        let mut object = json!({ "Plan": plan });
        if let Some((milliseconds, rows)) = self.run {
            object["Planning Time"] = json!(self.planning_milliseconds);
            object["Execution Time"] = json!(milliseconds);
            object["Actual Rows"] = json!(rows);
        }
        format!("{:#}", json!([object]))
    }
}

fn json_plan(plan: &Arc<dyn ExecutionPlan>) -> Value {
    let details = DisplayableExecutionPlan::new(plan.as_ref()).one_line().to_string();
    let mut node = json!({ "Node Type": plan.name(), "Details": details.trim_end() });
    if let Some(scan) = (plan.as_ref() as &dyn std::any::Any).downcast_ref::<ScanExec>() {
        node["Relation Name"] = json!(scan.table());
    }
    let children: Vec<Value> = plan.children().into_iter().map(json_plan).collect();
    if !children.is_empty() {
        node["Plans"] = json!(children);
    }
    node
}

async fn explain_query(
    scope: &Arc<Scope>,
    query: &ast::Query,
    bound: &Bound,
    analyze: bool,
) -> Result<Explained, SqlError> {
    let planner = Planner::new(scope)?.with_values(bound);
    let begun = scope.engine.now();
    let plan = planner.query(query, bound.types())?;
    let plan = planner.physical(plan, bound).await?;
    let planned = scope.engine.now();
    let run = if analyze {
        let rows = run_through(scope, &plan, planner.task()).await?;
        Some((milliseconds(planned, scope.engine.now()), rows))
    } else {
        None
    };
    Ok(Explained { head: None, plan: Some(plan), planning_milliseconds: milliseconds(begun, planned), run })
}

/// What is written, over the plan of where its rows come from.
async fn explain_write(
    scope: &Arc<Scope>,
    head: String,
    source: Option<&ast::Query>,
    bound: &Bound,
) -> Result<Explained, SqlError> {
    let below = match source {
        Some(source) => explain_query(scope, &write::without_defaults(source), bound, false).await?,
        None => Explained { head: None, plan: None, planning_milliseconds: 0.0, run: None },
    };
    Ok(Explained { head: Some(head), ..below })
}

async fn explain_insert(scope: &Arc<Scope>, insert: &ast::Insert, bound: &Bound) -> Result<Explained, SqlError> {
    write::describe_insert(scope, insert, bound.types())?;
    explain_write(scope, format!("Insert on {}", insert.table), insert.source.as_deref(), bound).await
}

async fn run_insert(
    scope: &Arc<Scope>,
    transaction: SharedTransaction,
    insert: &ast::Insert,
    bound: &Bound,
) -> Result<Explained, SqlError> {
    let begun = scope.engine.now();
    let silent = ast::Insert { returning: None, ..insert.clone() };
    let outcome = write::insert(Arc::clone(scope), transaction, &silent, bound, &ResolvedInsert::default()).await?;
    let ended = scope.engine.now();
    let Outcome::Command(tag) = outcome else { return Err(SqlError::internal("an INSERT gave rows")) };
    Ok(Explained {
        head: Some(format!("Insert on {}", insert.table)),
        plan: None,
        planning_milliseconds: 0.0,
        run: Some((milliseconds(begun, ended), rows_of(&tag))),
    })
}

/// The number at the end of a command's tag.
fn rows_of(tag: &str) -> usize {
    tag.rsplit(' ').next().and_then(|rows| rows.parse().ok()).unwrap_or_default()
}

/// A statement that changes rows, over the plan that finds them.
async fn explain_change(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    change: ChangeStatement<'_>,
    bound: &Bound,
    analyze: bool,
) -> Result<Explained, SqlError> {
    let begun = scope.engine.now();
    let (title, plan) = modify::explained(&scope, change, bound).await?;
    let planned = scope.engine.now();
    let run = if analyze {
        let outcome = modify::run(Arc::clone(&scope), transaction, change, bound).await?;
        let Outcome::Command(tag) = outcome else {
            return Err(SqlError::unsupported("EXPLAIN ANALYZE of RETURNING is not supported yet"));
        };
        Some((milliseconds(planned, scope.engine.now()), rows_of(&tag)))
    } else {
        None
    };
    let planning_milliseconds = milliseconds(begun, planned);
    Ok(Explained { head: Some(title), plan: Some(plan), planning_milliseconds, run })
}

async fn change_lines(scope: &Arc<Scope>, change: ChangeStatement<'_>, bound: &Bound) -> Result<Vec<String>, SqlError> {
    let (title, plan) = modify::explained(scope, change, bound).await?;
    let mut lines = vec![title];
    operators(&plan, false, &mut lines);
    indent(&mut lines[1..]);
    Ok(lines)
}

fn indent(lines: &mut [String]) {
    lines.iter_mut().for_each(|line| line.insert_str(0, "  "));
}

fn milliseconds(from: TimestampMicros, to: TimestampMicros) -> f64 {
    (to.0 - from.0) as f64 / 1000.0
}

/// How an explanation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Json,
}

impl Format {
    /// The format that the options name, the last one if several do.
    fn of_options(list: Option<&[UtilityOption]>) -> Result<Format, SqlError> {
        let named = list.unwrap_or_default().iter().rfind(|option| option.name.value.eq_ignore_ascii_case("format"));
        let Some(format) = named else { return Ok(Format::Text) };
        let word = format.arg.as_ref().map(|arg| arg.to_string().trim_matches('\'').to_lowercase()).unwrap_or_default();
        match word.as_str() {
            "text" => Ok(Format::Text),
            "json" => Ok(Format::Json),
            "xml" | "yaml" => Err(SqlError::unsupported("EXPLAIN formats other than TEXT and JSON are not supported")),
            other => {
                let message = format!("unrecognized value for EXPLAIN option \"format\": \"{other}\"");
                Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message))
            }
        }
    }

    fn pg_type(self) -> PgType {
        match self {
            Format::Text => PgType::TEXT,
            Format::Json => PgType::JSON,
        }
    }
}

struct Options {
    analyze: bool,
    format: Format,
}

impl Options {
    fn of(analyze: bool, list: Option<&[UtilityOption]>) -> Result<Options, SqlError> {
        let mut options = Options { analyze, format: Format::of_options(list)? };
        for option in list.unwrap_or_default() {
            let on = option
                .arg
                .as_ref()
                .is_none_or(|arg| !matches!(arg.to_string().to_lowercase().as_str(), "false" | "off" | "0"));
            match option.name.value.to_lowercase().as_str() {
                "analyze" => options.analyze = on,
                "verbose" | "costs" | "buffers" | "timing" | "summary" | "settings" | "wal" | "format" => {}
                other => return Err(SqlError::syntax(format!("unrecognized EXPLAIN option \"{other}\""))),
            }
        }
        Ok(options)
    }

    fn refuse_json_of_parts(&self) -> Result<(), SqlError> {
        match self.format {
            Format::Text => Ok(()),
            Format::Json => Err(SqlError::unsupported("EXPLAIN (FORMAT JSON) of this statement is not supported yet")),
        }
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

fn rendered(lines: Vec<String>, format: Format) -> Result<Outcome, SqlError> {
    let ty = format.pg_type();
    let field = pg_field("QUERY PLAN", ty, arrow_type(ty, None), false);
    let array = Arc::new(StringViewArray::from_iter_values(lines));
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array])?;
    let batches = Box::pin(futures::stream::iter([Ok(batch)]));
    Ok(Outcome::Rows(Rows { columns: columns(format), batches, tag: RowsTag::Fixed("EXPLAIN") }))
}
