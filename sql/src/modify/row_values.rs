//! `(column, …) = (expression, …)` in a SET list, and `(column, …) = (SELECT …)`, whose query runs once for all of its
//! columns: its row is one value beside the row that is changed, and each column is given a field of it.

use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::Exists;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlanBuilder, Subquery};
use peristyle_catalog::model::PgType;
use sqlparser::ast::{
    AccessExpr, Assignment, AssignmentTarget, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    Query,
};

use super::modified::Modified;
use super::plan::over;
use crate::error::SqlError;
use crate::functions;
use crate::plan::{Planner, output_names};

/// What the columns that hold such rows are called before their numbers. No name of a client's holds a control character.
const ROW_COLUMN: &str = "\u{1}row ";

/// A SET list taken apart.
#[derive(Default)]
pub(super) struct Pairs {
    /// Each column with its own value.
    pub(super) pairs: Vec<(ObjectName, Expr)>,
    pub(super) rows: Vec<RowQuery>,
}

/// A query that gives the values of several columns.
pub(super) struct RowQuery {
    query: Query,
    columns: usize,
    name: String,
}

impl Pairs {
    /// `clause` tells the list from others of the statement.
    pub(super) fn of(list: &[Assignment], clause: usize) -> Result<Pairs, SqlError> {
        let mut taken = Pairs::default();
        for assignment in list {
            match &assignment.target {
                AssignmentTarget::ColumnName(name) => taken.pairs.push((name.clone(), assignment.value.clone())),
                AssignmentTarget::Tuple(names) => {
                    let values = taken.row(&assignment.value, names.len(), clause)?;
                    taken.pairs.extend(names.iter().cloned().zip(values));
                }
            }
        }
        Ok(taken)
    }

    /// The values of a row: `(1, 2)`, `ROW(1, 2)`, `(SELECT a, b …)`.
    fn row(&mut self, value: &Expr, columns: usize, clause: usize) -> Result<Vec<Expr>, SqlError> {
        let values = match value {
            Expr::Tuple(values) => values.clone(),
            Expr::Subquery(query) => {
                let name = format!("{ROW_COLUMN}{clause}.{}", self.rows.len());
                let row = RowQuery { query: query.as_ref().clone(), columns, name };
                let fields = (0..columns).map(|at| row.field(at)).collect();
                self.rows.push(row);
                fields
            }
            Expr::Nested(inner) if columns == 1 => vec![inner.as_ref().clone()],
            Expr::Function(call) if call.name.to_string().eq_ignore_ascii_case("row") => match &call.args {
                FunctionArguments::List(list) => {
                    list.args.iter().map(argument).collect::<Option<_>>().unwrap_or_default()
                }
                _ => Vec::new(),
            },
            _ => {
                let message = "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression";
                return Err(SqlError::unsupported(message));
            }
        };
        match values.len() == columns {
            true => Ok(values),
            false => Err(unequal()),
        }
    }
}

fn unequal() -> SqlError {
    SqlError::syntax("number of columns does not match number of values")
}

fn argument(argument: &FunctionArg) -> Option<Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
        _ => None,
    }
}

impl RowQuery {
    /// The value of one of the columns.
    fn field(&self, at: usize) -> Expr {
        let field = Ident::with_quote('"', format!("f{}", at + 1));
        Expr::CompoundFieldAccess {
            root: Box::new(Expr::Identifier(Ident::with_quote('"', &self.name))),
            access_chain: vec![AccessExpr::Dot(Expr::Identifier(field))],
        }
    }

    /// The query's row as one value.
    pub(super) fn planned(
        &self,
        planner: &Planner<'_>,
        modified: &Modified,
        schema: &DFSchema,
        types: &[Option<PgType>],
    ) -> Result<PlanExpr, SqlError> {
        let Subquery { subquery, outer_ref_columns, spans } = self.subquery(planner, modified, schema, types)?;
        let columns = subquery.schema().columns();
        if columns.len() != self.columns {
            return Err(unequal());
        }
        let named = columns.into_iter().enumerate().map(|(at, column)| PlanExpr::Column(column).alias(format!("{at}")));
        // Behind an alias the query is planned for itself: of a group without rows it gives one all the same.
        let given = LogicalPlanBuilder::from(subquery.as_ref().clone()).project(named)?.alias("row")?.build()?;
        let fields = given.schema().columns().into_iter().map(PlanExpr::Column).collect();
        let row = functions::named("row")?.call(fields).alias("row");
        let rows = LogicalPlanBuilder::from(given).project([row])?.build()?;
        Ok(PlanExpr::ScalarSubquery(Subquery { subquery: rows.into(), outer_ref_columns, spans }).alias(&self.name))
    }

    /// The plan of the query, whatever it gives: the planner takes any number of columns behind EXISTS alone.
    fn subquery(
        &self,
        planner: &Planner<'_>,
        modified: &Modified,
        schema: &DFSchema,
        types: &[Option<PgType>],
    ) -> Result<Subquery, SqlError> {
        let mut query = self.query.clone();
        modified.shorten(&mut query);
        output_names::assign(&mut query);
        let any = Expr::Exists { subquery: Box::new(query), negated: false };
        match over(planner, &any, schema, types, "UPDATE")? {
            PlanExpr::Exists(Exists { subquery, .. }) => Ok(subquery),
            _ => Err(SqlError::internal("a subquery was expected")),
        }
    }
}

/// Whether a column holds such rows.
pub(super) fn is_row_column(name: &str) -> bool {
    name.starts_with(ROW_COLUMN)
}
