//! A statement's life on one screen: what it is, who runs it, what it would return.

use std::sync::Arc;

use peristyle_catalog::model::PgType;
use sqlparser::ast;

use crate::copy_out;
use crate::ddl;
use crate::error::{SqlError, SqlState};
use crate::explain;
use crate::maintenance;
use crate::modify::{self, ChangeStatement};
use crate::outcome::{ColumnDescription, Outcome};
use crate::parse::{Statement, Tree};
use crate::plan;
use crate::plan::parameters::Bound;
use crate::row_locks;
use crate::scope::Scope;
use crate::session::SharedTransaction;
use crate::transaction::Looks;
use crate::with_changes::{self, WithChanges};
use crate::write;

/// The types of a statement's parameters and the columns of its result (`None` without rows).
pub(crate) type Description = (Vec<PgType>, Option<Vec<ColumnDescription>>);

/// Runs one statement. Its changes go to the transaction, its rows to the outcome.
pub(crate) async fn run(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    statement: &Statement,
    bound: &Bound,
) -> Result<Outcome, SqlError> {
    let enums = scope.enums();
    dispatch(scope, transaction, statement, bound).await.map_err(|error| enums.named(error))
}

/// Each kind's future lies in a box of its own: it would be as large as the largest of them, and copied around for every
/// small INSERT.
async fn dispatch(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    statement: &Statement,
    bound: &Bound,
) -> Result<Outcome, SqlError> {
    let tree = match &*statement.tree {
        Tree::Copy(copy) if copy.to => return Box::pin(copy_out::run(scope, transaction, statement, copy)).await,
        Tree::Copy(copy) => return Box::pin(write::copy_in(scope, transaction, copy)).await,
        Tree::Session(_) => return Err(SqlError::internal("a statement about the session left it")),
        Tree::Undrop(table) => return ddl::undrop(&scope, &transaction, table),
        Tree::Sequence(sequence) => return ddl::sequence(&scope, &transaction, sequence),
        Tree::Enum(statement) => return Box::pin(ddl::enum_type(&scope, &transaction, statement)).await,
        Tree::MaterializedView(view) => return Box::pin(ddl::materialized_view(&scope, &transaction, view)).await,
        Tree::Maintenance(maintenance) => return Box::pin(maintenance::run(&scope, maintenance)).await,
        Tree::Sql(tree) => tree.as_ref(),
    };
    if let Some(parts) = WithChanges::of(tree) {
        return with_changes::run(scope, transaction, parts, bound).await;
    }
    if let Some(change) = ChangeStatement::of(tree) {
        return Box::pin(modify::run(scope, transaction, change, bound)).await;
    }
    match tree {
        ast::Statement::Query(_) => Box::pin(plan::select(scope, tree, bound, &statement.found.constant)).await,
        ast::Statement::Insert(insert) => {
            write::insert(scope, transaction, insert, bound, &statement.found.insert).await
        }
        ast::Statement::Explain { .. } => Box::pin(explain::run(scope, transaction, tree, bound)).await,
        ast::Statement::CreateTable(create) if create.query.is_some() => {
            Box::pin(write::create_table_as(scope, transaction, create, bound)).await
        }
        other => Box::pin(ddl::run(scope, transaction, other, statement)).await,
    }
}

/// What a statement takes and returns, without running it.
pub(crate) async fn describe(
    scope: &Arc<Scope>,
    statement: &Statement,
    types: &[Option<PgType>],
) -> Result<Description, SqlError> {
    let described = match &*statement.tree {
        Tree::Copy(_)
        | Tree::Session(_)
        | Tree::Maintenance(_)
        | Tree::Undrop(_)
        | Tree::Sequence(_)
        | Tree::Enum(_)
        | Tree::MaterializedView(_) => Ok((Vec::new(), None)),
        Tree::Sql(tree) => describe_tree(scope, tree, types),
    };
    described.map_err(|error| place(scope.enums().named(error), statement))
}

/// The same of a tree alone.
pub(crate) fn describe_tree(
    scope: &Arc<Scope>,
    tree: &ast::Statement,
    types: &[Option<PgType>],
) -> Result<Description, SqlError> {
    if let Some(parts) = WithChanges::of(tree) {
        return with_changes::describe(scope, parts, types);
    }
    if let Some(change) = ChangeStatement::of(tree) {
        return modify::describe(scope, tree, change, types);
    }
    match tree {
        ast::Statement::Query(_) => plan::describe_query(scope, tree, types),
        ast::Statement::Insert(insert) => write::describe_insert(scope, insert, types),
        ast::Statement::Explain { statement, options, .. } => {
            explain::describe(scope, statement, options.as_deref(), types)
        }
        _ => Ok((Vec::new(), None)),
    }
}

