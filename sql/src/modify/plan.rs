//! The query of a statement that changes rows: for each row where it lies, what becomes of it, its new values, and what
//! RETURNING gives of it.

use std::ops::Range;
use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use peristyle_catalog::model::PgType;
use sqlparser::ast::{self, SetExpr, Statement as Sql, TableWithJoins, With};

use super::modified::Modified;
use super::returning::Returning;
use super::{ChangeStatement, delete, merge_into, on_conflict, proven, update};
use crate::error::{SqlError, SqlState};
use crate::outcome::ColumnDescription;
use crate::parse::parse_query;
use crate::plan::parameters::Bound;
use crate::plan::{Planner, describe_schema};
use crate::scan::ADDRESS_COLUMN;
use crate::scope::Scope;
use crate::write::Key;

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    Update,
    Delete,
    Insert,
}

impl Action {
    /// As the query's column says it.
    pub(super) fn code(self) -> i32 {
        self as i32
    }

    pub(super) fn of_code(code: i32) -> Result<Action, SqlError> {
        let actions = [Action::Nothing, Action::Update, Action::Delete, Action::Insert];
        let known = actions.into_iter().find(|action| action.code() == code);
        known.ok_or_else(|| SqlError::internal(format!("there is no action {code}")))
    }
}

/// What it means that the query finds one row of the table twice.
#[derive(Clone, Copy, Debug)]
pub(super) enum Twice {
    /// One of them counts, as PostgreSQL's DELETE and UPDATE have it.
    First,
    /// 21000 with this message.
    Error(&'static str, &'static str),
}

impl Twice {
    /// What happens when it is met: the row does not count, or the statement fails.
    pub(super) fn met(self) -> Result<bool, SqlError> {
        match self {
            Twice::First => Ok(false),
            Twice::Error(message, hint) => Err(SqlError::new(SqlState::CARDINALITY_VIOLATION, message).hint(hint)),
        }
    }
}

/// Which statement it is.
pub(super) struct Verb {
    /// `Delete on`, for EXPLAIN.
    pub(super) title: &'static str,
    /// The command tag before the count.
    pub(super) tag: &'static str,
    /// What becomes of every row, if that is the same for all.
    pub(super) action: Option<Action>,
    pub(super) twice: Twice,
}

/// Where the query's columns are.
pub(super) struct Columns {
    /// The action's place, if rows differ in it; the address is at 0.
    pub(super) action: Option<usize>,
    /// The table's columns; empty if no row gets new values.
    pub(super) values: Range<usize>,
    pub(super) returning: Range<usize>,
}

/// A planned statement.
pub(super) struct ChangePlan<'a> {
    pub(super) planner: Planner<'a>,
    pub(super) modified: Modified,
    pub(super) verb: Verb,
    pub(super) columns: Columns,
    /// Names of what RETURNING gives.
    pub(super) returning: Option<Vec<String>>,
    /// Whether every row of the table is meant, so that none need be read.
    pub(super) takes_all: bool,
    /// Whether partitions of which every row is deleted need not be read; not if another part of the statement may have
    /// taken rows of them.
    pub(super) leaves_out: bool,
    /// Keys of which each value may be inserted once; what a second one means says the verb.
    pub(super) once: Vec<Key>,
    pub(super) logical: LogicalPlan,
}

