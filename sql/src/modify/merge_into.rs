//! MERGE INTO … USING … ON … WHEN [NOT] MATCHED [AND …] THEN ….

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan};
use peristyle_catalog::model::PgType;
use sqlparser::ast::{
    Assignment, AssignmentTarget, Expr, Join, JoinConstraint, JoinOperator, Merge, MergeAction, MergeClause,
    MergeClauseKind, MergeInsertExpr, MergeInsertKind, ObjectName, TableFactor, TableWithJoins, With,
};

use super::assignments::{Assignments, column, stored};
use super::clauses::{Clause, Deed, decide, source_schema};
use super::modified::Modified;
use super::plan::{ChangePlan, Twice, Verb, over, rows_of};
use crate::error::{SqlError, SqlState};
use crate::names::parts;
use crate::parse::{DEFAULTS_MARK, NOTHING_MARK, Overriding};
use crate::plan::Planner;
use crate::plan::parameters::Bound;
use crate::scope::Scope;
use crate::write::{Target, check_count, check_insert, default_expression, is_default, split, takes_given};

const VERB: Verb = Verb {
    title: "Merge on",
    tag: "MERGE",
    action: None,
    twice: Twice::Error(
        "MERGE command cannot affect row a second time",
        "Ensure that not more than one source row matches any one target row.",
    ),
};

pub(super) fn plan<'a>(
    scope: &'a Arc<Scope>,
    merge: &Merge,
    with: Option<&With>,
    values: &'a Bound,
) -> Result<ChangePlan<'a>, SqlError> {
    let types = values.types();
    if !merge.into || merge.output.is_some() {
        return Err(SqlError::syntax("MERGE takes INTO, USING, ON and WHEN clauses"));
    }
    refuse_unreachable(&merge.clauses)?;
    let modified = target_of(scope, merge)?;
    let planner = modified.planner(scope)?.with_values(values).under(with, merge)?;
    let mut joined = joined(&planner, &modified, merge, types)?;
    let lists = merge.clauses.iter().enumerate().map(|(number, clause)| assignments(&modified, clause, number));
    let lists = lists.collect::<Result<Vec<_>, _>>()?;
    for list in lists.iter().flatten() {
        joined = list.beside(&planner, &modified, joined, types)?;
    }
    let planning = Planning { planner: &planner, modified: &modified, joined: &joined, types };
    let clauses = merge.clauses.iter().zip(&lists).map(|(clause, list)| planning.clause(clause, list.as_ref()));
    let clauses = clauses.collect::<Result<Vec<_>, _>>()?;
    let rows = decide(&modified, joined, &clauses)?;
    ChangePlan::new(planner, modified, VERB, rows, None)
}

/// The table that rows are merged into.
pub(super) fn target_of(scope: &Scope, merge: &Merge) -> Result<Modified, SqlError> {
    Modified::of(scope, &merge.table).map_err(|error| in_words_of_merge(error, &merge.table))
}

/// PostgreSQL merges into tables alone, and says so in other words than of other changes.
fn in_words_of_merge(error: SqlError, table: &TableFactor) -> SqlError {
    match (error.code, table) {
        (SqlState::WRONG_OBJECT_TYPE, TableFactor::Table { name, .. }) => {
            let name = parts(name).ok().and_then(|mut parts| parts.pop()).unwrap_or_default();
            SqlError::unsupported(format!("cannot execute MERGE on relation \"{name}\""))
                .detail("This operation is not supported for materialized views.")
        }
        _ => error,
    }
}

/// The source's rows, each with the rows of the table that it matches.
fn joined(
    planner: &Planner<'_>,
    modified: &Modified,
    merge: &Merge,
    types: &[Option<PgType>],
) -> Result<LogicalPlan, SqlError> {
    let mut on = merge.on.as_ref().clone();
    modified.shorten(&mut on);
    let needs_unmatched = merge.clauses.iter().any(|clause| !is_matched(clause));
    let constraint = JoinConstraint::On(on);
    let join_operator = match needs_unmatched {
        true => JoinOperator::LeftOuter(constraint),
        false => JoinOperator::Inner(constraint),
    };
    let join = Join { relation: modified.factor(&merge.table), global: false, join_operator };
    let from = vec![TableWithJoins { relation: merge.source.clone(), joins: vec![join] }];
    rows_of(planner, planner.with(), from, None, types)
}

/// PostgreSQL finds a clause that nothing can reach a mistake.
fn refuse_unreachable(clauses: &[MergeClause]) -> Result<(), SqlError> {
    for (at, clause) in clauses.iter().enumerate() {
        let is_alike = |later: &MergeClause| is_matched(later) == is_matched(clause);
        if clause.predicate.is_none() && clauses[at + 1..].iter().any(is_alike) {
            return Err(SqlError::syntax("unreachable WHEN clause specified after unconditional WHEN clause"));
        }
        if matches!(clause.clause_kind, MergeClauseKind::NotMatchedBySource | MergeClauseKind::NotMatchedByTarget) {
            return Err(SqlError::syntax("syntax error at or near \"BY\""));
        }
    }
    Ok(())
}

