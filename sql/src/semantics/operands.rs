//! Operands of BETWEEN, IN and IS DISTINCT FROM, which DataFusion's planner gives no hook for, brought to the type
//! in which PostgreSQL compares them. Runs before DataFusion's type coercion.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{Between, BinaryExpr, Cast, Expr, ExprSchemable, Like, Operator};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::marked_pg_type;

use super::comparison_key::Comparison;
use super::key_order::is_label;
use super::operators::{compared_operands, type_of};
use super::type_planner::field_of;
use crate::functions::error::{error, not_supported};
use crate::functions::{named, text};

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
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom) =>
        {
            let [left, right] = together([*left, *right], schema, Comparison::Equality)?.map(Box::new);
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
        Expr::Like(like) => {
            let expr = Box::new(padded(*like.expr, schema)?);
            Ok(Transformed::yes(Expr::Like(Like { expr, ..like })))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_pattern_operator(op) => {
            let left = Box::new(padded(*left, schema)?);
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if SEES_BLANKS.contains(&func.name()) => {
            let args = args.into_iter().map(|arg| padded(arg, schema)).collect::<Result<_>>()?;
            Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args })))
        }
        Expr::ScalarFunction(call) if call.func.name() == "make_array" => match label_type(&call, schema) {
            Some(ty) => array_of_labels(call, ty, schema),
            None => refuse_nested(call, schema),
        },
        other => Ok(Transformed::no(other)),
    }
}

/// Functions to which the trailing blanks of a char(n) are part of it; to others they mean nothing.
const SEES_BLANKS: &[&str] = &["octet_length", "concat", "concat_ws"];

fn is_pattern_operator(op: Operator) -> bool {
    use Operator as O;
    matches!(
        op,
        O::RegexMatch
            | O::RegexIMatch
            | O::RegexNotMatch
            | O::RegexNotIMatch
            | O::LikeMatch
            | O::ILikeMatch
            | O::NotLikeMatch
            | O::NotILikeMatch
    )
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

/// Arrays have one dimension.
fn refuse_nested(call: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let is_array = |arg: &Expr| arg.get_type(schema).is_ok_and(|ty| matches!(ty, DataType::List(_)));
    if call.args.iter().any(is_array) {
        return Err(not_supported("an array of more than one dimension"));
    }
    Ok(Transformed::no(Expr::ScalarFunction(call)))
}

fn together<const N: usize>(operands: [Expr; N], schema: &DFSchema, comparison: Comparison) -> Result<[Expr; N]> {
    let operands = compared_operands(operands.into(), schema, comparison)?.unwrap_or_else(|original| original);
    Ok(operands.try_into().expect("as many operands come back as were given"))
}
