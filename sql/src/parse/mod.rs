//! Query text → statements, once. The tree travels from here on; nothing is printed and parsed again.
//!
//! `sqlparser` reads the SQL under its PostgreSQL dialect, with PostgreSQL's precedence of operators. The statements that
//! it misreads (COPY) are read by functions of ours on the same parser.

mod alter_rule;
mod bare;
mod constraint_modes;
mod copy;
mod depth;
mod dialect;
mod enum_type;
mod escapes;
mod exclusion;
mod forms;
mod frame_offsets;
mod grammar;
mod identity;
mod left_out;
mod like;
mod maintenance;
mod materialized_view;
mod past;
mod position;
mod quantifier;
mod reserved;
mod search_cycle;
mod sequence;
mod session_command;

use std::sync::Arc;

use sqlparser::ast;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, TokenizerError};

pub(crate) use alter_rule::{AlterRule, RuleAction};
pub(crate) use bare::{bare_body, bare_query};
pub(crate) use copy::{CopyEnd, CopyStatement, CopySubject};
pub(crate) use dialect::{SYMMETRIC, VARIADIC};
pub(crate) use enum_type::{EnumAction, EnumStatement, LabelPlace};
pub(crate) use exclusion::Exclusion;
pub(crate) use forms::{
    ALL_FIELDS, DEFAULTS_MARK, DISTINCT_MARK, NESTED_SETS, NOTHING_MARK, RESET_MARK, ROWS_FROM, SCHEMA_MARK,
    changes_rows, is_change, is_part_mark, under_with, with_before,
};
pub(crate) use identity::Overriding;
pub(crate) use left_out::is_concurrently;
pub(crate) use like::{LikeClause, LikeOption};
pub(crate) use maintenance::{Maintenance, Reindexed, Subject};
pub(crate) use materialized_view::MaterializedViewStatement;
pub(crate) use position::TextIndex;
pub(crate) use search_cycle::{Cycle, Search, Walk};
pub(crate) use sequence::{SequenceAction, SequenceOptions, SequenceStatement};
pub(crate) use session_command::{Declare, Movement, SessionCommand};

use self::dialect::PgDialect;
use crate::error::{SqlError, SqlState};
use crate::names;
use crate::outcome::Notice;
use crate::plan::ConstantResult;
use crate::scope::IDENTIFIER_BYTES_MAX;
use crate::write::ResolvedInsert;

/// Nesting of parentheses and subqueries that the parser follows.
const PARSER_DEPTH_MAX: usize = 200;

/// One parsed statement with its text. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Statement {
    /// This statement's part of the query string, without the semicolon.
    pub(crate) text: Arc<str>,
    /// Characters of the query string before this statement: errors count positions from the string's start.
    pub(crate) offset_chars: usize,
    pub(crate) tree: Arc<Tree>,
    pub(crate) found: Arc<Found>,
}

/// What a statement's executions find out for those after them.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) insert: ResolvedInsert,
    pub(crate) constant: ConstantResult,
}

/// What a statement is.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    Sql(Box<ast::Statement>),
    Copy(Box<CopyStatement>),
    Session(Box<SessionCommand>),
    Maintenance(Maintenance),
    Sequence(Box<SequenceStatement>),
    Enum(Box<EnumStatement>),
    MaterializedView(Box<MaterializedViewStatement>),
    /// `UNDROP TABLE name`
    Undrop(ast::ObjectName),
}

impl Statement {
    /// The statement's text, as the client sent it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Another tree in the place of this one's.
    pub(crate) fn with_tree(&self, tree: Tree) -> Statement {
        Statement {
            text: Arc::clone(&self.text),
            offset_chars: self.offset_chars,
            tree: Arc::new(tree),
            found: Arc::default(),
        }
    }
}

/// Cuts a query string into statements. Fails as a whole (42601 with the position) if one does not parse. Identifiers
/// over 63 bytes are cut, with a notice (42622) each.
pub(crate) fn parse(text: &str, notices: &mut Vec<Notice>) -> Result<Vec<Statement>, SqlError> {
    let index = TextIndex::new(text);
    let mut tokens = tokenize(text, &index)?;
    notices.extend(cut_identifiers(&mut tokens));
    let mut parser = Parser::new(&PgDialect).with_recursion_limit(PARSER_DEPTH_MAX).with_tokens_with_locations(tokens);
    let mut statements = Vec::new();
    loop {
        while parser.consume_token(&Token::SemiColon) {}
        if parser.peek_token_ref().token == Token::EOF {
            return Ok(statements);
        }
        statements.push(next_statement(&mut parser, text, &index)?);
        expect_end(&parser, &index)?;
    }
}

