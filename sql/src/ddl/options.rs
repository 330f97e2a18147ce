//! `WITH (schema = …, partition_by = …, order_by = …)`.

use peristyle_catalog::model::{
    Column, ColumnId, Openness, OrderColumn, PartitionKey, Table, TimeUnit, bucket_family, is_time_key,
};
use sqlparser::ast::{CreateTableOptions, Expr, Ident, OrderByExpr, SqlOption, Value};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Span, Token, Tokenizer, Word};

use super::create_table::TIME_COLUMN;
use crate::error::{SqlError, SqlState};
use crate::names::fold;
use crate::retention::{RETENTION, check_interval};

/// Most hash buckets of a table.
const BUCKETS_MAX: u32 = 65_536;
/// Options of PostgreSQL's own storage that tools send; they have no meaning here and are kept for show.
const POSTGRESQL_OPTIONS: &[&str] = &["fillfactor", "autovacuum_enabled", "oids", "user_catalog_table"];

/// A table's options as written, checked for their form; columns are resolved later.
#[derive(Clone, Debug)]
pub(super) struct TableOptions {
    pub(super) openness: Openness,
    partition_by: Option<String>,
    order_by: Option<String>,
    pub(super) written: Vec<(String, String)>,
}

impl TableOptions {
    /// `bare`: the table has no columns, so it takes any.
    pub(super) fn parse(options: &CreateTableOptions, bare: bool) -> Result<TableOptions, SqlError> {
        let openness = if bare { Openness::Open } else { Openness::Declared };
        let mut parsed = TableOptions { openness, partition_by: None, order_by: None, written: Vec::new() };
        let list: &[SqlOption] = match options {
            CreateTableOptions::None => &[],
            CreateTableOptions::With(list) => list,
            CreateTableOptions::Options(_) | CreateTableOptions::Plain(_) | CreateTableOptions::TableProperties(_) => {
                return Err(SqlError::syntax("table options are given as WITH (name = value)"));
            }
        };
        for option in list {
            parsed.take(option)?;
        }
        Ok(parsed)
    }

    pub(super) fn enforces_keys(&self) -> bool {
        self.written.iter().any(|(name, value)| name == "enforce_key" && value == "true")
    }

    /// What a table has now, for ALTER TABLE … SET and RESET.
    pub(super) fn of_table(table: &Table) -> TableOptions {
        let find = |name: &str| table.options.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        TableOptions {
            openness: table.openness,
            partition_by: find("partition_by"),
            order_by: find("order_by"),
            written: table.options.clone(),
        }
    }

    /// Whether the partition key is written, and not the default one.
    pub(super) fn says_partition_key(&self) -> bool {
        self.partition_by.is_some()
    }

    /// Leaves an option out, so that it is what a table has that was made without it.
    pub(super) fn reset(&mut self, name: &str) {
        let before = self.written.len();
        self.written.retain(|(key, _)| key != name);
        match name {
            "schema" if self.written.len() < before => self.openness = Openness::Declared,
            "partition_by" => self.partition_by = None,
            "order_by" => self.order_by = None,
            _ => {}
        }
    }

