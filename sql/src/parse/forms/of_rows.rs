//! Forms that are about rows.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{is, is_word, words};

/// The field that stands for all fields of a row; no identifier of a client can hold it.
pub(crate) const ALL_FIELDS: &str = "\u{1}all";
/// The function that stands for ROWS FROM.
pub(crate) const ROWS_FROM: &str = "\u{1}rows from";

/// `(row).*`, which sqlparser knows of names alone.
pub(super) fn all_fields(tokens: &mut [TokenWithSpan]) {
    let words = words(tokens);
    for three in words.windows(3) {
        let is_all = tokens[three[0]].token == Token::RParen
            && tokens[three[1]].token == Token::Period
            && tokens[three[2]].token == Token::Mul;
        if is_all {
            tokens[three[2]].token = Token::make_word(ALL_FIELDS, Some('"'));
        }
    }
}

/// `ROWS FROM (f(x), …)`: behind a name that `rows` may be, parentheses hold a query or a join.
pub(super) fn rows_from(tokens: &mut Vec<TokenWithSpan>) {
    let words = words(tokens);
    let is_before = |token: &TokenWithSpan| {
        token.token == Token::Comma
            || [Keyword::FROM, Keyword::JOIN, Keyword::LATERAL].iter().any(|keyword| is(token, *keyword))
    };
    for at in (1..words.len()).rev() {
        let token = |behind: usize| words.get(at + behind).map(|&place| &tokens[place]);
        let begins = is_word(&tokens[words[at]], "rows")
            && is_before(&tokens[words[at - 1]])
            && token(1).is_some_and(|from| is(from, Keyword::FROM))
            && token(2).is_some_and(|open| open.token == Token::LParen);
        if begins && is_call(tokens, words.get(at + 3..).unwrap_or_default()) {
            tokens[words[at]].token = Token::make_word(ROWS_FROM, Some('"'));
            tokens.remove(words[at + 1]);
        }
    }
}

/// Whether a call of a function begins at the first of these places.
fn is_call(tokens: &[TokenWithSpan], words: &[usize]) -> bool {
    let token = |at: usize| words.get(at).map(|&place| &tokens[place].token);
    match (token(0), token(1)) {
        (Some(Token::Word(_)), Some(Token::LParen)) => true,
        (Some(Token::Word(_)), Some(Token::Period)) => token(3) == Some(&Token::LParen),
        _ => false,
    }
}
