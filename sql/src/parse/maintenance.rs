//! VACUUM, ANALYZE, OPTIMIZE TABLE, CLUSTER, REINDEX and CHECKPOINT, read by ourselves: sqlparser knows other systems' forms.

use sqlparser::ast::{Ident, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{IsOptional, Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::{TextIndex, syntax_error};
use crate::error::SqlError;

/// A statement about how tables are stored, not about what they hold.
#[derive(Clone, Debug)]
pub(crate) enum Maintenance {
    /// Of all tables if none is named.
    Vacuum {
        full: bool,
        tables: Vec<Subject>,
    },
    /// Of all tables if none is named.
    Analyze {
        tables: Vec<Subject>,
    },
    Optimize {
        table: ObjectName,
    },
    /// Of all tables that have an order key if none is named.
    Cluster {
        table: Option<ObjectName>,
        using: Option<Ident>,
    },
    Reindex {
        kind: Reindexed,
        name: ObjectName,
        concurrently: bool,
    },
    Checkpoint,
}

/// What REINDEX names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reindexed {
    Index,
    Table,
    Schema,
    Database,
    System,
}

/// A table, and columns of it.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) table: ObjectName,
    pub(crate) columns: Vec<Ident>,
}

impl Maintenance {
    /// The command tag.
    pub(crate) fn tag(&self) -> &'static str {
        match self {
            Maintenance::Vacuum { .. } => "VACUUM",
            Maintenance::Analyze { .. } => "ANALYZE",
            Maintenance::Optimize { .. } => "OPTIMIZE TABLE",
            Maintenance::Cluster { .. } => "CLUSTER",
            Maintenance::Reindex { .. } => "REINDEX",
            Maintenance::Checkpoint => "CHECKPOINT",
        }
    }

    /// The command, if it commits by itself, so that it can be no part of a block.
    pub(crate) fn commits_as(&self) -> Option<&'static str> {
        match self {
            Maintenance::Vacuum { .. } | Maintenance::Optimize { .. } | Maintenance::Cluster { .. } => Some(self.tag()),
            Maintenance::Reindex { kind: Reindexed::Schema, .. } => Some("REINDEX SCHEMA"),
            Maintenance::Reindex { kind: Reindexed::Database, .. } => Some("REINDEX DATABASE"),
            Maintenance::Reindex { kind: Reindexed::System, .. } => Some("REINDEX SYSTEM"),
            Maintenance::Reindex { concurrently: true, .. } => Some("REINDEX CONCURRENTLY"),
            Maintenance::Reindex { .. } | Maintenance::Analyze { .. } | Maintenance::Checkpoint => None,
        }
    }
}

const VACUUM_OPTIONS: &[&str] = &[
    "full",
    "freeze",
    "verbose",
    "analyze",
    "disable_page_skipping",
    "skip_locked",
    "index_cleanup",
    "process_main",
    "process_toast",
    "truncate",
    "parallel",
    "skip_database_stats",
    "only_database_stats",
    "buffer_usage_limit",
];
const ANALYZE_OPTIONS: &[&str] = &["verbose", "skip_locked", "buffer_usage_limit"];
const CLUSTER_OPTIONS: &[&str] = &["verbose"];
const REINDEX_OPTIONS: &[&str] = &["verbose", "concurrently"];

type Parsed<T> = Result<T, ParserError>;
/// Options by lower-case name, and whether each is on.
type Options = Vec<(String, bool)>;

/// The statement that begins here, if it is one of these.
pub(super) fn parse(parser: &mut Parser<'_>, index: &TextIndex<'_>) -> Result<Option<Maintenance>, SqlError> {
    let Token::Word(word) = &parser.peek_token_ref().token else { return Ok(None) };
    if word.quote_style.is_some() {
        return Ok(None);
    }
    let verb = word.value.to_uppercase();
    let read: fn(&mut Parser<'_>) -> Parsed<Result<Maintenance, SqlError>> = match verb.as_str() {
        "VACUUM" => parse_vacuum,
        "ANALYZE" | "ANALYSE" => parse_analyze,
        "OPTIMIZE" => parse_optimize,
        "CLUSTER" => parse_cluster,
        "REINDEX" => parse_reindex,
        "CHECKPOINT" => |_| Ok(Ok(Maintenance::Checkpoint)),
        _ => return Ok(None),
    };
    let _ = parser.next_token();
    read(parser).map_err(|error| syntax_error(&error, parser, index))?.map(Some)
}

/// The table of `UNDROP TABLE`, if that begins here.
pub(super) fn parse_undrop(parser: &mut Parser<'_>, index: &TextIndex<'_>) -> Result<Option<ObjectName>, SqlError> {
    let Token::Word(word) = &parser.peek_token_ref().token else { return Ok(None) };
    if word.quote_style.is_some() || !word.value.eq_ignore_ascii_case("undrop") {
        return Ok(None);
    }
    let _ = parser.next_token();
    let table = parser.expect_keyword(Keyword::TABLE).and_then(|_| parser.parse_object_name(false));
    table.map(Some).map_err(|error| syntax_error(&error, parser, index))
}

