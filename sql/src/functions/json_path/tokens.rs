//! The words and marks of paths.

use std::iter::Peekable;
use std::str::CharIndices;

use datafusion::common::{DataFusionError, Result};

use super::super::error::error;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A key, a keyword or the name of a method.
    Word(String),
    Text(String),
    Number(String),
    Variable(String),
    Mark(&'static str),
}

const MARKS: &[&str] = &[
    "**", "==", "!=", "<>", "<=", ">=", "&&", "||", "$", "@", ".", "*", "[", "]", "(", ")", "{", "}", ",", "?", "!",
    "<", ">", "+", "-", "/", "%", "=",
];

pub(super) fn syntax_error(near: &str) -> DataFusionError {
    match near {
        "" => error("42601", "syntax error at end of jsonpath input"),
        near => error("42601", format!("syntax error at or near \"{near}\" of jsonpath input")),
    }
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '"' => quoted(rest).map(|(text, length)| (Token::Text(text), length))?,
            '$' if rest[1..].starts_with('"') => {
                let (name, length) = quoted(&rest[1..])?;
                (Token::Variable(name), length + 1)
            }
            '$' if rest[1..].starts_with(is_word) => {
                let length = word_length(&rest[1..]);
                (Token::Variable(rest[1..=length].to_owned()), length + 1)
            }
            c if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) => {
                let length = number_length(rest);
                (Token::Number(rest[..length].to_owned()), length)
            }
            c if is_word(c) => {
                let length = word_length(rest);
                (Token::Word(rest[..length].to_owned()), length)
            }
            _ => match MARKS.iter().find(|mark| rest.starts_with(**mark)) {
                Some(mark) => (Token::Mark(mark), mark.len()),
                None => return Err(syntax_error(&first.to_string())),
            },
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word_length(text: &str) -> usize {
    text.find(|c| !is_word(c)).unwrap_or(text.len())
}

/// Of digits, a point and an exponent; a point that a key follows is a step.
fn number_length(text: &str) -> usize {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut length = digits(0);
    if text[length..].starts_with('.') && text[length + 1..].starts_with(|c: char| c.is_ascii_digit()) {
        length += 1;
        length += digits(length);
    }
    if text[length..].starts_with(['e', 'E']) {
        let sign = usize::from(text[length + 1..].starts_with(['+', '-']));
        let exponent = digits(length + 1 + sign);
        length += if exponent > 0 { 1 + sign + exponent } else { 0 };
    }
    length
}

/// The text between quotes, its escapes read, and its length with the quotes.
fn quoted(text: &str) -> Result<(String, usize)> {
    let mut out = String::new();
    let mut chars = text.char_indices().peekable();
    chars.next();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((out, at + 1)),
            '\\' => out.push(escaped(&mut chars)?),
            c => out.push(c),
        }
    }
    Err(error("42601", "unterminated quoted string at end of jsonpath input"))
}

fn escaped(chars: &mut Peekable<CharIndices<'_>>) -> Result<char> {
    match chars.next().map(|(_, c)| c) {
        Some('b') => Ok('\u{8}'),
        Some('f') => Ok('\u{c}'),
        Some('n') => Ok('\n'),
        Some('r') => Ok('\r'),
        Some('t') => Ok('\t'),
        Some('v') => Ok('\u{b}'),
        Some('u') => {
            let digits: String = chars.by_ref().take(4).map(|(_, c)| c).collect();
            let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
            code.ok_or_else(|| error("42601", "invalid Unicode escape sequence in jsonpath"))
        }
        Some(other) => Ok(other),
        None => Err(error("42601", "unterminated quoted string at end of jsonpath input")),
    }
}