/// The query that a text holds.
pub(crate) fn parse_query(text: &str) -> Result<Box<ast::Query>, SqlError> {
    let statements = parse(text, &mut Vec::new())?;
    match statements.first().map(|statement| &*statement.tree) {
        Some(Tree::Sql(tree)) => match tree.as_ref() {
            ast::Statement::Query(query) => Ok(query.clone()),
            _ => Err(SqlError::syntax("a query was expected")),
        },
        _ => Err(SqlError::syntax("a query was expected")),
    }
}

/// The expression that a text holds: a default, a check, an option.
pub(crate) fn parse_expression(text: &str) -> Result<ast::Expr, SqlError> {
    let index = TextIndex::new(text);
    let mut parser = Parser::new(&PgDialect)
        .with_recursion_limit(PARSER_DEPTH_MAX)
        .with_tokens_with_locations(tokenize(text, &index)?);
    let expression = parser.parse_expr().map_err(|error| syntax_error(&error, &parser, &index))?;
    match parser.peek_token_ref().token {
        Token::EOF => Ok(expression),
        _ => Err(unexpected(parser.peek_token_ref(), &index)),
    }
}

fn tokenize(text: &str, index: &TextIndex<'_>) -> Result<Vec<TokenWithSpan>, SqlError> {
    let tokens = forms::tokenize(text, index).map_err(|error| lexical_error(&error, index))?;
    depth::check(&tokens, index)?;
    forms::rewrite(tokens, index)
}

/// Cuts identifiers at 63 bytes, at a character's end, and says so.
fn cut_identifiers(tokens: &mut [TokenWithSpan]) -> Vec<Notice> {
    let words = tokens.iter_mut().filter_map(|token| match &mut token.token {
        Token::Word(word) if word.value.len() > IDENTIFIER_BYTES_MAX => Some(word),
        _ => None,
    });
    words
        .map(|word| {
            let cut = names::cut(word.value.clone());
            let long = std::mem::replace(&mut word.value, cut);
            Notice {
                severity: "NOTICE",
                code: SqlState::NAME_TOO_LONG.code(),
                message: format!("identifier \"{long}\" will be truncated to \"{}\"", word.value),
                detail: None,
                hint: None,
            }
        })
        .collect()
}

fn next_statement(parser: &mut Parser<'_>, text: &str, index: &TextIndex<'_>) -> Result<Statement, SqlError> {
    let start = index.byte_at(parser.peek_token_ref().span.start);
    let tree = parse_tree(parser, text, index)?;
    let end = match parser.peek_token_ref() {
        token if token.token == Token::EOF => text.len(),
        token => index.byte_at(token.span.start),
    };
    let own = text[start..end.max(start)].trim_end();
    let offset_chars = text[..start].chars().count();
    Ok(Statement { text: own.into(), offset_chars, tree: Arc::new(tree), found: Arc::default() })
}

fn parse_tree(parser: &mut Parser<'_>, text: &str, index: &TextIndex<'_>) -> Result<Tree, SqlError> {
    if is_keyword(parser, Keyword::COPY) {
        return copy::parse_copy(parser, index).map(|copy| Tree::Copy(Box::new(copy)));
    }
    if let Some(table) = maintenance::parse_undrop(parser, index)? {
        return Ok(Tree::Undrop(table));
    }
    if let Some(maintenance) = maintenance::parse(parser, index)? {
        return Ok(Tree::Maintenance(maintenance));
    }
    if let Some(statement) = sequence::parse(parser, index)? {
        return Ok(Tree::Sequence(Box::new(statement)));
    }
    if let Some(statement) = materialized_view::parse(parser, index)? {
        return Ok(Tree::MaterializedView(Box::new(statement)));
    }
    if let Some(statement) = enum_type::parse(parser, index)? {
        return Ok(Tree::Enum(Box::new(statement)));
    }
    if let Some(command) = constraint_modes::parse(parser, index)? {
        return Ok(Tree::Session(Box::new(command)));
    }
    if let Some(command) = session_command::parse(parser, text, index)? {
        return Ok(Tree::Session(Box::new(command)));
    }
    if let Some(reset) = session_command::parse_reset(parser) {
        return Ok(Tree::Sql(Box::new(reset)));
    }
    let statement = parser.parse_statement().map_err(|error| syntax_error(&error, parser, index))?;
    reserved::refuse(&statement, index)?;
    grammar::refuse(&statement, index)?;
    Ok(Tree::Sql(Box::new(forms::select_into(forms::insert_with(statement)))))
}

fn is_keyword(parser: &Parser<'_>, keyword: Keyword) -> bool {
    matches!(&parser.peek_token_ref().token, Token::Word(word) if word.keyword == keyword && word.quote_style.is_none())
}