/// As [`describe`], for statements about the session itself, which need no snapshot; `None` for others.
pub(crate) fn describe_control(statement: &Statement) -> Option<Description> {
    let Tree::Sql(tree) = &*statement.tree else { return None };
    match tree.as_ref() {
        ast::Statement::ShowVariable { variable } => Some((Vec::new(), Some(describe_show(variable)))),
        ast::Statement::Set(_)
        | ast::Statement::Reset(_)
        | ast::Statement::Discard { .. }
        | ast::Statement::StartTransaction { .. }
        | ast::Statement::Commit { .. }
        | ast::Statement::Rollback { .. }
        | ast::Statement::Savepoint { .. }
        | ast::Statement::ReleaseSavepoint { .. } => Some((Vec::new(), None)),
        _ => None,
    }
}

/// The command that a statement writes by; `None` for one that a read-only transaction takes.
pub(crate) fn writing_command(statement: &Statement) -> Option<String> {
    let tree = match &*statement.tree {
        Tree::Copy(copy) if copy.to => return copy.change().as_ref().and_then(writing_verb),
        Tree::Copy(_) => return Some("COPY FROM".to_owned()),
        // Maintenance changes nothing that a statement can see.
        Tree::Session(_) | Tree::Maintenance(_) => return None,
        Tree::Undrop(_) => return Some("UNDROP TABLE".to_owned()),
        Tree::Sequence(_) | Tree::Enum(_) => return Some(first_words(statement.text())),
        Tree::MaterializedView(view) => return Some(view.command().to_owned()),
        Tree::Sql(tree) => tree.as_ref(),
    };
    match tree {
        ast::Statement::Query(_) | ast::Statement::Explain { .. } => writing_verb(tree),
        // The words before the name: CREATE TABLE, ALTER TABLE, INSERT, …
        _ => Some(first_words(statement.text())),
    }
}

/// The same of a tree alone. EXPLAIN ANALYZE does what it explains.
fn writing_verb(tree: &ast::Statement) -> Option<String> {
    match tree {
        ast::Statement::Query(_) if let Some(parts) = WithChanges::of(tree) => Some(parts.verb().to_owned()),
        // The verb behind a WITH.
        ast::Statement::Query(query) => match ChangeStatement::of(tree) {
            Some(_) => Some(first_words(&query.body.to_string())),
            None => row_locks::command_of(query),
        },
        ast::Statement::Explain { analyze: true, statement, .. } => writing_verb(statement),
        ast::Statement::Explain { .. } => None,
        other => Some(first_words(&other.to_string())),
    }
}

/// Whether a statement waits for rows that others have locked.
pub(crate) fn waits_for_rows(statement: &Statement) -> bool {
    let Tree::Sql(tree) = &*statement.tree else { return false };
    let locks = matches!(tree.as_ref(), ast::Statement::Query(query) if row_locks::command_of(query).is_some());
    locks || ChangeStatement::of(tree).is_some() || WithChanges::of(tree).is_some()
}

/// PostgreSQL's name of a command: its verb, with the kind of object for those that define one.
fn first_words(text: &str) -> String {
    let mut words = text.split_whitespace().map(str::to_uppercase);
    let verb = words.next().unwrap_or_default();
    match verb.as_str() {
        "TRUNCATE" => "TRUNCATE TABLE".to_owned(),
        "CREATE" | "ALTER" | "DROP" => {
            let object =
                words.find(|word| !matches!(word.as_str(), "OR" | "REPLACE" | "UNIQUE" | "TEMP" | "TEMPORARY"));
            format!("{verb} {}", object.unwrap_or_default())
        }
        _ => verb,
    }
}

fn describe_show(variable: &[ast::Ident]) -> Vec<ColumnDescription> {
    let name = variable.iter().map(|word| word.value.to_lowercase()).collect::<Vec<_>>().join(".");
    match name.as_str() {
        "all" => ["name", "setting", "description"].map(|name| ColumnDescription::computed(name, PgType::TEXT)).into(),
        _ => vec![ColumnDescription::computed(&name, PgType::TEXT)],
    }
}

/// Whether a statement must see the rows of its own transaction. A load of constants needs definitions only, so a long
/// pipeline of them costs each its own work and not that of all before it.
pub(crate) fn looks(statement: &Statement) -> Looks {
    let only_definitions = match &*statement.tree {
        Tree::Copy(copy) => !copy.to,
        Tree::Session(_) | Tree::Maintenance(_) | Tree::Undrop(_) | Tree::Sequence(_) => true,
        Tree::MaterializedView(_) => false,
        // A label that is renamed is in rows.
        Tree::Enum(_) => false,
        Tree::Sql(tree) => match tree.as_ref() {
            // ON CONFLICT looks for the rows that have the keys.
            ast::Statement::Insert(insert) if insert.on.is_some() || write::returns_queries(insert) => false,
            ast::Statement::Insert(insert) => insert.source.as_ref().is_none_or(|source| write::is_constant(source)),
            _ => false,
        },
    };
    if only_definitions { Looks::AtDefinitions } else { Looks::AtRows }
}

