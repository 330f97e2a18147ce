//! GROUPING SETS, CUBE and ROLLUP: sqlparser takes what stands in parentheses there for a list of columns, whatever follows.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::queries::closing;
use super::{is, words};

/// The function that stands for GROUPING SETS within GROUPING SETS; no identifier of a client can hold it.
pub(crate) const NESTED_SETS: &str = "\u{1}grouping sets";

/// Puts elements that begin with parentheses and go on behind them into parentheses, and names nested sets.
pub(super) fn tell_lists_apart(tokens: &mut Vec<TokenWithSpan>) {
    let words = words(tokens);
    // From the end, so that the places before stay, and inner lists are done first.
    for at in (0..words.len()).rev() {
        let keyword = |word: usize, keyword| words.get(word).is_some_and(|&place| is(&tokens[place], keyword));
        let open = if keyword(at, Keyword::GROUPING) && keyword(at + 1, Keyword::SETS) {
            at + 2
        } else if keyword(at, Keyword::CUBE) || keyword(at, Keyword::ROLLUP) {
            at + 1
        } else {
            continue;
        };
        let Some(&open) = words.get(open).filter(|&&place| tokens[place].token == Token::LParen) else { continue };
        for (first, last) in elements(tokens, open).into_iter().rev() {
            settle(tokens, first, last);
        }
    }
}

/// Where the elements of the list begin and end that opens there.
fn elements(tokens: &[TokenWithSpan], open: usize) -> Vec<(usize, usize)> {
    let Some(close) = closing(tokens, open) else { return Vec::new() };
    let inner: Vec<usize> = words(&tokens[open + 1..close]).into_iter().map(|at| open + 1 + at).collect();
    let mut elements = Vec::new();
    let (mut first, mut depth) = (None, 0);
    for (number, &at) in inner.iter().enumerate() {
        match tokens[at].token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth -= 1,
            Token::Comma if depth == 0 => {
                elements.extend(first.take().map(|first| (first, inner[number - 1])));
                continue;
            }
            _ => {}
        }
        first.get_or_insert(at);
    }
    elements.extend(first.zip(inner.last().copied()));
    elements
}

fn settle(tokens: &mut Vec<TokenWithSpan>, first: usize, last: usize) {
    let span = tokens[first].span;
    let is_list = tokens[first].token == Token::LParen;
    if is_list && closing(tokens, first) != Some(last) {
        tokens.insert(last + 1, TokenWithSpan { token: Token::RParen, span });
        tokens.insert(first, TokenWithSpan { token: Token::LParen, span });
        return;
    }
    let second = (first + 1..=last).find(|&at| is(&tokens[at], Keyword::SETS));
    if let Some(sets) = second.filter(|_| is(&tokens[first], Keyword::GROUPING)) {
        tokens[first].token = Token::make_word(NESTED_SETS, Some('"'));
        tokens.remove(sets);
    }
}
