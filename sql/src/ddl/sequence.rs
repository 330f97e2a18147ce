//! CREATE SEQUENCE and ALTER SEQUENCE.

use std::sync::Arc;

use peristyle_catalog::model::{
    Change, Oid, PgType, Relation, RelationKind, Requirement, Seq, Sequence, SequenceOwner, SequencePlace, SequenceRule,
};
use sqlparser::ast::{DataType, ObjectName};

use super::place::Place;
use super::sequence_rule::{altered, new_rule};
use super::{Done, unchanged};
use super::{alter_rule, moved};
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, cut, fold, parts};
use crate::parse::{SequenceAction, SequenceOptions, SequenceStatement};
use crate::scope::{Scope, undefined_table};
use crate::semantics;

pub(super) fn run(scope: &Arc<Scope>, statement: &SequenceStatement) -> Result<Done, SqlError> {
    match statement {
        SequenceStatement::Create { name, is_temporary, if_not_exists, options } => {
            create(scope, name, *is_temporary, *if_not_exists, options)
        }
        SequenceStatement::Alter { name, if_exists, action } => alter(scope, name, *if_exists, action),
        SequenceStatement::Rule(alter) => alter_rule::run(scope, alter),
    }
}

fn create(
    scope: &Arc<Scope>,
    name: &ObjectName,
    is_temporary: bool,
    if_not_exists: bool,
    options: &SequenceOptions,
) -> Result<Done, SqlError> {
    let name = QualifiedName::of(scope, name)?;
    let place = Place::of(scope, &name, is_temporary)?;
    if place.existing(scope, &name.name).is_some() {
        let message = format!("relation \"{}\" already exists", name.name);
        if if_not_exists {
            scope.notice(SqlState::DUPLICATE_TABLE, format!("{message}, skipping"));
            return Ok(Done::nothing("CREATE SEQUENCE"));
        }
        return Err(SqlError::new(SqlState::DUPLICATE_TABLE, message));
    }
    if options.restart.is_some() || options.name.is_some() {
        let word = if options.restart.is_some() { "RESTART" } else { "SEQUENCE" };
        return Err(SqlError::syntax(format!("syntax error at or near \"{word}\"")));
    }
    let ty = options.ty.as_ref().map_or(Ok(PgType::INT8), sequence_type)?;
    let rule = new_rule(ty, options)?;
    let schema = place.schema();
    let (mut requires, mut changes) = place.claim(&name.name);
    let owner = match &options.owned_by {
        Some(Some(column)) => {
            let (owner, requirement) = owning_column(scope, schema, column)?;
            requires.push(requirement);
            Some(owner)
        }
        Some(None) | None => None,
    };
    changes.push(Change::CreateRelation(new_sequence(scope, schema, name.name, rule, owner)));
    Ok(Done::new("CREATE SEQUENCE", requires, changes))
}

/// A sequence that begins at its start.
pub(super) fn new_sequence(
    scope: &Scope,
    schema: Oid,
    name: String,
    rule: SequenceRule,
    owner: Option<SequenceOwner>,
) -> Relation {
    let begin = SequencePlace { last: rule.start, is_called: false };
    begun(scope, schema, name, rule, owner, begin)
}

/// Another sequence of the same rule, for a column, which goes on where that one is now.
pub(super) fn continued(
    scope: &Scope,
    relation: &Relation,
    sequence: &Sequence,
    schema: Oid,
    name: String,
    owner: SequenceOwner,
) -> Relation {
    let (place, _) = scope.sequence_place(relation.oid, sequence);
    begun(scope, schema, name, sequence.rule.clone(), Some(owner), place)
}

fn begun(
    scope: &Scope,
    schema: Oid,
    name: String,
    rule: SequenceRule,
    owner: Option<SequenceOwner>,
    begin: SequencePlace,
) -> Relation {
    let oid = scope.engine.catalog().reserve_oids(2);
    let sequence = Sequence { rule, owner, run: Oid(oid.0 + 1), begin };
    scope.begin_run(oid, &sequence, None);
    Relation {
        oid,
        schema,
        name,
        owner: scope.session.user_oid,
        comment: None,
        acl: None,
        version: Seq::ZERO,
        kind: RelationKind::Sequence(sequence),
    }
}

/// The sequence with a new run from its start on (TRUNCATE … RESTART IDENTITY).
pub(super) fn restarted(scope: &Scope, relation: &Relation, sequence: &Sequence) -> Relation {
    let begin = SequencePlace { last: sequence.rule.start, is_called: false };
    with_run(scope, relation, Sequence { begin, ..sequence.clone() }, None)
}

