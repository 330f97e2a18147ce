//! DROP TABLE, VIEW, MATERIALIZED VIEW, INDEX, SEQUENCE, TYPE, SCHEMA.

use std::collections::BTreeMap;
use std::sync::Arc;

use peristyle_catalog::model::{Change, Oid, Relation, RelationKind, Requirement};
use sqlparser::ast::{ObjectName, ObjectType};

use super::dropped::put_away;
use super::{Done, unchanged};
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, parts};
use crate::parse::is_concurrently;
use crate::scope::{PG_CATALOG, Scope};

pub(super) fn run(
    scope: &Arc<Scope>,
    kind: &ObjectType,
    names: &[ObjectName],
    if_exists: bool,
    cascade: bool,
) -> Result<Done, SqlError> {
    let (tag, word): (&'static str, &str) = match kind {
        ObjectType::Table => ("DROP TABLE", "table"),
        ObjectType::View => ("DROP VIEW", "view"),
        ObjectType::MaterializedView => ("DROP MATERIALIZED VIEW", "materialized view"),
        ObjectType::Index => ("DROP INDEX", "index"),
        ObjectType::Sequence => ("DROP SEQUENCE", "sequence"),
        ObjectType::Type => ("DROP TYPE", "type"),
        ObjectType::Schema => ("DROP SCHEMA", "schema"),
        other => return Err(SqlError::unsupported(format!("DROP {other} is not supported"))),
    };
    let names = match names.split_first() {
        Some((first, indexes)) if *kind == ObjectType::Index && is_concurrently(first) => {
            check_concurrently(indexes, cascade)?;
            indexes
        }
        Some(_) | None => names,
    };
    let mut dropped = Dropped::default();
    for name in names {
        if *kind == ObjectType::Schema {
            drop_schema(scope, name, if_exists, cascade, &mut dropped)?;
            continue;
        }
        let name = QualifiedName::of(scope, name)?;
        let found = match kind {
            ObjectType::Type => scope.enum_type(name.schema(), &name.name),
            _ => scope.relation(name.schema(), &name.name),
        };
        match found {
            Some(relation) => {
                check_kind(relation, word)?;
                dropped.relations.insert(relation.oid, Arc::clone(relation));
            }
            None if *kind != ObjectType::Type
                && crate::relation::find(name.schema().unwrap_or(PG_CATALOG), &name.name).is_some() =>
            {
                let message = format!("permission denied: \"{name}\" is a system catalog");
                return Err(SqlError::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
            }
            None if if_exists => {
                scope.notice(SqlState::SUCCESSFUL_COMPLETION, format!("{word} \"{name}\" does not exist, skipping"));
            }
            None => return Err(missing(word, &name)),
        }
    }
    dropped.take_sequences(scope);
    dropped.take_columns(scope, cascade)?;
    dropped.take_dependents(scope, cascade, word)?;
    dropped.take_defaults(scope, cascade, word)?;
    Ok(dropped.done(scope, tag))
}

fn check_concurrently(indexes: &[ObjectName], cascade: bool) -> Result<(), SqlError> {
    let what = match (indexes.len(), cascade) {
        (2.., _) => "dropping multiple objects",
        (_, true) => "CASCADE",
        (_, false) => return Ok(()),
    };
    Err(SqlError::unsupported(format!("DROP INDEX CONCURRENTLY does not support {what}")))
}

/// PostgreSQL's words differ by what was to be dropped.
fn missing(word: &str, name: &QualifiedName) -> SqlError {
    let is_relation = !matches!(word, "index" | "type");
    let state = if is_relation { SqlState::UNDEFINED_TABLE } else { SqlState::UNDEFINED_OBJECT };
    SqlError::new(state, format!("{word} \"{name}\" does not exist"))
}

fn check_kind(relation: &Relation, word: &str) -> Result<(), SqlError> {
    let actual = kind_word(relation);
    if actual == word {
        return Ok(());
    }
    let article = if word == "index" { "an" } else { "a" };
    let message = format!("\"{}\" is not {article} {word}", relation.name);
    let article = if actual == "index" { "an" } else { "a" };
    let hint = format!("Use DROP {} to remove {article} {actual}.", actual.to_uppercase());
    Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message).hint(hint))
}

/// 2BP01: what is dropped is needed by what `detail` names, and CASCADE would take that along.
pub(super) fn needed(dropped: &str, detail: String) -> SqlError {
    let message = format!("cannot drop {dropped} because other objects depend on it");
    SqlError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
        .detail(detail)
        .hint("Use DROP ... CASCADE to drop the dependent objects too.")
}

