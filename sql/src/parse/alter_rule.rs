//! ALTER TABLE … ALTER COLUMN … about identity and generation, read by ourselves: of its forms sqlparser knows a part of
//! one.

use sqlparser::ast::{Ident, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::sequence::{SequenceOptions, parse_option, parse_options};
use super::{TextIndex, syntax_error};
use crate::error::SqlError;

/// The statement.
#[derive(Clone, Debug)]
pub(crate) struct AlterRule {
    pub(crate) table: ObjectName,
    pub(crate) if_exists: bool,
    pub(crate) column: Ident,
    pub(crate) action: RuleAction,
}

/// What becomes of the column.
#[derive(Clone, Debug)]
pub(crate) enum RuleAction {
    /// `ADD GENERATED … AS IDENTITY`
    Add { is_always: bool, options: SequenceOptions },
    /// `SET GENERATED …`, `SET` an option, `RESTART`
    Change { is_always: Option<bool>, options: SequenceOptions },
    /// `DROP IDENTITY`
    Drop { if_exists: bool },
    /// `DROP EXPRESSION`
    DropExpression { if_exists: bool },
}

type Parsed<T> = Result<T, ParserError>;

/// How the action begins.
enum Verb {
    Add,
    Change,
    Drop,
    DropExpression,
}

/// The statement that begins here, if it is one.
pub(super) fn parse(parser: &mut Parser<'_>, index: &TextIndex<'_>) -> Result<Option<AlterRule>, SqlError> {
    let begins = parser.peek_keyword(Keyword::ALTER);
    let Some((table, if_exists, column, verb)) =
        begins.then(|| parser.maybe_parse(parse_head).ok().flatten()).flatten()
    else {
        return Ok(None);
    };
    let action = match verb {
        Verb::Add => parse_add(parser),
        Verb::Change => parse_change(parser),
        Verb::Drop => Ok(Ok(RuleAction::Drop { if_exists: parse_if_exists(parser) })),
        Verb::DropExpression => Ok(Ok(RuleAction::DropExpression { if_exists: parse_if_exists(parser) })),
    };
    let action = action.map_err(|error| syntax_error(&error, parser, index))??;
    Ok(Some(AlterRule { table, if_exists, column, action }))
}

fn parse_if_exists(parser: &mut Parser<'_>) -> bool {
    parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS])
}

/// Reads DROP EXPRESSION, whose second word is no keyword of sqlparser's.
fn parse_drop_expression(parser: &mut Parser<'_>) -> bool {
    let follows = match &parser.peek_nth_token_ref(1).token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case("expression"),
        _ => false,
    };
    let drops = parser.peek_keyword(Keyword::DROP) && follows;
    if drops {
        let _ = (parser.next_token(), parser.next_token());
    }
    drops
}

/// All up to the word that shows that it is about a rule; a change begins with SET or RESTART, which stay.
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
    } else if parse_drop_expression(parser) {
        Verb::DropExpression
    } else if parser.peek_keyword(Keyword::RESTART) || sets_identity(parser) {
        Verb::Change
    } else {
        return parser.expected_ref("an action on a rule", parser.peek_token_ref());
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

fn parse_add(parser: &mut Parser<'_>) -> Parsed<Result<RuleAction, SqlError>> {
    let is_always = parse_generated(parser)?;
    parser.expect_keywords(&[Keyword::AS, Keyword::IDENTITY])?;
    let mut options = Ok(SequenceOptions::default());
    if parser.consume_token(&Token::LParen) {
        options = parse_options(parser)?;
        parser.expect_token(&Token::RParen)?;
    }
    Ok(options.map(|options| RuleAction::Add { is_always, options }))
}

fn parse_change(parser: &mut Parser<'_>) -> Parsed<Result<RuleAction, SqlError>> {
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
            return Ok(result.map(|()| RuleAction::Change { is_always, options }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{SequenceStatement, Tree, parse};

    fn action(sql: &str) -> Option<RuleAction> {
        let statements = parse(sql, &mut Vec::new()).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        match &*statements[0].tree {
            Tree::Sequence(statement) => match statement.as_ref() {
                SequenceStatement::Rule(alter) => Some(alter.action.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    #[test]
    fn actions_on_identity_are_told_from_others() {
        let dumped = "alter table only s.t alter column id add generated by default as identity (
            sequence name s.t_id_seq start with 1 increment by 1 no minvalue no maxvalue cache 1)";
        let Some(RuleAction::Add { is_always: false, options }) = action(dumped) else { panic!() };
        assert_eq!(options.name.map(|name| name.to_string()), Some("s.t_id_seq".to_owned()));
        let changed = action("alter table t alter id set generated always set increment by 2 restart with 5");
        let Some(RuleAction::Change { is_always: Some(true), options }) = changed else { panic!() };
        assert_eq!((options.increment, options.restart), (Some(2), Some(Some(5))));
        let dropped = action("alter table t alter column id drop identity if exists");
        assert!(matches!(dropped, Some(RuleAction::Drop { if_exists: true })));
        let dropped = action("alter table t alter column g drop expression");
        assert!(matches!(dropped, Some(RuleAction::DropExpression { if_exists: false })));
        for other in
            ["alter table t alter id set not null", "alter table t alter id type int", "alter table t add b int"]
        {
            assert!(action(other).is_none(), "{other}");
        }
    }
}
