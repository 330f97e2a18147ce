//! Calls that become other expressions: aggregates that DataFusion has not are functions over what `array_agg`
//! gathers, `to_number` has the type that its template says, `date(x)` is a cast.

use sqlparser::ast::{
    DataType, ExactNumberInfo, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments,
    Ident, ObjectName, Value, ValueWithSpan,
};

use super::desugar::{call, cast, take};
use crate::functions::{json_build, number_text, ordered_set};

/// The expression in place of such a call.
pub(super) fn rewrite(function: &mut Function) -> Option<Expr> {
    let name = function.name.0.last()?.as_ident()?.value.to_lowercase();
    match name.as_str() {
        "json_agg" | "jsonb_agg" => {
            let items = gathered(function, 0, 1, |item| call("to_jsonb", vec![item]))?;
            Some(call(json_build::ARRAY_OF, vec![items]))
        }
        "json_object_agg" | "jsonb_object_agg" => {
            let keys = gathered(function, 0, 2, |key| cast(key, DataType::Text))?;
            let values = gathered(function, 1, 2, |value| call("to_jsonb", vec![value]))?;
            Some(call(json_build::OBJECT_OF, vec![keys, values]))
        }
        "percentile_cont" | "percentile_disc" if has_fractions(function) => each_fraction(function),
        "percentile_disc" => {
            let fraction = argument(function, 0, 1)?.clone();
            Some(call(ordered_set::PERCENTILE_DISC, vec![fraction, sorted(function)?]))
        }
        "date" => Some(cast(take(argument(function, 0, 1)?), DataType::Date)),
        "to_number" => to_number(function),
        "mode" => Some(call(ordered_set::MODE, vec![sorted(function)?])),
        _ => None,
    }
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

/// `array_agg(x ORDER BY x)` of `… WITHIN GROUP (ORDER BY x)`.
fn sorted(function: &Function) -> Option<Expr> {
    let [order] = function.within_group.as_slice() else { return None };
    let Expr::Function(mut gathered) = call("array_agg", vec![order.expr.clone()]) else { return None };
    if let FunctionArguments::List(list) = &mut gathered.args {
        list.clauses.push(FunctionArgumentClause::OrderBy(vec![order.clone()]));
    }
    gathered.filter = function.filter.clone();
    gathered.over = function.over.clone();
    Some(Expr::Function(gathered))
}
