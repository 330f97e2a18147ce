//! `FOR NO KEY UPDATE`, `FOR KEY SHARE`, and clauses that lock the rows of several tables.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{is, is_word, words};

/// Rewrites one statement's tokens.
pub(super) fn rewrite(tokens: &mut Vec<TokenWithSpan>) {
    if !tokens.iter().any(|token| is(token, Keyword::FOR)) {
        return;
    }
    strengthen(tokens);
    for place in (0..tokens.len()).rev().filter(|&place| is(&tokens[place], Keyword::FOR)).collect::<Vec<_>>() {
        split(tokens, place);
    }
}

/// Keys are not locked apart from their rows: the stronger clause stands for the weaker.
fn strengthen(tokens: &mut Vec<TokenWithSpan>) {
    let words = words(tokens);
    let mut needless = Vec::new();
    for number in (0..words.len()).filter(|&number| is(&tokens[words[number]], Keyword::FOR)) {
        let follows = |texts: &[&str]| {
            let next = texts.iter().enumerate().map(|(more, text)| (words.get(number + 1 + more), text));
            next.into_iter().all(|(at, text)| at.is_some_and(|&at| is_word(&tokens[at], text)))
        };
        let needless_words = match () {
            () if follows(&["no", "key", "update"]) => 2,
            () if follows(&["key", "share"]) => 1,
            () => 0,
        };
        needless.extend(&words[number + 1..number + 1 + needless_words]);
    }
    needless.into_iter().rev().for_each(|at| drop(tokens.remove(at)));
}

/// Makes a clause of each name in the list of the clause that begins there.
fn split(tokens: &mut Vec<TokenWithSpan>, start: usize) {
    let words: Vec<usize> = words(tokens).into_iter().filter(|&at| at >= start).collect();
    let word = |number: usize| words.get(number).map(|&at| &tokens[at]);
    let locks = |token: &TokenWithSpan| is(token, Keyword::UPDATE) || is(token, Keyword::SHARE);
    if !word(1).is_some_and(locks) || !word(2).is_some_and(|token| is(token, Keyword::OF)) {
        return;
    }
    let is_part = |token: &TokenWithSpan| {
        let is_name = matches!(&token.token, Token::Word(_)) && !ends_names(token);
        is_name || matches!(token.token, Token::Period | Token::Comma)
    };
    let names = words[3..].iter().take_while(|&&at| is_part(&tokens[at])).count();
    let waits = match word(3 + names) {
        Some(token) if is(token, Keyword::NOWAIT) => 1,
        Some(token) if is(token, Keyword::SKIP) => 2,
        _ => 0,
    };
    let taken = |numbers: std::ops::Range<usize>| -> Vec<TokenWithSpan> {
        words.get(numbers).unwrap_or_default().iter().map(|&at| tokens[at].clone()).collect()
    };
    let (head, list, tail) = (taken(0..3), taken(3..3 + names), taken(3 + names..3 + names + waits));
    let Some(&end) = words.get(2 + names + waits) else { return };
    if !list.iter().any(|token| token.token == Token::Comma) {
        return;
    }
    let clauses = list.split(|token| token.token == Token::Comma);
    let clauses: Vec<TokenWithSpan> = clauses.flat_map(|name| [&head[..], name, &tail[..]].concat()).collect();
    tokens.splice(start..=end, clauses);
}

fn ends_names(token: &TokenWithSpan) -> bool {
    [Keyword::NOWAIT, Keyword::SKIP, Keyword::FOR].into_iter().any(|keyword| is(token, keyword))
}
