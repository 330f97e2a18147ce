//! `COPY`, read by ourselves: sqlparser lacks ON_ERROR, REJECT_LIMIT, HEADER MATCH and FORCE_QUOTE *, and takes what
//! follows `FROM STDIN;` for data.

use sqlparser::ast::{self, Expr, Ident, ObjectName, Query};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{IsOptional, Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::forms::{changes_rows, insert_with, is_change};
use super::{TextIndex, syntax_error, unexpected};
use crate::copy::OptionValue;
use crate::error::SqlError;

/// A COPY statement as written.
#[derive(Clone, Debug)]
pub(crate) struct CopyStatement {
    pub(crate) subject: CopySubject,
    /// Whether rows go out (`TO`) or come in (`FROM`).
    pub(crate) to: bool,
    pub(crate) end: CopyEnd,
    /// Options by lower-case name, in order; the old keyword forms come as the options that they stand for.
    pub(crate) options: Vec<(String, OptionValue)>,
    /// `WHERE`, of a COPY FROM.
    pub(crate) condition: Option<Expr>,
}

impl CopyStatement {
    /// The statement whose rows are copied, if it changes some.
    pub(crate) fn change(&self) -> Option<ast::Statement> {
        match &self.subject {
            CopySubject::Query(query) if changes_rows(query) || is_change(query) => {
                Some(insert_with(ast::Statement::Query(query.clone())))
            }
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum CopySubject {
    Table { name: ObjectName, columns: Vec<Ident> },
    Query(Box<Query>),
}

/// The other end of a COPY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CopyEnd {
    Client,
    Program,
    /// A path on the server, or `s3://bucket/key`.
    File(String),
}

type Parsed<T> = Result<T, ParserError>;

pub(super) fn parse_copy(parser: &mut Parser<'_>, index: &TextIndex<'_>) -> Result<CopyStatement, SqlError> {
    let _ = parser.next_token();
    let head = parse_head(parser).map_err(|error| syntax_error(&error, parser, index))?;
    let (subject, to, end) = head;
    if matches!((&subject, to), (CopySubject::Query(_), false)) {
        return Err(unexpected(parser.get_current_token(), index));
    }
    let options = parse_options(parser).map_err(|error| syntax_error(&error, parser, index))?;
    let has_condition = parser.parse_keyword(Keyword::WHERE);
    if has_condition && to {
        return Err(SqlError::syntax("WHERE clause not allowed with COPY TO"));
    }
    let condition = has_condition.then(|| parser.parse_expr()).transpose();
    let condition = condition.map_err(|error| syntax_error(&error, parser, index))?;
    Ok(CopyStatement { subject, to, end, options, condition })
}

fn parse_head(parser: &mut Parser<'_>) -> Parsed<(CopySubject, bool, CopyEnd)> {
    // The oldest form: COPY BINARY t.
    let subject = parse_subject(parser)?;
    let to = parser.expect_one_of_keywords(&[Keyword::FROM, Keyword::TO])? == Keyword::TO;
    let end = if parser.parse_one_of_keywords(&[Keyword::STDIN, Keyword::STDOUT]).is_some() {
        CopyEnd::Client
    } else if parser.parse_keyword(Keyword::PROGRAM) {
        parser.parse_literal_string()?;
        CopyEnd::Program
    } else {
        CopyEnd::File(parser.parse_literal_string()?)
    };
    Ok((subject, to, end))
}

fn parse_subject(parser: &mut Parser<'_>) -> Parsed<CopySubject> {
    if parser.consume_token(&Token::LParen) {
        let query = parser.parse_query()?;
        parser.expect_token(&Token::RParen)?;
        return Ok(CopySubject::Query(query));
    }
    let name = parser.parse_object_name(false)?;
    let columns = parser.parse_parenthesized_column_list(IsOptional::Optional, false)?;
    Ok(CopySubject::Table { name, columns })
}

fn parse_options(parser: &mut Parser<'_>) -> Parsed<Vec<(String, OptionValue)>> {
    let _ = parser.parse_keyword(Keyword::WITH);
    if parser.consume_token(&Token::LParen) {
        let options = parser.parse_comma_separated(parse_option)?;
        parser.expect_token(&Token::RParen)?;
        return Ok(options);
    }
    let mut options = Vec::new();
    while let Some(option) = parse_keyword_option(parser)? {
        options.push(option);
    }
    Ok(options)
}

/// `name [value]` with value a word, string, number, `*`, or list of words in parentheses.
fn parse_option(parser: &mut Parser<'_>) -> Parsed<(String, OptionValue)> {
    let name = parser.parse_identifier()?.value.to_lowercase();
    let value = match &parser.peek_token_ref().token {
        Token::Comma | Token::RParen => OptionValue::Absent,
        Token::Mul => {
            let _ = parser.next_token();
            OptionValue::Star
        }
        Token::LParen => {
            let columns = parser.parse_parenthesized_column_list(IsOptional::Mandatory, false)?;
            OptionValue::List(columns.iter().map(column_name).collect())
        }
        _ => OptionValue::Text(parse_word(parser)?),
    };
    Ok((name, value))
}

fn parse_word(parser: &mut Parser<'_>) -> Parsed<String> {
    let negative = parser.consume_token(&Token::Minus);
    let token = parser.next_token();
    match token.token {
        Token::Number(number, _) => Ok(if negative { format!("-{number}") } else { number }),
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => Ok(text),
        Token::Word(word) => Ok(word.value),
        _ => parser.expected("a value", token),
    }
}

/// The forms from before options stood in parentheses: `WITH CSV HEADER DELIMITER AS '|' FORCE QUOTE a, b`.
fn parse_keyword_option(parser: &mut Parser<'_>) -> Parsed<Option<(String, OptionValue)>> {
    let text = |text: String| OptionValue::Text(text);
    let found = parser.parse_one_of_keywords(&[
        Keyword::CSV,
        Keyword::BINARY,
        Keyword::HEADER,
        Keyword::DELIMITER,
        Keyword::NULL,
        Keyword::QUOTE,
        Keyword::ESCAPE,
        Keyword::ENCODING,
        Keyword::FORCE,
    ]);
    let Some(keyword) = found else { return Ok(None) };
    let option = match keyword {
        Keyword::CSV => ("format", text("csv".to_owned())),
        Keyword::BINARY => ("format", text("binary".to_owned())),
        Keyword::HEADER => ("header", OptionValue::Absent),
        Keyword::FORCE => parse_force(parser)?,
        other => {
            let _ = parser.parse_keyword(Keyword::AS);
            (legacy_name(other), text(parser.parse_literal_string()?))
        }
    };
    Ok(Some((option.0.to_owned(), option.1)))
}

fn legacy_name(keyword: Keyword) -> &'static str {
    match keyword {
        Keyword::DELIMITER => "delimiter",
        Keyword::NULL => "null",
        Keyword::QUOTE => "quote",
        Keyword::ESCAPE => "escape",
        _ => "encoding",
    }
}

fn parse_force(parser: &mut Parser<'_>) -> Parsed<(&'static str, OptionValue)> {
    let name = if parser.parse_keywords(&[Keyword::NOT, Keyword::NULL]) {
        "force_not_null"
    } else if parser.parse_keyword(Keyword::NULL) {
        "force_null"
    } else {
        parser.expect_keyword(Keyword::QUOTE)?;
        "force_quote"
    };
    if parser.consume_token(&Token::Mul) {
        return Ok((name, OptionValue::Star));
    }
    let columns = parser.parse_comma_separated(|parser| parser.parse_identifier())?;
    Ok((name, OptionValue::List(columns.iter().map(column_name).collect())))
}

/// A column's name as PostgreSQL folds it.
fn column_name(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}
