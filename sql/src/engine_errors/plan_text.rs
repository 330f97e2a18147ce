//! What the planner says in words only: PostgreSQL's SQLSTATE and, where that is known, its words.

use super::tidy;
use crate::error::{SqlError, SqlState};
use crate::functions::error::NO_FUNCTION_MATCHES;
use crate::functions::signature::argument_type_name;
use crate::functions::window_functions;

/// What the planner says in words only.
pub(super) fn from_plan_text(message: &str) -> SqlError {
    let text = tidy(message);
    let between = |from: &str, to: char| -> Option<&str> { text.split_once(from)?.1.split(to).next() };
    if let Some(name) = between("Invalid function '", '\'') {
        if window_functions().iter().any(|function| function.name() == name) {
            let message = format!("window function {name} requires an OVER clause");
            return SqlError::new(SqlState::WRONG_OBJECT_TYPE, message);
        }
        return SqlError::new(SqlState::UNDEFINED_FUNCTION, format!("function {name} does not exist"))
            .hint(NO_FUNCTION_MATCHES);
    }
    if let Some(table) = text.strip_prefix("Invalid qualifier ") {
        let message = format!("missing FROM-clause entry for table \"{table}\"");
        return SqlError::new(SqlState::UNDEFINED_TABLE, message);
    }
    if let Some(error) = from_signature_text(&text) {
        return error;
    }
    if let Some(given) = between("columns but only ", ' ').and_then(|given| given.parse::<usize>().ok())
        && between("contains ", ' ').and_then(|columns| columns.parse().ok()).is_some_and(|columns| given < columns)
    {
        return SqlError::unsupported("fewer column aliases than columns are not supported yet");
    }
    if text.contains("must be in GROUP BY or an aggregate function")
        && let Some((column, _)) = text.split_once("column \"").and_then(|(_, rest)| rest.split_once("\" must appear"))
    {
        let message =
            format!("column \"{column}\" must appear in the GROUP BY clause or be used in an aggregate function");
        return SqlError::new(SqlState::GROUPING_ERROR, message);
    }
    if let Some(error) = in_postgresql_words(&text) {
        return error;
    }
    let state = PLAN_TEXTS.iter().find(|(part, _)| text.contains(part)).map(|(_, state)| *state);
    SqlError::new(state.unwrap_or(SqlState::DATATYPE_MISMATCH), text)
}

/// Parts of the planner's messages, the first that is found tells the state.
const PLAN_TEXTS: &[(&str, SqlState)] = &[
    ("must appear in the GROUP BY", SqlState::GROUPING_ERROR),
    ("could not be resolved from available columns", SqlState::GROUPING_ERROR),
    ("Failed to unify argument types of make_array", SqlState::DATATYPE_MISMATCH),
    ("coalesce must have at least one argument", SqlState::SYNTAX_ERROR),
    ("Cannot infer common argument type for logical boolean", SqlState::DATATYPE_MISMATCH),
    ("Cannot infer common argument type", SqlState::UNDEFINED_FUNCTION),
    ("in LIKE expression", SqlState::UNDEFINED_FUNCTION),
    ("No function matches", SqlState::UNDEFINED_FUNCTION),
    ("Ambiguous reference", SqlState::AMBIGUOUS_COLUMN),
    ("is ambiguous", SqlState::AMBIGUOUS_COLUMN),
    ("number of columns", SqlState::SYNTAX_ERROR),
    ("SELECT * with no tables", SqlState::SYNTAX_ERROR),
    ("SELECT DISTINCT ON expressions must match", SqlState::INVALID_COLUMN_REFERENCE),
    ("names given as column alias", SqlState::INVALID_COLUMN_REFERENCE),
    ("WITH query name", SqlState::DUPLICATE_ALIAS),
    ("Placeholder", SqlState::UNDEFINED_PARAMETER),
    ("window function", SqlState::WINDOWING_ERROR),
    ("Window function", SqlState::WINDOWING_ERROR),
    ("Correlated scalar subquery must be aggregated", SqlState::FEATURE_NOT_SUPPORTED),
];

