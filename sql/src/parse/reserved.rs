//! Words that PostgreSQL reserves and sqlparser takes for the name of a table or column where one may stand, as it
//! does in `SELECT FROM from t`.

use std::ops::ControlFlow;

use sqlparser::ast::{self, Expr, Ident, ObjectName, Visit, Visitor};

use super::TextIndex;
use crate::error::SqlError;
use crate::keywords::{is_column_name, is_reserved};

/// Reserved words that stand where an expression may: as values or calls of functions.
const EXPRESSIONS: &[&str] = &[
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "false",
    "localtime",
    "localtimestamp",
    "null",
    "session_user",
    "true",
    "user",
];

/// 42601 for a reserved word that a statement's query has as a name.
pub(super) fn refuse(statement: &ast::Statement, index: &TextIndex<'_>) -> Result<(), SqlError> {
    let mut finder = Finder;
    let found = match statement {
        ast::Statement::Query(query) => query.visit(&mut finder),
        ast::Statement::Insert(insert) => insert.visit(&mut finder),
        ast::Statement::CreateTable(create) => in_new_table(create, &mut finder),
        ast::Statement::CreateView(create) => create.query.visit(&mut finder),
        ast::Statement::Explain { statement, .. } => return refuse(statement, index),
        _ => ControlFlow::Continue(()),
    };
    match found {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(word) => Err(SqlError::syntax(format!("syntax error at or near \"{}\"", word.value))
            .position(index.position_at(word.span.start))),
    }
}

/// Of a table that comes to be, the names of its columns too.
fn in_new_table(create: &ast::CreateTable, finder: &mut Finder) -> ControlFlow<Ident> {
    check_new(create.name.0.first().and_then(|part| part.as_ident()))?;
    create.columns.iter().try_for_each(|column| check_new(Some(&column.name)))?;
    create.query.visit(finder)
}

struct Finder;

impl Visitor for Finder {
    type Break = Ident;

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Ident> {
        check(relation.0.first().and_then(|part| part.as_ident()))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Ident> {
        match expr {
            Expr::Identifier(name) => refuse_if(Some(name), |word| !is_column_name(word) && !is_value(word)),
            // Behind a dot any word is a name.
            Expr::CompoundIdentifier(names) => check(names.first()),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn check(name: Option<&Ident>) -> ControlFlow<Ident> {
    refuse_if(name, |word| is_reserved(word) && !is_value(word))
}

fn check_new(name: Option<&Ident>) -> ControlFlow<Ident> {
    refuse_if(name, |word| !is_column_name(word))
}

fn refuse_if(name: Option<&Ident>, is_refused: impl Fn(&str) -> bool) -> ControlFlow<Ident> {
    match name {
        Some(name) if name.quote_style.is_none() && is_refused(&name.value.to_ascii_lowercase()) => {
            ControlFlow::Break(name.clone())
        }
        _ => ControlFlow::Continue(()),
    }
}

fn is_value(word: &str) -> bool {
    EXPRESSIONS.contains(&word)
}

#[cfg(test)]
mod tests {
    use crate::parse::parse;

    fn refused(sql: &str) -> Option<(String, Option<usize>)> {
        parse(sql, &mut Vec::new()).err().map(|error| (error.message.clone(), error.position))
    }

    #[test]
    fn a_reserved_word_is_no_name() {
        let near = |word: &str, position| Some((format!("syntax error at or near \"{word}\""), Some(position)));
        assert_eq!(refused("select from from t"), near("from", 13));
        assert_eq!(refused("select 1;\nselect * from Where"), near("Where", 25));
        assert_eq!(refused("create table table (a int)"), near("table", 14));
        assert_eq!(refused("create table t (a int, user int)"), near("user", 24));
        assert_eq!(refused("explain select grant from t"), near("grant", 16));
        assert_eq!(refused("select 1 + left"), near("left", 12));
    }

    #[test]
    fn a_quoted_word_and_one_behind_a_dot_are_names() {
        let names = "select \"from\", t.order, current_user from \"select\" t, s.table";
        assert_eq!(refused(names), None);
        assert_eq!(refused("select from t"), None);
        assert_eq!(refused("insert into t values (default)"), None);
        assert_eq!(refused("select count(all a), a = any(b), trim(both 'x' from c) from t order by a limit all"), None);
    }
}