    /// Takes one option, replacing an earlier value.
    pub(super) fn take(&mut self, option: &SqlOption) -> Result<(), SqlError> {
        let SqlOption::KeyValue { key, value } = option else {
            return Err(SqlError::syntax(format!("syntax error at or near \"{option}\"")));
        };
        let (name, mut text) = (fold(key), value_text(value)?);
        match name.as_str() {
            "schema" => {
                self.openness = match text.as_str() {
                    "open" => Openness::Open,
                    "declared" => Openness::Declared,
                    _ => return Err(invalid(&name, &text).detail("Valid values are \"open\" and \"declared\".")),
                }
            }
            "enforce_key" => text = enforcement(&name, &text)?.to_string(),
            "retention" => check_interval(&text)?,
            "partition_by" => self.partition_by = Some(text.clone()),
            "order_by" => self.order_by = Some(text.clone()),
            other if POSTGRESQL_OPTIONS.contains(&other) => {}
            _ => {
                let message = format!("unrecognized parameter \"{name}\"");
                return Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message)
                    .hint("Options of a table are schema, partition_by, order_by, enforce_key and retention."));
            }
        }
        self.written.retain(|(key, _)| *key != name);
        self.written.push((name, text));
        Ok(())
    }

    /// The partition key: as written, else hour of `time` on open tables and none on declared ones.
    pub(super) fn partition_key(&self, columns: &[Column]) -> Result<PartitionKey, SqlError> {
        match (&self.partition_by, self.openness) {
            (Some(text), _) => parse_key(text, columns),
            (None, Openness::Open) => parse_key(&format!("hour({TIME_COLUMN})"), columns),
            (None, Openness::Declared) => Ok(PartitionKey::None),
        }
    }

    /// Rows expire by the time of the partition key, so that they go as whole partitions.
    pub(super) fn check_retention(&self, key: &PartitionKey) -> Result<(), SqlError> {
        if key.time().is_some() || !self.written.iter().any(|(name, text)| name == RETENTION && !text.is_empty()) {
            return Ok(());
        }
        let message = "retention needs a partition key by time";
        Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message)
            .hint("Add one: WITH (partition_by = 'day(ts)', retention = '90 days')."))
    }

    pub(super) fn order_key(&self, columns: &[Column]) -> Result<Vec<OrderColumn>, SqlError> {
        let Some(text) = self.order_by.as_deref().filter(|text| !text.trim().is_empty()) else { return Ok(Vec::new()) };
        let bad = || invalid("order_by", text).detail("Write columns as in ORDER BY: \"a, b DESC\".");
        let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(text).map_err(|_| bad())?;
        let list = parser.parse_comma_separated(Parser::parse_order_by_expr).map_err(|_| bad())?;
        if parser.peek_token_ref().token != Token::EOF {
            return Err(bad());
        }
        list.iter().map(|item| order_column(item, columns, &bad)).collect()
    }
}

fn order_column(item: &OrderByExpr, columns: &[Column], bad: &dyn Fn() -> SqlError) -> Result<OrderColumn, SqlError> {
    let Expr::Identifier(ident) = &item.expr else { return Err(bad()) };
    let descending = item.options.asc == Some(false);
    Ok(OrderColumn {
        column: find(columns, &fold(ident))?.id,
        descending,
        nulls_first: item.options.nulls_first.unwrap_or(descending),
    })
}

/// `hour(ts)`, `day(ts)`, `month(ts)`, `bucket(64, user_id)`, or one by time and one by bucket, separated by a comma.
fn parse_key(text: &str, columns: &[Column]) -> Result<PartitionKey, SqlError> {
    let bad = || {
        invalid("partition_by", text)
            .detail("Write hour(column), day(column), month(column) or bucket(number, column), or one of the first three and a bucket.")
    };
    if text.trim().is_empty() || text.trim() == "none" {
        return Ok(PartitionKey::None);
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize().map_err(|_| bad())?;
    let tokens: Vec<Token> = tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let (mut time, mut bucket) = (None, None);
    let mut rest = tokens.as_slice();
    loop {
        let (part, behind) = first_part(rest).ok_or_else(bad)?;
        let is_second = match part {
            KeyPart::Time(unit, column) => time.replace(time_part(unit, column, columns, &bad)?).is_some(),
            KeyPart::Bucket(number, column) => bucket.replace(bucket_part(number, column, columns, &bad)?).is_some(),
        };
        rest = match behind {
            _ if is_second => return Err(bad()),
            [] => return Ok(PartitionKey::of_parts(time, bucket)),
            [Token::Comma, rest @ ..] => rest,
            _ => return Err(bad()),
        };
    }
}

/// A part of a partition key as written: a unit or a number, and a column.
enum KeyPart<'t> {
    Time(&'t Word, &'t Word),
    Bucket(&'t str, &'t Word),
}

