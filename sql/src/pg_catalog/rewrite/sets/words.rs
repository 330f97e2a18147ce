//! Reserved words that stand for values, and in FROM for functions that give one row of one.

use sqlparser::ast::{Expr, ObjectName, ObjectNamePart};

use super::super::folded;
use crate::parse::parse_expression;

const VALUE_WORDS: &[&str] = &[
    "current_catalog",
    "current_date",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
    "user",
];

/// The word that a name in FROM is.
pub(super) fn word(name: &ObjectName) -> Option<String> {
    let [ObjectNamePart::Identifier(word)] = name.0.as_slice() else { return None };
    let is_bare = word.quote_style.is_none();
    Some(folded(word)).filter(|word| is_bare && stands_for_value(word))
}

pub(super) fn stands_for_value(name: &str) -> bool {
    VALUE_WORDS.contains(&name)
}

/// What such a word stands for.
pub(super) fn value(name: &str) -> Option<Expr> {
    if stands_for_value(name) { parse_expression(name).ok() } else { None }
}
