//! Materialized views: tables whose rows a query gives, all of them in one commit.
//!
//! What is stored is a table's, so that scans, merges, clones and states of the past need not know. A REFRESH puts other
//! rows in the place of those that are there: readers see the ones or the others.

use std::sync::Arc;

use peristyle_catalog::model::{
    Change, ChangeSet, Column, Materialized, Relation, RelationKind, Requirement, StoredQuery, widen,
};
use peristyle_storage::types::pg_type;
use sqlparser::ast::{AlterTable, CreateTable, ObjectName};

use super::create_table::new_table;
use super::rewrite::Replaced;
use super::view::dependencies;
use super::{Done, alter_table, unchanged};
use crate::error::{SqlError, SqlState};
use crate::modify::claim;
use crate::names::QualifiedName;
use crate::outcome::Outcome;
use crate::parse::MaterializedViewStatement;
use crate::plan::parameters::Bound;
use crate::plan::{Planner, Touched, plan_stored};
use crate::scope::{Scope, undefined_table};
use crate::session::SharedTransaction;
use crate::temporary::is_temporary;
use crate::with_changes;
use crate::write::{Target, fill, joined, result_columns, stage};

/// Runs a statement about a materialized view.
pub(crate) async fn run(
    scope: &Arc<Scope>,
    transaction: &SharedTransaction,
    statement: &MaterializedViewStatement,
) -> Result<Outcome, SqlError> {
    let command = statement.command();
    let (tag, changes) = match statement {
        MaterializedViewStatement::Create { table, query, has_data } => {
            match create(scope, table, query, *has_data).await? {
                Some((Some(rows), changes)) => (format!("SELECT {rows}"), changes),
                Some((None, changes)) => (command.to_owned(), changes),
                None => (command.to_owned(), ChangeSet::default()),
            }
        }
        MaterializedViewStatement::Refresh { name, concurrently, has_data } => {
            let view = refreshed(scope, name, *concurrently, *has_data)?;
            (command.to_owned(), refresh(scope, transaction, &view, *has_data).await?)
        }
        MaterializedViewStatement::Alter(alter) => {
            (command.to_owned(), alter_view(scope, transaction, alter).await?.changes)
        }
    };
    stage(&scope.guard, transaction, changes)?;
    Ok(Outcome::Command(tag))
}

/// The rows that it has, if it gets any, and what makes it; `None` if it exists and may.
async fn create(
    scope: &Arc<Scope>,
    create: &CreateTable,
    text: &str,
    has_data: bool,
) -> Result<Option<(Option<u64>, ChangeSet)>, SqlError> {
    let Some(query) = &create.query else { return Err(SqlError::internal("a query was expected")) };
    with_changes::refuse_in("materialized views must not use", query)?;
    let planner = Planner::new(scope)?;
    let plan = planner.query(query, &[])?;
    let touched = planner.touched();
    refuse_temporary(scope, &touched)?;
    let depends_on = dependencies(&touched, &plan)?;
    let settled = planner.settled(plan.clone(), &Bound::default())?;
    let columns = result_columns(settled.schema().inner(), create)?;
    let Some((mut relation, mut changes)) = new_table(scope, create, columns)? else { return Ok(None) };
    let query = StoredQuery {
        text: text.to_owned(),
        search_path: scope.relation_path().map(str::to_owned).collect(),
        depends_on,
    };
    set_materialized(&mut relation, Materialized { query, is_populated: has_data });
    define(&mut changes, &relation);
    changes.requires.extend(touched.iter().map(|touched| unchanged(&touched.relation)));
    if !has_data {
        return Ok(Some((None, changes)));
    }
    let physical = planner.physical(plan, &Bound::default()).await?;
    let target = Target::of(scope, &Arc::new(relation))?;
    let (rows, appended) = fill(scope, target, physical, planner.task()).await?;
    Ok(Some((Some(rows), joined(changes, appended))))
}

fn refuse_temporary(scope: &Scope, touched: &[Touched]) -> Result<(), SqlError> {
    if touched.iter().any(|touched| is_temporary(scope.schema_name(touched.relation.schema))) {
        return Err(SqlError::unsupported("materialized views must not use temporary tables or views"));
    }
    Ok(())
}

fn set_materialized(relation: &mut Relation, materialized: Materialized) {
    if let RelationKind::Table(table) = &mut relation.kind {
        table.materialized = Some(Box::new(materialized));
    }
}

/// The definition in the place of the table's that the change set makes.
fn define(changes: &mut ChangeSet, relation: &Relation) {
    for change in &mut changes.changes {
        if let Change::CreateRelation(created) = change
            && created.oid == relation.oid
        {
            created.clone_from(relation);
        }
    }
}

