//! `SET column = expression, (column, …) = (expression, …)`.

use datafusion::common::DFSchema;
use datafusion::logical_expr::Expr as PlanExpr;
use peristyle_catalog::model::PgType;
use sqlparser::ast::{
    Assignment, AssignmentTarget, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, MergeAction, ObjectName,
    Query, SetExpr, Statement as Sql,
};

use super::modified::Modified;
use super::plan::over;
use super::{merge_into, on_conflict};
use crate::error::{SqlError, SqlState};
use crate::names::parts;
use crate::plan::{Planner, parameters};
use crate::scope::Scope;
use crate::write::{Target, assigned, check_update, default_expression, hint_values, is_default};

/// What a SET list gives each of the table's columns, by their places.
pub(super) struct Assignments {
    values: Vec<(usize, Expr)>,
}

impl Assignments {
    pub(super) fn of(modified: &Modified, list: &[Assignment]) -> Result<Assignments, SqlError> {
        let mut values: Vec<(usize, Expr)> = Vec::with_capacity(list.len());
        for (name, value) in pairs(list)? {
            let at = column(&modified.target, &name)?;
            if values.iter().any(|(taken, _)| *taken == at) {
                let name = modified.target.fields[at].field.name();
                return Err(SqlError::syntax(format!("multiple assignments to same column \"{name}\"")));
            }
            let value = match is_default(&value) {
                true => default_expression(&modified.target, modified.target.fields[at].field.name())?,
                false => {
                    check_update(modified.target.column(modified.target.fields[at].id))?;
                    value
                }
            };
            values.push((at, value));
        }
        Ok(Assignments { values })
    }

    /// The values as their columns store them.
    pub(super) fn planned(
        &self,
        planner: &Planner<'_>,
        modified: &Modified,
        schema: &DFSchema,
        types: &[Option<PgType>],
    ) -> Result<Vec<(usize, PlanExpr)>, SqlError> {
        let planned =
            self.values.iter().map(|(at, value)| Ok((*at, stored(planner, modified, *at, value, schema, types)?)));
        planned.collect()
    }
}

/// A value as the column at that place stores it.
pub(super) fn stored(
    planner: &Planner<'_>,
    modified: &Modified,
    at: usize,
    value: &Expr,
    schema: &DFSchema,
    types: &[Option<PgType>],
) -> Result<PlanExpr, SqlError> {
    let mut value = digits_kept(value, modified.target.fields[at].ty);
    modified.shorten(&mut value);
    let planned = over(planner, &value, schema, types, "UPDATE")?;
    assigned(&modified.target, at, planned, schema)
}

/// A string for a bare numeric is a number with the digits that it is written with: a column without values has none
/// behind the point to read it with.
fn digits_kept(value: &Expr, ty: PgType) -> Expr {
    let text = match value {
        Expr::Value(value) if ty == PgType::NUMERIC => value.value.clone().into_string(),
        _ => None,
    };
    let is_number = |text: &str| {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        digits.starts_with(|c: char| c.is_ascii_digit()) && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    let read = text.filter(|text| is_number(text)).map(|text| crate::parse::parse_expression(&text));
    read.and_then(Result::ok).unwrap_or_else(|| value.clone())
}

/// Parameters that are assigned to a column as they are have its type.
pub(super) fn hint(scope: &Scope, tree: &Sql, hinted: &mut [Option<PgType>]) -> Result<(), SqlError> {
    match tree {
        Sql::Update(update) => hint_list(&Modified::of(scope, &update.table.relation)?, &update.assignments, hinted),
        Sql::Merge(merge) => {
            let modified = merge_into::target_of(scope, merge)?;
            let updates = merge.clauses.iter().filter_map(|clause| match &clause.action {
                MergeAction::Update(update) => Some(&update.assignments),
                _ => None,
            });
            updates.into_iter().try_for_each(|list| hint_list(&modified, list, hinted))
        }
        Sql::Insert(insert) => {
            let modified = Modified::of(scope, &on_conflict::factor_of(insert)?)?;
            hint_values(&modified.target, insert, hinted)?;
            on_conflict::update_of(insert).map_or(Ok(()), |update| hint_list(&modified, &update.assignments, hinted))
        }
        _ => Ok(()),
    }
}

fn hint_list(modified: &Modified, list: &[Assignment], hinted: &mut [Option<PgType>]) -> Result<(), SqlError> {
    for (name, value) in pairs(list)? {
        if let Some(number) = parameters::placeholder(&value) {
            let field = &modified.target.fields[column(&modified.target, &name)?];
            hinted[number - 1].get_or_insert(PgType::plain(field.ty.oid));
        }
    }
    Ok(())
}

/// Each column with its own value.
fn pairs(list: &[Assignment]) -> Result<Vec<(ObjectName, Expr)>, SqlError> {
    let mut pairs = Vec::with_capacity(list.len());
    for assignment in list {
        match &assignment.target {
            AssignmentTarget::ColumnName(name) => pairs.push((name.clone(), assignment.value.clone())),
            AssignmentTarget::Tuple(names) => {
                let values = row(&assignment.value, names.len())?;
                pairs.extend(names.iter().cloned().zip(values));
            }
        }
    }
    Ok(pairs)
}

/// The values of a row: `(1, 2)`, `ROW(1, 2)`, `(SELECT a, b …)`.
fn row(value: &Expr, columns: usize) -> Result<Vec<Expr>, SqlError> {
    let values = match value {
        Expr::Tuple(values) => values.clone(),
        Expr::Subquery(query) => subqueries(query, columns)?,
        Expr::Nested(inner) if columns == 1 => vec![inner.as_ref().clone()],
        Expr::Function(call) if call.name.to_string().eq_ignore_ascii_case("row") => match &call.args {
            FunctionArguments::List(list) => list.args.iter().map(argument).collect::<Option<_>>().unwrap_or_default(),
            _ => Vec::new(),
        },
        _ => {
            let message = "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression";
            return Err(SqlError::unsupported(message));
        }
    };
    match values.len() == columns {
        true => Ok(values),
        false => Err(SqlError::syntax("number of columns does not match number of values")),
    }
}

fn argument(argument: &FunctionArg) -> Option<Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
        _ => None,
    }
}

/// One subquery per column of a subquery.
fn subqueries(query: &Query, columns: usize) -> Result<Vec<Expr>, SqlError> {
    let one = |at: usize| {
        let mut query = query.clone();
        let SetExpr::Select(select) = query.body.as_mut() else { return None };
        if select.distinct.is_some() || select.projection.len() != columns {
            return None;
        }
        select.projection = vec![select.projection[at].clone()];
        Some(Expr::Subquery(Box::new(query)))
    };
    let all: Option<Vec<Expr>> = (0..columns).map(one).collect();
    all.ok_or_else(|| SqlError::unsupported("this sub-SELECT as the source of several columns is not supported"))
}

/// The place of a column that is assigned to.
pub(super) fn column(target: &Target, name: &ObjectName) -> Result<usize, SqlError> {
    let parts = parts(name)?;
    let [name] = parts.as_slice() else {
        let message = format!("column \"{}\" of relation \"{}\" does not exist", parts[0], target.name());
        return Err(SqlError::new(SqlState::UNDEFINED_COLUMN, message)
            .hint("SET target columns cannot be qualified with the relation name."));
    };
    target.position(name).ok_or_else(|| {
        let message = format!("column \"{name}\" of relation \"{}\" does not exist", target.name());
        SqlError::new(SqlState::UNDEFINED_COLUMN, message)
    })
}
