//! Calls that become other expressions: aggregates that DataFusion has not are functions over what `array_agg`
//! gathers, `to_number` has the type that its template says, `date(x)` is a cast.

use sqlparser::ast::{
    DataType, DuplicateTreatment, ExactNumberInfo, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArguments, Ident, ObjectName, ObjectNamePart, Value, ValueWithSpan,
};

use super::desugar::{call, cast, take};
use super::desugar_hypothetical;
use crate::functions::{is_scalar, joined, json_build, number_text, ordered_set, row};
use crate::names::fold;
use crate::pg_catalog::functions::waits_for_lock;
use crate::values::type_by_name;

/// The expression in place of such a call.
pub(super) fn rewrite(function: &mut Function) -> Option<Expr> {
    let name = function.name.0.last()?.as_ident()?.value.to_lowercase();
    match name.as_str() {
        "jsonb_agg" => items_of(function, "to_jsonb", json_build::ARRAY_OF),
        "json_agg" if is_row(argument(function, 0, 1)?) => items_of(function, "to_json", json_build::JSON_ROWS_OF),
        "json_agg" => items_of(function, "to_json", json_build::JSON_ARRAY_OF),
        "jsonb_object_agg" => members_of(function, "to_jsonb", json_build::OBJECT_OF),
        "json_object_agg" => members_of(function, "to_json", json_build::JSON_OBJECT_OF),
        "percentile_cont" | "percentile_disc" if has_fractions(function) => each_fraction(function),
        "percentile_cont" => {
            let fraction = argument(function, 0, 1)?.clone();
            Some(call(ordered_set::PERCENTILE_CONT, vec![fraction, sorted(function, |value| value)?]))
        }
        "percentile_disc" => {
            let fraction = argument(function, 0, 1)?.clone();
            Some(call(ordered_set::PERCENTILE_DISC, vec![fraction, sorted(function, row_of)?]))
        }
        "date" => Some(cast(take(argument(function, 0, 1)?), DataType::Date)),
        "to_number" => to_number(function),
        "string_agg" => joined(function),
        "make_interval" => make_interval(function),
        "pg_sleep" => literals_as(function, &DataType::DoublePrecision),
        _ if waits_for_lock(&name) && argument(function, 0, 2).is_some() => literals_as(function, &DataType::Int(None)),
        _ if waits_for_lock(&name) => literals_as(function, &DataType::BigInt(None)),
        "rank" | "dense_rank" | "percent_rank" | "cume_dist" => desugar_hypothetical::rewrite(&name, function),
        "mode" => Some(call(ordered_set::MODE, vec![sorted(function, row_of)?])),
        _ => cast_by_name(function),
    }
}

/// `int8(x)`: the name of a type, where no function has it, casts to it.
fn cast_by_name(function: &mut Function) -> Option<Expr> {
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return None };
    let name = fold(name);
    type_by_name(&name, &[]).filter(|_| !is_scalar(&name))?;
    let ty = DataType::Custom(ObjectName::from(vec![Ident::with_quote('"', name)]), Vec::new());
    Some(cast(take(argument(function, 0, 1)?), ty))
}

/// The call of a function that waits, whose signature does not say what literals without a type are.
fn literals_as(function: &mut Function, ty: &DataType) -> Option<Expr> {
    let FunctionArguments::List(list) = &mut function.args else { return None };
    for arg in &mut list.args {
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) = arg
            && is_string(value)
        {
            *value = cast(take(value), ty.clone());
        }
    }
    None
}

fn is_string(value: &Expr) -> bool {
    let Expr::Value(value) = value else { return false };
    matches!(value.value, Value::SingleQuotedString(_) | Value::EscapedStringLiteral(_))
}

/// Whether the fractions are an array.
fn has_fractions(function: &mut Function) -> bool {
    argument(function, 0, 1).is_some_and(|fraction| matches!(fraction, Expr::Array(_)))
}

/// `ARRAY[percentile(a), percentile(b)]` of `percentile(ARRAY[a, b])`.
fn each_fraction(function: &mut Function) -> Option<Expr> {
    let Expr::Array(mut fractions) = take(argument(function, 0, 1)?) else { return None };
    for fraction in &mut fractions.elem {
        let mut one = function.clone();
        *argument(&mut one, 0, 1)? = take(fraction);
        let rewritten = rewrite(&mut one);
        *fraction = rewritten.unwrap_or(Expr::Function(one));
    }
    Some(Expr::Array(fractions))
}