/// The materialized view that a REFRESH is of, if PostgreSQL lets it be refreshed that way. Readers never wait here, so
/// CONCURRENTLY changes nothing else.
fn refreshed(scope: &Scope, name: &ObjectName, concurrently: bool, has_data: bool) -> Result<Arc<Relation>, SqlError> {
    let name = QualifiedName::of(scope, name)?;
    let relation = scope.require_relation(name.schema(), &name.name)?;
    if relation.as_table().is_none() {
        let message = format!("\"{}\" is not a table or materialized view", relation.name);
        return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message));
    }
    let Some(materialized) = relation.as_materialized() else {
        return Err(SqlError::unsupported(format!("\"{}\" is not a materialized view", relation.name)));
    };
    if concurrently {
        check_concurrent(scope, relation, materialized, has_data)?;
    }
    Ok(Arc::clone(relation))
}

fn check_concurrent(
    scope: &Scope,
    relation: &Relation,
    materialized: &Materialized,
    has_data: bool,
) -> Result<(), SqlError> {
    if !materialized.is_populated {
        let message = "CONCURRENTLY cannot be used when the materialized view is not populated";
        return Err(SqlError::unsupported(message));
    }
    if !has_data {
        return Err(SqlError::syntax("REFRESH options CONCURRENTLY and WITH NO DATA cannot be used together"));
    }
    let is_key = |other: &&Arc<Relation>| match &other.kind {
        RelationKind::Index(index) => index.unique && index.table == relation.oid,
        RelationKind::Table(_) | RelationKind::View(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => false,
    };
    if scope.view.relations().any(|other| is_key(&other)) {
        return Ok(());
    }
    let name = format!("{}.{}", scope.schema_name(relation.schema), relation.name);
    let message = format!("cannot refresh materialized view \"{name}\" concurrently");
    Err(SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
        .hint("Create a unique index with no WHERE clause on one or more columns of the materialized view."))
}

/// Takes away what the view holds and puts in what its query gives now. The new version of the definition makes two that
/// refresh it at once conflict.
async fn refresh(
    scope: &Arc<Scope>,
    transaction: &SharedTransaction,
    before: &Arc<Relation>,
    has_data: bool,
) -> Result<ChangeSet, SqlError> {
    let Some(materialized) = before.as_materialized() else {
        return Err(SqlError::internal("a materialized view was expected"));
    };
    let (planner, plan) = plan_stored(scope, &materialized.query)?;
    let settled = planner.settled(plan.clone(), &Bound::default())?;
    let mut after = before.as_ref().clone();
    set_materialized(&mut after, Materialized { is_populated: has_data, ..materialized.clone() });
    widen_columns(&mut after, settled.schema().inner());
    let replaced = Replaced::of(scope, before);
    claim(scope, transaction, &replaced.sources, &[])?;
    let (mut requires, removal) = replaced.removal(before.oid);
    requires.push(unchanged(before));
    let changes = vec![removal, Change::ReplaceRelation(after.clone())];
    let changes = ChangeSet { requires, changes, ingest_id: None };
    if !has_data {
        return Ok(changes);
    }
    let physical = planner.physical(plan, &Bound::default()).await?;
    let target = Target::of(scope, &Arc::new(after))?;
    let (_, appended) = fill(scope, target, physical, planner.task()).await?;
    Ok(joined(changes, appended))
}

/// Columns that the query reads may have become wider.
fn widen_columns(relation: &mut Relation, result: &arrow::datatypes::Schema) {
    let RelationKind::Table(table) = &mut relation.kind else { return };
    let widened = |(column, field): (&mut Column, &arrow::datatypes::FieldRef)| {
        let given = pg_type(field);
        if given.oid != column.ty.oid {
            column.ty = widen(column.ty, given);
        }
    };
    table.columns.iter_mut().zip(result.fields()).for_each(widened);
}

async fn alter_view(scope: &Arc<Scope>, transaction: &SharedTransaction, alter: &AlterTable) -> Result<Done, SqlError> {
    let name = QualifiedName::of(scope, &alter.name)?;
    let found = scope.relation(name.schema(), &name.name);
    match found {
        None if !alter.if_exists => return Err(undefined_table(name.schema(), &name.name)),
        Some(relation) if relation.as_materialized().is_none() => {
            let message = format!("\"{}\" is not a materialized view", relation.name);
            return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        None | Some(_) => {}
    }
    alter_table::run(scope, transaction, alter).await
}

/// What a view that is taken back reads must be there.
pub(super) fn check_sources(scope: &Scope, relation: &Relation) -> Result<Vec<Requirement>, SqlError> {
    let Some(materialized) = relation.as_materialized() else { return Ok(Vec::new()) };
    let mut requires = Vec::new();
    for on in &materialized.query.depends_on {
        let source = scope.view.relation(on.relation).filter(|source| !scope.view.is_dropped(source));
        let has = |source: &Relation| {
            source.as_table().is_none_or(|table| on.columns.iter().all(|(_, id)| table.column_by_id(*id).is_some()))
        };
        let Some(source) = source.filter(|source| has(source)) else {
            let read = on.written.join(".");
            let message = format!("materialized view reads \"{read}\", which is not there any more");
            return Err(SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
                .hint("Take back what it reads first."));
        };
        requires.push(unchanged(source));
    }
    Ok(requires)
}
