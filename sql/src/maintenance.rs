//! VACUUM, ANALYZE, OPTIMIZE TABLE, CLUSTER, REINDEX, CHECKPOINT: what the background does, on demand. Rows stay as they are.
//!
//! | statement | does |
//! |---|---|
//! | VACUUM | chunks become partitions, and objects that no reader needs are deleted |
//! | OPTIMIZE TABLE | the same chunks, and small partitions become large ones |
//! | VACUUM FULL, CLUSTER | everything is written again, sorted by the order key |
//! | ANALYZE | nothing but to see that its tables exist: statistics are those of the last commit |
//! | REINDEX | nothing but to see that what it names exists: no index is built |
//! | CHECKPOINT | the catalog is exported to the store |

use std::sync::Arc;

use peristyle_catalog::model::{Oid, Relation, RelationKind};
use peristyle_storage::gc;
use peristyle_storage::merge::{Extent, Group, Merger, Outcome as MergeOutcome, Pace, Urgency, groups};
use sqlparser::ast::ObjectName;

use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, fold};
use crate::outcome::{Notice, Outcome};
use crate::parse::{Maintenance, Reindexed, Subject};
use crate::scope::Scope;

/// Looks for work that others made meanwhile, and tries again of what was lost to them.
const ROUNDS_MAX: usize = 3;

pub(crate) async fn run(scope: &Arc<Scope>, maintenance: &Maintenance) -> Result<Outcome, SqlError> {
    match maintenance {
        Maintenance::Vacuum { full, tables } => {
            let extent = if *full { Extent::All } else { Extent::Chunks };
            for table in subjects(scope, tables, "vacuum")? {
                compact(scope, &table, extent).await?;
                scope.engine.merge_log().asked(table.oid, scope.engine.now());
            }
            collect_garbage(scope).await?;
        }
        Maintenance::Analyze { tables } => drop(subjects(scope, tables, "analyze")?),
        Maintenance::Optimize { table } => compact(scope, &named(scope, table)?, Extent::Small).await?,
        Maintenance::Cluster { using: Some(_), .. } => {
            return Err(SqlError::unsupported("CLUSTER ... USING is not supported")
                .hint("Rows are ordered by the table's order key: ALTER TABLE ... SET (order_by = '...')."));
        }
        Maintenance::Cluster { table: Some(table), .. } => {
            compact(scope, &named(scope, table)?, Extent::All).await?;
        }
        Maintenance::Cluster { table: None, .. } => {
            let is_ordered = |table: &Arc<Relation>| table.as_table().is_some_and(|table| !table.order_key.is_empty());
            for table in all_tables(scope).into_iter().filter(is_ordered) {
                compact(scope, &table, Extent::All).await?;
            }
        }
        Maintenance::Reindex { kind, name, concurrently } => find_reindexed(scope, *kind, name, *concurrently)?,
        Maintenance::Checkpoint => scope.engine.catalog().checkpoint().await?,
    }
    Ok(Outcome::Command(maintenance.tag().to_owned()))
}

/// The tables of a list, whose columns must exist; all tables if there is no list. What is no table is passed over.
fn subjects(scope: &Scope, listed: &[Subject], verb: &str) -> Result<Vec<Arc<Relation>>, SqlError> {
    if listed.is_empty() {
        return Ok(all_tables(scope));
    }
    let mut tables = Vec::with_capacity(listed.len());
    for Subject { table, columns } in listed {
        let name = QualifiedName::of(scope, table)?;
        let relation = Arc::clone(scope.require_relation(name.schema(), &name.name)?);
        if relation.as_table().is_none() {
            let name = &relation.name;
            let message = format!("skipping \"{name}\" --- cannot {verb} non-tables or special system tables");
            scope.notices.lock().push(Notice::warning(SqlState::WARNING, &message));
            continue;
        }
        let has = |name: &str| relation.as_table().is_some_and(|table| table.column(name).is_some());
        if let Some(missing) = columns.iter().map(fold).find(|name| !has(name)) {
            let message = format!("column \"{missing}\" of relation \"{}\" does not exist", relation.name);
            return Err(SqlError::new(SqlState::UNDEFINED_COLUMN, message));
        }
        tables.push(relation);
    }
    Ok(tables)
}

fn all_tables(scope: &Scope) -> Vec<Arc<Relation>> {
    let is_here = |relation: &&Arc<Relation>| {
        let schema = scope.view.schema(relation.schema);
        relation.as_table().is_some()
            && schema.is_some_and(|schema| schema.database == scope.session.database_oid && !schema.is_of_dropped())
    };
    scope.view.relations().filter(is_here).cloned().collect()
}