fn expect_end(parser: &Parser<'_>, index: &TextIndex<'_>) -> Result<(), SqlError> {
    match parser.peek_token_ref().token {
        Token::SemiColon | Token::EOF => Ok(()),
        _ => Err(unexpected(parser.peek_token_ref(), index)),
    }
}

/// PostgreSQL's words for a token that does not fit.
fn unexpected(token: &TokenWithSpan, index: &TextIndex<'_>) -> SqlError {
    if token.token == Token::EOF {
        return SqlError::new(SqlState::SYNTAX_ERROR, "syntax error at end of input").position(index.end_position());
    }
    let from = index.byte_at(token.span.start);
    let to = index.byte_at(token.span.end).max(from);
    let near = if to > from { index.text()[from..to].to_owned() } else { token.token.to_string() };
    SqlError::new(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{near}\""))
        .position(index.position_at(token.span.start))
}

/// sqlparser says where it stopped only in its message and by the token it stands at. The message's place is taken
/// where there is one, since the parser may have backed up since.
fn syntax_error(error: &ParserError, parser: &Parser<'_>, index: &TextIndex<'_>) -> SqlError {
    match error {
        ParserError::RecursionLimitExceeded => SqlError::new(
            SqlState::STATEMENT_TOO_COMPLEX,
            format!("statement is nested deeper than {PARSER_DEPTH_MAX} levels"),
        ),
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => {
            match index.location_in(message).and_then(|location| token_at(parser, location)) {
                Some(token) => unexpected(&token, index),
                None => unexpected(parser.peek_token_ref(), index).detail(message.clone()),
            }
        }
    }
}

fn token_at(parser: &Parser<'_>, location: sqlparser::tokenizer::Location) -> Option<TokenWithSpan> {
    // The parser gives tokens by index only; locations are in order.
    (0..).map_while(|i| next_token_at(parser, i)).find(|token| token.span.start == location)
}

fn next_token_at(parser: &Parser<'_>, index: usize) -> Option<TokenWithSpan> {
    let token = parser.token_at(index);
    (token.token != Token::EOF).then(|| token.clone())
}

fn lexical_error(error: &TokenizerError, index: &TextIndex<'_>) -> SqlError {
    let message = error.message.to_lowercase();
    let position = index.position_at(error.location);
    let near = index.text().get(index.byte_at(error.location)..).unwrap_or_default();
    if let Some(error) = escapes::error_of(near) {
        return error.position(position);
    }
    let words = if message.contains("unterminated") && message.contains("string") {
        format!("unterminated quoted string at or near \"{near}\"")
    } else {
        format!("{message} at or near \"{near}\"")
    };
    SqlError::new(SqlState::SYNTAX_ERROR, words).position(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<Statement>, SqlError> {
        parse(text, &mut Vec::new())
    }

    #[test]
    fn long_identifiers_are_cut_with_a_notice() {
        let mut notices = Vec::new();
        let long = "é".repeat(40);
        let statements = parse(&format!("select 1 as \"{long}\""), &mut notices).expect("parses");
        let Tree::Sql(tree) = &*statements[0].tree else { panic!("not SQL") };
        assert_eq!(tree.to_string(), format!("SELECT 1 AS \"{}\"", "é".repeat(31)));
        assert_eq!(notices.iter().map(|notice| notice.code).collect::<Vec<_>>(), ["42622"]);
    }

    fn texts(sql: &str) -> Vec<String> {
        parsed(sql).expect("parses").iter().map(|s| s.text.to_string()).collect()
    }

    #[test]
    fn statements_are_cut_at_semicolons_outside_of_strings() {
        assert_eq!(texts("select ';' ; ;\n insert into t values (1);"), ["select ';'", "insert into t values (1)"]);
        assert!(texts("  -- nothing\n ;").is_empty());
    }

    #[test]
    fn a_syntax_error_says_where() {
        let error = parsed("select 1;\nselect 1 1").expect_err("does not parse");
        assert_eq!(error.code, SqlState::SYNTAX_ERROR);
        assert_eq!(error.message, "syntax error at or near \"1\"");
        assert_eq!(error.position, Some(20));
        let error = parsed("selec 1").expect_err("does not parse");
        assert_eq!((error.message.as_str(), error.position), ("syntax error at or near \"selec\"", Some(1)));
        assert_eq!(parsed("select (1").expect_err("open").message, "syntax error at end of input");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = format!("select {}1{}", "(".repeat(5000), ")".repeat(5000));
        assert_eq!(parsed(&deep).expect_err("too deep").code, SqlState::STATEMENT_TOO_COMPLEX);
    }
}
