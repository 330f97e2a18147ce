//! CREATE TYPE … AS ENUM and ALTER TYPE.

use std::sync::Arc;

use peristyle_catalog::model::{Change, EnumType, PgType, Relation, RelationKind, Seq};
use sqlparser::ast::ObjectName;

use super::place::Place;
use super::{Done, moved, rename_label, unchanged};
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, cut, fold};
use crate::outcome::Outcome;
use crate::parse::{EnumAction, EnumStatement, LabelPlace};
use crate::scope::{IDENTIFIER_BYTES_MAX, Scope};
use crate::session::SharedTransaction;

const ALTER: &str = "ALTER TYPE";

/// Makes or changes an enum type.
pub(crate) async fn run(
    scope: &Arc<Scope>,
    transaction: &SharedTransaction,
    statement: &EnumStatement,
) -> Result<Outcome, SqlError> {
    let done = match statement {
        EnumStatement::Create { name, labels } => create(scope, name, labels)?,
        EnumStatement::Alter { name, action } => {
            let relation = require(scope, name)?;
            let Some(definition) = relation.as_enum() else { return Err(SqlError::internal("an enum type")) };
            match action {
                EnumAction::AddValue { label, if_not_exists, place } => {
                    add_value(scope, &relation, definition, label, *if_not_exists, place)?
                }
                EnumAction::RenameValue { from, to } => {
                    rename_label::run(scope, transaction, &relation, definition, (from, to)).await?
                }
                EnumAction::Rename(to) => moved::rename(scope, &relation, cut(fold(to)), ALTER)?,
                EnumAction::SetSchema(to) => moved::set_schema(scope, &relation, &fold(to), ALTER)?,
                EnumAction::Owner => Done::nothing(ALTER),
            }
        }
    };
    crate::write::stage(&scope.guard, transaction, done.changes)?;
    Ok(Outcome::Command(done.tag.to_owned()))
}

fn require(scope: &Scope, name: &ObjectName) -> Result<Arc<Relation>, SqlError> {
    let name = QualifiedName::of(scope, name)?;
    scope.enum_type(name.schema(), &name.name).cloned().ok_or_else(|| undefined(scope, &name))
}

/// 42704, or 42809 for a type that has no labels.
fn undefined(scope: &Scope, name: &QualifiedName) -> SqlError {
    let is_row = scope.relation(name.schema(), &name.name).is_some_and(|relation| relation.as_table().is_some());
    if is_row || (name.schema.is_none() && crate::values::type_by_name(&name.name, &[]).is_some()) {
        return SqlError::new(SqlState::WRONG_OBJECT_TYPE, format!("{name} is not an enum"));
    }
    undefined_type(name)
}

/// PostgreSQL's words for a type that is not there.
pub(super) fn undefined_type(name: &QualifiedName) -> SqlError {
    SqlError::new(SqlState::UNDEFINED_OBJECT, format!("type \"{name}\" does not exist"))
}

fn create(scope: &Arc<Scope>, name: &ObjectName, labels: &[String]) -> Result<Done, SqlError> {
    let name = QualifiedName::of(scope, name)?;
    let place = Place::of_type(scope, &name)?;
    let is_taken = |relation: &Relation| relation.as_enum().is_some() || is_row_type(relation);
    match place.existing(scope, &name.name) {
        Some(existing) if is_taken(existing) => return Err(already_exists(&name.name)),
        // Types share the names of relations here, where PostgreSQL has one of each.
        Some(_) => {
            let message = format!("relation \"{}\" already exists", name.name);
            return Err(SqlError::new(SqlState::DUPLICATE_OBJECT, message));
        }
        None => {}
    }
    check_labels(labels)?;
    let oid = scope.engine.catalog().reserve_oids(1);
    PgType::of_enum(oid).ok_or_else(|| SqlError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "no oid is left for a type"))?;
    let labels = labels.iter().map(|label| (scope.engine.catalog().reserve_oids(1), label.clone()));
    let relation = Relation {
        oid,
        schema: place.schema(),
        name: name.name.clone(),
        owner: scope.session.user_oid,
        comment: None,
        acl: None,
        version: Seq::ZERO,
        kind: RelationKind::Enum(EnumType::new(labels)),
    };
    let (requires, mut changes) = place.claim(&name.name);
    changes.push(Change::CreateRelation(relation));
    Ok(Done::new("CREATE TYPE", requires, changes))
}

fn is_row_type(relation: &Relation) -> bool {
    relation.as_table().is_some() || relation.as_view().is_some()
}

fn already_exists(name: &str) -> SqlError {
    SqlError::new(SqlState::DUPLICATE_OBJECT, format!("type \"{name}\" already exists"))
}

fn check_labels(labels: &[String]) -> Result<(), SqlError> {
    let mut seen = std::collections::HashSet::new();
    for label in labels {
        check_label(label)?;
        if !seen.insert(label) {
            let message = "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"";
            return Err(SqlError::new(SqlState::UNIQUE_VIOLATION, message)
                .detail(format!("The label \"{label}\" stands there twice.")));
        }
    }
    Ok(())
}

pub(super) fn check_label(label: &str) -> Result<(), SqlError> {
    if label.len() <= IDENTIFIER_BYTES_MAX {
        return Ok(());
    }
    Err(SqlError::new(SqlState::INVALID_NAME, format!("invalid enum label \"{label}\""))
        .detail(format!("Labels must be {IDENTIFIER_BYTES_MAX} bytes or less.")))
}

fn add_value(
    scope: &Arc<Scope>,
    relation: &Relation,
    definition: &EnumType,
    label: &str,
    if_not_exists: bool,
    place: &LabelPlace,
) -> Result<Done, SqlError> {
    check_label(label)?;
    if definition.position(label).is_some() {
        if if_not_exists {
            let message = format!("enum label \"{label}\" already exists, skipping");
            scope.notice(SqlState::DUPLICATE_OBJECT, message);
            return Ok(Done::nothing(ALTER));
        }
        return Err(label_exists(label));
    }
    let at = match place {
        LabelPlace::End => definition.labels.len(),
        LabelPlace::Before(neighbour) => require_label(definition, neighbour)?,
        LabelPlace::After(neighbour) => require_label(definition, neighbour)? + 1,
    };
    let oid = scope.engine.catalog().reserve_oids(1);
    Ok(replaced(relation, definition.with_label(at, oid, label.to_owned())))
}

pub(super) fn label_exists(label: &str) -> SqlError {
    SqlError::new(SqlState::DUPLICATE_OBJECT, format!("enum label \"{label}\" already exists"))
}

/// Where a label stands; 22023 if there is none.
pub(super) fn require_label(definition: &EnumType, label: &str) -> Result<usize, SqlError> {
    definition.position(label).ok_or_else(|| {
        let message = format!("\"{label}\" is not an existing enum label");
        SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message)
    })
}

/// The type with other labels.
pub(super) fn replaced(relation: &Relation, definition: EnumType) -> Done {
    let after = Relation { kind: RelationKind::Enum(definition), ..relation.clone() };
    Done::new(ALTER, vec![unchanged(relation)], vec![Change::ReplaceRelation(after)])
}
