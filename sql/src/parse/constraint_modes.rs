//! `SET CONSTRAINTS ALL DEFERRED | IMMEDIATE`.

use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::{SessionCommand, TextIndex, is_keyword, unexpected};
use crate::error::SqlError;

/// The statement, if it begins here.
pub(super) fn parse(parser: &mut Parser<'_>, index: &TextIndex<'_>) -> Result<Option<SessionCommand>, SqlError> {
    let is_next = matches!(&parser.peek_nth_token_ref(1).token, Token::Word(word) if is_constraints(&word.value));
    if !is_keyword(parser, Keyword::SET) || !is_next {
        return Ok(None);
    }
    let (_, _) = (parser.next_token(), parser.next_token());
    if !parser.parse_keyword(Keyword::ALL) {
        return Err(SqlError::unsupported("SET CONSTRAINTS of named constraints is not supported"));
    }
    match parser.parse_one_of_keywords(&[Keyword::DEFERRED, Keyword::IMMEDIATE]) {
        Some(_) => Ok(Some(SessionCommand::SetConstraints)),
        None => Err(unexpected(parser.peek_token_ref(), index)),
    }
}

fn is_constraints(word: &str) -> bool {
    word.eq_ignore_ascii_case("constraints")
}
