//! Statements about prepared statements, cursors and channels, read by ourselves: sqlparser lacks MOVE, most of FETCH's
//! directions, the order-free options of DECLARE and DEALLOCATE ALL.

use sqlparser::ast::{self, DataType, Expr, Ident, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Statement, TextIndex, Tree, next_statement, syntax_error, unexpected};
use crate::error::SqlError;
use crate::names::fold;

/// A statement about what the session keeps.
#[derive(Clone, Debug)]
pub(crate) enum SessionCommand {
    Prepare {
        name: String,
        types: Vec<DataType>,
        statement: Statement,
        /// The query string that it came in.
        source: String,
    },
    Execute {
        name: String,
        arguments: Vec<Expr>,
    },
    /// `None` is ALL.
    Deallocate(Option<String>),
    Declare(Declare),
    Fetch {
        cursor: String,
        movement: Movement,
        /// MOVE: the rows are counted, not given.
        is_move: bool,
    },
    /// `None` is ALL.
    Close(Option<String>),
    Listen(String),
    /// `None` is `*`.
    Unlisten(Option<String>),
    Notify {
        channel: String,
        payload: String,
    },
    /// Of all constraints, to whichever mode: none is checked later than others.
    SetConstraints,
}

/// `DECLARE … CURSOR FOR query`.
#[derive(Clone, Debug)]
pub(crate) struct Declare {
    pub(crate) cursor: String,
    pub(crate) is_binary: bool,
    /// SCROLL was written.
    pub(crate) scrolls: bool,
    pub(crate) is_held: bool,
    pub(crate) query: Statement,
    /// The query string that it came in.
    pub(crate) source: String,
}

/// Where FETCH and MOVE go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Movement {
    /// So many rows on, or back if negative; `None` is ALL.
    Forward(Option<i64>),
    Backward(Option<i64>),
    /// To that row, counted from the end if negative.
    Absolute(i64),
    Relative(i64),
}

type Parsed<T> = Result<T, ParserError>;

/// The statement that begins here, if it is one of these.
pub(super) fn parse(
    parser: &mut Parser<'_>,
    text: &str,
    index: &TextIndex<'_>,
) -> Result<Option<SessionCommand>, SqlError> {
    let Token::Word(word) = &parser.peek_token_ref().token else { return Ok(None) };
    if word.quote_style.is_some() {
        return Ok(None);
    }
    let verb = word.value.to_uppercase();
    match verb.as_str() {
        "PREPARE" => return parse_prepare(parser, text, index).map(Some),
        "DECLARE" => return parse_declare(parser, text, index).map(Some),
        _ => {}
    }
    let read: fn(&mut Parser<'_>) -> Parsed<SessionCommand> = match verb.as_str() {
        "EXECUTE" => parse_execute,
        "DEALLOCATE" => parse_deallocate,
        "FETCH" => |parser| parse_fetch(parser, false),
        "MOVE" => |parser| parse_fetch(parser, true),
        "CLOSE" => |parser| Ok(SessionCommand::Close(name_or(parser, Keyword::ALL)?)),
        "LISTEN" => |parser| Ok(SessionCommand::Listen(name(parser)?)),
        "UNLISTEN" => parse_unlisten,
        "NOTIFY" => parse_notify,
        _ => return Ok(None),
    };
    let _ = parser.next_token();
    read(parser).map(Some).map_err(|error| syntax_error(&error, parser, index))
}

/// `RESET SESSION AUTHORIZATION`, `RESET TIME ZONE` and `RESET TRANSACTION ISOLATION LEVEL` as RESET of the setting that
/// they mean.
pub(super) fn parse_reset(parser: &mut Parser<'_>) -> Option<ast::Statement> {
    const FORMS: &[(&[Keyword], &str)] = &[
        (&[Keyword::RESET, Keyword::SESSION, Keyword::AUTHORIZATION], "session_authorization"),
        (&[Keyword::RESET, Keyword::TIME, Keyword::ZONE], "TimeZone"),
        (&[Keyword::RESET, Keyword::TRANSACTION, Keyword::ISOLATION, Keyword::LEVEL], "transaction_isolation"),
    ];
    let (_, setting) = FORMS.iter().find(|(words, _)| parser.parse_keywords(words))?;
    let reset = ast::Reset::ConfigurationParameter(ObjectName::from(vec![Ident::new(*setting)]));
    Some(ast::Statement::Reset(ast::ResetStatement { reset }))
}

