//! Words of statements that change nothing here: a table is as durable as any, and no statement waits for the removal of an
//! index.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::TokenWithSpan;

use super::forms::{is, words};

/// `CREATE UNLOGGED TABLE`, `DROP INDEX CONCURRENTLY`, each with the place of the word.
const FORMS: &[(&[Keyword], usize)] = &[
    (&[Keyword::CREATE, Keyword::UNLOGGED, Keyword::TABLE], 1),
    (&[Keyword::DROP, Keyword::INDEX, Keyword::CONCURRENTLY], 2),
];

/// Takes such a word out of a statement.
pub(super) fn rewrite(tokens: &mut Vec<TokenWithSpan>) {
    let words = words(tokens);
    let begins = |form: &[Keyword]| {
        words.len() > form.len() && form.iter().zip(&words).all(|(keyword, at)| is(&tokens[*at], *keyword))
    };
    if let Some((_, place)) = FORMS.iter().find(|(form, _)| begins(form)) {
        tokens.remove(words[*place]);
    }
}
