//! Dropped tables: for a while they lie, with all that they hold, in a schema that no client can name, and can be taken
//! back (UNDROP TABLE). Then they go for good.
//!
//! What a table was called and when it was dropped stands among its options, under names that no client can write.

use std::collections::BTreeSet;
use std::sync::Arc;

use peristyle_catalog::model::{
    Change, ChangeSet, Oid, Relation, RelationKind, Requirement, Schema, Table, TimestampMicros,
};
use peristyle_catalog::{Catalog, Error as CatalogError};
use sqlparser::ast::ObjectName;

use super::keys::{index_of, numbered};
use super::materialized_view::check_sources;
use super::{Done, unchanged};
use crate::error::{SqlError, SqlState};
use crate::names::QualifiedName;
use crate::scope::{Scope, undefined_table};
use crate::sequence::sequences_in;
use crate::temporary::is_temporary;
use crate::values::type_name;

/// When it was dropped, in µs since 1970.
const AT: &str = "\u{1}dropped_at";
/// The schema that it was in.
const FROM: &str = "\u{1}dropped_from";

/// A table that was dropped.
pub(crate) struct DroppedTable<'a> {
    pub(crate) name: &'a str,
    pub(crate) schema: &'a str,
    pub(crate) at: TimestampMicros,
}

impl<'a> DroppedTable<'a> {
    /// `None` for what is no dropped table.
    pub(crate) fn of(relation: &'a Relation) -> Option<DroppedTable<'a>> {
        let options = &relation.as_table()?.options;
        let option = |name: &str| options.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let at = TimestampMicros(option(AT)?.parse().ok()?);
        Some(DroppedTable { name: relation.former_name(), schema: option(FROM)?, at })
    }
}

/// When a relation was dropped, if it can still be taken back.
pub fn dropped_at(relation: &Relation) -> Option<TimestampMicros> {
    DroppedTable::of(relation).map(|dropped| dropped.at)
}

/// Makes the place for dropped tables in every database that lacks it. Without one, DROP TABLE is for good.
pub(crate) async fn prepare(catalog: &Catalog) -> Result<(), SqlError> {
    let head = catalog.snapshot();
    for database in head.databases() {
        if head.schema_by_name(database.oid, Schema::DROPPED).is_some() {
            continue;
        }
        let schema = Schema {
            oid: catalog.reserve_oids(1),
            database: database.oid,
            name: Schema::DROPPED.to_owned(),
            owner: database.owner,
            comment: None,
            acl: None,
        };
        let changes = ChangeSet { changes: vec![Change::CreateSchema(schema)], ..ChangeSet::default() };
        match catalog.commit(changes).await {
            Ok(_) | Err(CatalogError::DuplicateSchema(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Puts a table, its indexes and its columns' sequences away; `None` if nothing dropped is kept.
pub(super) fn put_away(scope: &Scope, relation: &Arc<Relation>) -> Option<(Vec<Requirement>, Vec<Change>)> {
    let is_kept = relation.as_table().is_some() && !is_temporary(scope.schema_name(relation.schema));
    if scope.engine.limits().dropped_table_seconds == 0 || !is_kept {
        return None;
    }
    let place = scope.schema(Schema::DROPPED)?.oid;
    let mut away = moved(relation, place);
    if let RelationKind::Table(table) = &mut away.kind {
        table.options.push((AT.to_owned(), scope.engine.now().0.to_string()));
        table.options.push((FROM.to_owned(), scope.schema_name(relation.schema).to_owned()));
    }
    let mut requires = Vec::new();
    let mut changes = vec![Change::ReplaceRelation(away)];
    for part in parts_of(scope, relation.oid) {
        requires.push(unchanged(&part));
        changes.push(Change::ReplaceRelation(moved(&part, place)));
    }
    Some((requires, changes))
}

fn moved(relation: &Relation, place: Oid) -> Relation {
    let name = format!("{}{}{}", relation.oid, Schema::DROPPED_SEPARATOR, relation.name);
    Relation { schema: place, name, ..relation.clone() }
}

/// What goes with a table: its indexes and the sequences of its columns.
pub(super) fn parts_of(scope: &Scope, table: Oid) -> Vec<Arc<Relation>> {
    let is_part = |relation: &&Arc<Relation>| match &relation.kind {
        RelationKind::Index(index) => index.table == table,
        RelationKind::Sequence(sequence) => sequence.owner.is_some_and(|owner| owner.table == table),
        RelationKind::Table(_) | RelationKind::View(_) | RelationKind::Enum(_) => false,
    };
    scope.view.relations().filter(is_part).cloned().collect()
}

/// `UNDROP TABLE name`: the table of that name that was dropped last.
pub(super) fn undrop(scope: &Scope, name: &ObjectName) -> Result<Done, SqlError> {
    let name = QualifiedName::of(scope, name)?;
    let relation = last_dropped(scope, &name).ok_or_else(|| {
        let seconds = scope.engine.limits().dropped_table_seconds;
        undefined_table(name.schema(), &name.name)
            .detail(format!("No table of that name was dropped within the last {seconds} seconds."))
    })?;
    let Some(dropped) = DroppedTable::of(&relation) else { return Err(SqlError::internal("a dropped table")) };
    let schema = scope.require_schema(dropped.schema)?;
    if scope.view.relation_by_name(schema.oid, dropped.name).is_some() {
        let message = format!("relation \"{}\" already exists", dropped.name);
        return Err(SqlError::new(SqlState::DUPLICATE_TABLE, message)
            .hint("Rename the relation that has the name now, or drop it."));
    }
    let mut requires = check_sources(scope, &relation)?;
    requires.push(Requirement::SchemaLive(schema.oid));
    let parts = parts_back(scope, &relation, schema.oid, dropped.name);
    let table = table_back(scope, &relation, schema.oid, dropped.name, &parts);
    let mut changes = Vec::new();
    for (before, after) in [(Arc::clone(&relation), table)].into_iter().chain(parts) {
        requires.push(unchanged(&before));
        requires.push(Requirement::NameFree { schema: schema.oid, name: after.name.clone() });
        changes.push(Change::ReplaceRelation(after));
    }
    Ok(Done::new("UNDROP TABLE", requires, changes))
}

/// What was, and what it is taken back as.
type Back = (Arc<Relation>, Relation);

/// Indexes and sequences, under other names where theirs are taken.
fn parts_back(scope: &Scope, table: &Relation, schema: Oid, table_name: &str) -> Vec<Back> {
    let mut taken = BTreeSet::from([table_name.to_owned()]);
    let back = |part: Arc<Relation>| {
        let is_taken = |name: &str| scope.view.relation_by_name(schema, name).is_some() || taken.contains(name);
        let name = numbered(part.former_name().to_owned(), is_taken);
        taken.insert(name.clone());
        let after = Relation { schema, name, ..part.as_ref().clone() };
        (part, after)
    };
    parts_of(scope, table.oid).into_iter().map(back).collect()
}

fn table_back(scope: &Scope, relation: &Relation, schema: Oid, name: &str, parts: &[Back]) -> Relation {
    let whole = scope.view.with_types_that_exist(relation.clone());
    let mut back = Relation { schema, name: name.to_owned(), ..whole };
    let RelationKind::Table(table) = &mut back.kind else { return back };
    table.options.retain(|(key, _)| key != AT && key != FROM);
    for constraint in &mut table.constraints {
        let index = index_of(&constraint.kind);
        if let Some((_, index)) = parts.iter().find(|(part, _)| Some(part.oid) == index) {
            constraint.name.clone_from(&index.name);
        }
    }
    let is_there = |sequence: &Oid| {
        parts.iter().any(|(part, _)| part.oid == *sequence)
            || scope.view.relation(*sequence).is_some_and(|found| !scope.view.is_dropped(found))
    };
    for column in &mut table.columns {
        let needs = column.default.as_ref().map(|default| sequences_in(&default.expression));
        if !needs.unwrap_or_default().iter().all(is_there) {
            column.default = None;
        }
    }
    tell_losses(scope, name, relation, table);
    back
}

/// Columns whose types, or the sequences of whose defaults, were dropped meanwhile.
fn tell_losses(scope: &Scope, name: &str, before: &Relation, after: &Table) {
    let columns = before.as_table().into_iter().flat_map(|table| &table.columns);
    for (before, after) in columns.zip(&after.columns) {
        let column = format!("column \"{}\" of table \"{name}\"", before.name);
        if before.ty != after.ty {
            let ty = type_name(after.ty);
            scope
                .notice(SqlState::SUCCESSFUL_COMPLETION, format!("{column} is of type {ty} now: its type was dropped"));
        }
        if before.default.is_some() && after.default.is_none() {
            let message = format!("{column} has no default any more: what it needs was dropped");
            scope.notice(SqlState::SUCCESSFUL_COMPLETION, message);
        }
    }
}

fn last_dropped(scope: &Scope, name: &QualifiedName) -> Option<Arc<Relation>> {
    let place = scope.schema(Schema::DROPPED)?.oid;
    let schemas: Vec<&str> = name.schema().map_or_else(|| scope.search_path().collect(), |schema| vec![schema]);
    let named = scope.view.relations().filter(|relation| relation.schema == place);
    let named = named.filter_map(|relation| Some((DroppedTable::of(relation)?, relation)));
    named
        .filter(|(dropped, _)| dropped.name == name.name && schemas.contains(&dropped.schema))
        .max_by_key(|(dropped, relation)| (dropped.at, relation.version))
        .map(|(_, relation)| Arc::clone(relation))
}
