//! PostgreSQL's key words and what each may stand for.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::relation::facts;

/// The rows of `pg_get_keywords()`: word, category, and what is said of both.
pub(crate) const FACTS: &str = include_str!("pg_catalog/facts/pg_keywords.tsv");

/// Categories as `catcode` has them.
const UNRESERVED: &str = "U";
const RESERVED: &str = "R";

static CATEGORIES: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| facts(FACTS).map(|fields| (fields[0], fields[1])).collect());

/// Whether a word in lower case is a name only in quotes, somewhere at least.
pub(crate) fn must_be_quoted(word: &str) -> bool {
    CATEGORIES.get(word).is_some_and(|category| *category != UNRESERVED)
}

/// Whether a word in lower case is never the name of a column or table without quotes.
pub(crate) fn is_reserved(word: &str) -> bool {
    CATEGORIES.get(word) == Some(&RESERVED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_their_categories() {
        assert!(is_reserved("select") && must_be_quoted("select"));
        assert!(!is_reserved("between") && must_be_quoted("between"));
        assert!(!is_reserved("abort") && !must_be_quoted("abort"));
        assert!(!is_reserved("customer") && !must_be_quoted("customer"));
    }
}
