//! Statements about materialized views, read by ourselves: sqlparser has no REFRESH, no ALTER and no WITH NO DATA of them.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::helpers::stmt_create_table::CreateTableBuilder;
use sqlparser::ast::{
    AlterTable, AlterTableOperation, ColumnDef, CreateTable, CreateTableOptions, DataType, Ident, ObjectName,
    ObjectNamePart, Owner, RenameTableNameKind,
};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{IsOptional, Parser, ParserError};

use super::forms::is_blank;
use super::{SCHEMA_MARK, TextIndex, syntax_error};
use crate::error::SqlError;

/// A statement about a materialized view.
#[derive(Clone, Debug)]
pub(crate) enum MaterializedViewStatement {
    Create {
        /// As CREATE TABLE AS has it; of the columns only the names were written.
        table: Box<CreateTable>,
        /// The query's text.
        query: String,
        has_data: bool,
    },
    Refresh {
        name: ObjectName,
        concurrently: bool,
        has_data: bool,
    },
    /// As ALTER TABLE has it.
    Alter(Box<AlterTable>),
}

impl MaterializedViewStatement {
    /// PostgreSQL's name of the command.
    pub(crate) fn command(&self) -> &'static str {
        match self {
            MaterializedViewStatement::Create { .. } => "CREATE MATERIALIZED VIEW",
            MaterializedViewStatement::Refresh { .. } => "REFRESH MATERIALIZED VIEW",
            MaterializedViewStatement::Alter(_) => "ALTER MATERIALIZED VIEW",
        }
    }
}

type Parsed<T> = Result<T, ParserError>;

/// The statement that begins here, if it is one of these.
pub(super) fn parse(
    parser: &mut Parser<'_>,
    index: &TextIndex<'_>,
) -> Result<Option<MaterializedViewStatement>, SqlError> {
    let mut begins = |verb| parser.parse_keywords(&[verb, Keyword::MATERIALIZED, Keyword::VIEW]);
    let parsed = if begins(Keyword::CREATE) {
        parse_create(parser, index)
    } else if begins(Keyword::REFRESH) {
        parse_refresh(parser)
    } else if begins(Keyword::ALTER) {
        parse_alter(parser)
    } else {
        return Ok(None);
    };
    parsed.map(Some).map_err(|error| syntax_error(&error, parser, index))
}

fn parse_create(parser: &mut Parser<'_>, index: &TextIndex<'_>) -> Parsed<MaterializedViewStatement> {
    let if_not_exists = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
    let name = parser.parse_object_name(false)?;
    let columns = parser.parse_parenthesized_column_list(IsOptional::Optional, false)?;
    if parser.parse_keyword(Keyword::USING) {
        parser.parse_identifier()?;
    }
    let options = parser.parse_options(Keyword::WITH)?;
    if parser.parse_keyword(Keyword::TABLESPACE) {
        parser.parse_identifier()?;
    }
    parser.expect_keyword(Keyword::AS)?;
    let start = index.byte_at(parser.peek_token_ref().span.start);
    let query = parser.parse_query()?;
    let mut read = (0..parser.index()).rev().map(|at| parser.token_at(at));
    let end = read.find(|token| !is_blank(token)).map_or(start, |last| index.byte_at(last.span.end));
    let options = if options.is_empty() { CreateTableOptions::None } else { CreateTableOptions::With(options) };
    let table = CreateTableBuilder::new(name)
        .if_not_exists(if_not_exists)
        .columns(columns.into_iter().map(named).collect())
        .table_options(options)
        .query(Some(query));
    Ok(MaterializedViewStatement::Create {
        table: Box::new(table.build()),
        query: index.text()[start..end.max(start)].to_owned(),
        has_data: parse_has_data(parser)?,
    })
}

fn named(name: Ident) -> ColumnDef {
    ColumnDef { name, data_type: DataType::Text, options: Vec::new() }
}

/// `WITH [NO] DATA`, or nothing.
fn parse_has_data(parser: &mut Parser<'_>) -> Parsed<bool> {
    if !parser.parse_keyword(Keyword::WITH) {
        return Ok(true);
    }
    let has_data = !parser.parse_keyword(Keyword::NO);
    parser.expect_keyword(Keyword::DATA)?;
    Ok(has_data)
}

