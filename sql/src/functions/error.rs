//! Errors of functions, operators and casts: PostgreSQL's SQLSTATE and message, carried through DataFusion.

use datafusion::common::DataFusionError;

/// PostgreSQL's hint beside a function that does not exist.
pub(crate) const NO_FUNCTION_MATCHES: &str =
    "No function matches the given name and argument types. You might need to add explicit type casts.";

/// An error with PostgreSQL's code. It travels as `DataFusionError::External`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FunctionError {
    /// Five characters of SQLSTATE.
    pub sqlstate: &'static str,
    /// PostgreSQL's primary message.
    pub message: String,
    /// PostgreSQL's DETAIL line.
    pub detail: Option<String>,
    /// PostgreSQL's HINT line.
    pub hint: Option<String>,
}

impl FunctionError {
    /// An error without detail and hint.
    pub fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into(), detail: None, hint: None }
    }

    /// The same error with a hint.
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same error with a detail line.
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}

impl From<FunctionError> for DataFusionError {
    fn from(error: FunctionError) -> Self {
        DataFusionError::External(Box::new(error))
    }
}

/// An error as DataFusion carries it.
pub(crate) fn error(sqlstate: &'static str, message: impl Into<String>) -> DataFusionError {
    FunctionError::new(sqlstate, message).into()
}

/// 42883 for a call as PostgreSQL writes it, `f(integer)`.
pub(crate) fn undefined_function(call: &str) -> DataFusionError {
    FunctionError::new("42883", format!("function {call} does not exist")).with_hint(NO_FUNCTION_MATCHES).into()
}

pub(crate) fn division_by_zero() -> DataFusionError {
    error("22012", "division by zero")
}

/// `22003 <type> out of range`.
pub(crate) fn out_of_range(type_name: &str) -> DataFusionError {
    error("22003", format!("{type_name} out of range"))
}

pub(crate) fn numeric_overflow() -> DataFusionError {
    FunctionError::new("22003", "numeric field overflow")
        .with_hint("A numeric value holds at most 76 digits, of which the result's scale are behind the point.")
        .into()
}

pub(crate) fn float_overflow() -> DataFusionError {
    error("22003", "value out of range: overflow")
}

/// 22003 for an argument outside of a function's domain.
pub(crate) fn out_of_range_input() -> DataFusionError {
    error("22003", "input is out of range")
}

pub(crate) fn invalid_parameter(message: impl Into<String>) -> DataFusionError {
    error("22023", message)
}

pub(crate) fn not_supported(feature: impl std::fmt::Display) -> DataFusionError {
    error("0A000", format!("{feature} is not supported"))
}

/// The `FunctionError` inside a DataFusion error, however deep; the caller maps it to the client's error.
pub fn function_error(error: &DataFusionError) -> Option<&FunctionError> {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = source {
        if let Some(found) = current.downcast_ref::<FunctionError>() {
            return Some(found);
        }
        source = inner_error(current);
    }
    None
}

fn inner_error<'a>(current: &'a (dyn std::error::Error + 'static)) -> Option<&'a (dyn std::error::Error + 'static)> {
    if let Some(DataFusionError::External(inner)) = current.downcast_ref::<DataFusionError>() {
        return Some(inner.as_ref());
    }
    if let Some(arrow::error::ArrowError::ExternalError(inner)) = current.downcast_ref() {
        return Some(inner.as_ref());
    }
    current.source()
}