fn parse_vacuum(parser: &mut Parser<'_>) -> Parsed<Result<Maintenance, SqlError>> {
    let options = if parser.peek_token_ref().token == Token::LParen {
        parse_options(parser)?
    } else {
        let words = [Keyword::FULL, Keyword::FREEZE, Keyword::VERBOSE, Keyword::ANALYZE];
        let found = std::iter::from_fn(|| parser.parse_one_of_keywords(&words));
        found.map(|word| (format!("{word:?}").to_lowercase(), true)).collect()
    };
    let tables = parse_subjects(parser)?;
    let full = options.iter().any(|(name, is_on)| name == "full" && *is_on);
    Ok(known("VACUUM", VACUUM_OPTIONS, &options).map(|()| Maintenance::Vacuum { full, tables }))
}

fn parse_analyze(parser: &mut Parser<'_>) -> Parsed<Result<Maintenance, SqlError>> {
    let options = if parser.peek_token_ref().token == Token::LParen {
        parse_options(parser)?
    } else {
        let _ = parser.parse_keyword(Keyword::VERBOSE);
        Options::new()
    };
    let tables = parse_subjects(parser)?;
    Ok(known("ANALYZE", ANALYZE_OPTIONS, &options).map(|()| Maintenance::Analyze { tables }))
}

fn parse_optimize(parser: &mut Parser<'_>) -> Parsed<Result<Maintenance, SqlError>> {
    let _ = parser.parse_keyword(Keyword::TABLE);
    Ok(Ok(Maintenance::Optimize { table: parser.parse_object_name(false)? }))
}

fn parse_cluster(parser: &mut Parser<'_>) -> Parsed<Result<Maintenance, SqlError>> {
    let options = if parser.peek_token_ref().token == Token::LParen {
        parse_options(parser)?
    } else {
        let _ = parser.parse_keyword(Keyword::VERBOSE);
        Options::new()
    };
    let table = if ends(parser) { None } else { Some(parser.parse_object_name(false)?) };
    let has_index = table.is_some() && parser.parse_keyword(Keyword::USING);
    let using = if has_index { Some(parser.parse_identifier()?) } else { None };
    Ok(known("CLUSTER", CLUSTER_OPTIONS, &options).map(|()| Maintenance::Cluster { table, using }))
}

fn parse_reindex(parser: &mut Parser<'_>) -> Parsed<Result<Maintenance, SqlError>> {
    let has_options = parser.peek_token_ref().token == Token::LParen;
    let options = if has_options { parse_options(parser)? } else { Options::new() };
    let kinds = [Keyword::INDEX, Keyword::TABLE, Keyword::SCHEMA, Keyword::DATABASE, Keyword::SYSTEM];
    let kind = match parser.expect_one_of_keywords(&kinds)? {
        Keyword::INDEX => Reindexed::Index,
        Keyword::TABLE => Reindexed::Table,
        Keyword::SCHEMA => Reindexed::Schema,
        Keyword::DATABASE => Reindexed::Database,
        _ => Reindexed::System,
    };
    let is_option = options.iter().any(|(name, is_on)| name == "concurrently" && *is_on);
    let concurrently = parser.parse_keyword(Keyword::CONCURRENTLY) || is_option;
    let name = parser.parse_object_name(false)?;
    if options.iter().any(|(name, _)| name == "tablespace") {
        return Ok(Err(SqlError::unsupported("REINDEX (TABLESPACE ...) is not supported")));
    }
    Ok(known("REINDEX", REINDEX_OPTIONS, &options).map(|()| Maintenance::Reindex { kind, name, concurrently }))
}

fn parse_options(parser: &mut Parser<'_>) -> Parsed<Options> {
    parser.expect_token(&Token::LParen)?;
    let options = parser.parse_comma_separated(parse_option)?;
    parser.expect_token(&Token::RParen)?;
    Ok(options)
}

/// `name [value]`; what says no is off.
fn parse_option(parser: &mut Parser<'_>) -> Parsed<(String, bool)> {
    let name = parser.parse_identifier()?.value.to_lowercase();
    if matches!(parser.peek_token_ref().token, Token::Comma | Token::RParen) {
        return Ok((name, true));
    }
    let value = parser.next_token().token.to_string();
    let is_off = ["off", "false", "0"].contains(&value.trim_matches('\'').to_lowercase().as_str());
    Ok((name, !is_off))
}

fn parse_subjects(parser: &mut Parser<'_>) -> Parsed<Vec<Subject>> {
    if ends(parser) {
        return Ok(Vec::new());
    }
    parser.parse_comma_separated(|parser| {
        let table = parser.parse_object_name(false)?;
        let columns = parser.parse_parenthesized_column_list(IsOptional::Optional, false)?;
        Ok(Subject { table, columns })
    })
}

fn ends(parser: &Parser<'_>) -> bool {
    matches!(parser.peek_token_ref().token, Token::SemiColon | Token::EOF)
}

fn known(command: &str, names: &[&str], options: &Options) -> Result<(), SqlError> {
    match options.iter().find(|(name, _)| !names.contains(&name.as_str())) {
        Some((name, _)) => Err(SqlError::syntax(format!("unrecognized {command} option \"{name}\""))),
        None => Ok(()),
    }
}