fn parse_prepare(parser: &mut Parser<'_>, text: &str, index: &TextIndex<'_>) -> Result<SessionCommand, SqlError> {
    let _ = parser.next_token();
    let (name, types) = parse_prepare_head(parser).map_err(|error| syntax_error(&error, parser, index))?;
    let first = parser.peek_token_ref().clone();
    let statement = next_statement(parser, text, index)?;
    if !can_be_prepared(&statement) {
        return Err(unexpected(&first, index));
    }
    Ok(SessionCommand::Prepare { name, types, statement, source: text.to_owned() })
}

fn parse_prepare_head(parser: &mut Parser<'_>) -> Parsed<(String, Vec<DataType>)> {
    let name = name(parser)?;
    let mut types = Vec::new();
    if parser.consume_token(&Token::LParen) {
        types = parser.parse_comma_separated(Parser::parse_data_type)?;
        parser.expect_token(&Token::RParen)?;
    }
    parser.expect_keyword(Keyword::AS)?;
    Ok((name, types))
}

fn can_be_prepared(statement: &Statement) -> bool {
    let Tree::Sql(tree) = &*statement.tree else { return false };
    matches!(
        tree.as_ref(),
        ast::Statement::Query(_)
            | ast::Statement::Insert(_)
            | ast::Statement::Update(_)
            | ast::Statement::Delete(_)
            | ast::Statement::Merge(_)
    )
}

fn parse_execute(parser: &mut Parser<'_>) -> Parsed<SessionCommand> {
    let name = name(parser)?;
    let mut arguments = Vec::new();
    if parser.consume_token(&Token::LParen) {
        arguments = parser.parse_comma_separated(Parser::parse_expr)?;
        parser.expect_token(&Token::RParen)?;
    }
    Ok(SessionCommand::Execute { name, arguments })
}

fn parse_deallocate(parser: &mut Parser<'_>) -> Parsed<SessionCommand> {
    // `DEALLOCATE prepare` means a statement of that name.
    if !ends_at(parser, 1) {
        let _ = parser.parse_keyword(Keyword::PREPARE);
    }
    Ok(SessionCommand::Deallocate(name_or(parser, Keyword::ALL)?))
}

fn parse_declare(parser: &mut Parser<'_>, text: &str, index: &TextIndex<'_>) -> Result<SessionCommand, SqlError> {
    let _ = parser.next_token();
    let head = parse_declare_head(parser).map_err(|error| syntax_error(&error, parser, index))?;
    let first = parser.peek_token_ref().clone();
    let query = next_statement(parser, text, index)?;
    if !matches!(&*query.tree, Tree::Sql(tree) if matches!(tree.as_ref(), ast::Statement::Query(_))) {
        return Err(unexpected(&first, index));
    }
    let DeclareHead { cursor, is_binary, scrolls, is_held } = head;
    Ok(SessionCommand::Declare(Declare { cursor, is_binary, scrolls, is_held, query, source: text.to_owned() }))
}

struct DeclareHead {
    cursor: String,
    is_binary: bool,
    scrolls: bool,
    is_held: bool,
}

fn parse_declare_head(parser: &mut Parser<'_>) -> Parsed<DeclareHead> {
    let mut head = DeclareHead { cursor: name(parser)?, is_binary: false, scrolls: false, is_held: false };
    loop {
        if parser.parse_keyword(Keyword::BINARY) {
            head.is_binary = true;
        } else if parser.parse_keyword(Keyword::SCROLL) {
            head.scrolls = true;
        } else if !parser.parse_keywords(&[Keyword::NO, Keyword::SCROLL])
            && parser.parse_one_of_keywords(&[Keyword::INSENSITIVE, Keyword::ASENSITIVE]).is_none()
        {
            break;
        }
    }
    parser.expect_keyword(Keyword::CURSOR)?;
    if let Some(with) = parser.parse_one_of_keywords(&[Keyword::WITH, Keyword::WITHOUT]) {
        parser.expect_keyword(Keyword::HOLD)?;
        head.is_held = with == Keyword::WITH;
    }
    parser.expect_keyword(Keyword::FOR)?;
    Ok(head)
}

