//! Columns with a sequence of their own: serial types and identity columns.

use std::sync::Arc;

use peristyle_catalog::model::{
    Change, Column, ColumnDefault, ColumnRule, PgType, Relation, RelationKind, SequenceOwner,
};
use sqlparser::ast::{ColumnDef, ColumnOption, GeneratedAs};

use super::keys::numbered;
use super::sequence::new_sequence;
use super::sequence_rule::new_rule;
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, fold};
use crate::parse::SequenceOptions;
use crate::scope::{IDENTIFIER_BYTES_MAX, Scope};
use crate::sequence::next_call;
use crate::values::serial_type;

/// The sequence that a column's definition asks for.
#[derive(Clone, Debug)]
pub(crate) enum OwnSequence {
    Serial,
    Identity { is_always: bool, options: Box<SequenceOptions> },
}

impl OwnSequence {
    /// `None` for a column without one.
    pub(super) fn of(column: &ColumnDef, table: &str) -> Result<Option<OwnSequence>, SqlError> {
        let is_serial = serial_type(&column.data_type.to_string()).is_some();
        let mut identity = None;
        for option in &column.options {
            if let ColumnOption::Generated { generated_as, generation_expr: None, sequence_options, .. } =
                &option.option
            {
                if identity.is_some() {
                    return Err(conflict("multiple identity specifications", column, table));
                }
                let options = SequenceOptions::of_identity(sequence_options.as_deref().unwrap_or_default())?;
                let is_always = matches!(generated_as, GeneratedAs::Always);
                identity = Some(OwnSequence::Identity { is_always, options: Box::new(options) });
            }
        }
        let has_default = column.options.iter().any(|option| matches!(option.option, ColumnOption::Default(_)));
        match (is_serial, identity) {
            (true, _) if has_default => Err(conflict("multiple default values", column, table)),
            (true, Some(_)) => Err(conflict("both default and identity", column, table)),
            (true, None) => Ok(Some(OwnSequence::Serial)),
            (false, Some(_)) if has_default => Err(conflict("both default and identity", column, table)),
            (false, identity) => Ok(identity),
        }
    }

    /// Gives a column of a table its sequence. Returns the change that makes it.
    pub(super) fn give(
        &self,
        scope: &Arc<Scope>,
        table: &Relation,
        column: &mut Column,
        is_taken: &dyn Fn(&str) -> bool,
    ) -> Result<Change, SqlError> {
        let nothing = SequenceOptions::default();
        let (options, is_identity) = match self {
            OwnSequence::Serial => (&nothing, false),
            OwnSequence::Identity { options, .. } => (options.as_ref(), true),
        };
        let ty = column.ty;
        check_identity_type(ty)?;
        let is_taken = |name: &str| scope.view.relation_by_name(table.schema, name).is_some() || is_taken(name);
        let name = match given_name(scope, table, options)? {
            Some(name) if is_taken(&name) => {
                let message = format!("relation \"{name}\" already exists");
                return Err(SqlError::new(SqlState::DUPLICATE_TABLE, message));
            }
            Some(name) => name,
            None => numbered(sequence_name(&table.name, &column.name), is_taken),
        };
        let owner = SequenceOwner { table: table.oid, attnum: column.attnum, is_identity };
        let sequence = new_sequence(scope, table.schema, name, new_rule(ty, options)?, Some(owner));
        column.not_null = true;
        match self {
            OwnSequence::Serial => {
                let oid = scope.engine.catalog().reserve_oids(1);
                column.default = Some(ColumnDefault { oid, expression: next_call(sequence.oid) });
            }
            OwnSequence::Identity { is_always, .. } => {
                column.rule = ColumnRule::Identity { sequence: sequence.oid, is_always: *is_always };
            }
        }
        Ok(Change::CreateRelation(sequence))
    }
}

pub(super) fn check_identity_type(ty: PgType) -> Result<(), SqlError> {
    if matches!(ty, PgType::INT2 | PgType::INT4 | PgType::INT8) {
        return Ok(());
    }
    let message = "identity column type must be smallint, integer, or bigint";
    Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message))
}

/// Gives the columns of a new table their sequences, which come behind the table.
pub(super) fn give_all(
    scope: &Arc<Scope>,
    relation: &mut Relation,
    wanted: &[Option<&OwnSequence>],
) -> Result<Vec<Change>, SqlError> {
    let mut table = relation.clone();
    let RelationKind::Table(definition) = &mut table.kind else { return Ok(Vec::new()) };
    let mut columns = std::mem::take(&mut definition.columns);
    let mut names: Vec<String> = vec![relation.name.clone()];
    let mut changes = Vec::new();
    for (column, own) in columns.iter_mut().zip(wanted) {
        let Some(own) = own else { continue };
        let made = own.give(scope, &table, column, &|name| names.iter().any(|taken| taken == name))?;
        if let Change::CreateRelation(sequence) = &made {
            names.push(sequence.name.clone());
        }
        changes.push(made);
    }
    if let RelationKind::Table(definition) = &mut relation.kind {
        definition.columns = columns;
    }
    Ok(changes)
}

/// The name of `SEQUENCE NAME`, which lies beside its table.
fn given_name(scope: &Scope, table: &Relation, options: &SequenceOptions) -> Result<Option<String>, SqlError> {
    let Some(name) = &options.name else { return Ok(None) };
    let name = QualifiedName::of(scope, name)?;
    match name.schema() {
        Some(schema) if schema != scope.schema_name(table.schema) => {
            let message = "sequence must be in same schema as table it is linked to";
            Err(SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message))
        }
        _ => Ok(Some(name.name)),
    }
}

/// `table_column_seq`; of names that are too long for it, the longer is cut.
pub(super) fn sequence_name(table: &str, column: &str) -> String {
    const ENDS: &str = "__seq";
    let room = IDENTIFIER_BYTES_MAX - ENDS.len();
    let half = room / 2;
    let (of_table, of_column) = match (table.len(), column.len()) {
        (table, column) if table + column <= room => (table, column),
        (_, column) if column <= half => (room - column, column),
        (table, _) if table <= half => (table, room - table),
        _ => (room - half, half),
    };
    let cut = |name: &str, bytes: usize| name[..name.floor_char_boundary(bytes)].to_owned();
    format!("{}_{}_seq", cut(table, of_table), cut(column, of_column))
}

fn conflict(what: &str, column: &ColumnDef, table: &str) -> SqlError {
    let column = fold(&column.name);
    SqlError::syntax(format!("{what} specified for column \"{column}\" of table \"{table}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequences_name_fits() {
        assert_eq!(sequence_name("t", "id"), "t_id_seq");
        let long = "x".repeat(63);
        assert_eq!(sequence_name(&long, "id"), format!("{}_id_seq", "x".repeat(56)));
        assert_eq!(sequence_name("t", &long), format!("t_{}_seq", "x".repeat(57)));
        assert_eq!(sequence_name(&long, &long).len(), 63);
    }
}