fn is_matched(clause: &MergeClause) -> bool {
    clause.clause_kind == MergeClauseKind::Matched
}

/// The SET list of a clause that has one.
fn assignments(modified: &Modified, clause: &MergeClause, number: usize) -> Result<Option<Assignments>, SqlError> {
    let MergeAction::Update(update) = &clause.action else { return Ok(None) };
    if update.update_predicate.is_some() || update.delete_predicate.is_some() {
        return Err(SqlError::syntax("syntax error at or near \"WHERE\""));
    }
    match update.assignments.as_slice() {
        [Assignment { target: AssignmentTarget::ColumnName(name), .. }] if is_mark(name, NOTHING_MARK) => Ok(None),
        list => Assignments::of(modified, list, number).map(Some),
    }
}

/// What the expressions of clauses are planned with.
struct Planning<'p, 'a> {
    planner: &'p Planner<'a>,
    modified: &'p Modified,
    joined: &'p LogicalPlan,
    types: &'p [Option<PgType>],
}

impl Planning<'_, '_> {
    fn clause(&self, clause: &MergeClause, list: Option<&Assignments>) -> Result<Clause, SqlError> {
        let matched = is_matched(clause);
        let schema = match matched {
            true => self.joined.schema().as_ref().clone(),
            false => source_schema(self.modified, self.joined)?,
        };
        let condition = clause.predicate.as_ref().map(|condition| {
            let mut condition = condition.clone();
            self.modified.shorten(&mut condition);
            over(self.planner, &condition, &schema, self.types, "MERGE WHEN conditions")
        });
        let deed = match &clause.action {
            MergeAction::Delete { .. } => Deed::Delete,
            MergeAction::Update(_) => self.update(list, &schema)?,
            MergeAction::Insert(insert) => self.insert(insert, &schema)?,
        };
        Ok(Clause { matched, condition: condition.transpose()?, deed })
    }

    /// Without a list it does nothing.
    fn update(&self, list: Option<&Assignments>, schema: &DFSchema) -> Result<Deed, SqlError> {
        let Some(list) = list else { return Ok(Deed::Nothing) };
        Ok(Deed::Update(list.planned(self.planner, self.modified, schema, self.types)?))
    }

    fn insert(&self, insert: &MergeInsertExpr, schema: &DFSchema) -> Result<Deed, SqlError> {
        match insert.columns.as_slice() {
            [name] if is_mark(name, NOTHING_MARK) => return Ok(Deed::Nothing),
            [name] if is_mark(name, DEFAULTS_MARK) => return self.new_row(&[], &[], None, schema),
            _ => {}
        }
        let MergeInsertKind::Values(values) = &insert.kind else {
            return Err(SqlError::syntax("syntax error at or near \"ROW\""));
        };
        let ([row], None) = (values.rows.as_slice(), &insert.insert_predicate) else {
            return Err(SqlError::syntax("INSERT in MERGE takes one row of values"));
        };
        let target = &self.modified.target;
        let (overriding, named) = Overriding::of_merge(&insert.columns);
        let columns: Vec<usize> = match named.is_empty() {
            true => (0..row.len().min(target.fields.len())).collect(),
            false => named_columns(target, named)?,
        };
        check_count(columns.len(), row.len(), target)?;
        self.new_row(&columns, row.as_slice(), overriding, schema)
    }

    /// Values for all columns; those that are not given have their defaults.
    fn new_row(
        &self,
        columns: &[usize],
        values: &[Expr],
        overriding: Option<Overriding>,
        schema: &DFSchema,
    ) -> Result<Deed, SqlError> {
        let target = &self.modified.target;
        let value = |at: usize| -> Result<PlanExpr, SqlError> {
            let given = columns.iter().position(|column| *column == at).map(|place| &values[place]);
            let column = target.column(target.fields[at].id);
            let value = match given.filter(|value| !is_default(value) && takes_given(column, overriding)) {
                Some(value) => {
                    check_insert(column, overriding)?;
                    value.clone()
                }
                None => default_expression(target, target.fields[at].field.name())?,
            };
            stored(self.planner, self.modified, at, &value, schema, self.types)
        };
        Ok(Deed::Insert((0..target.fields.len()).map(value).collect::<Result<_, _>>()?))
    }
}

/// The places of the columns of a list, each once.
fn named_columns(target: &Target, names: &[ObjectName]) -> Result<Vec<usize>, SqlError> {
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let at = whole_column(target, name)?;
        if columns.contains(&at) {
            return Err(target.named_twice(target.fields[at].field.name()));
        }
        columns.push(at);
    }
    Ok(columns)
}

/// The place of a column that is given as a whole.
fn whole_column(target: &Target, name: &ObjectName) -> Result<usize, SqlError> {
    match split(name)? {
        (name, None) => column(target, &name),
        (_, Some(_)) => Err(SqlError::unsupported("a part of a column in the INSERT of MERGE is not supported")),
    }
}

fn is_mark(name: &ObjectName, mark: &str) -> bool {
    parts(name).is_ok_and(|parts| parts == [mark])
}
