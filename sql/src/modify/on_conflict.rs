//! INSERT … ON CONFLICT DO NOTHING | DO UPDATE: the rows to insert, each with the row of the table whose key it has.

use std::sync::Arc;

use datafusion::common::{Column, DFSchema, JoinType};
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder};
use peristyle_catalog::model::{ColumnId, ConstraintKind, PgType};
use sqlparser::ast::{
    ConflictTarget, DoUpdate, Insert, OnConflict, OnConflictAction, OnInsert, SetExpr, TableAlias, TableFactor,
    TableWithJoins, With,
};

use super::assignments::Assignments;
use super::clauses::{Clause, Deed, decide};
use super::generated::computed;
use super::modified::Modified;
use super::plan::{ChangePlan, Twice, Verb, over, own, rows_of};
use super::returning::Returning;
use crate::error::{SqlError, SqlState};
use crate::names::{fold, parts};
use crate::parse::{parse_query, with_before};
use crate::plan::Planner;
use crate::plan::parameters::Bound;
use crate::scope::Scope;
use crate::write::{self, Key, Target, default_expression};

/// What the rows to insert are called.
const EXCLUDED: &str = "excluded";

const NOTHING: Verb = Verb { title: "Insert on", tag: "INSERT 0", action: None, twice: Twice::First };
const UPDATE: Verb = Verb {
    twice: Twice::Error(
        "ON CONFLICT DO UPDATE command cannot affect row a second time",
        "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.",
    ),
    ..NOTHING
};

pub(super) fn plan<'a>(scope: &'a Arc<Scope>, insert: &Insert, values: &'a Bound) -> Result<ChangePlan<'a>, SqlError> {
    let types = values.types();
    let clause = clause_of(insert)?;
    let written = factor_of(insert)?;
    let modified = Modified::of(scope, &written)?;
    let keys = conflicting_keys(&modified.target, clause)?;
    let planner = modified.planner(scope)?.with_values(values).under(with_before(insert), insert)?;
    let given = excluded(&planner, &modified.target, &with_marked(insert, planner.with()), types)?;
    let joined = joined(&planner, &modified, &written, given, &keys, types)?;
    let (joined, matched) = on_match(&planner, &modified, clause, joined, types)?;
    let clauses = vec![matched, on_new(&modified.target)];
    let rows = decide(&modified, joined, &clauses)?;
    let rows = match insert.returning {
        Some(_) => computed(&planner, &modified.target, Some(&modified.name), rows)?,
        None => rows,
    };
    let returning = Returning::over(&planner, &modified, insert.returning.as_deref(), &rows, types)?;
    let verb = match clause.action {
        OnConflictAction::DoNothing => NOTHING,
        OnConflictAction::DoUpdate(_) => UPDATE,
    };
    let fields: Vec<_> = modified.target.fields.iter().map(|field| (field.id, Arc::clone(&field.field))).collect();
    let once = keys.iter().map(|key| Key::new("", key, &fields)).collect::<Result<Vec<_>, _>>()?;
    let plan = ChangePlan::new(planner, modified, verb, rows, returning)?;
    Ok(ChangePlan { once, ..plan })
}

/// The INSERT with the queries of its WITH as others that read them see them.
fn with_marked(insert: &Insert, with: Option<&With>) -> Insert {
    let mut insert = insert.clone();
    if let (Some(source), Some(with)) = (&mut insert.source, with) {
        source.with = Some(with.clone());
    }
    insert
}

/// The columns of a SET list and its values, for the types of parameters.
pub(super) fn update_of(insert: &Insert) -> Option<&DoUpdate> {
    match clause_of(insert).map(|clause| &clause.action) {
        Ok(OnConflictAction::DoUpdate(update)) => Some(update),
        _ => None,
    }
}

fn clause_of(insert: &Insert) -> Result<&OnConflict, SqlError> {
    match &insert.on {
        Some(OnInsert::OnConflict(clause)) => Ok(clause),
        _ => Err(SqlError::syntax("syntax error at or near \"ON\"")),
    }
}

/// The table as a FROM list would name it.
pub(super) fn factor_of(insert: &Insert) -> Result<TableFactor, SqlError> {
    let query = parse_query("SELECT * FROM t")?;
    let SetExpr::Select(select) = *query.body else { return Err(SqlError::internal("a SELECT was expected")) };
    let mut from = select.from.into_iter().map(|from| from.relation);
    let mut factor = from.next().ok_or_else(|| SqlError::internal("a table was expected"))?;
    if let TableFactor::Table { name, alias, .. } = &mut factor {
        *name = write::table_name(insert)?.clone();
        let given = insert.table_alias.as_ref().map(|alias| alias.alias.clone());
        *alias = given.map(|name| TableAlias { explicit: true, name, columns: Vec::new(), at: None });
    }
    Ok(factor)
}

