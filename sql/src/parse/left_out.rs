//! Words of statements that change nothing here, or little: a table is as durable as any, and no statement waits for the
//! removal of an index.

use sqlparser::ast::{ObjectName, ObjectNamePart};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::forms::{is, words};

/// The first of the names of `DROP INDEX CONCURRENTLY`.
const CONCURRENTLY_MARK: &str = "\u{1}concurrently";

const UNLOGGED: &[Keyword] = &[Keyword::CREATE, Keyword::UNLOGGED, Keyword::TABLE];
const CONCURRENTLY: &[Keyword] = &[Keyword::DROP, Keyword::INDEX, Keyword::CONCURRENTLY];

/// Whether a name to drop stands for CONCURRENTLY.
pub(crate) fn is_concurrently(name: &ObjectName) -> bool {
    matches!(name.0.as_slice(), [ObjectNamePart::Identifier(name)] if name.value == CONCURRENTLY_MARK)
}

/// Takes such a word out of a statement.
pub(super) fn rewrite(tokens: &mut Vec<TokenWithSpan>) {
    let words = words(tokens);
    let stands = |form: &[Keyword], at: usize| {
        words.len() > at + form.len() && form.iter().zip(&words[at..]).all(|(keyword, at)| is(&tokens[*at], *keyword))
    };
    if stands(UNLOGGED, 0) {
        tokens.remove(words[1]);
    } else if stands(CONCURRENTLY, 0) {
        let before_names = if stands(&[Keyword::IF, Keyword::EXISTS], 3) { 5 } else { 3 };
        let (name, word) = (words[before_names], words[2]);
        let span = tokens[word].span;
        let mark = [Token::make_word(CONCURRENTLY_MARK, Some('"')), Token::Comma];
        tokens.splice(name..name, mark.map(|token| TokenWithSpan { token, span }));
        tokens.remove(word);
    }
}
