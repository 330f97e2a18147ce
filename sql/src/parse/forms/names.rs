//! Names that sqlparser takes for other things, or does not read: `U&"d\0061ta"`, and columns called `top`, `exists`, `trim`.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::{is, is_blank, is_word, keyword_of, words};
use crate::error::{SqlError, SqlState};
use crate::parse::TextIndex;

/// Words that begin a form of an expression where a parenthesis follows, and are names elsewhere.
const FORMS: &[Keyword] = &[Keyword::EXISTS, Keyword::TRIM, Keyword::POSITION, Keyword::SUBSTRING, Keyword::OVERLAY];

/// Has names taken for names.
pub(super) fn settle(tokens: &mut [TokenWithSpan]) {
    let words = words(tokens);
    for (number, &at) in words.iter().enumerate() {
        let next = words.get(number + 1).map(|&next| &tokens[next].token);
        let is_form = next == Some(&Token::LParen) || is_of_definition(tokens, &words[..number]);
        let is_name = match keyword_of(&tokens[at]) {
            // Not what sqlparser takes it for behind SELECT.
            Some(Keyword::TOP) => true,
            Some(keyword) => FORMS.contains(&keyword) && !is_form,
            None => false,
        };
        if let (true, Token::Word(word)) = (is_name, &mut tokens[at].token) {
            word.keyword = Keyword::NoKeyword;
        }
    }
}

/// Whether an EXISTS behind these words is that of IF EXISTS or IF NOT EXISTS.
fn is_of_definition(tokens: &[TokenWithSpan], before: &[usize]) -> bool {
    let mut before = before.iter().rev().map(|&at| &tokens[at]).skip_while(|token| is(token, Keyword::NOT));
    before.next().is_some_and(|token| is(token, Keyword::IF))
}

/// Reads `U&"…"`, and the escape that UESCAPE names behind it.
pub(super) fn unescape(tokens: &mut Vec<TokenWithSpan>, index: &TextIndex<'_>) -> Result<(), SqlError> {
    let starts: Vec<usize> = (0..tokens.len()).filter(|&at| begins_escaped(&tokens[at..])).collect();
    for start in starts.into_iter().rev() {
        let Token::Word(quoted) = &tokens[start + 2].token else { continue };
        let (escape, length) = escape_behind(&tokens[start + 3..]);
        let value = unescaped(&quoted.value, escape).map_err(|message| {
            let at = index.position_at(tokens[start].span.start);
            SqlError::new(SqlState::SYNTAX_ERROR, message).position(at)
        })?;
        let mut name = tokens[start + 2].clone();
        name.token = Token::Word(Word { value, ..quoted.clone() });
        name.span.start = tokens[start].span.start;
        tokens.splice(start..start + 3 + length, [name]);
    }
    Ok(())
}

/// `U`, `&` and a quoted name without a blank between them.
fn begins_escaped(tokens: &[TokenWithSpan]) -> bool {
    let [u, and, name, ..] = tokens else { return false };
    is_word(u, "u")
        && and.token == Token::Ampersand
        && matches!(&name.token, Token::Word(word) if word.quote_style == Some('"'))
        && u.span.end == and.span.start
        && and.span.end == name.span.start
}

/// The escape character, and how many tokens say it.
fn escape_behind(tokens: &[TokenWithSpan]) -> (char, usize) {
    let mut rest = tokens.iter().enumerate().filter(|(_, token)| !is_blank(token));
    if let (Some((_, word)), Some((at, TokenWithSpan { token: Token::SingleQuotedString(text), .. }))) =
        (rest.next(), rest.next())
        && is_word(word, "uescape")
        && let Some(escape) = text.chars().next().filter(|_| text.chars().count() == 1)
    {
        return (escape, at + 1);
    }
    ('\\', 0)
}

fn unescaped(text: &str, escape: char) -> Result<String, String> {
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != escape {
            value.push(c);
            continue;
        }
        if let Some(after) = rest.strip_prefix(escape) {
            value.push(escape);
            rest = after;
            continue;
        }
        let (digits, after) = match rest.strip_prefix('+') {
            Some(after) => (after.get(..6), after.get(6..)),
            None => (rest.get(..4), rest.get(4..)),
        };
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let Some(code) = code else { return Err("invalid Unicode escape".to_owned()) };
        let Some(c) = char::from_u32(code).filter(|c| *c != '\0') else {
            return Err("invalid Unicode escape value".to_owned());
        };
        value.push(c);
        rest = after.unwrap_or_default();
    }
    Ok(value)
}
