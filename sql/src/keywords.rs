//! PostgreSQL's key words and what each may stand for.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::relation::facts;

/// The rows of `pg_get_keywords()`: word, category, and what is said of both.
pub(crate) const FACTS: &str = include_str!("pg_catalog/facts/pg_keywords.tsv");

/// Categories as `catcode` has them.
const UNRESERVED: &str = "U";
const RESERVED: &str = "R";
const RESERVED_BUT_FUNCTIONS: &str = "T";

/// A word's category, and whether it may be the name of a result without AS.
type Word = (&'static str, bool);

static WORDS: LazyLock<HashMap<&str, Word>> =
    LazyLock::new(|| facts(FACTS).map(|fields| (fields[0], (fields[1], fields[2] == "t"))).collect());

fn category(word: &str) -> Option<&'static str> {
    WORDS.get(word).map(|(category, _)| *category)
}

/// Whether a word in lower case is a name only in quotes, somewhere at least.
pub(crate) fn must_be_quoted(word: &str) -> bool {
    category(word).is_some_and(|category| category != UNRESERVED)
}

/// Whether a word in lower case is never the name of a column or table without quotes.
pub(crate) fn is_reserved(word: &str) -> bool {
    category(word) == Some(RESERVED)
}

/// Whether a word in lower case may name a column or a table without quotes.
pub(crate) fn is_column_name(word: &str) -> bool {
    !matches!(category(word), Some(RESERVED | RESERVED_BUT_FUNCTIONS))
}

/// Whether a word in lower case may name a result behind AS only.
pub(crate) fn needs_as(word: &str) -> bool {
    WORDS.get(word).is_some_and(|(_, is_bare_label)| !is_bare_label)
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
        assert!(is_column_name("between") && !is_column_name("left") && !is_column_name("user"));
        assert!(needs_as("year") && !needs_as("value") && !needs_as("customer"));
    }
}
