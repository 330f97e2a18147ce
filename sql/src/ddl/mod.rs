//! Statements that change definitions: each becomes a change set. Rows are written again only where
//! ALTER TABLE gives a column other values.

mod alter_options;
mod alter_rule;
mod alter_table;
mod alter_type;
mod check_rows;
mod clone_table;
mod comment;
mod constraints;
mod copied_sequences;
mod create_table;
mod drop;
mod drop_column;
mod drop_sequences;
mod drop_types;
mod dropped;
mod enum_type;
mod generated;
mod grant;
mod index;
mod keys;
mod like;
mod materialized_view;
mod moved;
mod option_texts;
mod options;
mod own_sequence;
mod place;
mod rename_label;
mod rewrite;
mod schema;
mod sequence;
mod sequence_rule;
mod truncate;
mod view;

use std::sync::Arc;

use peristyle_catalog::model::{Change, ChangeSet, Relation, Requirement};
use sqlparser::ast::{ObjectName, Statement as Sql};

pub(crate) use create_table::{ARRIVAL, NewColumn, TIME_COLUMN, new_table};
pub(crate) use drop::kind_word;
pub use dropped::dropped_at;
pub(crate) use dropped::{DroppedTable, prepare as prepare_for_dropped};
pub(crate) use enum_type::run as enum_type;
pub(crate) use materialized_view::run as materialized_view;
pub(crate) use truncate::removal_of_rows;

use crate::error::SqlError;
use crate::outcome::Outcome;
use crate::parse::{SequenceStatement, Statement};
use crate::scope::Scope;
use crate::session::SharedTransaction;

/// Runs one statement that is not a query, a write or a session matter.
pub(crate) async fn run(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    sql: &Sql,
    statement: &Statement,
) -> Result<Outcome, SqlError> {
    let done = match sql {
        Sql::CreateTable(create) => match &create.clone {
            Some(source) => clone_table::run(&scope, &transaction, create, source).await?,
            None => create_table::run(&scope, create)?,
        },
        Sql::CreateView(create) => view::create(&scope, create, &statement.text)?,
        Sql::CreateSchema { schema_name, if_not_exists, .. } => schema::create(&scope, schema_name, *if_not_exists)?,
        Sql::CreateIndex(create) => index::create(&scope, create)?,
        Sql::Drop { object_type, if_exists, names, cascade, temporary: false, .. } => {
            drop::run(&scope, object_type, names, *if_exists, *cascade)?
        }
        Sql::Truncate(truncate) => truncate::run(&scope, &transaction, truncate)?,
        Sql::AlterTable(alter) => alter_table::run(&scope, &transaction, alter).await?,
        Sql::Comment { object_type, object_name, comment, if_exists } => {
            comment::run(&scope, object_type, object_name, comment.as_deref(), *if_exists)?
        }
        Sql::Grant(given) => grant::grant(&scope, given)?,
        Sql::Revoke(taken) => grant::revoke(&scope, taken)?,
        Sql::DropFunction(drop) => grant::drop_function(&scope, drop)?,
        other => return Err(unsupported(other)),
    };
    crate::write::stage(&scope.guard, &transaction, done.changes)?;
    Ok(Outcome::Command(done.tag.to_owned()))
}

/// Makes or changes a sequence.
pub(crate) fn sequence(
    scope: &Arc<Scope>,
    transaction: &SharedTransaction,
    statement: &SequenceStatement,
) -> Result<Outcome, SqlError> {
    let done = sequence::run(scope, statement)?;
    crate::write::stage(&scope.guard, transaction, done.changes)?;
    Ok(Outcome::Command(done.tag.to_owned()))
}

/// Takes a dropped table back.
pub(crate) fn undrop(scope: &Scope, transaction: &SharedTransaction, name: &ObjectName) -> Result<Outcome, SqlError> {
    let done = dropped::undrop(scope, name)?;
    crate::write::stage(&scope.guard, transaction, done.changes)?;
    Ok(Outcome::Command(done.tag.to_owned()))
}

/// What a definition statement comes to.
struct Done {
    tag: &'static str,
    changes: ChangeSet,
}

impl Done {
    fn new(tag: &'static str, requires: Vec<Requirement>, changes: Vec<Change>) -> Done {
        Done { tag, changes: ChangeSet { requires, changes, ingest_id: None } }
    }

    /// There was nothing to do (`IF EXISTS`, `IF NOT EXISTS`).
    fn nothing(tag: &'static str) -> Done {
        Done { tag, changes: ChangeSet::default() }
    }
}

/// DDL requires that the definition it started from still holds.
fn unchanged(relation: &Relation) -> Requirement {
    Requirement::RelationVersion { oid: relation.oid, version: relation.version }
}

/// Changes a relation beside others: what an earlier change makes of it, or itself; not if `change` says that it changed
/// nothing.
fn change_also(
    changes: &mut Vec<Change>,
    requires: &mut Vec<Requirement>,
    relation: &Relation,
    change: impl FnOnce(&mut Relation) -> bool,
) {
    let earlier = changes.iter_mut().find_map(|earlier| match earlier {
        Change::ReplaceRelation(changed) if changed.oid == relation.oid => Some(changed),
        _ => None,
    });
    if let Some(changed) = earlier {
        change(changed);
        return;
    }
    let mut changed = relation.clone();
    if change(&mut changed) {
        requires.push(unchanged(relation));
        changes.push(Change::ReplaceRelation(changed));
    }
}

/// 0A000 that names the statement.
fn unsupported(sql: &Sql) -> SqlError {
    let text = sql.to_string();
    let words: Vec<&str> =
        text.split_whitespace().take_while(|word| word.chars().all(|c| c.is_ascii_uppercase())).take(3).collect();
    let name = if words.is_empty() { "this statement".to_owned() } else { words.join(" ") };
    SqlError::unsupported(format!("{name} is not supported"))
}
