//! Operators that sqlparser reads otherwise than PostgreSQL, or not at all.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, TokenizerError};

use super::{is, is_word, keyword_of, words};
use crate::parse::TextIndex;

/// The characters with which an operator may end in a sign.
const MARKS: &[char] = &['~', '!', '@', '#', '%', '^', '&', '|', '`', '?'];
const SIGNS: &[char] = &['+', '-'];

/// Where a comment begins, also right behind an operator.
const COMMENTS: &[&str] = &["--", "/*"];

/// The tokens of a text. What sqlparser takes for an operator's end and PostgreSQL for a comment's beginning, as in
/// `a>--b`, is one: all from there on is read again.
pub(in crate::parse) fn tokenize(text: &str, index: &TextIndex<'_>) -> Result<Vec<TokenWithSpan>, TokenizerError> {
    let (mut tokens, mut begin) = (Vec::new(), Location { line: 1, column: 1 });
    loop {
        let mut read = Vec::new();
        let mut tokenizer = Tokenizer::new(&PostgreSqlDialect {}, &text[index.byte_at(begin)..]);
        let result = tokenizer.tokenize_with_location_into_buf_with_mapper(&mut read, |token| moved(token, begin));
        let Some(at) = read.iter().position(|token| before_comment(token).is_some()) else {
            let placed = |error: TokenizerError| TokenizerError { location: moved_to(error.location, begin), ..error };
            tokens.append(&mut read);
            return result.map(|()| tokens).map_err(placed);
        };
        let operator = read[at].clone();
        tokens.extend(read.drain(..at));
        let text = before_comment(&operator).unwrap_or_default();
        let start = operator.span.start;
        begin = Location { column: start.column + text.len() as u64, ..start };
        tokens.push(TokenWithSpan { token: operator_token(text), span: Span { start, end: begin } });
    }
}

/// The operator before a comment that was taken for a part of it.
fn before_comment(token: &TokenWithSpan) -> Option<&str> {
    let Token::CustomBinaryOperator(text) = &token.token else { return None };
    let comment = COMMENTS.iter().filter_map(|mark| text.find(mark)).min()?;
    Some(&text[..comment])
}

/// A token of a text that begins there in a longer one.
fn moved(token: TokenWithSpan, begin: Location) -> TokenWithSpan {
    let span = Span { start: moved_to(token.span.start, begin), end: moved_to(token.span.end, begin) };
    TokenWithSpan { span, ..token }
}

fn moved_to(place: Location, begin: Location) -> Location {
    let column = if place.line == 1 { place.column + begin.column - 1 } else { place.column };
    Location { line: place.line + begin.line - 1, column }
}

/// Gives signs back to the operands that they belong to. Both take the longest run of operator characters, but in
/// PostgreSQL an operator of several ends in `+` or `-` only if it holds one of [`MARKS`]: what `a>-1` compares with is -1
/// (manual, "Operators" in "Lexical Structure").
pub(super) fn split_signs(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let is_mixed = |token: &TokenWithSpan| operator_before_signs(&token.token).is_some();
    if !tokens.iter().any(is_mixed) {
        return tokens;
    }
    let mut split = Vec::with_capacity(tokens.len() + 1);
    for token in tokens {
        match operator_before_signs(&token.token) {
            Some((operator, signs)) => push_parts(&mut split, operator, signs, token.span.start),
            None => split.push(token),
        }
    }
    split
}

/// The operator and the signs behind it that are none of it.
fn operator_before_signs(token: &Token) -> Option<(&str, &str)> {
    let Token::CustomBinaryOperator(text) = token else { return None };
    // One character is an operator of its own, a sign too.
    let first = text.chars().next()?.len_utf8();
    let end = first + text[first..].trim_end_matches(SIGNS).len();
    (end < text.len() && !text.contains(MARKS)).then(|| text.split_at(end))
}

/// Operator characters are of one byte and one column each.
fn push_parts(tokens: &mut Vec<TokenWithSpan>, operator: &str, signs: &str, start: Location) {
    let at = |offset: usize| Location { column: start.column + offset as u64, ..start };
    let token = operator_token(operator);
    tokens.push(TokenWithSpan { token, span: Span { start, end: at(operator.len()) } });
    for (place, sign) in signs.chars().enumerate() {
        let offset = operator.len() + place;
        let token = if sign == '+' { Token::Plus } else { Token::Minus };
        tokens.push(TokenWithSpan { token, span: Span { start: at(offset), end: at(offset + 1) } });
    }
}

