//! Calls and operators that PostgreSQL refuses for their form, whatever the columns' types are.

use sqlparser::ast::{
    DataType, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, ObjectName, ObjectNamePart, UnaryOperator, Value,
};

use crate::error::{SqlError, SqlState};
use crate::functions::{is_aggregate_or_window, is_scalar};
use crate::names::fold;

/// Functions of a first argument of any type, whose type is the result's or decides how it is written.
const POLYMORPHIC: &[&str] = &[
    "to_json",
    "to_jsonb",
    "json_agg",
    "jsonb_agg",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "nth_value",
    "array_length",
    "array_lower",
    "array_upper",
    "array_ndims",
    "array_to_string",
    "cardinality",
];

/// Functions of several types of an argument, by its place, between which a literal without a type does not decide.
const AMBIGUOUS: &[(&str, usize)] = &[
    ("avg", 0),
    ("bit_count", 0),
    ("date_part", 1),
    ("date_trunc", 1),
    ("isempty", 0),
    ("lower_inc", 0),
    ("lower_inf", 0),
    ("stddev", 0),
    ("sum", 0),
    ("to_char", 0),
    ("upper_inc", 0),
    ("upper_inf", 0),
    ("variance", 0),
];

/// The fewest arguments of functions of any number of them.
const FEWEST: &[(&str, usize)] = &[("concat", 1), ("concat_ws", 2)];

/// Collations: of all the order is that of the bytes.
const COLLATIONS: &[&str] = &["default", "C", "POSIX", "ucs_basic"];

/// Aggregates of an order.
const OF_ORDER: &[&str] =
    &["cume_dist", "dense_rank", "mode", "percent_rank", "percentile_cont", "percentile_disc", "rank"];

/// Those of them that say what a row would be that is not there, by a value for each key of the order.
const HYPOTHETICAL: &[&str] = &["cume_dist", "dense_rank", "percent_rank", "rank"];

/// An error for a call of such a form.
pub(super) fn refuse(function: &Function) -> Result<(), SqlError> {
    let FunctionArguments::List(list) = &function.args else { return Ok(()) };
    let Some(name) = function.name.0.last().and_then(ObjectNamePart::as_ident).map(fold) else { return Ok(()) };
    let name = name.as_str();
    let is_unknown = |place: usize| list.args.get(place).is_some_and(is_unknown_argument);
    if POLYMORPHIC.contains(&name) && is_unknown(0) {
        let message = "could not determine polymorphic type because input has type unknown";
        return Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message));
    }
    if AMBIGUOUS.iter().any(|(ambiguous, place)| *ambiguous == name && is_unknown(*place)) {
        return Err(not_unique(name, list.args.len()));
    }
    let least = FEWEST.iter().find(|(called, _)| *called == name).map_or(0, |(_, least)| *least);
    if list.args.len() < least {
        let types = vec!["unknown"; list.args.len()].join(", ");
        return Err(SqlError::new(SqlState::UNDEFINED_FUNCTION, format!("function {name}({types}) does not exist")));
    }
    if name == "count" && list.args.is_empty() {
        let message = "count(*) must be used to call a parameterless aggregate function";
        return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message));
    }
    if name != "count" && matches!(list.args.as_slice(), [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]) {
        return Err(SqlError::new(SqlState::UNDEFINED_FUNCTION, format!("function {name}() does not exist")));
    }
    refuse_aggregates_words(name, function, list)?;
    if function.over.is_some() && list.duplicate_treatment == Some(DuplicateTreatment::Distinct) {
        return Err(SqlError::unsupported("DISTINCT is not implemented for window functions"));
    }
    if HYPOTHETICAL.contains(&name) && !function.within_group.is_empty() {
        return refuse_other_number(name, list.args.len(), function.within_group.len());
    }
    if !function.within_group.is_empty() && !OF_ORDER.contains(&name) {
        let message = format!("{name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP");
        return Err(SqlError::new(SqlState::UNDEFINED_FUNCTION, message));
    }
    Ok(())
}

