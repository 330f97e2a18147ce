//! Errors of the engine, the catalog and the storage as PostgreSQL would report them. The one mapping, no wildcard.
//!
//! DataFusion has few typed errors; where its text is the only thing that tells two causes apart, the text's beginning
//! is matched here and nowhere else.

mod below;
mod plan_text;

use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};
use peristyle_catalog as catalog;
use peristyle_storage as storage;
use peristyle_storage::files::FileError;

use self::plan_text::from_plan_text;
use crate::error::{SqlError, SqlState};
use crate::functions::function_error;

impl From<DataFusionError> for SqlError {
    fn from(error: DataFusionError) -> SqlError {
        from_engine(&error)
    }
}

impl From<ArrowError> for SqlError {
    fn from(error: ArrowError) -> SqlError {
        from_arrow(&error)
    }
}

/// The error of a statement that its planner or its stream met.
fn from_engine(error: &DataFusionError) -> SqlError {
    if let Some(own) = own_error(error) {
        return own;
    }
    match error {
        DataFusionError::ArrowError(inner, _) => from_arrow(inner),
        DataFusionError::SchemaError(inner, _) => from_schema(inner),
        DataFusionError::SQL(inner, _) => SqlError::syntax(inner.to_string()),
        DataFusionError::Plan(message) => from_plan_text(message),
        DataFusionError::NotImplemented(message) => from_not_implemented(message),
        DataFusionError::Execution(message) => from_execution_text(message),
        DataFusionError::ResourcesExhausted(message) => out_of_memory(message),
        DataFusionError::IoError(inner) => from_io(inner),
        DataFusionError::ObjectStore(inner) => unexpected(inner),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => from_engine(inner),
        DataFusionError::Shared(inner) => from_engine(inner),
        DataFusionError::Collection(inner) => inner.first().map_or_else(|| unexpected(&"no error"), from_engine),
        DataFusionError::ExecutionJoin(inner) => unexpected(inner),
        DataFusionError::External(inner) => from_external(inner.as_ref()),
        DataFusionError::Internal(message)
        | DataFusionError::Configuration(message)
        | DataFusionError::Substrait(message)
        | DataFusionError::Ffi(message) => unexpected(message),
    }
}

/// An error of ours that travelled through the engine.
fn own_error(error: &DataFusionError) -> Option<SqlError> {
    if let Some(function) = function_error(error) {
        return Some(function.clone().into());
    }
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = source {
        if let Some(sql) = current.downcast_ref::<SqlError>() {
            return Some(sql.clone());
        }
        if let Some(inner) = current.downcast_ref::<storage::Error>() {
            return Some(inner.into());
        }
        if let Some(inner) = current.downcast_ref::<FileError>() {
            return Some(inner.into());
        }
        if let Some(inner) = current.downcast_ref::<catalog::Error>() {
            return Some(inner.into());
        }
        source = match current.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::External(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Collection(inner)) => inner.first().map(|e| e as _),
            _ => match current.downcast_ref::<ArrowError>() {
                Some(ArrowError::ExternalError(inner)) => Some(inner.as_ref()),
                _ => current.source(),
            },
        };
    }
    None
}

fn from_schema(error: &SchemaError) -> SqlError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => match &field.relation {
            Some(relation) if !valid_fields.iter().any(|valid| valid.relation.as_ref() == Some(relation)) => {
                let message = format!("missing FROM-clause entry for table \"{}\"", relation.table());
                SqlError::new(SqlState::UNDEFINED_TABLE, message)
            }
            Some(relation) => no_column(&format!("{}.{}", relation.table(), field.name)),
            None => no_column(&format!("\"{}\"", field.name)),
        },
        SchemaError::AmbiguousReference { field } => {
            SqlError::new(SqlState::AMBIGUOUS_COLUMN, format!("column reference \"{}\" is ambiguous", field.name))
        }
        SchemaError::DuplicateQualifiedField { qualifier, .. } => {
            let message = format!("table name \"{}\" specified more than once", qualifier.table());
            SqlError::new(SqlState::DUPLICATE_ALIAS, message)
        }
        SchemaError::DuplicateUnqualifiedField { name } => {
            SqlError::new(SqlState::DUPLICATE_COLUMN, format!("column \"{name}\" specified more than once"))
        }
    }
}