fn operator_token(operator: &str) -> Token {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, operator).tokenize().unwrap_or_default();
    match <[Token; 1]>::try_from(tokens) {
        Ok([token]) => token,
        Err(_) => Token::CustomBinaryOperator(operator.to_owned()),
    }
}

/// `OPERATOR(pg_catalog.=) ANY (…)` as `= ANY (…)`.
pub(super) fn bare_before_quantifiers(tokens: &mut Vec<TokenWithSpan>) {
    let words = words(tokens);
    for place in (0..words.len()).rev() {
        let Some((operator, close)) = quantified_name(tokens, &words[place..]) else { continue };
        let operator = tokens[operator].clone();
        tokens.splice(words[place]..=close, [operator]);
    }
}

/// Where the operator stands that begins there in that form, and the parenthesis behind it, if a quantifier follows.
fn quantified_name(tokens: &[TokenWithSpan], words: &[usize]) -> Option<(usize, usize)> {
    if !is(&tokens[*words.first()?], Keyword::OPERATOR) || tokens[*words.get(1)?].token != Token::LParen {
        return None;
    }
    let is_qualified = is_word(&tokens[*words.get(2)?], "pg_catalog") && tokens[*words.get(3)?].token == Token::Period;
    let name = if is_qualified { 4 } else { 2 };
    let [operator, close, quantifier] = words.get(name..name + 3)?.try_into().ok()?;
    let takes_array = matches!(keyword_of(&tokens[quantifier]), Some(Keyword::ANY | Keyword::ALL | Keyword::SOME));
    (takes_array && tokens[close].token == Token::RParen).then_some((operator, close))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, u64, u64)> {
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location().unwrap();
        let tokens = split_signs(tokens).into_iter();
        tokens.map(|token| (token.token.to_string(), token.span.start.column, token.span.end.column)).collect()
    }

    fn texts(text: &str) -> Vec<String> {
        read(text).into_iter().map(|(text, ..)| text).collect()
    }

    #[test]
    fn signs_go_to_the_operand() {
        assert_eq!(texts("a>-1"), ["a", ">", "-", "1"]);
        assert_eq!(texts("a<>-+b"), ["a", "<>", "-", "+", "b"]);
        assert_eq!(texts("j->-1"), ["j", "->", "-", "1"]);
        assert_eq!(texts("a-+b"), ["a", "-", "+", "b"]);
        let places = read("a>=-1").into_iter().map(|(_, start, end)| (start, end));
        assert_eq!(places.collect::<Vec<_>>(), [(1, 2), (2, 4), (4, 5), (5, 6)]);
    }

    fn places(text: &str) -> Vec<(String, u64, u64)> {
        let tokens = tokenize(text, &TextIndex::new(text)).expect("tokens").into_iter();
        let words = tokens.filter(|token| !matches!(token.token, Token::Whitespace(_)));
        words.map(|token| (token.token.to_string(), token.span.start.line, token.span.start.column)).collect()
    }

    #[test]
    fn a_comment_ends_an_operator() {
        let at = |text: &str, line, column| (text.to_owned(), line, column);
        let after = |operator: &str| vec![at("é", 1, 1), at(operator, 1, 2), at("1", 2, 1)];
        assert_eq!(places("é>--it's\n1"), after(">"));
        assert_eq!(places("é@>/* it's\n*/1")[..2], after("@>")[..2]);
        assert_eq!(places("é@>/* it's\n*/1")[2], at("1", 2, 3));
        assert_eq!(places("a>--\n-1<>--\n\n 'x'").last(), Some(&at("'x'", 4, 2)));
        let unterminated = tokenize("a>--\n 'x", &TextIndex::new("a>--\n 'x")).expect_err("a string");
        assert_eq!(unterminated.location, Location { line: 2, column: 2 });
    }

    #[test]
    fn an_operator_with_a_mark_keeps_its_end() {
        assert_eq!(texts("j#-k"), ["j", "#-", "k"]);
        assert_eq!(texts("r-|-s"), ["r", "-|-", "s"]);
        assert_eq!(texts("a|/+b"), ["a", "|/+", "b"]);
    }
}
