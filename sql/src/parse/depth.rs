//! Long chains of operators: each makes the tree one level deeper, and whatever walks the tree recurses as far.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::TextIndex;
use crate::error::{SqlError, SqlState};

/// Operators in a row that a statement may have between commas or within one pair of parentheses. Threads have a
/// stack for trees of that depth (`thread_stack_bytes`).
const OPERATORS_MAX: usize = 4_000;

/// 54001 for a chain that would make a tree too deep to walk.
pub(super) fn check(tokens: &[TokenWithSpan], index: &TextIndex<'_>) -> Result<(), SqlError> {
    let mut chains = vec![0_usize];
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket => chains.push(0),
            Token::RParen | Token::RBracket => drop(chains.pop()),
            Token::Comma | Token::SemiColon => chains.iter_mut().last().into_iter().for_each(|chain| *chain = 0),
            other if deepens(other) => {
                let chain = chains.last_mut().map_or(0, |chain| {
                    *chain += 1;
                    *chain
                });
                if chain > OPERATORS_MAX {
                    let message = format!("statement has more than {OPERATORS_MAX} operators in a row");
                    let position = index.position_at(token.span.start);
                    return Err(SqlError::new(SqlState::STATEMENT_TOO_COMPLEX, message).position(position));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the token can put one more level above what stands before or behind it.
fn deepens(token: &Token) -> bool {
    match token {
        Token::Word(word) if word.quote_style.is_none() => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::IS
                | Keyword::IN
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::BETWEEN
                | Keyword::COLLATE
                | Keyword::AT
                | Keyword::CASE
                | Keyword::JOIN
                | Keyword::UNION
                | Keyword::INTERSECT
                | Keyword::EXCEPT
        ),
        Token::Word(_)
        | Token::Whitespace(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::EscapedStringLiteral(_)
        | Token::Placeholder(_)
        | Token::Period
        | Token::EOF => false,
        // What is left are operators and punctuation.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    #[test]
    fn chains_are_bounded_and_lists_are_not() {
        // A tree as deep as allowed needs more stack than a test's thread has.
        let deep = std::thread::Builder::new().stack_size(256 << 20).spawn(check_chains);
        deep.expect("starts").join().expect("holds");
    }

    fn check_chains() {
        let chain = |operators: usize| format!("select 1{}", " + 1".repeat(operators));
        assert!(parse(&chain(OPERATORS_MAX), &mut Vec::new()).is_ok());
        let error = parse(&chain(OPERATORS_MAX + 1), &mut Vec::new()).expect_err("too deep");
        assert_eq!(error.code, SqlState::STATEMENT_TOO_COMPLEX);
        for deep in [" union select 1", "::int", " or true"] {
            assert!(parse(&format!("select 1{}", deep.repeat(2 * OPERATORS_MAX)), &mut Vec::new()).is_err(), "{deep}");
        }
        let rows = vec!["(1 + 1, -1)"; 2 * OPERATORS_MAX].join(", ");
        assert!(parse(&format!("values {rows}"), &mut Vec::new()).is_ok());
    }
}
