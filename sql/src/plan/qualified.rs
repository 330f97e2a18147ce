//! What names mean that DataFusion takes for something else: a column of a table that is not read there, a table of another
//! schema, and a name that two columns of one subquery have.

use sqlparser::ast::{Ident, Query, Select, SelectItem, SetExpr, TableFactor};

use super::from_items::{called, factors_of};
use super::output_names::result_name;
use super::scopes::{Item, Scopes};
use crate::error::{SqlError, SqlState};
use crate::names::fold;
use crate::scope::PG_CATALOG;

/// 42P01 for a table that is not there, 42702 for a column that there is twice.
pub(super) fn check_path(path: &[Ident], scopes: &Scopes<'_, '_>) -> Result<(), SqlError> {
    let (table, schema, column) = match path {
        [.., schema, table, column] => (table, Some(schema), column),
        [table, column] => (table, None, column),
        _ => return Ok(()),
    };
    let items = || scopes.levels.iter().rev().flat_map(|level| &level.items);
    if items().any(|item| called(&item.factor).is_none()) {
        return Ok(());
    }
    let name = fold(table);
    let Some(item) = items().find(|item| called(&item.factor).map(fold).as_ref() == Some(&name)) else {
        let message = format!("missing FROM-clause entry for table \"{name}\"");
        return Err(SqlError::new(SqlState::UNDEFINED_TABLE, message));
    };
    if schema.is_some_and(|schema| !is_in_schema(item, &fold(schema), scopes)) {
        let message = format!("invalid reference to FROM-clause entry for table \"{name}\"");
        return Err(SqlError::new(SqlState::UNDEFINED_TABLE, message));
    }
    if repeats(item, &fold(column), scopes) { Err(ambiguous(column)) } else { Ok(()) }
}

/// 42702 for a bare name that two columns of one subquery have.
pub(super) fn check_bare(name: &Ident, scopes: &Scopes<'_, '_>) -> Result<(), SqlError> {
    let mut levels = scopes.levels.iter().rev().peekable();
    if !scopes.levels.iter().flat_map(|level| &level.items).any(|item| may_repeat(item, scopes)) {
        return Ok(());
    }
    let folded = fold(name);
    while let Some(level) = levels.next() {
        if level.items.iter().any(|item| repeats(item, &folded, scopes)) && !level.merged.contains_key(&folded) {
            return Err(ambiguous(name));
        }
        let is_there = || level.items.iter().any(|item| scopes.has_column(item, &folded));
        if levels.peek().is_some() && is_there() {
            return Ok(());
        }
    }
    Ok(())
}

fn ambiguous(name: &Ident) -> SqlError {
    SqlError::new(SqlState::AMBIGUOUS_COLUMN, format!("column reference \"{}\" is ambiguous", fold(name)))
}

/// Whether an item of FROM that is named without another name is a relation of that schema.
fn is_in_schema(item: &Item, schema: &str, scopes: &Scopes<'_, '_>) -> bool {
    let TableFactor::Table { name, alias: None, args: None, .. } = &item.factor else { return false };
    if let [.., written, _] = name.0.as_slice() {
        return written.as_ident().map(fold).as_deref() == Some(schema);
    }
    let schema_oid = scopes.schema(schema);
    match scopes.relation(item) {
        Some(relation) => schema_oid == Some(relation.schema),
        None => schema == PG_CATALOG,
    }
}

fn repeats(item: &Item, name: &str, scopes: &Scopes<'_, '_>) -> bool {
    let count = |columns: &[String]| columns.iter().filter(|column| is_called(column, name)).count();
    may_repeat(item, scopes) && scopes.columns(item).is_some_and(|columns| count(columns) > 1)
}

/// Whether a column has the name; DataFusion puts a number behind those that repeat one.
fn is_called(column: &str, name: &str) -> bool {
    let rest = column.strip_prefix(name);
    rest.is_some_and(|rest| {
        rest.is_empty() || rest.strip_prefix(':').is_some_and(|number| number.parse::<u32>().is_ok())
    })
}

/// Whether an item is a query whose form does not rule out that two of its columns have one name.
fn may_repeat(item: &Item, scopes: &Scopes<'_, '_>) -> bool {
    match &item.factor {
        TableFactor::Derived { subquery, alias, .. } => {
            alias.as_ref().is_none_or(|alias| alias.columns.is_empty()) && query_may_repeat(subquery)
        }
        TableFactor::Table { name, args: None, .. } => scopes.query_called(item, name).is_some_and(query_may_repeat),
        _ => false,
    }
}

fn query_may_repeat(query: &Query) -> bool {
    match query.body.as_ref() {
        SetExpr::Select(select) => select_may_repeat(select),
        SetExpr::Query(query) => query_may_repeat(query),
        SetExpr::SetOperation { left, .. } => match left.as_ref() {
            SetExpr::Select(select) => select_may_repeat(select),
            _ => false,
        },
        _ => false,
    }
}

fn select_may_repeat(select: &Select) -> bool {
    let is_wildcard = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
    if select.projection.iter().any(is_wildcard) {
        return select.projection.len() > 1 || factors_of(&select.from).count() > 1;
    }
    let mut names: Vec<String> = select.projection.iter().filter_map(result_name).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}