fn first_part(tokens: &[Token]) -> Option<(KeyPart<'_>, &[Token])> {
    let [Token::Word(function), Token::LParen, arguments @ ..] = tokens else { return None };
    match arguments {
        [Token::Word(column), Token::RParen, rest @ ..] => Some((KeyPart::Time(function, column), rest)),
        [Token::Number(number, _), Token::Comma, Token::Word(column), Token::RParen, rest @ ..]
            if function.value.eq_ignore_ascii_case("bucket") =>
        {
            Some((KeyPart::Bucket(number, column), rest))
        }
        _ => None,
    }
}

fn time_part(
    function: &Word,
    column: &Word,
    columns: &[Column],
    bad: &dyn Fn() -> SqlError,
) -> Result<(TimeUnit, ColumnId), SqlError> {
    let unit = match function.value.to_lowercase().as_str() {
        "hour" => TimeUnit::Hour,
        "day" => TimeUnit::Day,
        "month" => TimeUnit::Month,
        _ => return Err(bad()),
    };
    let column = named(columns, column)?;
    check_time(column)?;
    Ok((unit, column.id))
}

/// Fails if a partition key cannot rest on what its column now is.
pub(super) fn check_key(key: &PartitionKey, columns: &[Column]) -> Result<(), SqlError> {
    let by_id = |id: ColumnId| columns.iter().find(|column| column.id == id);
    key.time().and_then(|(_, column)| by_id(column)).map_or(Ok(()), check_time)?;
    key.bucket().and_then(|(_, column)| by_id(column)).map_or(Ok(()), check_bucket)
}

fn check_time(column: &Column) -> Result<(), SqlError> {
    if is_time_key(column.ty) {
        return Ok(());
    }
    let ty = crate::values::type_name(column.ty);
    let message = format!("partition key column \"{}\" must be a date or timestamp, not {ty}", column.name);
    Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message))
}

fn check_bucket(column: &Column) -> Result<(), SqlError> {
    if bucket_family(column.ty).is_some() {
        return Ok(());
    }
    let ty = crate::values::type_name(column.ty);
    Err(SqlError::unsupported(format!("a bucket key of type {ty} is not supported")))
}

fn bucket_part(
    number: &str,
    column: &Word,
    columns: &[Column],
    bad: &dyn Fn() -> SqlError,
) -> Result<(u32, ColumnId), SqlError> {
    let buckets: u32 = number.parse().map_err(|_| bad())?;
    if !(1..=BUCKETS_MAX).contains(&buckets) {
        return Err(bad().hint(format!("The number of buckets is from 1 to {BUCKETS_MAX}.")));
    }
    let column = named(columns, column)?;
    check_bucket(column)?;
    Ok((buckets, column.id))
}

fn named<'a>(columns: &'a [Column], word: &Word) -> Result<&'a Column, SqlError> {
    let ident = Ident { value: word.value.clone(), quote_style: word.quote_style, span: Span::empty() };
    find(columns, &fold(&ident))
}

fn find<'a>(columns: &'a [Column], name: &str) -> Result<&'a Column, SqlError> {
    columns.iter().find(|column| column.name == name).ok_or_else(|| {
        SqlError::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" named in a table option does not exist"))
    })
}

fn value_text(value: &Expr) -> Result<String, SqlError> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::Number(text, _) => Ok(text.clone()),
            Value::Boolean(on) => Ok(on.to_string()),
            other => Err(SqlError::syntax(format!("syntax error at or near \"{other}\""))),
        },
        Expr::Identifier(word) => Ok(fold(word)),
        other => Err(SqlError::syntax(format!("syntax error at or near \"{other}\""))),
    }
}

fn enforcement(name: &str, text: &str) -> Result<bool, SqlError> {
    match text.to_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Ok(true),
        "false" | "off" | "no" | "0" => Ok(false),
        _ => Err(invalid(name, text).detail("Valid values are true and false.")),
    }
}

fn invalid(name: &str, text: &str) -> SqlError {
    SqlError::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid value for option \"{name}\": \"{text}\""))
}

/// The columns that a key rests on: they cannot be dropped.
pub(super) fn key_columns(partition_key: &PartitionKey, order_key: &[OrderColumn]) -> Vec<ColumnId> {
    partition_key.columns().chain(order_key.iter().map(|order| order.column)).collect()
}
