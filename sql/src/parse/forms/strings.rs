//! String literals that stand one after the other.

use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use super::is_blank;
use crate::error::SqlError;
use crate::parse::{TextIndex, unexpected};

/// Literals with a line's end between them are one literal; on one line they are an error.
pub(super) fn join(tokens: Vec<TokenWithSpan>, index: &TextIndex<'_>) -> Result<Vec<TokenWithSpan>, SqlError> {
    let mut joined: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for token in tokens {
        let next = match &token.token {
            Token::SingleQuotedString(text) => literal_before(&joined).map(|at| (at, text)),
            _ => None,
        };
        let Some((at, text)) = next else {
            joined.push(token);
            continue;
        };
        if !joined[at..].iter().any(|between| ends_line(&between.token)) {
            return Err(unexpected(&token, index));
        }
        let text = text.clone();
        joined.truncate(at + 1);
        if let Some(first) = joined.last_mut()
            && let Token::SingleQuotedString(whole) | Token::EscapedStringLiteral(whole) = &mut first.token
        {
            whole.push_str(&text);
        }
    }
    Ok(joined)
}

/// Where the literal stands that is the last token, blanks aside.
fn literal_before(tokens: &[TokenWithSpan]) -> Option<usize> {
    let last = tokens.iter().rposition(|token| !is_blank(token))?;
    matches!(tokens[last].token, Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_)).then_some(last)
}

fn ends_line(token: &Token) -> bool {
    matches!(token, Token::Whitespace(Whitespace::Newline | Whitespace::SingleLineComment { .. }))
}