fn named(scope: &Scope, name: &ObjectName) -> Result<Arc<Relation>, SqlError> {
    scope.require_stored(&QualifiedName::of(scope, name)?).cloned()
}

/// The errors of REINDEX.
fn find_reindexed(scope: &Scope, kind: Reindexed, name: &ObjectName, concurrently: bool) -> Result<(), SqlError> {
    let name = QualifiedName::of(scope, name)?;
    match kind {
        Reindexed::Table => require(scope, &name, "a table or materialized view", |found| found.as_table().is_some()),
        Reindexed::Index => require(scope, &name, "an index", |found| matches!(found.kind, RelationKind::Index(_))),
        Reindexed::Schema => scope.require_schema(&name.name).map(drop),
        Reindexed::System if concurrently => Err(SqlError::unsupported("cannot reindex system catalogs concurrently")),
        Reindexed::Database | Reindexed::System if name.name != scope.session.database => {
            Err(SqlError::unsupported("can only reindex the currently open database"))
        }
        Reindexed::Database | Reindexed::System => Ok(()),
    }
}

fn require(scope: &Scope, name: &QualifiedName, kind: &str, is_one: fn(&Relation) -> bool) -> Result<(), SqlError> {
    let found = scope.require_relation(name.schema(), &name.name)?;
    if is_one(found) {
        return Ok(());
    }
    Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not {kind}", found.name)))
}

/// Writes again what the extent says of a table: its chunks, then its partitions.
pub(crate) async fn compact(scope: &Arc<Scope>, table: &Arc<Relation>, extent: Extent) -> Result<(), SqlError> {
    let is_left = merged(scope, table.oid, Extent::Chunks).await? | merged(scope, table.oid, extent).await?;
    if is_left {
        let message = format!("some of table \"{}\" is left as it was: others change it, or may", table.name);
        scope.notice(SqlState::SUCCESSFUL_COMPLETION, message);
    }
    Ok(())
}

/// Merges every group, again where somebody was faster; whether some was left.
async fn merged(scope: &Arc<Scope>, table: Oid, extent: Extent) -> Result<bool, SqlError> {
    let mut left = found(scope, table, extent);
    for _ in 0..ROUNDS_MAX {
        let mut is_lost = false;
        for group in left {
            scope.guard.check()?;
            is_lost |= merge(scope, table, group).await? == MergeOutcome::Lost;
        }
        if !is_lost {
            return Ok(false);
        }
        left = found(scope, table, extent);
    }
    Ok(true)
}

fn found(scope: &Scope, table: Oid, extent: Extent) -> Vec<Group> {
    let head = scope.engine.catalog().snapshot();
    let definition = head.relation(table).and_then(|relation| relation.as_table());
    let (Some(definition), Some(contents)) = (definition, head.contents(table)) else { return Vec::new() };
    let storage = scope.engine.storage();
    groups(&definition.partition_key, contents, extent, &storage.merge, &storage.write)
}

/// One merge, which goes on to its end if the statement is stopped, so that it leaves nothing half done.
async fn merge(scope: &Arc<Scope>, table: Oid, group: Group) -> Result<MergeOutcome, SqlError> {
    let merger = Merger {
        store: Arc::clone(scope.engine.store()),
        catalog: Arc::clone(scope.engine.catalog()),
        sources: scope.engine.sources().clone(),
        options: scope.engine.storage().write.clone(),
        parse_missing: Arc::new(crate::parse_missing),
        pace: Pace::UNLIMITED,
        settings: scope.engine.storage().merge.clone(),
        urgency: Urgency::Normal,
        log: Arc::clone(scope.engine.merge_log()),
    };
    let running = scope.engine.spawn(async move { merger.run(table, &group).await });
    match running.await {
        Ok(outcome) => Ok(outcome?),
        Err(error) => Err(SqlError::internal(format!("a merge stopped unexpectedly: {error}"))),
    }
}

/// Deletes what is due. What this statement's own snapshot sees stays until the next time.
async fn collect_garbage(scope: &Scope) -> Result<(), SqlError> {
    let settings = &scope.engine.storage().gc;
    gc::forget_history(scope.engine.catalog(), scope.engine.sources(), settings).await?;
    loop {
        scope.guard.check()?;
        let deleted = gc::run(scope.engine.store(), scope.engine.catalog(), scope.engine.sources(), settings).await?;
        if deleted < settings.batch_max.max(1) {
            return Ok(());
        }
    }
}