fn with_run(scope: &Scope, relation: &Relation, sequence: Sequence, goes_on_with: Option<Oid>) -> Relation {
    let sequence = Sequence { run: scope.engine.catalog().reserve_oids(1), ..sequence };
    scope.begin_run(relation.oid, &sequence, goes_on_with);
    Relation { kind: RelationKind::Sequence(sequence), ..relation.clone() }
}

fn alter(scope: &Arc<Scope>, name: &ObjectName, if_exists: bool, action: &SequenceAction) -> Result<Done, SqlError> {
    const TAG: &str = "ALTER SEQUENCE";
    let name = QualifiedName::of(scope, name)?;
    let Some(relation) = scope.relation(name.schema(), &name.name) else {
        if if_exists {
            scope.notice(SqlState::SUCCESSFUL_COMPLETION, format!("relation \"{name}\" does not exist, skipping"));
            return Ok(Done::nothing(TAG));
        }
        return Err(undefined_table(name.schema(), &name.name));
    };
    let sequence = relation.as_sequence().ok_or_else(|| not_a_sequence(relation))?;
    match action {
        SequenceAction::Owner => Ok(Done::nothing(TAG)),
        SequenceAction::Rename(to) => moved::rename(scope, relation, cut(fold(to)), TAG),
        SequenceAction::SetSchema(to) => moved::set_schema(scope, relation, &fold(to), TAG),
        SequenceAction::Options(options) => {
            let mut requires = vec![unchanged(relation)];
            let after = with_options(scope, relation, sequence, options, &mut requires)?;
            Ok(Done::new(TAG, requires, vec![Change::ReplaceRelation(after)]))
        }
    }
}

pub(super) fn with_options(
    scope: &Arc<Scope>,
    relation: &Relation,
    sequence: &Sequence,
    options: &SequenceOptions,
    requires: &mut Vec<Requirement>,
) -> Result<Relation, SqlError> {
    let mut after = sequence.clone();
    if let Some(column) = &options.owned_by {
        if sequence.owner.is_some_and(|owner| owner.is_identity) {
            return Err(SqlError::unsupported("cannot change ownership of identity sequence"));
        }
        after.owner = None;
        if let Some(column) = column {
            let (owner, requirement) = owning_column(scope, relation.schema, column)?;
            after.owner = Some(owner);
            requires.push(requirement);
        }
    }
    if options.keep_the_rule() {
        return Ok(Relation { kind: RelationKind::Sequence(after), ..relation.clone() });
    }
    let ty = options.ty.as_ref().map(sequence_type).transpose()?;
    let (place, _) = scope.sequence_place(relation.oid, sequence);
    (after.rule, after.begin) = altered(&sequence.rule, place, ty, options)?;
    Ok(with_run(scope, relation, after, options.restart.is_none().then_some(sequence.run)))
}

/// The sequence with values of another type, which goes on where it is.
pub(super) fn with_type(
    scope: &Scope,
    relation: &Relation,
    sequence: &Sequence,
    ty: PgType,
) -> Result<Relation, SqlError> {
    let (place, _) = scope.sequence_place(relation.oid, sequence);
    let (rule, begin) = altered(&sequence.rule, place, Some(ty), &SequenceOptions::default())?;
    Ok(with_run(scope, relation, Sequence { rule, begin, ..sequence.clone() }, Some(sequence.run)))
}

/// `OWNED BY table.column`, and what it requires.
fn owning_column(scope: &Scope, schema: Oid, column: &ObjectName) -> Result<(SequenceOwner, Requirement), SqlError> {
    let mut names = parts(column)?;
    let column = names.pop().filter(|_| !names.is_empty()).ok_or_else(|| {
        SqlError::syntax("invalid OWNED BY option").hint("Specify OWNED BY table.column or OWNED BY NONE.")
    })?;
    let name = names.pop().unwrap_or_default();
    let table = scope.require_relation(names.last().map(String::as_str), &name)?;
    let Some(definition) = table.as_table() else {
        let message = format!("sequence cannot be owned by relation \"{}\"", table.name);
        return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message));
    };
    if table.schema != schema {
        let message = "sequence must be in same schema as table it is linked to";
        return Err(SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
    }
    let column = definition.column(&column).ok_or_else(|| {
        let message = format!("column \"{column}\" of relation \"{}\" does not exist", table.name);
        SqlError::new(SqlState::UNDEFINED_COLUMN, message)
    })?;
    Ok((SequenceOwner { table: table.oid, attnum: column.attnum, is_identity: false }, unchanged(table)))
}

fn sequence_type(written: &DataType) -> Result<PgType, SqlError> {
    let ty = semantics::column_type(written)?;
    if matches!(ty, PgType::INT2 | PgType::INT4 | PgType::INT8) {
        return Ok(ty);
    }
    let message = "sequence type must be smallint, integer, or bigint";
    Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message))
}

fn not_a_sequence(relation: &Relation) -> SqlError {
    SqlError::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a sequence", relation.name))
}
