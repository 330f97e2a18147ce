//! ALTER TABLE … ALTER COLUMN … ADD GENERATED, SET GENERATED, DROP IDENTITY, DROP EXPRESSION: a column begins or ceases to
//! have a sequence of its own, or that changes; a generated column becomes a plain one, with the values that it has.

use std::sync::Arc;

use peristyle_catalog::model::{Change, Column, ColumnRule, Relation, RelationKind};

use super::drop_sequences::users_of;
use super::own_sequence::OwnSequence;
use super::sequence::with_options;
use super::{Done, unchanged};
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, fold};
use crate::parse::{AlterRule, RuleAction};
use crate::scope::{Scope, undefined_table};

const TAG: &str = "ALTER TABLE";

pub(super) fn run(scope: &Arc<Scope>, alter: &AlterRule) -> Result<Done, SqlError> {
    let name = QualifiedName::of(scope, &alter.table)?;
    let Some(relation) = scope.relation(name.schema(), &name.name) else {
        if alter.if_exists {
            scope.notice(SqlState::SUCCESSFUL_COMPLETION, format!("relation \"{name}\" does not exist, skipping"));
            return Ok(Done::nothing(TAG));
        }
        return Err(undefined_table(name.schema(), &name.name));
    };
    let column_name = fold(&alter.column);
    let column = relation.as_table().and_then(|table| table.column(&column_name)).ok_or_else(|| {
        let message = format!("column \"{column_name}\" of relation \"{}\" does not exist", relation.name);
        SqlError::new(SqlState::UNDEFINED_COLUMN, message)
    })?;
    let mut changed = Changed { scope, relation, column: column.clone(), changes: Vec::new(), requires: Vec::new() };
    match &alter.action {
        RuleAction::Add { is_always, options } => {
            check_can_be_identity(relation, column)?;
            let own = OwnSequence::Identity { is_always: *is_always, options: Box::new(options.clone()) };
            changed.changes.push(own.give(scope, relation, &mut changed.column, &|_| false)?);
        }
        RuleAction::Change { is_always, options } => {
            let sequence = changed.sequence()?;
            if let (ColumnRule::Identity { is_always: now, .. }, Some(wanted)) = (&mut changed.column.rule, is_always) {
                *now = *wanted;
            }
            if !options.keep_the_rule() {
                changed.alter_sequence(&sequence, options)?;
            }
        }
        RuleAction::Drop { if_exists } => match changed.sequence() {
            Ok(sequence) => {
                let dropped = format!("sequence {}", sequence.name);
                users_of(scope, &sequence).iter().try_for_each(|user| user.goes(scope, &sequence, false, &dropped))?;
                changed.column.rule = ColumnRule::Plain;
                changed.requires.push(unchanged(&sequence));
                changed.changes.push(Change::DropRelation(sequence.oid));
            }
            Err(error) if *if_exists => {
                scope.notice(SqlState::SUCCESSFUL_COMPLETION, format!("{}, skipping", error.message));
                return Ok(Done::nothing(TAG));
            }
            Err(error) => return Err(error),
        },
        RuleAction::DropExpression { if_exists } => {
            if column.rule != ColumnRule::Generated {
                let message = format!(
                    "column \"{column_name}\" of relation \"{}\" is not a stored generated column",
                    relation.name
                );
                if !*if_exists {
                    return Err(not_ready(message));
                }
                scope.notice(SqlState::SUCCESSFUL_COMPLETION, format!("{message}, skipping"));
                return Ok(Done::nothing(TAG));
            }
            changed.column.rule = ColumnRule::Plain;
            changed.column.default = None;
        }
    }
    Ok(changed.done())
}

/// The column on its way.
struct Changed<'a> {
    scope: &'a Arc<Scope>,
    relation: &'a Arc<Relation>,
    column: Column,
    changes: Vec<Change>,
    requires: Vec<peristyle_catalog::model::Requirement>,
}

impl Changed<'_> {
    /// The column's sequence; 55000 for one that is no identity column.
    fn sequence(&self) -> Result<Arc<Relation>, SqlError> {
        let found = match self.column.rule {
            ColumnRule::Identity { sequence, .. } => self.scope.view.relation(sequence),
            ColumnRule::Plain | ColumnRule::Generated => None,
        };
        found.cloned().ok_or_else(|| {
            let (column, table) = (&self.column.name, &self.relation.name);
            not_ready(format!("column \"{column}\" of relation \"{table}\" is not an identity column"))
        })
    }

    fn alter_sequence(
        &mut self,
        relation: &Arc<Relation>,
        options: &crate::parse::SequenceOptions,
    ) -> Result<(), SqlError> {
        let Some(sequence) = relation.as_sequence() else { return Err(SqlError::internal("a sequence that is none")) };
        self.requires.push(unchanged(relation));
        let altered = with_options(self.scope, relation, sequence, options, &mut self.requires)?;
        self.changes.push(Change::ReplaceRelation(altered));
        Ok(())
    }

    fn done(mut self) -> Done {
        self.requires.push(unchanged(self.relation));
        let mut after = self.relation.as_ref().clone();
        if let RelationKind::Table(table) = &mut after.kind {
            let place = table.columns.iter_mut().find(|column| column.id == self.column.id);
            place.into_iter().for_each(|column| *column = self.column.clone());
        }
        self.changes.insert(0, Change::ReplaceRelation(after));
        Done::new(TAG, self.requires, self.changes)
    }
}

fn check_can_be_identity(relation: &Relation, column: &Column) -> Result<(), SqlError> {
    let about = format!("column \"{}\" of relation \"{}\"", column.name, relation.name);
    if !column.not_null {
        return Err(not_ready(format!("{about} must be declared NOT NULL before identity can be added")));
    }
    if matches!(column.rule, ColumnRule::Identity { .. }) {
        return Err(not_ready(format!("{about} is already an identity column")));
    }
    if column.default.is_some() {
        return Err(not_ready(format!("{about} already has a default value")));
    }
    Ok(())
}

fn not_ready(message: String) -> SqlError {
    SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
}