/// Parts of the planner's messages, and what PostgreSQL says of the same.
const SAID_OTHERWISE: &[(&str, SqlState, &str)] = &[
    (
        "Aggregate functions are not allowed in the WHERE",
        SqlState::GROUPING_ERROR,
        "aggregate functions are not allowed in WHERE",
    ),
    (
        "Aggregate function calls cannot be nested",
        SqlState::GROUPING_ERROR,
        "aggregate function calls cannot be nested",
    ),
    (
        "to grouping function is not in grouping columns",
        SqlState::GROUPING_ERROR,
        "arguments to GROUPING must be grouping expressions of the associated query level",
    ),
    ("Inconsistent data length", SqlState::SYNTAX_ERROR, "VALUES lists must all be the same length"),
    ("Too many columns! The subquery", SqlState::SYNTAX_ERROR, "subquery must return only one column"),
    (
        "UNION queries have different number",
        SqlState::SYNTAX_ERROR,
        "each UNION query must have the same number of columns",
    ),
    ("LIMIT must be >= 0", SqlState::INVALID_ROW_COUNT_IN_LIMIT_CLAUSE, "LIMIT must not be negative"),
    ("OFFSET must be >=0", SqlState::INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE, "OFFSET must not be negative"),
    ("Order by index starts at 1", SqlState::INVALID_COLUMN_REFERENCE, "ORDER BY position 0 is not in select list"),
    (
        "For SELECT DISTINCT, ORDER BY",
        SqlState::INVALID_COLUMN_REFERENCE,
        "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
    ),
    (
        "In an aggregate with DISTINCT, ORDER BY",
        SqlState::INVALID_COLUMN_REFERENCE,
        "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
    ),
    (
        "RANGE requires exactly one ORDER BY column",
        SqlState::WINDOWING_ERROR,
        "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column",
    ),
    ("end bound cannot be UNBOUNDED PRECEDING", SqlState::WINDOWING_ERROR, "frame end cannot be UNBOUNDED PRECEDING"),
    (
        "start bound cannot be UNBOUNDED FOLLOWING",
        SqlState::WINDOWING_ERROR,
        "frame start cannot be UNBOUNDED FOLLOWING",
    ),
    (
        "start bound (CURRENT ROW) cannot be larger than end bound",
        SqlState::WINDOWING_ERROR,
        "frame starting from current row cannot have preceding rows",
    ),
    (
        "FOLLOWING) cannot be larger than end bound",
        SqlState::WINDOWING_ERROR,
        "frame starting from following row cannot have preceding rows",
    ),
    (
        "must be non negative integers",
        SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE,
        "frame starting offset must not be negative",
    ),
];

/// The error that PostgreSQL gives where the engine says `text`, if that is known.
pub(super) fn in_postgresql_words(text: &str) -> Option<SqlError> {
    if let Some((_, state, words)) = SAID_OTHERWISE.iter().find(|(part, ..)| text.contains(part)) {
        return Some(SqlError::new(*state, *words));
    }
    with_its_subject(text).map(|(state, words)| SqlError::new(state, words))
}

/// Messages that name what they are about.
fn with_its_subject(text: &str) -> Option<(SqlState, String)> {
    let behind = |part: &str| Some(text.split_once(part)?.1);
    let up_to = |part: &str, end: char| Some(behind(part)?.split(end).next()?.to_owned());
    if let Some(place) = up_to("Order by column out of bounds, specified: ", ',') {
        return Some((SqlState::INVALID_COLUMN_REFERENCE, format!("ORDER BY position {place} is not in select list")));
    }
    if let Some(place) = up_to("Cannot find column with position ", ' ') {
        return Some((SqlState::INVALID_COLUMN_REFERENCE, format!("GROUP BY position {place} is not in select list")));
    }
    if let Some(name) = up_to("The window ", ' ') {
        return Some((SqlState::UNDEFINED_OBJECT, format!("window \"{name}\" does not exist")));
    }
    if let Some(value) = up_to("Percentile value must be between 0.0 and 1.0 inclusive, ", ' ') {
        return Some((
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("percentile value {value} is not between 0 and 1"),
        ));
    }
    let (clause, ty) = match text {
        text if text.starts_with("Cannot create filter with non-boolean") => ("WHERE", behind("' returning ")?),
        text if text.starts_with("Unary operator 'NOT' requires") => ("NOT", behind("expression, got ")?),
        _ => return None,
    };
    let message = format!("argument of {clause} must be type boolean, not type {}", type_in_words(ty));
    Some((SqlState::DATATYPE_MISMATCH, message))
}

/// A function of the engine's that refuses its arguments' types.
fn from_signature_text(text: &str) -> Option<SqlError> {
    let call = match text.split_once("argument types '") {
        Some((_, call)) => call.split('\'').next()?.to_owned(),
        None => {
            let (_, rest) = text.split_once("Function '")?;
            let (name, rest) = rest.split_once('\'').filter(|(_, rest)| rest.contains("match any signature"))?;
            let (_, ty) = rest.split_once("(DataType: ")?;
            format!("{name}({})", ty.split(").").next()?.trim_end_matches(')'))
        }
    };
    let (name, types) = call.strip_suffix(')')?.split_once('(')?;
    let types: Vec<String> = split_types(types).into_iter().map(type_in_words).collect();
    let message = format!("function {name}({}) does not exist", types.join(", "));
    Some(SqlError::new(SqlState::UNDEFINED_FUNCTION, message).hint(NO_FUNCTION_MATCHES))
}

/// PostgreSQL's name of a type that the engine printed.
fn type_in_words(text: &str) -> String {
    text.parse().map_or_else(|_| text.to_owned(), |ty| argument_type_name(&ty))
}

/// The types of a list, whose own arguments may hold commas.
fn split_types(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let is_between = |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    };
    text.split(is_between).map(str::trim).filter(|part| !part.is_empty()).collect()
}
