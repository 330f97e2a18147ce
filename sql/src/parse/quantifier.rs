//! `ANY (…)` and `ALL (…)` behind operators that sqlparser knows none behind.

use sqlparser::ast::{BinaryOperator, Expr};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::dialect::is_word;

/// An operator that sqlparser knows no quantifier behind, if one stands there: `@> ANY (…)`.
pub(super) fn quantified_operator(parser: &Parser) -> Option<BinaryOperator> {
    let op = match &parser.peek_token_ref().token {
        Token::AtArrow => BinaryOperator::AtArrow,
        Token::ArrowAt => BinaryOperator::ArrowAt,
        Token::Overlap => BinaryOperator::PGOverlap,
        Token::CaretAt => BinaryOperator::PGStartsWith,
        Token::Question => BinaryOperator::Question,
        Token::QuestionPipe => BinaryOperator::QuestionPipe,
        Token::QuestionAnd => BinaryOperator::QuestionAnd,
        _ => return None,
    };
    (is_quantifier(parser, 1) && parser.peek_nth_token_ref(2).token == Token::LParen).then_some(op)
}

/// What follows an operator before `ANY (…)` or `ALL (…)`.
pub(super) fn quantified(
    parser: &mut Parser,
    left: &Expr,
    compare_op: BinaryOperator,
    precedence: u8,
) -> Result<Expr, ParserError> {
    parser.advance_token();
    let is_all = is_word(&parser.next_token().token, Keyword::ALL);
    let left = Box::new(left.clone());
    // The parentheses are those of a subquery, if that is what they hold.
    let right = Box::new(match parser.parse_subexpr(precedence)? {
        Expr::Nested(inner) => *inner,
        other => other,
    });
    Ok(match is_all {
        true => Expr::AllOp { left, compare_op, right },
        false => Expr::AnyOp { left, compare_op, right, is_some: false },
    })
}

/// Whether ANY, ALL or SOME stands at that place.
pub(super) fn is_quantifier(parser: &Parser, place: usize) -> bool {
    match &parser.peek_nth_token_ref(place).token {
        Token::Word(word) => matches!(word.keyword, Keyword::ANY | Keyword::ALL | Keyword::SOME),
        _ => false,
    }
}
