//! `SELECT 1 and`: words that PostgreSQL takes for the name of a result where nothing follows that they could stand before,
//! and sqlparser for operators or statements.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{is, is_blank, keyword_of};

/// Such words.
const LABELS: &[Keyword] = &[
    Keyword::ANALYZE,
    Keyword::AND,
    Keyword::BETWEEN,
    Keyword::CLUSTER,
    Keyword::COLLATE,
    Keyword::CURRENT_ROLE,
    Keyword::CURRENT_SCHEMA,
    Keyword::EXCLUDE,
    Keyword::EXPLAIN,
    Keyword::ILIKE,
    Keyword::IN,
    Keyword::IS,
    Keyword::LATERAL,
    Keyword::LIKE,
    Keyword::MATCH,
    Keyword::OPERATOR,
    Keyword::OR,
    Keyword::SELECT,
    Keyword::SIMILAR,
    Keyword::VALUES,
    Keyword::VIEW,
];

/// Words behind which an expression goes on or begins.
const BEFORE_OPERANDS: &[Keyword] = &[
    Keyword::ALL,
    Keyword::AND,
    Keyword::BETWEEN,
    Keyword::CASE,
    Keyword::DISTINCT,
    Keyword::ELSE,
    Keyword::FROM,
    Keyword::ILIKE,
    Keyword::IN,
    Keyword::IS,
    Keyword::LIKE,
    Keyword::NOT,
    Keyword::OR,
    Keyword::SELECT,
    Keyword::SIMILAR,
    Keyword::THEN,
    Keyword::TO,
    Keyword::WHEN,
];

/// Gives such words AS and quotes.
pub(super) fn name_results(tokens: &mut Vec<TokenWithSpan>) {
    if !tokens.iter().any(|token| keyword_of(token).is_some_and(|keyword| LABELS.contains(&keyword))) {
        return;
    }
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| !is_blank(&tokens[at])).collect();
    let mut lists = vec![false];
    let mut labels = Vec::new();
    for (number, &at) in words.iter().enumerate() {
        let token = &tokens[at];
        let in_list = lists.last().copied().unwrap_or_default();
        let next = words.get(number + 1).map(|&at| &tokens[at]);
        if in_list && is_label(token) && next.is_none_or(ends_result) && number > 0 {
            let before = &tokens[words[number - 1]];
            if is(before, Keyword::AS) || ends_expression(before) {
                labels.push((at, is(before, Keyword::AS)));
                continue;
            }
        }
        match (&token.token, keyword_of(token)) {
            (Token::LParen, _) => lists.push(false),
            (Token::RParen, _) if lists.len() > 1 => drop(lists.pop()),
            (_, Some(Keyword::SELECT | Keyword::RETURNING)) => set(&mut lists, true),
            (_, Some(Keyword::FROM | Keyword::WHERE | Keyword::UNION)) | (Token::SemiColon, _) => {
                set(&mut lists, false)
            }
            _ => {}
        }
    }
    for (at, has_as) in labels.into_iter().rev() {
        let (span, name) = (tokens[at].span, tokens[at].token.to_string().to_lowercase());
        let label = Token::make_word(&name, Some('"'));
        let made = if has_as { vec![label] } else { vec![Token::make_keyword("AS"), label] };
        tokens.splice(at..=at, made.into_iter().map(|token| TokenWithSpan { token, span }));
    }
}

fn set(lists: &mut [bool], is_list: bool) {
    if let Some(innermost) = lists.last_mut() {
        *innermost = is_list;
    }
}

fn is_label(token: &TokenWithSpan) -> bool {
    keyword_of(token).is_some_and(|keyword| LABELS.contains(&keyword))
}

/// Whether a result ends before this token.
fn ends_result(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Comma | Token::RParen | Token::SemiColon | Token::EOF) || is(token, Keyword::FROM)
}

fn ends_expression(token: &TokenWithSpan) -> bool {
    match &token.token {
        Token::Number(..) | Token::SingleQuotedString(_) | Token::Placeholder(_) | Token::RParen | Token::RBracket => {
            true
        }
        Token::Word(_) => keyword_of(token).is_none_or(|keyword| !BEFORE_OPERANDS.contains(&keyword)),
        _ => false,
    }
}