/// 42809 for words behind a function that only an aggregate, or a window function, takes.
fn refuse_aggregates_words(name: &str, function: &Function, list: &FunctionArgumentList) -> Result<(), SqlError> {
    if !is_scalar(name) || is_aggregate_or_window(name) {
        return Ok(());
    }
    let has_order = list.clauses.iter().any(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_)));
    let words = [
        ("WITHIN GROUP", !function.within_group.is_empty()),
        ("DISTINCT", list.duplicate_treatment == Some(DuplicateTreatment::Distinct)),
        ("ORDER BY", has_order),
        ("FILTER", function.filter.is_some()),
    ];
    let message = match words.iter().find(|(_, is_there)| *is_there) {
        Some((words, _)) => format!("{words} specified, but {name} is not an aggregate function"),
        None if function.over.is_some() => {
            format!("OVER specified, but {name} is not a window function nor an aggregate function")
        }
        None => return Ok(()),
    };
    Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message))
}

fn refuse_other_number(name: &str, given: usize, keys: usize) -> Result<(), SqlError> {
    if given == keys {
        return Ok(());
    }
    let message = format!("function {name} of {given} values in an order of {keys} does not exist");
    Err(SqlError::new(SqlState::UNDEFINED_FUNCTION, message).hint(format!(
        "To use the hypothetical-set aggregate {name}, the number of hypothetical direct arguments (here {given}) must \
         match the number of ordering columns (here {keys})."
    )))
}

/// 42725 for an operator before a literal without a type, 42883 for one that there is not.
pub(super) fn refuse_unary(op: UnaryOperator, operand: &Expr) -> Result<(), SqlError> {
    if op == UnaryOperator::BangNot {
        return Err(SqlError::new(SqlState::UNDEFINED_FUNCTION, "operator does not exist: !"));
    }
    if op == UnaryOperator::Minus && is_oid(operand) {
        return Err(SqlError::new(SqlState::UNDEFINED_FUNCTION, "operator does not exist: - oid").hint(
            "No operator matches the given name and argument type. You might need to add an explicit type cast.",
        ));
    }
    if !matches!(op, UnaryOperator::Minus | UnaryOperator::BitwiseNot) || !is_unknown(operand) {
        return Ok(());
    }
    let message = format!("operator is not unique: {op} unknown");
    Err(SqlError::new(SqlState::AMBIGUOUS_FUNCTION, message)
        .hint("Could not choose a best candidate operator. You might need to add explicit type casts."))
}

/// 42725 for `extract(field FROM 'literal')`.
pub(super) fn refuse_extract(from: &Expr) -> Result<(), SqlError> {
    if is_unknown(from) { Err(not_unique("pg_catalog.extract", 2)) } else { Ok(()) }
}

/// 42704 for a collation that there is not.
pub(super) fn refuse_collation(collation: &ObjectName) -> Result<(), SqlError> {
    let name = collation.0.last().and_then(ObjectNamePart::as_ident).map(fold).unwrap_or_default();
    if COLLATIONS.contains(&name.as_str()) {
        return Ok(());
    }
    let message = format!("collation \"{name}\" for encoding \"UTF8\" does not exist");
    Err(SqlError::new(SqlState::UNDEFINED_OBJECT, message))
}

/// 42725 for a `generate_series` of literals without a type.
pub(super) fn refuse_series(name: &ObjectName, args: &[FunctionArg]) -> Result<(), SqlError> {
    let is_series =
        name.0.last().and_then(ObjectNamePart::as_ident).is_some_and(|name| fold(name) == "generate_series");
    let are_unknown = !args.is_empty() && args.iter().all(is_unknown_argument);
    if is_series && are_unknown { Err(not_unique("generate_series", args.len())) } else { Ok(()) }
}

/// `substring(a)`, which is no function.
pub(super) fn refuse_substring() -> SqlError {
    SqlError::new(SqlState::UNDEFINED_FUNCTION, "function pg_catalog.substring of one argument does not exist")
}

fn not_unique(name: &str, arguments: usize) -> SqlError {
    let types = vec!["unknown"; arguments].join(", ");
    SqlError::new(SqlState::AMBIGUOUS_FUNCTION, format!("function {name}({types}) is not unique"))
        .hint("Could not choose a best candidate function. You might need to add explicit type casts.")
}

fn is_unknown_argument(argument: &FunctionArg) -> bool {
    matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) if is_unknown(expr))
}

/// Whether it is cast to an oid, which lies among the integers here.
fn is_oid(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_oid(inner),
        Expr::Cast { data_type: DataType::Custom(name, _), .. } => name.to_string().eq_ignore_ascii_case("oid"),
        _ => false,
    }
}

/// Whether it is a literal without a type.
fn is_unknown(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_unknown(inner),
        Expr::Value(value) => matches!(value.value, Value::SingleQuotedString(_) | Value::Null),
        _ => false,
    }
}