impl<'a> ChangePlan<'a> {
    pub(super) fn of(
        scope: &'a Arc<Scope>,
        change: &ChangeStatement<'_>,
        values: &'a Bound,
    ) -> Result<ChangePlan<'a>, SqlError> {
        match change.tree {
            Sql::Delete(statement) => delete::plan(scope, statement, change.with, values),
            Sql::Update(statement) => update::plan(scope, statement, change.with, values),
            Sql::Merge(statement) => merge_into::plan(scope, statement, change.with, values),
            Sql::Insert(statement) => on_conflict::plan(scope, statement, values),
            _ => Err(SqlError::internal("a statement that changes rows was expected")),
        }
    }

    /// Puts the parts together: `rows` has the address and, under the table's name, its columns as they will be.
    pub(super) fn new(
        planner: Planner<'a>,
        modified: Modified,
        verb: Verb,
        rows: LogicalPlan,
        returning: Option<Returning>,
    ) -> Result<ChangePlan<'a>, SqlError> {
        let has_values = verb.action != Some(Action::Delete);
        let mut output = vec![address(&modified).alias(ADDRESS_COLUMN)];
        let mut action = None;
        if verb.action.is_none() {
            action = Some(output.len());
            output.push(Expr::Column(Column::new_unqualified(ACTION_COLUMN)));
        }
        let first_value = output.len();
        if has_values {
            let fields = modified.target.fields.iter().enumerate();
            output
                .extend(fields.map(|(at, field)| own(&modified, field.field.name()).alias(format!("\u{1}value{at}"))));
        }
        let first_returned = output.len();
        let mut names = None;
        if let Some(returning) = returning {
            let items = returning.items.into_iter().enumerate();
            output.extend(items.map(|(at, item)| item.alias(format!("\u{1}returned{at}"))));
            names = Some(returning.names);
        }
        let columns = Columns { action, values: first_value..first_returned, returning: first_returned..output.len() };
        let logical = LogicalPlanBuilder::from(rows).project(output)?.build()?;
        Ok(ChangePlan {
            planner,
            modified,
            verb,
            columns,
            returning: names,
            takes_all: false,
            leaves_out: true,
            once: Vec::new(),
            logical,
        })
    }

    pub(super) fn logical(&self) -> &LogicalPlan {
        &self.logical
    }

    pub(super) fn title(&self) -> String {
        format!("{} {}", self.verb.title, self.modified.target.name())
    }

    /// The physical plan. Partitions of which the catalog alone proves that every row is deleted are not read by it.
    pub(super) async fn physical(&self, bound: &Bound) -> Result<Arc<dyn ExecutionPlan>, SqlError> {
        let optimised = self.planner.optimised(self.logical.clone(), bound)?;
        if self.leaves_out && self.verb.action == Some(Action::Delete) && self.returning.is_none() {
            self.modified.book.leave_out(&proven::whole_partitions(&self.planner, &optimised)?);
        }
        self.planner.physical_of(&optimised).await
    }

    /// The columns that RETURNING gives.
    pub(super) fn describe(&self, nulls: &Bound) -> Result<Option<Vec<ColumnDescription>>, SqlError> {
        let Some(names) = &self.returning else { return Ok(None) };
        let optimised = self.planner.optimised(self.logical.clone(), nulls)?;
        let described = describe_schema(optimised.schema().inner());
        let returned = described[self.columns.returning.clone()].iter().zip(names);
        Ok(Some(returned.map(|(column, name)| ColumnDescription::computed(name, column.ty)).collect()))
    }
}

/// Name of the column that says what becomes of a row.
pub(super) const ACTION_COLUMN: &str = "\u{1}action";

/// The address of a row of the table.
pub(super) fn address(modified: &Modified) -> Expr {
    own(modified, ADDRESS_COLUMN)
}

/// A column of the table.
pub(super) fn own(modified: &Modified, column: &str) -> Expr {
    Expr::Column(Column::new(Some(modified.name.as_str()), column))
}

/// `SELECT * FROM from WHERE condition`.
pub(super) fn rows_of(
    planner: &Planner<'_>,
    with: Option<&With>,
    from: Vec<TableWithJoins>,
    condition: Option<ast::Expr>,
    types: &[Option<PgType>],
) -> Result<LogicalPlan, SqlError> {
    let mut query = parse_query("SELECT *")?;
    query.with = with.cloned();
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.from = from;
        select.selection = condition;
    }
    planner.query(&query, types)
}

/// An expression over the rows, where no aggregate and no window may stand.
pub(crate) fn over(
    planner: &Planner<'_>,
    expression: &ast::Expr,
    schema: &DFSchema,
    types: &[Option<PgType>],
    clause: &str,
) -> Result<Expr, SqlError> {
    let planned = planner.over(expression, schema, types)?;
    let mut refused = None;
    planned.apply(|part| {
        refused = match part {
            Expr::AggregateFunction(_) => {
                let message = format!("aggregate functions are not allowed in {clause}");
                Some(SqlError::new(SqlState::GROUPING_ERROR, message))
            }
            Expr::WindowFunction(_) => {
                let message = format!("window functions are not allowed in {clause}");
                Some(SqlError::new(SqlState::WINDOWING_ERROR, message))
            }
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        Ok(TreeNodeRecursion::Stop)
    })?;
    match refused {
        Some(error) => Err(error),
        None => Ok(planned),
    }
}