/// The keys of which one that is taken makes a conflict.
fn conflicting_keys(target: &Target, clause: &OnConflict) -> Result<Vec<Vec<ColumnId>>, SqlError> {
    let keys: Vec<(&str, &Vec<ColumnId>)> = target
        .table()
        .constraints
        .iter()
        .filter_map(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => {
                Some((constraint.name.as_str(), columns))
            }
            ConstraintKind::ForeignKey { .. } | ConstraintKind::Check { .. } => None,
        })
        .collect();
    let wanted: Vec<Vec<ColumnId>> = match &clause.conflict_target {
        None if matches!(clause.action, OnConflictAction::DoUpdate(_)) => {
            return Err(SqlError::syntax("ON CONFLICT DO UPDATE requires inference specification or constraint name"));
        }
        None => keys.iter().map(|(_, columns)| (*columns).clone()).collect(),
        Some(ConflictTarget::OnConstraint(name)) => {
            let name = parts(name)?.pop().unwrap_or_default();
            let found = keys.iter().find(|(key, _)| *key == name).map(|(_, columns)| vec![(*columns).clone()]);
            found.ok_or_else(|| {
                let message = format!("constraint \"{name}\" for table \"{}\" does not exist", target.name());
                SqlError::new(SqlState::UNDEFINED_OBJECT, message)
            })?
        }
        Some(ConflictTarget::Columns(names)) => {
            let column = |name: &sqlparser::ast::Ident| {
                let name = fold(name);
                let column = target.table().column(&name);
                column.map(|column| column.id).ok_or_else(|| {
                    SqlError::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist"))
                })
            };
            let mut named = names.iter().map(column).collect::<Result<Vec<_>, _>>()?;
            named.sort_unstable();
            let is_named = |key: &Vec<ColumnId>| {
                let mut key = key.clone();
                key.sort_unstable();
                key == named
            };
            let found = keys.iter().find(|(_, columns)| is_named(columns)).map(|(_, columns)| vec![(*columns).clone()]);
            found.ok_or_else(|| {
                let message = "there is no unique or exclusion constraint matching the ON CONFLICT specification";
                SqlError::new(SqlState::INVALID_COLUMN_REFERENCE, message)
            })?
        }
    };
    if !wanted.is_empty() && !target.table().enforces_keys() {
        return Err(SqlError::unsupported("INSERT ... ON CONFLICT on a table that does not enforce its keys")
            .hint("Create the table WITH (enforce_key = true)."));
    }
    Ok(wanted)
}

/// The rows to insert with all of the table's columns.
fn excluded(
    planner: &Planner<'_>,
    target: &Target,
    insert: &Insert,
    types: &[Option<PgType>],
) -> Result<LogicalPlan, SqlError> {
    let given = write::source_plan(planner, target, insert, types)?;
    let schema = Arc::clone(given.schema());
    let empty = DFSchema::empty();
    let mut output = Vec::with_capacity(target.fields.len());
    for (at, field) in target.fields.iter().enumerate() {
        let name = field.field.name();
        let value = match schema.iter().find(|(_, given)| given.name() == name) {
            Some((qualifier, _)) => PlanExpr::Column(Column::new(qualifier.cloned(), name)),
            None => {
                let default = planner.over(&default_expression(target, name)?, &empty, &[])?;
                write::assigned(target, at, default, &empty)?
            }
        };
        output.push(value.alias(name));
    }
    let rows = LogicalPlanBuilder::from(given).project(output)?.build()?;
    let rows = computed(planner, target, None, rows)?;
    Ok(LogicalPlanBuilder::from(rows).alias(EXCLUDED)?.build()?)
}

/// Each row to insert with the rows of the table that have one of its keys.
fn joined(
    planner: &Planner<'_>,
    modified: &Modified,
    written: &TableFactor,
    given: LogicalPlan,
    keys: &[Vec<ColumnId>],
    types: &[Option<PgType>],
) -> Result<LogicalPlan, SqlError> {
    let from = vec![TableWithJoins { relation: modified.factor(written), joins: Vec::new() }];
    let table = rows_of(planner, None, from, None, types)?;
    let same = |id: &ColumnId| {
        let name = &modified.target.column(*id).name;
        PlanExpr::Column(Column::new(Some(EXCLUDED), name)).eq(own(modified, name))
    };
    let of_key = |key: &Vec<ColumnId>| key.iter().map(same).reduce(PlanExpr::and);
    let condition = keys.iter().filter_map(of_key).reduce(PlanExpr::or);
    let condition = condition.unwrap_or_else(|| datafusion::logical_expr::lit(false));
    Ok(LogicalPlanBuilder::from(given).join_on(table, JoinType::Left, [condition])?.build()?)
}

/// The clause for rows whose keys are taken, and the joined rows with what it reads beside them.
fn on_match(
    planner: &Planner<'_>,
    modified: &Modified,
    clause: &OnConflict,
    joined: LogicalPlan,
    types: &[Option<PgType>],
) -> Result<(LogicalPlan, Clause), SqlError> {
    let OnConflictAction::DoUpdate(update) = &clause.action else {
        return Ok((joined, Clause { matched: true, condition: None, deed: Deed::Nothing }));
    };
    let assignments = Assignments::of(modified, &update.assignments, 0)?;
    let joined = assignments.beside(planner, modified, joined, types)?;
    let values = assignments.planned(planner, modified, joined.schema(), types)?;
    let condition = update.selection.clone().map(|mut condition| {
        modified.shorten(&mut condition);
        over(planner, &condition, joined.schema(), types, "WHERE")
    });
    let clause = Clause { matched: true, condition: condition.transpose()?, deed: Deed::Update(values) };
    Ok((joined, clause))
}

fn on_new(target: &Target) -> Clause {
    let column = |name: &str| PlanExpr::Column(Column::new(Some(EXCLUDED), name));
    let values = target.fields.iter().map(|field| column(field.field.name())).collect();
    Clause { matched: false, condition: None, deed: Deed::Insert(values) }
}