/// The parts of `make_interval` by their names, in their places.
fn make_interval(function: &mut Function) -> Option<Expr> {
    const PARTS: [&str; 7] = ["years", "months", "weeks", "days", "hours", "mins", "secs"];
    let FunctionArguments::List(list) = &mut function.args else { return None };
    let is_named = |arg: &FunctionArg| !matches!(arg, FunctionArg::Unnamed(_));
    if !list.args.is_empty() && !list.args.iter().any(is_named) {
        return None;
    }
    let mut parts = PARTS.map(|_| Expr::Value(ValueWithSpan::from(Value::Number("0".to_owned(), false))));
    for (place, arg) in list.args.iter().enumerate() {
        let (place, value) = match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (place, value),
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => {
                (PARTS.iter().position(|part| name.value.eq_ignore_ascii_case(part))?, value)
            }
            FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. } => {
                (PARTS.iter().position(|part| name.value.eq_ignore_ascii_case(part))?, value)
            }
            _ => return None,
        };
        *parts.get_mut(place)? = value.clone();
    }
    Some(call("make_interval", parts.into()))
}

/// `json_agg(x)` as a function over what `array_agg` gathers of `convert(x)`.
fn items_of(function: &Function, convert: &str, make: &str) -> Option<Expr> {
    let items = gathered(function, 0, 1, |item| call(convert, vec![item]))?;
    Some(call(make, vec![items]))
}

/// `json_object_agg(k, v)`, in the same way.
fn members_of(function: &Function, convert: &str, make: &str) -> Option<Expr> {
    let keys = gathered(function, 0, 2, |key| cast(key, DataType::Text))?;
    let values = gathered(function, 1, 2, |value| call(convert, vec![value]))?;
    Some(call(make, vec![keys, values]))
}

/// `string_agg(x, y)` whose delimiter is no literal. One of what is DISTINCT, or of a window, is left for the planner to
/// refuse.
fn joined(function: &mut Function) -> Option<Expr> {
    let is_literal = matches!(argument(function, 1, 2)?, Expr::Value(_));
    let FunctionArguments::List(list) = &function.args else { return None };
    if is_literal || list.duplicate_treatment == Some(DuplicateTreatment::Distinct) || function.over.is_some() {
        return None;
    }
    let values = gathered(function, 0, 2, |value| value)?;
    let delimiters = gathered(function, 1, 2, |delimiter| delimiter)?;
    Some(call(joined::JOINED, vec![values, delimiters]))
}

/// Whether an expression is a row.
fn is_row(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    let name = function.name.0.last().and_then(|part| part.as_ident());
    name.is_some_and(|name| name.value == "row" || row::columns_of(&name.value).is_some())
}

/// The template's digits are the result's; one that is no literal is left for the function to refuse.
fn to_number(function: &mut Function) -> Option<Expr> {
    let template = argument(function, 1, 2)?.clone();
    let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = &template else { return None };
    let (whole, fraction) = number_text::digits_of(text).ok()?;
    let precision = (whole.max(1) + fraction) as u64;
    let ty = DataType::Numeric(ExactNumberInfo::PrecisionAndScale(precision, fraction as i64));
    let operand = take(argument(function, 0, 2)?);
    Some(cast(call(number_text::READ, vec![operand, template]), ty))
}

/// The argument at a place of a call with that many arguments.
fn argument(function: &mut Function, place: usize, count: usize) -> Option<&mut Expr> {
    let FunctionArguments::List(list) = &mut function.args else { return None };
    if list.args.len() != count {
        return None;
    }
    match list.args.get_mut(place)? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

/// The same call as `array_agg` of one argument; its order, filter and window stay.
fn gathered(function: &Function, place: usize, count: usize, item: impl Fn(Expr) -> Expr) -> Option<Expr> {
    let mut function = function.clone();
    let value = take(argument(&mut function, place, count)?);
    let FunctionArguments::List(list) = &mut function.args else { return None };
    list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(item(value)))];
    function.name = ObjectName::from(vec![Ident::new("array_agg")]);
    Some(Expr::Function(function))
}

fn row_of(value: Expr) -> Expr {
    call("row", vec![value])
}

/// `array_agg(item(x) ORDER BY x)` of `… WITHIN GROUP (ORDER BY x)`.
fn sorted(function: &Function, item: impl Fn(Expr) -> Expr) -> Option<Expr> {
    let [order] = function.within_group.as_slice() else { return None };
    let Expr::Function(mut gathered) = call("array_agg", vec![item(order.expr.clone())]) else { return None };
    if let FunctionArguments::List(list) = &mut gathered.args {
        list.clauses.push(FunctionArgumentClause::OrderBy(vec![order.clone()]));
    }
    gathered.filter = function.filter.clone();
    gathered.over = function.over.clone();
    Some(Expr::Function(gathered))
}
