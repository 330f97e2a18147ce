//! The digits of one expression.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, lit};
use peristyle_storage::types::{OPEN_DECIMAL, marked_pg_type};

use super::is_exact;
use crate::functions::decimal::decimal_parts;
use crate::functions::signature::is_string;
use crate::functions::{arithmetic, named, shown_scale as scales};
use crate::semantics::PgCast;

/// How many digits behind the point a value shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scale {
    /// All rows' values alike.
    Fixed(i32),
    /// As many as the value uses.
    Used,
    /// As the expression says for each row, an integer.
    Computed(Expr),
}

impl Scale {
    /// As an integer for each row, of which the value is given.
    pub(super) fn of(self, value: &Expr) -> Result<Expr> {
        Ok(match self {
            Scale::Fixed(scale) => lit(scale),
            Scale::Used => named("scale")?.call(vec![value.clone()]),
            Scale::Computed(expr) => expr,
        })
    }
}

/// The columns that an expression reads, with the scales of the first of them.
pub(super) struct Columns<'a> {
    pub(super) schema: &'a DFSchema,
    pub(super) scales: &'a [Scale],
}

/// What the Arrow type alone tells: zeros at the end of an open decimal mean nothing.
pub(super) fn of_type(ty: &DataType) -> Scale {
    if *ty == OPEN_DECIMAL {
        return Scale::Used;
    }
    Scale::Fixed(decimal_parts(ty).map_or(0, |(_, scale)| scale.max(0).into()))
}

pub(super) fn scale_of(expr: &Expr, columns: &Columns<'_>) -> Result<Scale> {
    let ty = expr.get_type(columns.schema)?;
    let by_type = || Ok(of_type(&ty));
    // An integer shows none, whatever it was computed by.
    if !ty.is_decimal() || expr.is_volatile() {
        return by_type();
    }
    match expr {
        Expr::Alias(alias) => scale_of(&alias.expr, columns),
        Expr::Column(column) => match columns.schema.maybe_index_of_column(column) {
            Some(at) if at < columns.scales.len() => Ok(columns.scales[at].clone()),
            _ => by_type(),
        },
        Expr::Cast(Cast { expr: inner, field }) => {
            let modifier = marked_pg_type(field).and_then(|ty| ty.numeric_precision_scale());
            of_cast(inner, modifier.map(|parts| parts.1), columns).unwrap_or_else(by_type)
        }
        Expr::Case(case) => of_case(case, columns),
        Expr::ScalarFunction(call) => of_call(expr, call, columns).unwrap_or_else(by_type),
        _ => by_type(),
    }
}

/// `None` where the cast's own type tells.
fn of_cast(inner: &Expr, modifier: Option<i8>, columns: &Columns<'_>) -> Option<Result<Scale>> {
    if let Some(scale) = modifier {
        return Some(Ok(Scale::Fixed(scale.max(0).into())));
    }
    let from = inner.get_type(columns.schema).ok()?;
    is_exact(&from).then(|| scale_of(inner, columns))
}

fn of_case(case: &Case, columns: &Columns<'_>) -> Result<Scale> {
    let values = case.when_then_expr.iter().map(|(_, value)| value).chain(&case.else_expr);
    let values: Vec<&Expr> = values.map(AsRef::as_ref).collect();
    let conditions = case.when_then_expr.iter().map(|(when, _)| when.as_ref().clone());
    chosen(case.expr.as_deref().cloned(), conditions.collect(), &values, columns)
}