fn parse_fetch(parser: &mut Parser<'_>, is_move: bool) -> Parsed<SessionCommand> {
    // A word that ends the statement is the cursor's name, whatever it means elsewhere.
    let movement = if ends_at(parser, 1) { Movement::Forward(Some(1)) } else { parse_movement(parser)? };
    let _ = parser.parse_one_of_keywords(&[Keyword::FROM, Keyword::IN]);
    Ok(SessionCommand::Fetch { cursor: name(parser)?, movement, is_move })
}

fn parse_movement(parser: &mut Parser<'_>) -> Parsed<Movement> {
    const WORDS: &[Keyword] = &[
        Keyword::NEXT,
        Keyword::PRIOR,
        Keyword::FIRST,
        Keyword::LAST,
        Keyword::ALL,
        Keyword::ABSOLUTE,
        Keyword::RELATIVE,
        Keyword::FORWARD,
        Keyword::BACKWARD,
    ];
    Ok(match parser.parse_one_of_keywords(WORDS) {
        Some(Keyword::PRIOR) => Movement::Backward(Some(1)),
        Some(Keyword::FIRST) => Movement::Absolute(1),
        Some(Keyword::LAST) => Movement::Absolute(-1),
        Some(Keyword::ALL) => Movement::Forward(None),
        Some(Keyword::ABSOLUTE) => Movement::Absolute(signed(parser)?),
        Some(Keyword::RELATIVE) => Movement::Relative(signed(parser)?),
        Some(Keyword::FORWARD) => Movement::Forward(parse_count(parser)?),
        Some(Keyword::BACKWARD) => Movement::Backward(parse_count(parser)?),
        Some(_) => Movement::Forward(Some(1)),
        None => Movement::Forward(Some(if begins_number(parser) { signed(parser)? } else { 1 })),
    })
}

/// What follows FORWARD and BACKWARD: a number, ALL, or nothing, which is one row.
fn parse_count(parser: &mut Parser<'_>) -> Parsed<Option<i64>> {
    if parser.parse_keyword(Keyword::ALL) {
        return Ok(None);
    }
    Ok(Some(if begins_number(parser) { signed(parser)? } else { 1 }))
}

fn begins_number(parser: &Parser<'_>) -> bool {
    matches!(parser.peek_token_ref().token, Token::Number(..) | Token::Minus | Token::Plus)
}

/// An integer of 32 bits, as PostgreSQL's grammar has it.
fn signed(parser: &mut Parser<'_>) -> Parsed<i64> {
    let is_negative = parser.consume_token(&Token::Minus);
    if !is_negative {
        let _ = parser.consume_token(&Token::Plus);
    }
    let token = parser.next_token();
    let digits = match &token.token {
        Token::Number(digits, _) => digits.parse::<i32>().ok(),
        _ => None,
    };
    match digits {
        Some(number) => Ok(if is_negative { -i64::from(number) } else { i64::from(number) }),
        None => parser.expected("an integer", token),
    }
}

fn parse_unlisten(parser: &mut Parser<'_>) -> Parsed<SessionCommand> {
    if parser.consume_token(&Token::Mul) {
        return Ok(SessionCommand::Unlisten(None));
    }
    Ok(SessionCommand::Unlisten(Some(name(parser)?)))
}

fn parse_notify(parser: &mut Parser<'_>) -> Parsed<SessionCommand> {
    let channel = name(parser)?;
    let payload = if parser.consume_token(&Token::Comma) { parser.parse_literal_string()? } else { String::new() };
    Ok(SessionCommand::Notify { channel, payload })
}

fn name(parser: &mut Parser<'_>) -> Parsed<String> {
    match parser.peek_token_ref().token {
        Token::Word(_) => parser.parse_identifier().map(|ident| fold(&ident)),
        _ => parser.expected_ref("a name", parser.peek_token_ref()),
    }
}

