//! CREATE SEQUENCE and ALTER SEQUENCE, read by ourselves: sqlparser takes the options in one order only, and has no ALTER.

use sqlparser::ast::{self, DataType, Ident, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::alter_rule::{self, AlterRule};
use super::{TextIndex, syntax_error};
use crate::error::{SqlError, SqlState};

/// A statement about a sequence.
#[derive(Clone, Debug)]
pub(crate) enum SequenceStatement {
    Create { name: ObjectName, is_temporary: bool, if_not_exists: bool, options: SequenceOptions },
    Alter { name: ObjectName, if_exists: bool, action: SequenceAction },
    Rule(AlterRule),
}

/// What ALTER SEQUENCE does.
#[derive(Clone, Debug)]
pub(crate) enum SequenceAction {
    Options(SequenceOptions),
    Rename(Ident),
    SetSchema(Ident),
    /// OWNER TO
    Owner,
}

/// Options as written; `None` where one is not.
#[derive(Clone, Debug, Default)]
pub(crate) struct SequenceOptions {
    pub(crate) ty: Option<DataType>,
    pub(crate) increment: Option<i64>,
    /// `Some(None)` is NO MINVALUE.
    pub(crate) min: Option<Option<i64>>,
    /// `Some(None)` is NO MAXVALUE.
    pub(crate) max: Option<Option<i64>>,
    pub(crate) start: Option<i64>,
    /// `Some(None)` is RESTART without a value.
    pub(crate) restart: Option<Option<i64>>,
    pub(crate) cache: Option<i64>,
    pub(crate) cycle: Option<bool>,
    /// `Some(None)` is OWNED BY NONE.
    pub(crate) owned_by: Option<Option<ObjectName>>,
    /// `SEQUENCE NAME`, of an identity column's.
    pub(crate) name: Option<ObjectName>,
}

impl SequenceOptions {
    /// Those of an identity column.
    pub(crate) fn of_identity(options: &[ast::SequenceOptions]) -> Result<SequenceOptions, SqlError> {
        let number = |expr: &ast::Expr| {
            let text = expr.to_string();
            text.parse().map_err(|_| out_of_range(&text))
        };
        let optional = |expr: &Option<ast::Expr>| expr.as_ref().map(number).transpose();
        let mut taken = SequenceOptions::default();
        for option in options {
            match option {
                ast::SequenceOptions::IncrementBy(by, _) => taken.increment = Some(number(by)?),
                ast::SequenceOptions::MinValue(min) => taken.min = Some(optional(min)?),
                ast::SequenceOptions::MaxValue(max) => taken.max = Some(optional(max)?),
                ast::SequenceOptions::StartWith(start, _) => taken.start = Some(number(start)?),
                ast::SequenceOptions::Cache(cache) => taken.cache = Some(number(cache)?),
                // sqlparser's flag says whether NO was written.
                ast::SequenceOptions::Cycle(no) => taken.cycle = Some(!no),
            }
        }
        Ok(taken)
    }

    /// Whether nothing but the owner is given.
    pub(crate) fn keep_the_rule(&self) -> bool {
        let SequenceOptions { ty, increment, min, max, start, restart, cache, cycle, owned_by: _, name: _ } = self;
        ty.is_none()
            && increment.is_none()
            && min.is_none()
            && max.is_none()
            && start.is_none()
            && restart.is_none()
            && cache.is_none()
            && cycle.is_none()
    }
}

/// The words that begin an option.
pub(super) const OPTION_WORDS: &[Keyword] = &[
    Keyword::AS,
    Keyword::INCREMENT,
    Keyword::NO,
    Keyword::MINVALUE,
    Keyword::MAXVALUE,
    Keyword::START,
    Keyword::RESTART,
    Keyword::SEQUENCE,
    Keyword::CACHE,
    Keyword::CYCLE,
    Keyword::OWNED,
];

type Parsed<T> = Result<T, ParserError>;

/// The statement that begins here, if it is one of these.
pub(super) fn parse(parser: &mut Parser<'_>, index: &TextIndex<'_>) -> Result<Option<SequenceStatement>, SqlError> {
    const CREATE: &[&[Keyword]] = &[
        &[Keyword::CREATE, Keyword::SEQUENCE],
        &[Keyword::CREATE, Keyword::TEMPORARY, Keyword::SEQUENCE],
        &[Keyword::CREATE, Keyword::TEMP, Keyword::SEQUENCE],
    ];
    let place = |error: &ParserError, parser: &Parser<'_>| syntax_error(error, parser, index);
    if let Some(words) = CREATE.iter().find(|words| parser.parse_keywords(words)) {
        let parsed = parse_create(parser, words.len() > 2);
        return parsed.map_err(|error| place(&error, parser))?.map(Some);
    }
    if parser.parse_keywords(&[Keyword::ALTER, Keyword::SEQUENCE]) {
        let parsed = parse_alter(parser);
        return parsed.map_err(|error| place(&error, parser))?.map(Some);
    }
    Ok(alter_rule::parse(parser, index)?.map(SequenceStatement::Rule))
}

fn parse_create(parser: &mut Parser<'_>, is_temporary: bool) -> Parsed<Result<SequenceStatement, SqlError>> {
    let if_not_exists = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
    let name = parser.parse_object_name(false)?;
    let options = parse_options(parser)?;
    Ok(options.map(|options| SequenceStatement::Create { name, is_temporary, if_not_exists, options }))
}

fn parse_alter(parser: &mut Parser<'_>) -> Parsed<Result<SequenceStatement, SqlError>> {
    let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
    let name = parser.parse_object_name(false)?;
    let action = if parser.parse_keywords(&[Keyword::RENAME, Keyword::TO]) {
        Ok(SequenceAction::Rename(parser.parse_identifier()?))
    } else if parser.parse_keywords(&[Keyword::SET, Keyword::SCHEMA]) {
        Ok(SequenceAction::SetSchema(parser.parse_identifier()?))
    } else if parser.parse_keywords(&[Keyword::OWNER, Keyword::TO]) {
        parser.parse_identifier()?;
        Ok(SequenceAction::Owner)
    } else {
        let at = parser.index();
        let options = parse_options(parser)?;
        if parser.index() == at {
            return parser.expected_ref("an option of a sequence", parser.peek_token_ref());
        }
        options.map(SequenceAction::Options)
    };
    Ok(action.map(|action| SequenceStatement::Alter { name, if_exists, action }))
}

/// Options in any order; 42601 if one comes twice.
pub(super) fn parse_options(parser: &mut Parser<'_>) -> Parsed<Result<SequenceOptions, SqlError>> {
    let mut options = SequenceOptions::default();
    let mut result = Ok(());
    while let Some(word) = parser.parse_one_of_keywords(OPTION_WORDS) {
        let taken = parse_option(parser, word, &mut options)?;
        result = result.and(taken);
    }
    Ok(result.map(|()| options))
}

pub(super) fn parse_option(
    parser: &mut Parser<'_>,
    word: Keyword,
    options: &mut SequenceOptions,
) -> Parsed<Result<(), SqlError>> {
    Ok(match word {
        Keyword::AS => set(&mut options.ty, Ok(parser.parse_data_type()?)),
        Keyword::INCREMENT => {
            let _ = parser.parse_keyword(Keyword::BY);
            set(&mut options.increment, parse_number(parser)?)
        }
        Keyword::NO => match parser.expect_one_of_keywords(&[Keyword::MINVALUE, Keyword::MAXVALUE, Keyword::CYCLE])? {
            Keyword::MINVALUE => set(&mut options.min, Ok(None)),
            Keyword::MAXVALUE => set(&mut options.max, Ok(None)),
            _ => set(&mut options.cycle, Ok(false)),
        },
        Keyword::MINVALUE => set(&mut options.min, parse_number(parser)?.map(Some)),
        Keyword::MAXVALUE => set(&mut options.max, parse_number(parser)?.map(Some)),
        Keyword::START => {
            let _ = parser.parse_keyword(Keyword::WITH);
            set(&mut options.start, parse_number(parser)?)
        }
        Keyword::RESTART => {
            let says_where = parser.parse_keyword(Keyword::WITH) || begins_number(parser);
            let place = if says_where { parse_number(parser)?.map(Some) } else { Ok(None) };
            set(&mut options.restart, place)
        }
        Keyword::CACHE => set(&mut options.cache, parse_number(parser)?),
        Keyword::CYCLE => set(&mut options.cycle, Ok(true)),
        Keyword::SEQUENCE => {
            parser.expect_keyword(Keyword::NAME)?;
            set(&mut options.name, Ok(parser.parse_object_name(false)?))
        }
        _ => {
            parser.expect_keyword(Keyword::BY)?;
            let is_none = parser.parse_keyword(Keyword::NONE);
            let owner = if is_none { None } else { Some(parser.parse_object_name(false)?) };
            set(&mut options.owned_by, Ok(owner))
        }
    })
}

fn set<T>(option: &mut Option<T>, value: Result<T, SqlError>) -> Result<(), SqlError> {
    let value = value?;
    match option.replace(value) {
        None => Ok(()),
        Some(_) => Err(SqlError::syntax("conflicting or redundant options")),
    }
}

fn begins_number(parser: &Parser<'_>) -> bool {
    matches!(parser.peek_token_ref().token, Token::Number(..) | Token::Minus | Token::Plus)
}

fn parse_number(parser: &mut Parser<'_>) -> Parsed<Result<i64, SqlError>> {
    let is_negative = parser.consume_token(&Token::Minus);
    if !is_negative {
        let _ = parser.consume_token(&Token::Plus);
    }
    let token = parser.peek_token_ref().clone();
    let Token::Number(digits, _) = &token.token else { return parser.expected_ref("a number", &token) };
    let text = if is_negative { format!("-{digits}") } else { digits.clone() };
    parser.advance_token();
    Ok(text.parse().map_err(|_| out_of_range(&text)))
}

fn out_of_range(text: &str) -> SqlError {
    let message = format!("value \"{text}\" is out of range for type bigint");
    SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Tree, parse};

    fn parsed(sql: &str) -> Result<SequenceStatement, SqlError> {
        let statements = parse(sql, &mut Vec::new())?;
        match &*statements[0].tree {
            Tree::Sequence(statement) => Ok(statement.as_ref().clone()),
            other => panic!("not about a sequence: {other:?}"),
        }
    }

    #[test]
    fn options_come_in_any_order() {
        let sql =
            "create temp sequence if not exists s.q start with -5 increment 2 no maxvalue minvalue -9 cycle cache 3
            owned by t.a as int";
        let Ok(SequenceStatement::Create { name, is_temporary, if_not_exists, options }) = parsed(sql) else {
            panic!()
        };
        assert_eq!((name.to_string().as_str(), is_temporary, if_not_exists), ("s.q", true, true));
        assert_eq!((options.start, options.increment, options.min), (Some(-5), Some(2), Some(Some(-9))));
        assert_eq!((options.max, options.cycle, options.cache), (Some(None), Some(true), Some(3)));
        assert_eq!(options.owned_by.flatten().map(|name| name.to_string()), Some("t.a".to_owned()));
    }

    #[test]
    fn alter_restarts_with_or_without_a_place() {
        for (sql, restart) in [("restart", None), ("restart 7", Some(7)), ("restart with 7", Some(7))] {
            let Ok(SequenceStatement::Alter { action, .. }) = parsed(&format!("alter sequence q {sql}")) else {
                panic!()
            };
            let SequenceAction::Options(options) = action else { panic!() };
            assert_eq!((options.restart, options.keep_the_rule()), (Some(restart), false));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let twice = parsed("create sequence q cache 1 cache 2").expect_err("twice");
        assert_eq!(twice.message, "conflicting or redundant options");
        let large = parsed("create sequence q start 9223372036854775808").expect_err("too large");
        assert_eq!(large.code, SqlState::NUMERIC_VALUE_OUT_OF_RANGE);
        assert_eq!(parsed("alter sequence q").expect_err("nothing").code, SqlState::SYNTAX_ERROR);
        assert_eq!(parsed("create sequence q start x").expect_err("no number").code, SqlState::SYNTAX_ERROR);
    }
}