/// Whether a statement computes so little that handing it to a computing thread would cost more: a small INSERT of
/// constants, or a query whose result is known.
pub(crate) fn is_quick(statement: &Statement, bound: &Bound) -> bool {
    const BYTES_MAX: usize = 16 * 1024;
    let Tree::Sql(tree) = &*statement.tree else { return false };
    let ast::Statement::Insert(insert) = tree.as_ref() else { return statement.found.constant.is_known() };
    statement.text.len() + bound.bytes() <= BYTES_MAX
        && (insert.returning.is_none() || statement.found.insert.is_kept())
        && insert.on.is_none()
        && insert.source.as_ref().is_some_and(|source| write::is_constant(source))
}

/// Whether it makes a table that the ends of transactions change.
pub(crate) fn acts_on_commit(statement: &Statement) -> bool {
    matches!(&*statement.tree, Tree::Sql(tree)
        if matches!(tree.as_ref(), ast::Statement::CreateTable(create) if create.on_commit.is_some()))
}

/// Whether the statement may run in a failed transaction: it ends it or goes back in it.
pub(crate) fn ends_transaction(statement: &Statement) -> bool {
    matches!(&*statement.tree, Tree::Sql(tree)
        if matches!(tree.as_ref(), ast::Statement::Commit { .. } | ast::Statement::Rollback { .. }))
}

/// Whether a statement whose commit lost a race can be run again: its rows do not come from the client.
pub(crate) fn can_rerun(statement: &Statement) -> bool {
    match &*statement.tree {
        Tree::Copy(_) | Tree::Session(_) | Tree::Maintenance(_) => false,
        Tree::Undrop(_) | Tree::Sequence(_) | Tree::Enum(_) | Tree::MaterializedView(_) => true,
        Tree::Sql(_) => true,
    }
}

/// Adds the position of the name that an error is about, where the statement's tree knows it.
pub(crate) fn place(error: SqlError, statement: &Statement) -> SqlError {
    if let Some(position) = error.position {
        // Errors of this statement's text count from its start, the client counts from the string's.
        return error.position(position);
    }
    let about_a_name = matches!(
        error.code,
        SqlState::UNDEFINED_TABLE
            | SqlState::UNDEFINED_COLUMN
            | SqlState::UNDEFINED_FUNCTION
            | SqlState::AMBIGUOUS_COLUMN
            | SqlState::DUPLICATE_COLUMN
            | SqlState::INVALID_SCHEMA_NAME
            | SqlState::GROUPING_ERROR
    );
    let Some(name) = quoted_name(&error.message).filter(|_| about_a_name) else { return error };
    // A message may name the table of a column that was written without.
    let bare = name.rsplit('.').next().filter(|_| error.code == SqlState::GROUPING_ERROR);
    match find_word(&statement.text, name).or_else(|| find_word(&statement.text, bare?)) {
        Some(at) => error.position(statement.offset_chars + at + 1),
        None => error,
    }
}

/// The name that a message is about: what stands in quotes, or the word after `column` or `function`.
fn quoted_name(message: &str) -> Option<&str> {
    if let Some((_, rest)) = message.split_once('"') {
        return rest.split_once('"').map(|(name, _)| name);
    }
    let mut words = message.split_whitespace();
    words.find(|word| matches!(*word, "column" | "function"))?;
    words.next().map(|name| name.split('(').next().unwrap_or(name))
}

/// Characters before the first whole word `name` in the text, in any case, outside of string literals.
fn find_word(text: &str, name: &str) -> Option<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let lower = text.to_lowercase();
    let wanted = name.to_lowercase();
    let outside = |at: usize| lower[..at].matches('\'').count().is_multiple_of(2);
    lower.match_indices(&wanted).map(|(at, _)| at).find_map(|at| {
        let before = lower[..at].chars().next_back().is_none_or(|c| !is_word(c));
        let after = lower[at + wanted.len()..].chars().next().is_none_or(|c| !is_word(c));
        (before && after && outside(at)).then(|| lower[..at].chars().count())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_whole_words_outside_of_strings() {
        assert_eq!(find_word("select 'abc', abc from abcd", "abc"), Some(14));
        assert_eq!(find_word("select Foo", "foo"), Some(7));
        assert_eq!(find_word("select foobar", "foo"), None);
        assert_eq!(quoted_name("column t.x does not exist"), Some("t.x"));
        assert_eq!(quoted_name("relation \"nope\" does not exist"), Some("nope"));
    }
}
