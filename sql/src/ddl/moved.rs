//! RENAME TO and SET SCHEMA of relations of every kind.

use std::sync::Arc;

use peristyle_catalog::model::{Change, Relation, RelationKind, Requirement};

use super::dropped::parts_of;
use super::{Done, unchanged};
use crate::error::{SqlError, SqlState};
use crate::scope::Scope;
use crate::temporary::is_temporary;

/// The relation under another name of its schema.
pub(super) fn rename(
    scope: &Scope,
    relation: &Arc<Relation>,
    name: String,
    tag: &'static str,
) -> Result<Done, SqlError> {
    let renamed = Relation { name, ..relation.as_ref().clone() };
    if scope.view.relation_by_name(renamed.schema, &renamed.name).is_some() {
        return Err(already_exists(&renamed, ""));
    }
    Ok(Done::new(tag, claims(relation, &renamed), vec![Change::ReplaceRelation(renamed)]))
}

/// The relation in another schema. A table takes its indexes and its columns' sequences along, which do not go alone.
pub(super) fn set_schema(
    scope: &Scope,
    relation: &Arc<Relation>,
    schema: &str,
    tag: &'static str,
) -> Result<Done, SqlError> {
    refuse_part(relation)?;
    let schema = scope.require_schema(schema)?;
    if schema.oid == relation.schema {
        return Ok(Done::nothing(tag));
    }
    if is_temporary(&schema.name) || is_temporary(scope.schema_name(relation.schema)) {
        return Err(SqlError::unsupported("cannot move objects into or out of temporary schemas"));
    }
    let (mut requires, mut changes) = (vec![Requirement::SchemaLive(schema.oid)], Vec::new());
    for part in [Arc::clone(relation)].iter().chain(&parts_of(scope, relation.oid)) {
        if scope.view.relation_by_name(schema.oid, &part.name).is_some() {
            return Err(already_exists(part, &format!(" in schema \"{}\"", schema.name)));
        }
        let moved = Relation { schema: schema.oid, ..part.as_ref().clone() };
        requires.extend(claims(part, &moved));
        changes.push(Change::ReplaceRelation(moved));
    }
    Ok(Done::new(tag, requires, changes))
}

fn refuse_part(relation: &Relation) -> Result<(), SqlError> {
    match &relation.kind {
        RelationKind::Index(_) => {
            let message = format!("cannot change schema of index \"{}\"", relation.name);
            Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message).hint("Change the schema of the table instead."))
        }
        RelationKind::Sequence(sequence) if sequence.owner.is_some() => {
            Err(SqlError::unsupported("cannot move an owned sequence into another schema"))
        }
        RelationKind::Table(_) | RelationKind::View(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => Ok(()),
    }
}

fn claims(before: &Relation, after: &Relation) -> Vec<Requirement> {
    vec![unchanged(before), Requirement::NameFree { schema: after.schema, name: after.name.clone() }]
}

fn already_exists(relation: &Relation, place: &str) -> SqlError {
    let (code, kind) = match relation.kind {
        RelationKind::Enum(_) => (SqlState::DUPLICATE_OBJECT, "type"),
        _ => (SqlState::DUPLICATE_TABLE, "relation"),
    };
    SqlError::new(code, format!("{kind} \"{}\" already exists{place}", relation.name))
}