fn parse_refresh(parser: &mut Parser<'_>) -> Parsed<MaterializedViewStatement> {
    let concurrently = parser.parse_keyword(Keyword::CONCURRENTLY);
    let name = parser.parse_object_name(false)?;
    Ok(MaterializedViewStatement::Refresh { name, concurrently, has_data: parse_has_data(parser)? })
}

fn parse_alter(parser: &mut Parser<'_>) -> Parsed<MaterializedViewStatement> {
    let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
    let name = parser.parse_object_name(false)?;
    let operation = parse_operation(parser)?;
    Ok(MaterializedViewStatement::Alter(Box::new(AlterTable {
        name,
        if_exists,
        only: false,
        operations: vec![operation],
        location: None,
        on_cluster: None,
        table_type: None,
        end_token: AttachedToken::empty(),
    })))
}

fn parse_operation(parser: &mut Parser<'_>) -> Parsed<AlterTableOperation> {
    if parser.parse_keywords(&[Keyword::SET, Keyword::SCHEMA]) {
        return Ok(renamed(vec![Ident::with_quote('"', SCHEMA_MARK), parser.parse_identifier()?]));
    }
    if parser.parse_keywords(&[Keyword::RENAME, Keyword::TO]) {
        return Ok(renamed(vec![parser.parse_identifier()?]));
    }
    if parser.parse_keyword(Keyword::RENAME) {
        let _ = parser.parse_keyword(Keyword::COLUMN);
        let old_column_name = parser.parse_identifier()?;
        parser.expect_keyword(Keyword::TO)?;
        return Ok(AlterTableOperation::RenameColumn { old_column_name, new_column_name: parser.parse_identifier()? });
    }
    if parser.parse_keywords(&[Keyword::OWNER, Keyword::TO]) {
        return Ok(AlterTableOperation::OwnerTo { new_owner: Owner::Ident(parser.parse_identifier()?) });
    }
    parser.expected_ref("RENAME, SET SCHEMA or OWNER TO", parser.peek_token_ref())
}

fn renamed(name: Vec<Ident>) -> AlterTableOperation {
    let name = ObjectName(name.into_iter().map(ObjectNamePart::Identifier).collect());
    AlterTableOperation::RenameTable { table_name: RenameTableNameKind::To(name) }
}

#[cfg(test)]
mod tests {
    use super::super::{Tree, parse as parse_all};
    use super::*;

    fn parsed(text: &str) -> Result<MaterializedViewStatement, SqlError> {
        let statements = parse_all(text, &mut Vec::new())?;
        match &*statements[0].tree {
            Tree::MaterializedView(statement) => Ok(statement.as_ref().clone()),
            other => panic!("{other:?} is not about a materialized view"),
        }
    }

    #[test]
    fn the_query_is_kept_as_it_was_written() {
        let text =
            "create materialized view if not exists m (a) with (order_by = 'a') as\n select  1 -- one\n with no data";
        match parsed(text).expect("it is one") {
            MaterializedViewStatement::Create { table, query, has_data } => {
                assert_eq!((query.as_str(), has_data, table.if_not_exists), ("select  1", false, true));
                assert_eq!(table.columns.len(), 1);
            }
            other => panic!("{other:?}"),
        }
        let of = |text: &str| match parsed(text).expect("it is one") {
            MaterializedViewStatement::Create { query, has_data, .. } => (query, has_data),
            other => panic!("{other:?}"),
        };
        let with = "with w as (select 1) select * from w order by 1";
        assert_eq!(of(&format!("create materialized view m as {with} with data;")), (with.to_owned(), true));
        assert_eq!(of("create materialized view m as (table t)"), ("(table t)".to_owned(), true));
    }

    #[test]
    fn what_is_no_such_statement_is_refused() {
        assert!(parsed("refresh materialized view concurrently s.m with no data").is_ok());
        assert!(parsed("alter materialized view if exists m set schema s").is_ok());
        assert!(parsed("alter materialized view m add column a int").is_err());
        assert!(parsed("refresh materialized view m with no").is_err());
        assert!(parsed("create materialized view m").is_err());
    }
}