fn no_column(name: &str) -> SqlError {
    SqlError::new(SqlState::UNDEFINED_COLUMN, format!("column {name} does not exist"))
}

fn from_arrow(error: &ArrowError) -> SqlError {
    match error {
        ArrowError::DivideByZero => SqlError::new(SqlState::DIVISION_BY_ZERO, "division by zero"),
        ArrowError::ArithmeticOverflow(message) => out_of_range(message),
        ArrowError::CastError(message) | ArrowError::ParseError(message) => {
            SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, tidy(message))
        }
        ArrowError::ComputeError(message) | ArrowError::InvalidArgumentError(message) => from_execution_text(message),
        ArrowError::NotYetImplemented(message) => SqlError::unsupported(tidy(message)),
        ArrowError::MemoryError(message) => out_of_memory(message),
        ArrowError::IoError(_, inner) => from_io(inner),
        ArrowError::ExternalError(inner) => match inner.downcast_ref::<DataFusionError>() {
            Some(engine) => from_engine(engine),
            None => from_external(inner.as_ref()),
        },
        ArrowError::SchemaError(_)
        | ArrowError::CsvError(_)
        | ArrowError::JsonError(_)
        | ArrowError::AvroError(_)
        | ArrowError::IpcError(_)
        | ArrowError::ParquetError(_)
        | ArrowError::CDataInterface(_)
        | ArrowError::DictionaryKeyOverflowError
        | ArrowError::RunEndIndexOverflowError
        | ArrowError::OffsetOverflowError(_) => unexpected(error),
    }
}

fn from_external(error: &(dyn std::error::Error + Send + Sync + 'static)) -> SqlError {
    invalid_regex(&error.to_string()).unwrap_or_else(|| unexpected(&error))
}

/// The error of the regular expressions' parser, which shows the place before it says what is wrong.
fn invalid_regex(message: &str) -> Option<SqlError> {
    message.contains("regex parse error").then(|| {
        let why = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
        SqlError::new(SqlState::INVALID_REGULAR_EXPRESSION, format!("invalid regular expression: {why}"))
    })
}

fn from_io(error: &std::io::Error) -> SqlError {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return SqlError::new(SqlState::DISK_FULL, "could not write: no space left on device");
    }
    SqlError::new(SqlState::IO_ERROR, error.to_string())
}

/// What the planner cannot do: a thing that PostgreSQL refuses too, or a feature that is missing.
fn from_not_implemented(message: &str) -> SqlError {
    let refused = |state, words: &str| SqlError::new(state, words);
    match message.split_once("does not support logical expression ").map(|(_, rest)| rest) {
        Some(rest) if rest.starts_with("WindowFunction") => {
            refused(SqlState::WINDOWING_ERROR, "window functions are not allowed here")
        }
        Some(rest) if rest.starts_with("AggregateFunction") => {
            refused(SqlState::GROUPING_ERROR, "aggregate functions are not allowed here")
        }
        Some(rest) if rest.starts_with("Exists") || rest.starts_with("InSubquery") => {
            SqlError::unsupported("EXISTS and IN over a subquery are supported in WHERE, HAVING and ON only")
        }
        Some(rest) if rest.starts_with("OuterReferenceColumn") || rest.starts_with("ScalarSubquery") => {
            SqlError::unsupported("a subquery that refers to outer columns in this way is not supported")
        }
        Some(rest) if rest.starts_with("Wildcard") => {
            SqlError::unsupported("all columns of a relation by .* are not supported in this place")
        }
        _ if message.contains("value: \"VARIADIC\"") => {
            SqlError::unsupported("VARIADIC with an array that is not written out is not supported for this function")
        }
        _ => SqlError::unsupported(tidy(message)),
    }
}

