//! Operands of BETWEEN, IN and IS DISTINCT FROM, which DataFusion's planner gives no hook for, brought to the type
//! in which PostgreSQL compares them. Runs before DataFusion's type coercion.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{InList, InSubquery, ScalarFunction};
use datafusion::logical_expr::{Between, BinaryExpr, Cast, Expr, ExprSchemable, Like, Operator};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::marked_pg_type;

use super::category::{Category, category, comparison_type};
use super::comparison::compared_operands;
use super::comparison_key::Comparison;
use super::is_quantified;
use super::key_order::is_label;
use super::operators::{as_type, no_operator, type_of};
use super::type_planner::field_of;
use crate::functions::collation::COLLATED;
use crate::functions::error::error;
use crate::functions::signature::{is_string, is_unknown};
use crate::functions::{array_types, bytes, distinct_from, named, row, text, timetz};
use crate::values::type_name;

pub(super) fn rewrite(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Between(Between { expr, negated, low, high }) => {
            let [expr, low, high] = together([*expr, *low, *high], schema, Comparison::Order)?.map(Box::new);
            Ok(Transformed::yes(Expr::Between(Between { expr, negated, low, high })))
        }
        Expr::InList(InList { expr, list, negated }) => {
            let operands = std::iter::once(*expr).chain(list).collect();
            let operands = compared_operands(operands, schema, Comparison::Equality)?;
            let mut operands = operands.unwrap_or_else(|original| original).into_iter();
            let expr = Box::new(operands.next().expect("the tested value comes first"));
            Ok(Transformed::yes(Expr::InList(InList { expr, list: operands.collect(), negated })))
        }
        Expr::InSubquery(tested) => {
            refuse_column(&tested, schema)?;
            Ok(Transformed::no(Expr::InSubquery(tested)))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom) =>
        {
            let [left, right] = together([*left, *right], schema, Comparison::Equality)?.map(Box::new);
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })))
        }
        Expr::ScalarFunction(call) if let Some(op) = distinct_from::operator(call.func.name()) => {
            let operands = <[Expr; 2]>::try_from(call.args).expect("the operator has two sides");
            let [left, right] = together(operands, schema, Comparison::Equality)?.map(Box::new);
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })))
        }
        // Of what has its type from a rule of ours the planner did not know it.
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if is_order_operator(op) && (is_label(&left, schema) || is_label(&right, schema)) =>
        {
            let compared = compared_operands(vec![*left, *right], schema, Comparison::Order)?;
            let Ok([left, right]) = compared.map(|both| <[Expr; 2]>::try_from(both).expect("two operands")) else {
                return Err(error("42883", format!("operator does not exist: an enum type {op} another type")));
            };
            let (left, right) = (Box::new(left), Box::new(right));
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })))
        }
        Expr::IsNull(row) if is_row(&row, schema) => Ok(Transformed::yes(named(row::IS_NULL)?.call(vec![*row]))),
        Expr::IsNotNull(row) if is_row(&row, schema) => Ok(Transformed::yes(named(row::IS_NOT_NULL)?.call(vec![*row]))),
        Expr::IsTrue(tested) => truth_test(*tested, schema, "IS TRUE", Expr::IsTrue),
        Expr::IsFalse(tested) => truth_test(*tested, schema, "IS FALSE", Expr::IsFalse),
        Expr::IsUnknown(tested) => truth_test(*tested, schema, "IS UNKNOWN", Expr::IsUnknown),
        Expr::IsNotTrue(tested) => truth_test(*tested, schema, "IS NOT TRUE", Expr::IsNotTrue),
        Expr::IsNotFalse(tested) => truth_test(*tested, schema, "IS NOT FALSE", Expr::IsNotFalse),
        Expr::IsNotUnknown(tested) => truth_test(*tested, schema, "IS NOT UNKNOWN", Expr::IsNotUnknown),
        Expr::Like(like) if is_of_bytes(&like.expr, schema) => like_bytes(like).map(Transformed::yes),
        Expr::Like(like) => {
            refuse_no_text(&like, schema)?;
            let like = Like { expr: Box::new(padded(*like.expr, schema)?), ..like };
            Ok(Transformed::yes(Expr::Like(in_small_letters(like, schema)?)))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::ILikeMatch | Operator::NotILikeMatch), right }) => {
            let op = if op == Operator::ILikeMatch { Operator::LikeMatch } else { Operator::NotLikeMatch };
            let [left, right] = lowered([padded(*left, schema)?, *right], schema)?.map(Box::new);
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_pattern_operator(op) => {
            let left = Box::new(padded(*left, schema)?);
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })))
        }
        Expr::ScalarFunction(call) if call.func.name() == "timezone" => at_zone(call, schema),
        Expr::ScalarFunction(call) if is_quantified(call.func.name()) => {
            refuse_items(&call.args, schema)?;
            Ok(Transformed::no(Expr::ScalarFunction(call)))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if SEES_BLANKS.contains(&func.name()) => {
            let args = args.into_iter().map(|arg| padded(arg, schema)).collect::<Result<_>>()?;
            Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args })))
        }
        Expr::ScalarFunction(mut call) if call.func.name() == COLLATED => {
            Ok(Transformed::yes(call.args.swap_remove(0)))
        }
        Expr::ScalarFunction(call) if call.func.name() == "make_array" => match label_type(&call, schema) {
            Some(ty) => array_of_labels(call, ty, schema),
            None => Ok(Transformed::no(Expr::ScalarFunction(call))),
        },
        Expr::ScalarFunction(call) if call.func.name() == array_types::CONCAT => joined_arrays(call, schema),
        Expr::AggregateFunction(call) => {
            call.params.filter.as_deref().map_or(Ok(()), |filter| check_filter(filter, schema))?;
            Ok(Transformed::no(Expr::AggregateFunction(call)))
        }
        Expr::WindowFunction(call) => {
            call.params.filter.as_deref().map_or(Ok(()), |filter| check_filter(filter, schema))?;
            Ok(Transformed::no(Expr::WindowFunction(call)))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn check_filter(filter: &Expr, schema: &DFSchema) -> Result<()> {
    check_boolean(filter, schema, "FILTER")
}

/// Whether an expression is a row; what has a name that it shows, as a regclass, is a group too.
fn is_row(expr: &Expr, schema: &DFSchema) -> bool {
    let field = expr.to_field(schema).map(|(_, field)| field);
    field.is_ok_and(|field| row::is_row(field.data_type()) && category(type_of(&field)) == Category::Other)
}

/// The test of a boolean; 42804 for one of anything else.
fn truth_test(tested: Expr, schema: &DFSchema, words: &str, test: fn(Box<Expr>) -> Expr) -> Result<Transformed<Expr>> {
    check_boolean(&tested, schema, words)?;
    Ok(Transformed::no(test(Box::new(tested))))
}

fn check_boolean(tested: &Expr, schema: &DFSchema, words: &str) -> Result<()> {
    let field = tested.to_field(schema)?.1;
    if matches!(field.data_type(), DataType::Boolean | DataType::Null) || is_unknown(field.data_type()) {
        return Ok(());
    }
    let name = type_name(PgType::plain(type_of(&field).oid));
    Err(error("42804", format!("argument of {words} must be type boolean, not type {name}")))
}

/// 42883 for `x IN (SELECT …)` of a column whose type does not meet that of `x`.
fn refuse_column(tested: &InSubquery, schema: &DFSchema) -> Result<()> {
    let value = tested.expr.to_field(schema)?.1;
    let Some(column) = tested.subquery.subquery.schema().fields().first() else { return Ok(()) };
    let (left, right) = (type_of(&value), type_of(column));
    let is_open = is_unknown(value.data_type()) || is_unknown(column.data_type());
    if is_open || left.oid == right.oid || comparison_type(left, right).is_some() {
        return Ok(());
    }
    Err(no_operator(&"=", Some(left), Some(right)))
}

/// 42883 for `x op ANY (array)` of an array whose items' type does not meet that of `x`.
fn refuse_items(args: &[Expr], schema: &DFSchema) -> Result<()> {
    let [op, value, array] = args else { return Ok(()) };
    let (value, array) = (value.to_field(schema)?.1, array.to_field(schema)?.1);
    let Some(item) = type_of(&array).item() else { return Ok(()) };
    let ty = type_of(&value);
    if is_unknown(value.data_type()) || ty.oid == item.oid || comparison_type(ty, item).is_some() {
        return Ok(());
    }
    let op = op.as_literal().and_then(|op| op.try_as_str().flatten()).unwrap_or("=");
    Err(no_operator(&op, Some(ty), Some(item)))
}

fn is_of_bytes(expr: &Expr, schema: &DFSchema) -> bool {
    expr.to_field(schema).is_ok_and(|(_, field)| type_of(&field) == PgType::BYTEA)
}

/// LIKE of bytea, which Arrow has of texts alone.
/// `x AT TIME ZONE zone` of a time with an offset is not the same on all days, of all else it is.
fn at_zone(call: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let types = call.args.iter().map(|arg| arg.get_type(schema)).collect::<Result<Vec<_>>>()?;
    Ok(match timetz::at_zone(call.func.name(), &types) {
        Some(name) => Transformed::yes(named(name)?.call(call.args)),
        None => Transformed::no(Expr::ScalarFunction(call)),
    })
}

fn like_bytes(like: Like) -> Result<Expr> {
    let pattern = as_type(*like.pattern, None, PgType::BYTEA);
    let matches = named(bytes::LIKE)?.call(vec![*like.expr, pattern]);
    Ok(if like.negated { Expr::Not(Box::new(matches)) } else { matches })
}

/// 42883 for LIKE of what is stored in bytes and is no text.
fn refuse_no_text(like: &Like, schema: &DFSchema) -> Result<()> {
    let types = [&like.expr, &like.pattern].map(|side| side.to_field(schema).map(|(_, field)| field));
    let [value, pattern] = types;
    let (value, pattern) = (value?, pattern?);
    if !matches!(value.data_type(), DataType::FixedSizeBinary(_) | DataType::LargeBinary) {
        return Ok(());
    }
    let (not, case) = (if like.negated { "!" } else { "" }, if like.case_insensitive { "*" } else { "" });
    let pattern = (!is_unknown(pattern.data_type())).then(|| type_of(&pattern));
    Err(no_operator(&format!("{not}~~{case}"), Some(type_of(&value)), pattern))
}

/// ILIKE as PostgreSQL means it: LIKE of both sides' small letters. Arrow finds more letters alike, as ſ and s.
fn in_small_letters(like: Like, schema: &DFSchema) -> Result<Like> {
    if !like.case_insensitive {
        return Ok(like);
    }
    let [expr, pattern] = lowered([*like.expr, *like.pattern], schema)?.map(Box::new);
    Ok(Like { expr, pattern, case_insensitive: false, ..like })
}

fn lowered(sides: [Expr; 2], schema: &DFSchema) -> Result<[Expr; 2]> {
    let lower = named("lower")?;
    let of_side = |side: Expr| -> Result<Expr> {
        Ok(if is_string(&side.get_type(schema)?) { lower.call(vec![side]) } else { side })
    };
    let [left, right] = sides.map(of_side);
    Ok([left?, right?])
}

/// Functions to which the trailing blanks of a char(n) are part of it; to others they mean nothing.
const SEES_BLANKS: &[&str] = &["octet_length", "concat", "concat_ws"];

fn is_pattern_operator(op: Operator) -> bool {
    use Operator as O;
    matches!(op, O::RegexMatch | O::RegexIMatch | O::RegexNotMatch | O::RegexNotIMatch | O::LikeMatch | O::NotLikeMatch)
}

fn is_order_operator(op: Operator) -> bool {
    matches!(op, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq)
}

/// A char(n) with its blanks, any other expression as it is.
fn padded(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let ty = expr.to_field(schema).ok().and_then(|(_, field)| marked_pg_type(&field));
    match ty {
        Some(ty) if ty.oid == PgType::BPCHAR.oid => Ok(named(text::PADDED)?.call(vec![expr])),
        _ => Ok(expr),
    }
}

/// A string literal beside an array is an array of its type.
fn joined_arrays(mut call: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let mut array = None;
    for arg in &call.args {
        array = array.or(Some(type_of(&arg.to_field(schema)?.1)).filter(|ty| ty.is_array()));
    }
    let Some(array) = array else { return Ok(Transformed::no(Expr::ScalarFunction(call))) };
    call.args = call
        .args
        .into_iter()
        .map(|arg| if is_string_literal(&arg) { as_type(arg, None, array) } else { arg })
        .collect();
    Ok(Transformed::yes(Expr::ScalarFunction(call)))
}

fn is_string_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if is_unknown(&value.data_type()) && !value.is_null())
}

/// The array type of what `ARRAY[…]` makes of labels; DataFusion knows their Arrow type alone.
fn label_type(call: &ScalarFunction, schema: &DFSchema) -> Option<PgType> {
    let label = call.args.iter().find(|arg| is_label(arg, schema))?;
    type_of(&label.to_field(schema).ok()?.1).array()
}

/// String literals among the labels of an array are labels.
fn array_of_labels(mut call: ScalarFunction, ty: PgType, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Ok(items) = compared_operands(call.args, schema, Comparison::Equality)? else {
        return Err(error("42804", "ARRAY types cannot be matched"));
    };
    call.args = items;
    let array = Box::new(Expr::ScalarFunction(call));
    Ok(Transformed::yes(Expr::Cast(Cast::new_from_field(array, field_of(ty)))))
}

fn together<const N: usize>(operands: [Expr; N], schema: &DFSchema, comparison: Comparison) -> Result<[Expr; N]> {
    let operands = compared_operands(operands.into(), schema, comparison)?.unwrap_or_else(|original| original);
    Ok(operands.try_into().expect("as many operands come back as were given"))
}
