//! `SET column = expression, (column, …) = (expression, …)`.

use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder};
use peristyle_catalog::model::PgType;
use sqlparser::ast::{Assignment, Expr, MergeAction, ObjectName, Statement as Sql};

use super::modified::Modified;
use super::plan::{over, own};
use super::row_values::{Pairs, RowQuery};
use super::{merge_into, on_conflict};
use crate::error::{SqlError, SqlState};
use crate::names::parts;
use crate::plan::{Planner, parameters};
use crate::scope::Scope;
use crate::write::{
    Assigning, Part, Target, assigned, check_update, default_expression, hint_values, is_default, no_default, split,
};

/// What a SET list gives each of the table's columns, by their places.
pub(super) struct Assignments {
    columns: Vec<(usize, Given)>,
    /// The subqueries that give rows of values, which stand beside the rows that they are for.
    rows: Vec<RowQuery>,
}

/// What a column is given: a value, or values for parts of the array that it is.
enum Given {
    Whole(Box<Expr>),
    Parts(Vec<(Part, Expr)>),
}

impl Assignments {
    /// The list of the clause of that number, of which each has its own.
    pub(super) fn of(modified: &Modified, list: &[Assignment], clause: usize) -> Result<Assignments, SqlError> {
        let target = &modified.target;
        let mut columns: Vec<(usize, Given)> = Vec::with_capacity(list.len());
        let Pairs { pairs, rows } = Pairs::of(list, clause)?;
        for (name, value) in pairs {
            let (name, part) = split(&name)?;
            let at = column(target, &name)?;
            let before = columns.iter_mut().find(|(taken, _)| *taken == at).map(|(_, given)| given);
            match (before, part) {
                (None, None) => columns.push((at, Given::Whole(Box::new(whole(target, at, value)?)))),
                (None, Some(part)) => {
                    columns.push((at, Given::Parts(vec![(part, value_of_part(target, at, value)?)])));
                }
                (Some(Given::Parts(parts)), Some(part)) => parts.push((part, value_of_part(target, at, value)?)),
                (Some(_), _) => {
                    let name = target.fields[at].field.name();
                    return Err(SqlError::syntax(format!("multiple assignments to same column \"{name}\"")));
                }
            }
        }
        Ok(Assignments { columns, rows })
    }

    /// The rows that are changed, and beside each what the list's subqueries give it.
    pub(super) fn beside(
        &self,
        planner: &Planner<'_>,
        modified: &Modified,
        found: LogicalPlan,
        types: &[Option<PgType>],
    ) -> Result<LogicalPlan, SqlError> {
        if self.rows.is_empty() {
            return Ok(found);
        }
        let mut output: Vec<PlanExpr> = found.schema().columns().into_iter().map(PlanExpr::Column).collect();
        for row in &self.rows {
            output.push(row.planned(planner, modified, found.schema(), types)?);
        }
        Ok(LogicalPlanBuilder::from(found).project(output)?.build()?)
    }

    /// The values as their columns store them.
    pub(super) fn planned(
        &self,
        planner: &Planner<'_>,
        modified: &Modified,
        schema: &DFSchema,
        types: &[Option<PgType>],
    ) -> Result<Vec<(usize, PlanExpr)>, SqlError> {
        let planned = self.columns.iter().map(|(at, given)| {
            let value = match given {
                Given::Whole(value) => stored(planner, modified, *at, value, schema, types)?,
                Given::Parts(parts) => with_parts(planner, modified, *at, parts, schema, types)?,
            };
            Ok((*at, value))
        });
        planned.collect()
    }
}

/// The value that is assigned to all of a column.
fn whole(target: &Target, at: usize, value: Expr) -> Result<Expr, SqlError> {
    if is_default(&value) {
        return default_expression(target, target.fields[at].field.name());
    }
    check_update(target.column(target.fields[at].id))?;
    Ok(value)
}

fn value_of_part(target: &Target, at: usize, value: Expr) -> Result<Expr, SqlError> {
    if is_default(&value) {
        return Err(no_default());
    }
    check_update(target.column(target.fields[at].id))?;
    Ok(value)
}

/// The array that the column has, with the values in their parts, one after the other.
fn with_parts(
    planner: &Planner<'_>,
    modified: &Modified,
    at: usize,
    parts: &[(Part, Expr)],
    schema: &DFSchema,
    types: &[Option<PgType>],
) -> Result<PlanExpr, SqlError> {
    let target = &modified.target;
    let assigning = Assigning { planner, target, schema, subscripts: schema, types };
    let mut array = own(modified, target.fields[at].field.name());
    for (part, value) in parts {
        let (mut part, mut value) = (part.clone(), value.clone());
        modified.shorten(&mut value);
        modified.shorten(part.subscripts());
        let value = over(planner, &value, schema, types, "UPDATE")?;
        array = part.put(&assigning, at, array, value)?;
    }
    assigned(target, at, array, schema)
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
    for (name, value) in Pairs::of(list, 0)?.pairs {
        let (name, part) = split(&name)?;
        part.iter().for_each(|part| part.hint(hinted));
        if let Some(number) = parameters::placeholder(&value) {
            let ty = modified.target.fields[column(&modified.target, &name)?].ty;
            if let Some(ty) = part.map_or(Some(ty), |part| part.ty(ty)) {
                hinted[number - 1].get_or_insert(PgType::plain(ty.oid));
            }
        }
    }
    Ok(())
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