/// What an operator says in words only.
fn from_execution_text(message: &str) -> SqlError {
    let own = own_words(message);
    if let Some(error) = plan_text::in_postgresql_words(&tidy(&own)) {
        return error;
    }
    let lower = own.to_lowercase();
    if lower.contains("divide by zero") || lower.contains("division by zero") {
        return SqlError::new(SqlState::DIVISION_BY_ZERO, "division by zero");
    }
    if lower.contains("overflow") || lower.contains("out of range") || lower.contains("too large to store") {
        return out_of_range(message);
    }
    if lower.contains("returned more than one row") {
        let message = "more than one row returned by a subquery used as an expression";
        return SqlError::new(SqlState::CARDINALITY_VIOLATION, message);
    }
    if own.contains("Placeholder ")
        && let Some((_, rest)) = message.split_once("Placeholder '")
        && let Some((name, _)) = rest.split_once('\'')
    {
        return SqlError::new(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter {name}"));
    }
    if let Some(error) = invalid_regex(&own) {
        return error;
    }
    if lower.contains("ntile requires a positive") {
        let message = "argument of ntile must be greater than zero";
        return SqlError::new(SqlState::INVALID_ARGUMENT_FOR_NTILE, message);
    }
    if lower.contains("integer literal for the second argument of nth_value") {
        return SqlError::unsupported("nth_value with a number that is not constant is not supported");
    }
    SqlError::new(SqlState::INTERNAL_ERROR, tidy(message))
}

/// A message without what it quotes, which may be a client's data.
fn own_words(message: &str) -> String {
    let places = message.find(['\'', '"']).zip(message.rfind(['\'', '"'])).filter(|(from, to)| from < to);
    places.map_or_else(|| message.to_owned(), |(from, to)| format!("{}{}", &message[..from], &message[to + 1..]))
}

fn out_of_range(message: &str) -> SqlError {
    SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range").detail(tidy(message))
}

fn out_of_memory(message: &str) -> SqlError {
    SqlError::new(SqlState::OUT_OF_MEMORY, "out of memory for this statement")
        .detail(tidy(message))
        .hint("Raise statement_memory_bytes_max, or make the statement hold fewer rows at once.")
}

/// A broken invariant of ours or the engine's: the client sees its words, the trace says where.
fn unexpected(error: &dyn std::fmt::Display) -> SqlError {
    tracing::error!(error = %error, "unexpected engine error");
    SqlError::internal(tidy(&error.to_string()))
}

/// One line, without the engine's own prefixes.
fn tidy(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.trim_start_matches("Error during planning: ").trim_start_matches("Execution error: ");
    line.trim_end_matches('.').to_owned()
}

impl From<crate::functions::FunctionError> for SqlError {
    fn from(error: crate::functions::FunctionError) -> SqlError {
        let mut sql = SqlError::new(SqlState::from_code(error.sqlstate), error.message);
        if let Some(detail) = error.detail {
            sql = sql.detail(detail);
        }
        match error.hint {
            Some(hint) => sql.hint(hint),
            None => sql,
        }
    }
}

impl From<SqlError> for crate::functions::FunctionError {
    fn from(error: SqlError) -> Self {
        let fields = error.into_fields();
        Self { sqlstate: fields.code.code(), message: fields.message, detail: fields.detail, hint: fields.hint }
    }
}

impl From<SqlError> for DataFusionError {
    fn from(error: SqlError) -> DataFusionError {
        crate::functions::FunctionError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(message: &str) -> SqlState {
        from_execution_text(message).into_fields().code
    }

    #[test]
    fn what_a_message_quotes_says_nothing_of_its_cause() {
        assert_eq!(code("Overflow happened on: 1 * 2"), SqlState::NUMERIC_VALUE_OUT_OF_RANGE);
        assert_eq!(code("cannot read 'an overflow, isn't it' as a value"), SqlState::INTERNAL_ERROR);
        assert_eq!(code("no such key: \"division by zero\""), SqlState::INTERNAL_ERROR);
        assert_eq!(code("Placeholder '$3' was not provided a value"), SqlState::UNDEFINED_PARAMETER);
    }
}