/// The scale of that value whose condition is met first; that of a last one without condition, if none is.
fn chosen(operand: Option<Expr>, conditions: Vec<Expr>, values: &[&Expr], columns: &Columns<'_>) -> Result<Scale> {
    let scales = values.iter().map(|value| scale_of(value, columns)).collect::<Result<Vec<_>>>()?;
    if let [first @ (Scale::Fixed(_) | Scale::Used), rest @ ..] = scales.as_slice()
        && rest.iter().all(|scale| scale == first)
    {
        return Ok(first.clone());
    }
    let scales = scales.into_iter().zip(values).map(|(scale, value)| Ok(Box::new(scale.of(value)?)));
    let mut scales = scales.collect::<Result<Vec<_>>>()?;
    let else_expr = if scales.len() > conditions.len() { scales.pop() } else { None };
    let when_then_expr = conditions.into_iter().map(Box::new).zip(scales).collect();
    Ok(Scale::Computed(Expr::Case(Case { expr: operand.map(Box::new), when_then_expr, else_expr })))
}

/// `None` where the function's own type tells.
fn of_call(expr: &Expr, call: &ScalarFunction, columns: &Columns<'_>) -> Option<Result<Scale>> {
    if let Some(cast) = call.func.inner().downcast_ref::<PgCast>() {
        let modifier = cast.target().numeric_precision_scale();
        return of_cast(call.args.first()?, modifier.map(|parts| parts.1), columns);
    }
    let args = call.args.as_slice();
    let own = |at: usize| scale_of(&args[at], columns);
    let digits = |at: usize| own(at)?.of(&args[at]);
    let of_one = |function: &str| Ok(Scale::Computed(named(function)?.call(vec![args[0].clone(), digits(0)?])));
    let of_two = |function: &str| {
        let args = vec![args[0].clone(), args[1].clone(), digits(0)?, digits(1)?];
        Ok(Scale::Computed(named(function)?.call(args)))
    };
    let both = |fixed: fn(i32, i32) -> i32, function: &str| match (own(0)?, own(1)?) {
        (Scale::Fixed(a), Scale::Fixed(b)) => Ok(Scale::Fixed(fixed(a, b))),
        _ => Ok(Scale::Computed(named(function)?.call(vec![digits(0)?, digits(1)?]))),
    };
    Some(match (call.func.name(), args.len()) {
        (arithmetic::ADD | arithmetic::SUBTRACT | arithmetic::MODULO | "mod", 2) => both(i32::max, scales::OF_SUM),
        (arithmetic::MULTIPLY, 2) => both(|a, b| a + b, scales::OF_PRODUCT),
        (arithmetic::DIVIDE, 2) => of_two(scales::OF_QUOTIENT),
        (arithmetic::NEGATE | "abs" | "pg_mark", 1) | ("nullif", 2) => own(0),
        ("pg_to_numeric", 1) => match args[0].get_type(columns.schema) {
            Ok(ty) if is_exact(&ty) => own(0),
            Ok(ty) if is_string(&ty) => {
                named(scales::OF_TEXT).map(|function| Scale::Computed(function.call(vec![args[0].clone()])))
            }
            _ => return None,
        },
        ("sqrt", 1) => of_one(scales::OF_ROOT),
        ("exp", 1) => of_one(scales::OF_EXPONENTIAL),
        ("ln", 1) => of_one(scales::OF_LOGARITHM),
        ("log" | "log10", 1) => of_one(scales::OF_DECIMAL_LOGARITHM),
        ("log", 2) => of_two(scales::OF_LOGARITHM_TO_BASE),
        ("power" | "pow", 2) => of_two(scales::OF_POWER),
        ("coalesce", _) => of_values(args, columns, |value| value.clone().is_not_null()),
        ("greatest" | "least", _) => of_values(args, columns, |value| expr.clone().eq(value.clone())),
        _ => return None,
    })
}

/// Of one of several values, told by a condition.
fn of_values(args: &[Expr], columns: &Columns<'_>, condition: impl Fn(&Expr) -> Expr) -> Result<Scale> {
    let is_null = |arg: &&Expr| matches!(arg, Expr::Literal(ScalarValue::Null, _));
    let values: Vec<&Expr> = args.iter().filter(|arg| !is_null(arg)).collect();
    chosen(None, values.iter().map(|value| condition(value)).collect(), &values, columns)
}
