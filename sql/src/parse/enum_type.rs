//! CREATE TYPE … AS ENUM and ALTER TYPE, read by ourselves: sqlparser takes names for labels, and has no SET SCHEMA.

use sqlparser::ast::{Ident, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::{TextIndex, syntax_error};
use crate::error::SqlError;

/// A statement about an enum type.
#[derive(Clone, Debug)]
pub(crate) enum EnumStatement {
    Create { name: ObjectName, labels: Vec<String> },
    Alter { name: ObjectName, action: EnumAction },
}

/// What ALTER TYPE does.
#[derive(Clone, Debug)]
pub(crate) enum EnumAction {
    AddValue {
        label: String,
        if_not_exists: bool,
        place: LabelPlace,
    },
    RenameValue {
        from: String,
        to: String,
    },
    Rename(Ident),
    SetSchema(Ident),
    /// OWNER TO
    Owner,
}

/// Where a new label goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LabelPlace {
    End,
    Before(String),
    After(String),
}

type Parsed<T> = Result<T, ParserError>;

/// The statement that begins here, if it is one of these. 0A000 for other kinds of types.
pub(super) fn parse(parser: &mut Parser<'_>, index: &TextIndex<'_>) -> Result<Option<EnumStatement>, SqlError> {
    let parsed = if parser.parse_keywords(&[Keyword::CREATE, Keyword::TYPE]) {
        parse_create(parser)
    } else if parser.parse_keywords(&[Keyword::ALTER, Keyword::TYPE]) {
        parse_alter(parser)
    } else {
        return Ok(None);
    };
    parsed.map_err(|error| syntax_error(&error, parser, index))?.map(Some)
}

fn parse_create(parser: &mut Parser<'_>) -> Parsed<Result<EnumStatement, SqlError>> {
    let name = parser.parse_object_name(false)?;
    let other = |kind: &str| Ok(Err(SqlError::unsupported(format!("{kind} types are not supported"))));
    if !parser.parse_keyword(Keyword::AS) {
        return other("base");
    }
    if parser.peek_token_ref().token == Token::LParen {
        return other("composite");
    }
    if parser.expect_one_of_keywords(&[Keyword::ENUM, Keyword::RANGE])? == Keyword::RANGE {
        return other("range");
    }
    parser.expect_token(&Token::LParen)?;
    let labels = parser.parse_comma_separated0(parse_label, Token::RParen)?;
    parser.expect_token(&Token::RParen)?;
    Ok(Ok(EnumStatement::Create { name, labels }))
}

fn parse_alter(parser: &mut Parser<'_>) -> Parsed<Result<EnumStatement, SqlError>> {
    let name = parser.parse_object_name(false)?;
    let action = if parser.parse_keywords(&[Keyword::ADD, Keyword::VALUE]) {
        parse_add_value(parser)?
    } else if parser.parse_keywords(&[Keyword::RENAME, Keyword::VALUE]) {
        let from = parse_label(parser)?;
        parser.expect_keyword(Keyword::TO)?;
        EnumAction::RenameValue { from, to: parse_label(parser)? }
    } else if parser.parse_keywords(&[Keyword::RENAME, Keyword::TO]) {
        EnumAction::Rename(parser.parse_identifier()?)
    } else if parser.parse_keywords(&[Keyword::SET, Keyword::SCHEMA]) {
        EnumAction::SetSchema(parser.parse_identifier()?)
    } else if parser.parse_keywords(&[Keyword::OWNER, Keyword::TO]) {
        parser.parse_identifier()?;
        EnumAction::Owner
    } else {
        return parser.expected_ref("what becomes of the type", parser.peek_token_ref());
    };
    Ok(Ok(EnumStatement::Alter { name, action }))
}

fn parse_add_value(parser: &mut Parser<'_>) -> Parsed<EnumAction> {
    let if_not_exists = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
    let label = parse_label(parser)?;
    let place = match parser.parse_one_of_keywords(&[Keyword::BEFORE, Keyword::AFTER]) {
        Some(Keyword::BEFORE) => LabelPlace::Before(parse_label(parser)?),
        Some(_) => LabelPlace::After(parse_label(parser)?),
        None => LabelPlace::End,
    };
    Ok(EnumAction::AddValue { label, if_not_exists, place })
}

fn parse_label(parser: &mut Parser<'_>) -> Parsed<String> {
    let token = parser.peek_token_ref().clone();
    let (Token::SingleQuotedString(label) | Token::EscapedStringLiteral(label)) = token.token else {
        return parser.expected_ref("a label in single quotes", &token);
    };
    parser.advance_token();
    Ok(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SqlState;
    use crate::parse::{Tree, parse};

    fn parsed(sql: &str) -> Result<EnumStatement, SqlError> {
        let statements = parse(sql, &mut Vec::new())?;
        match &*statements[0].tree {
            Tree::Enum(statement) => Ok(statement.as_ref().clone()),
            other => panic!("not about an enum type: {other:?}"),
        }
    }

    #[test]
    fn labels_are_strings() {
        let Ok(EnumStatement::Create { name, labels }) = parsed("create type s.mood as enum ('sad', 'so''so', E'\\t')")
        else {
            panic!()
        };
        assert_eq!((name.to_string().as_str(), labels), ("s.mood", vec!["sad".into(), "so'so".into(), "\t".into()]));
        assert!(
            matches!(parsed("create type e as enum ()"), Ok(EnumStatement::Create { labels, .. }) if labels.is_empty())
        );
        assert_eq!(parsed("create type e as enum (sad)").expect_err("a name").code, SqlState::SYNTAX_ERROR);
    }

    #[test]
    fn labels_are_added_at_places() {
        let place = |rest: &str| match parsed(&format!("alter type e add value {rest}")) {
            Ok(EnumStatement::Alter { action: EnumAction::AddValue { if_not_exists, place, .. }, .. }) => {
                (if_not_exists, place)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(place("'a'"), (false, LabelPlace::End));
        assert_eq!(place("if not exists 'a' before 'b'"), (true, LabelPlace::Before("b".into())));
        assert_eq!(place("'a' after 'b'"), (false, LabelPlace::After("b".into())));
    }

    #[test]
    fn other_types_are_refused_by_their_names() {
        for (rest, kind) in [("as (a int)", "composite"), ("as range (subtype = int)", "range"), ("", "base")] {
            let error = parsed(&format!("create type t {rest}")).expect_err("not an enum type");
            assert_eq!(error.message, format!("{kind} types are not supported"));
        }
    }
}
