//! Words that PostgreSQL reserves and sqlparser takes for the name of a table or column where one may stand, as it
//! does in `SELECT FROM from t`.

use std::ops::ControlFlow;

use sqlparser::ast::{self, Expr, Ident, ObjectName, Visit, Visitor};

use super::TextIndex;
use crate::error::SqlError;

/// PostgreSQL's reserved words, without those that are values or calls of functions: `DEFAULT`, `CURRENT_USER`, ….
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "fetch",
    "for",
    "foreign",
    "from",
    "grant",
    "group",
    "having",
    "in",
    "initially",
    "intersect",
    "into",
    "lateral",
    "leading",
    "limit",
    "not",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "placing",
    "primary",
    "references",
    "returning",
    "select",
    "some",
    "symmetric",
    "table",
    "then",
    "to",
    "trailing",
    "union",
    "unique",
    "using",
    "variadic",
    "when",
    "where",
    "window",
    "with",
];

/// 42601 for a reserved word that a statement's query has as a name.
pub(super) fn refuse(statement: &ast::Statement, index: &TextIndex<'_>) -> Result<(), SqlError> {
    let mut finder = Finder;
    let found = match statement {
        ast::Statement::Query(query) => query.visit(&mut finder),
        ast::Statement::Insert(insert) => insert.visit(&mut finder),
        ast::Statement::CreateTable(create) => create.query.visit(&mut finder),
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

struct Finder;

impl Visitor for Finder {
    type Break = Ident;

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Ident> {
        check(relation.0.first().and_then(|part| part.as_ident()))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Ident> {
        match expr {
            Expr::Identifier(name) => check(Some(name)),
            // Behind a dot any word is a name.
            Expr::CompoundIdentifier(names) => check(names.first()),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn check(name: Option<&Ident>) -> ControlFlow<Ident> {
    match name {
        Some(name) if name.quote_style.is_none() && is_reserved(&name.value) => ControlFlow::Break(name.clone()),
        _ => ControlFlow::Continue(()),
    }
}

fn is_reserved(word: &str) -> bool {
    RESERVED.binary_search(&word.to_ascii_lowercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::RESERVED;
    use crate::parse::parse;

    fn refused(sql: &str) -> Option<(String, Option<usize>)> {
        parse(sql, &mut Vec::new()).err().map(|error| (error.message.clone(), error.position))
    }

    #[test]
    fn a_reserved_word_is_no_name() {
        let near = |word: &str, position| Some((format!("syntax error at or near \"{word}\""), Some(position)));
        assert_eq!(refused("select from from t"), near("from", 13));
        assert_eq!(refused("select 1;\nselect * from Where"), near("Where", 25));
        assert_eq!(refused("explain select grant from t"), near("grant", 16));
    }

    #[test]
    fn a_quoted_word_and_one_behind_a_dot_are_names() {
        let names = "select \"from\", t.order, current_user from \"select\" t, s.table";
        assert_eq!(refused(names), None);
        assert_eq!(refused("select from t"), None);
        assert_eq!(refused("insert into t values (default)"), None);
        assert_eq!(refused("select count(all a), a = any(b), trim(both 'x' from c) from t order by a limit all"), None);
    }

    #[test]
    fn the_words_are_in_order() {
        assert!(RESERVED.is_sorted());
    }
}