/// A name, or `None` for that word.
fn name_or(parser: &mut Parser<'_>, word: Keyword) -> Parsed<Option<String>> {
    if parser.parse_keyword(word) { Ok(None) } else { name(parser).map(Some) }
}

/// Whether the statement has only so many tokens left.
fn ends_at(parser: &Parser<'_>, tokens: usize) -> bool {
    let TokenWithSpan { token, .. } = parser.peek_nth_token_ref(tokens);
    matches!(token, Token::SemiColon | Token::EOF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(sql: &str) -> SessionCommand {
        let statements = super::super::parse(sql, &mut Vec::new()).expect("parses");
        let Tree::Session(command) = &*statements[0].tree else { panic!("{sql} is no session command") };
        command.as_ref().clone()
    }

    fn movement(sql: &str) -> (String, Movement, bool) {
        let SessionCommand::Fetch { cursor, movement, is_move } = command(sql) else { panic!("{sql} fetches nothing") };
        (cursor, movement, is_move)
    }

    fn error(sql: &str) -> String {
        super::super::parse(sql, &mut Vec::new()).expect_err("does not parse").message.clone()
    }

    #[test]
    fn every_direction_of_fetch() {
        let forward = |count| Movement::Forward(Some(count));
        for (words, expected) in [
            ("", forward(1)),
            ("from", forward(1)),
            ("next in", forward(1)),
            ("prior", Movement::Backward(Some(1))),
            ("first from", Movement::Absolute(1)),
            ("last from", Movement::Absolute(-1)),
            ("absolute -3", Movement::Absolute(-3)),
            ("relative +2 in", Movement::Relative(2)),
            ("5 from", forward(5)),
            ("-5", forward(-5)),
            ("all", Movement::Forward(None)),
            ("forward", forward(1)),
            ("forward 0 from", forward(0)),
            ("forward all in", Movement::Forward(None)),
            ("backward from", Movement::Backward(Some(1))),
            ("backward 7 from", Movement::Backward(Some(7))),
            ("backward all", Movement::Backward(None)),
        ] {
            assert_eq!(movement(&format!("fetch {words} c")), ("c".to_owned(), expected, false), "{words}");
        }
        assert_eq!(movement("move all from \"C\";"), ("C".to_owned(), Movement::Forward(None), true));
        assert_eq!(movement("fetch next"), ("next".to_owned(), forward(1), false));
        assert_eq!(error("fetch 1 from"), "syntax error at end of input");
    }

    #[test]
    fn options_of_a_cursor_come_in_any_order() {
        let SessionCommand::Declare(declare) =
            command("declare C no scroll binary insensitive cursor with hold for table t")
        else {
            panic!()
        };
        assert_eq!(
            (declare.cursor.as_str(), declare.is_binary, declare.scrolls, declare.is_held),
            ("c", true, false, true)
        );
        assert_eq!(declare.query.text(), "table t");
        assert_eq!(error("declare c cursor for insert into t values (1)"), "syntax error at or near \"insert\"");
    }

    #[test]
    fn a_prepared_statement_keeps_its_place() {
        let SessionCommand::Prepare { name, types, statement, .. } = command("prepare Q (int, text) as select $1, $2;")
        else {
            panic!()
        };
        assert_eq!(
            (name.as_str(), types.len(), statement.text(), statement.offset_chars),
            ("q", 2, "select $1, $2", 25)
        );
        assert_eq!(error("prepare q as create table t (a int)"), "syntax error at or near \"create\"");
    }

    #[test]
    fn all_and_star_are_no_names() {
        assert!(matches!(command("deallocate all"), SessionCommand::Deallocate(None)));
        assert!(matches!(command("deallocate prepare all"), SessionCommand::Deallocate(None)));
        assert!(matches!(command("deallocate \"all\""), SessionCommand::Deallocate(Some(name)) if name == "all"));
        assert!(matches!(command("close all"), SessionCommand::Close(None)));
        assert!(matches!(command("unlisten *"), SessionCommand::Unlisten(None)));
        assert!(matches!(command("notify n, 'p'"), SessionCommand::Notify { payload, .. } if payload == "p"));
    }
}
