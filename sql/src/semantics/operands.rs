//! Operands of BETWEEN, IN and IS DISTINCT FROM, which DataFusion's planner gives no hook for, brought to the type
//! in which PostgreSQL compares them. Runs before DataFusion's type coercion.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{Between, BinaryExpr, Expr, ExprSchemable, Like, Operator};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::marked_pg_type;

use super::operators::compared_operands;
use crate::functions::error::not_supported;
use crate::functions::{named, text};

pub(super) fn rewrite(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Between(Between { expr, negated, low, high }) => {
            let [expr, low, high] = together([*expr, *low, *high], schema)?.map(Box::new);
            Ok(Transformed::yes(Expr::Between(Between { expr, negated, low, high })))
        }
        Expr::InList(InList { expr, list, negated }) => {
            let operands = std::iter::once(*expr).chain(list).collect();
            let mut operands = compared_operands(operands, schema)?.unwrap_or_else(|original| original).into_iter();
            let expr = Box::new(operands.next().expect("the tested value comes first"));
            Ok(Transformed::yes(Expr::InList(InList { expr, list: operands.collect(), negated })))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom) =>
        {
            let [left, right] = together([*left, *right], schema)?.map(Box::new);
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
        Expr::ScalarFunction(call) if call.func.name() == "make_array" => refuse_nested(call, schema),
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

/// A char(n) with its blanks, any other expression as it is.
fn padded(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let ty = expr.to_field(schema).ok().and_then(|(_, field)| marked_pg_type(&field));
    match ty {
        Some(ty) if ty.oid == PgType::BPCHAR.oid => Ok(named(text::PADDED)?.call(vec![expr])),
        _ => Ok(expr),
    }
}

/// Arrays have one dimension.
fn refuse_nested(call: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let is_array = |arg: &Expr| arg.get_type(schema).is_ok_and(|ty| matches!(ty, DataType::List(_)));
    if call.args.iter().any(is_array) {
        return Err(not_supported("an array of more than one dimension"));
    }
    Ok(Transformed::no(Expr::ScalarFunction(call)))
}

fn together<const N: usize>(operands: [Expr; N], schema: &DFSchema) -> Result<[Expr; N]> {
    let operands = compared_operands(operands.into(), schema)?.unwrap_or_else(|original| original);
    Ok(operands.try_into().expect("as many operands come back as were given"))
}
