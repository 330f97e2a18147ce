//! ALTER TABLE … ALTER COLUMN … about identity, read by ourselves: of its forms sqlparser knows a part of one.

use sqlparser::ast::{Ident, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::sequence::{SequenceOptions, parse_option, parse_options};
use super::{TextIndex, syntax_error};
use crate::error::SqlError;

/// The statement.
#[derive(Clone, Debug)]
pub(crate) struct AlterIdentity {
    pub(crate) table: ObjectName,
    pub(crate) if_exists: bool,
    pub(crate) column: Ident,
    pub(crate) action: IdentityAction,
}

/// What becomes of the column.
#[derive(Clone, Debug)]
pub(crate) enum IdentityAction {
    /// `ADD GENERATED … AS IDENTITY`
    Add { is_always: bool, options: SequenceOptions },
    /// `SET GENERATED …`, `SET` an option, `RESTART`
    Change { is_always: Option<bool>, options: SequenceOptions },
    /// `DROP IDENTITY`
    Drop { if_exists: bool },
}

type Parsed<T> = Result<T, ParserError>;

/// How the action begins.
enum Verb {
    Add,
    Change,
    Drop,
}

/// The statement that begins here, if it is one.
pub(super) fn parse(parser: &mut Parser<'_>, index: &TextIndex<'_>) -> Result<Option<AlterIdentity>, SqlError> {
    let begins = parser.peek_keyword(Keyword::ALTER);
    let Some((table, if_exists, column, verb)) =
        begins.then(|| parser.maybe_parse(parse_head).ok().flatten()).flatten()
    else {
        return Ok(None);
    };
    let action = match verb {
        Verb::Add => parse_add(parser),
        Verb::Change => parse_change(parser),
        Verb::Drop => {
            Ok(Ok(IdentityAction::Drop { if_exists: parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]) }))
        }
    };
    let action = action.map_err(|error| syntax_error(&error, parser, index))??;
    Ok(Some(AlterIdentity { table, if_exists, column, action }))
}

/// All up to the word that shows that it is about identity; a change begins with SET or RESTART, which stay.
fn parse_head(parser: &mut Parser<'_>) -> Parsed<(ObjectName, bool, Ident, Verb)> {
    parser.expect_keywords(&[Keyword::ALTER, Keyword::TABLE])?;
    let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
    let _ = parser.parse_keyword(Keyword::ONLY);
    let table = parser.parse_object_name(false)?;
    parser.expect_keyword(Keyword::ALTER)?;
    let _ = parser.parse_keyword(Keyword::COLUMN);
    let column = parser.parse_identifier()?;
    let verb = if parser.parse_keywords(&[Keyword::ADD, Keyword::GENERATED]) {
        Verb::Add
    } else if parser.parse_keywords(&[Keyword::DROP, Keyword::IDENTITY]) {
        Verb::Drop
    } else if parser.peek_keyword(Keyword::RESTART) || sets_identity(parser) {
        Verb::Change
    } else {
        return parser.expected_ref("an action on identity", parser.peek_token_ref());
    };
    Ok((table, if_exists, column, verb))
}

fn sets_identity(parser: &Parser<'_>) -> bool {
    const OPTIONS: &[Keyword] = &[
        Keyword::GENERATED,
        Keyword::INCREMENT,
        Keyword::NO,
        Keyword::MINVALUE,
        Keyword::MAXVALUE,
        Keyword::START,
        Keyword::CACHE,
        Keyword::CYCLE,
        Keyword::RESTART,
    ];
    let follows = match &parser.peek_nth_token_ref(1).token {
        Token::Word(word) => word.quote_style.is_none() && OPTIONS.contains(&word.keyword),
        _ => false,
    };
    parser.peek_keyword(Keyword::SET) && follows
}

fn parse_generated(parser: &mut Parser<'_>) -> Parsed<bool> {
    if parser.parse_keyword(Keyword::ALWAYS) {
        return Ok(true);
    }
    parser.expect_keywords(&[Keyword::BY, Keyword::DEFAULT])?;
    Ok(false)
}

fn parse_add(parser: &mut Parser<'_>) -> Parsed<Result<IdentityAction, SqlError>> {
    let is_always = parse_generated(parser)?;
    parser.expect_keywords(&[Keyword::AS, Keyword::IDENTITY])?;
    let mut options = Ok(SequenceOptions::default());
    if parser.consume_token(&Token::LParen) {
        options = parse_options(parser)?;
        parser.expect_token(&Token::RParen)?;
    }
    Ok(options.map(|options| IdentityAction::Add { is_always, options }))
}

fn parse_change(parser: &mut Parser<'_>) -> Parsed<Result<IdentityAction, SqlError>> {
    let mut is_always = None;
    let mut options = SequenceOptions::default();
    let mut result = Ok(());
    loop {
        if parser.parse_keywords(&[Keyword::SET, Keyword::GENERATED]) {
            is_always = Some(parse_generated(parser)?);
        } else if parser.parse_keyword(Keyword::RESTART) {
            let taken = parse_option(parser, Keyword::RESTART, &mut options)?;
            result = result.and(taken);
        } else if parser.parse_keyword(Keyword::SET) {
            let word = parser.expect_one_of_keywords(super::sequence::OPTION_WORDS)?;
            let taken = parse_option(parser, word, &mut options)?;
            result = result.and(taken);
        } else {
            return Ok(result.map(|()| IdentityAction::Change { is_always, options }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{SequenceStatement, Tree, parse};

    fn action(sql: &str) -> Option<IdentityAction> {
        let statements = parse(sql, &mut Vec::new()).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        match &*statements[0].tree {
            Tree::Sequence(statement) => match statement.as_ref() {
                SequenceStatement::Identity(alter) => Some(alter.action.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    #[test]
    fn actions_on_identity_are_told_from_others() {
        let dumped = "alter table only s.t alter column id add generated by default as identity (
            sequence name s.t_id_seq start with 1 increment by 1 no minvalue no maxvalue cache 1)";
        let Some(IdentityAction::Add { is_always: false, options }) = action(dumped) else { panic!() };
        assert_eq!(options.name.map(|name| name.to_string()), Some("s.t_id_seq".to_owned()));
        let changed = action("alter table t alter id set generated always set increment by 2 restart with 5");
        let Some(IdentityAction::Change { is_always: Some(true), options }) = changed else { panic!() };
        assert_eq!((options.increment, options.restart), (Some(2), Some(Some(5))));
        let dropped = action("alter table t alter column id drop identity if exists");
        assert!(matches!(dropped, Some(IdentityAction::Drop { if_exists: true })));
        for other in
            ["alter table t alter id set not null", "alter table t alter id type int", "alter table t add b int"]
        {
            assert!(action(other).is_none(), "{other}");
        }
    }
}