/// PostgreSQL's word for the kind of a relation.
pub(crate) fn kind_word(relation: &Relation) -> &'static str {
    match &relation.kind {
        RelationKind::Table(table) if table.materialized.is_some() => "materialized view",
        RelationKind::Table(_) => "table",
        RelationKind::View(_) => "view",
        RelationKind::Index(_) => "index",
        RelationKind::Sequence(_) => "sequence",
        RelationKind::Enum(_) => "type",
    }
}

/// Everything that goes, by oid.
#[derive(Default)]
pub(super) struct Dropped {
    pub(super) relations: BTreeMap<Oid, Arc<Relation>>,
    schemas: Vec<Oid>,
    /// Tables that stay without some of their columns.
    pub(super) altered: Vec<Oid>,
    /// What becomes of tables that stay without something, and what that requires.
    pub(super) requires: Vec<Requirement>,
    pub(super) changes: Vec<Change>,
}

impl Dropped {
    /// Adds the views that read what is dropped, or refuses.
    fn take_dependents(&mut self, scope: &Scope, cascade: bool, word: &str) -> Result<(), SqlError> {
        loop {
            let next = self.relations.values().find_map(|relation| {
                let mut views =
                    scope.view.dependents(relation.oid).filter(|view| !self.relations.contains_key(&view.oid));
                views.next().map(|view| (Arc::clone(relation), Arc::clone(view)))
            });
            let Some((relation, view)) = next else { return Ok(()) };
            if !cascade {
                let (reader, read) = (kind_word(&view), kind_word(&relation));
                let detail = format!("{reader} {} depends on {read} {}", view.name, relation.name);
                return Err(needed(&format!("{word} {}", relation.name), detail));
            }
            let message = format!("drop cascades to {} {}", kind_word(&view), view.name);
            scope.notice(SqlState::SUCCESSFUL_COMPLETION, message);
            self.relations.insert(view.oid, view);
        }
    }

    fn done(self, scope: &Scope, tag: &'static str) -> Done {
        let except: Vec<Oid> = self.relations.keys().chain(&self.altered).copied().collect();
        let mut requires = self.requires.clone();
        let mut changes = self.changes.clone();
        // Views first, so that what they read is still there when they go.
        let views = self.relations.values().filter(|relation| relation.as_view().is_some());
        let others = self.relations.values().filter(|relation| relation.as_view().is_none());
        for relation in views.chain(others) {
            requires.push(unchanged(relation));
            if self.goes_along(relation) {
                continue;
            }
            requires.push(Requirement::NoDependents { oid: relation.oid, except: except.clone() });
            match put_away(scope, relation) {
                Some((more, moves)) => {
                    requires.extend(more);
                    changes.extend(moves);
                }
                None => changes.push(Change::DropRelation(relation.oid)),
            }
        }
        for schema in self.schemas {
            requires.push(Requirement::SchemaLive(schema));
            changes.push(Change::DropSchema(schema));
        }
        Done::new(tag, requires, changes)
    }
}

fn drop_schema(
    scope: &Scope,
    name: &ObjectName,
    if_exists: bool,
    cascade: bool,
    dropped: &mut Dropped,
) -> Result<(), SqlError> {
    let name = parts(name)?.join(".");
    let Some(schema) = scope.schema(&name) else {
        if if_exists {
            scope.notice(SqlState::SUCCESSFUL_COMPLETION, format!("schema \"{name}\" does not exist, skipping"));
            return Ok(());
        }
        return Err(SqlError::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{name}\" does not exist")));
    };
    let inside = scope.view.relations().filter(|relation| relation.schema == schema.oid);
    let counts = |relation: &&Arc<Relation>| match &relation.kind {
        RelationKind::Index(_) => false,
        RelationKind::Sequence(sequence) => sequence.owner.is_none(),
        RelationKind::Table(_) | RelationKind::View(_) | RelationKind::Enum(_) => true,
    };
    let inside: Vec<Arc<Relation>> = inside.filter(counts).cloned().collect();
    if !cascade && let Some(first) = inside.first() {
        let detail = format!("{} {name}.{} depends on schema {name}", kind_word(first), first.name);
        return Err(needed(&format!("schema {name}"), detail));
    }
    dropped.relations.extend(inside.into_iter().map(|relation| (relation.oid, relation)));
    dropped.schemas.push(schema.oid);
    Ok(())
}
