//! Comparisons: what their operands are compared as.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, Operator, binary_expr, lit};
use peristyle_catalog::model::PgType;
use peristyle_storage::packed::RangeType;
use sqlparser::ast::BinaryOperator;

use super::array_forms::alike;
use super::category::{Category, category, comparison_type};
use super::comparison_key::{Comparison, Key};
use super::operators::{Operand, Planned, as_known, as_type, call, no_operator, operand};
use super::type_planner::typed_field;
use crate::functions::array;
use crate::functions::signature::crowded_decimal;
use crate::values::{InputStyle, parse_text};

pub(super) fn plan_comparison(
    op: &BinaryOperator,
    left: Operand,
    right: Operand,
    schema: &DFSchema,
) -> Result<Planned> {
    let common = match (left.ty, right.ty) {
        (None, None) => return Ok(Err((left.expr, right.expr))),
        (Some(ty), None) | (None, Some(ty)) => PgType::plain(ty.oid),
        (Some(l), Some(r)) => match comparison_type(l, r) {
            Some(ty) => ty,
            None => return Err(no_operator(op, left.ty, right.ty)),
        },
    };
    check_literals([&left, &right], common)?;
    let operator = match op {
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        _ => Operator::GtEq,
    };
    let operands = alike(for_comparison(vec![left, right], common), schema)?;
    let [left, right] = <[Expr; 2]>::try_from(operands).expect("two operands");
    let comparison = match operator {
        Operator::Eq | Operator::NotEq => Comparison::Equality,
        _ => Comparison::Order,
    };
    let (left, right) = match Key::of(common, comparison) {
        Some(key) => (key.call(left)?, key.call(right)?),
        None => (left, right),
    };
    if comparison == Comparison::Order && common.is_array() && left.get_type(schema)? == right.get_type(schema)? {
        return Ok(Ok(call(array::COMPARE, vec![lit(op.to_string()), left, right])?));
    }
    Ok(Ok(binary_expr(left, operator, right)))
}

/// The operands as they are compared. Numbers and texts among themselves are left to DataFusion's coercion, which keeps
/// columns free of casts, but for decimals of which that finds none that holds them.
fn for_comparison(operands: Vec<Operand>, common: PgType) -> Vec<Expr> {
    let given = operands.iter().map(|operand| operand.arrow.clone()).collect::<Vec<_>>();
    let operands = operands.into_iter().map(|operand| operand_of(operand, common)).collect::<Vec<_>>();
    let types = operands.iter().zip(given).map(|(expr, given)| match expr {
        Expr::Literal(value, _) => value.data_type(),
        Expr::Cast(cast) => cast.field.data_type().clone(),
        _ => given,
    });
    let types = types.collect::<Vec<_>>();
    let Some(decimal) = crowded_decimal(&types) else { return operands };
    let as_decimal = |(expr, ty): (Expr, DataType)| match ty == decimal || ty.is_null() {
        true => expr,
        false => Expr::Cast(Cast::new_from_field(Box::new(expr), typed_field("", PgType::NUMERIC, decimal.clone()))),
    };
    operands.into_iter().zip(types).map(as_decimal).collect()
}

fn operand_of(operand: Operand, common: PgType) -> Expr {
    match operand.ty {
        // A double may be beyond every numeric.
        Some(ty) if ty.oid == PgType::NUMERIC.oid && common == PgType::FLOAT8 => as_known(operand, common),
        Some(ty) if category(ty) == category(common) && !is_converted(common) => operand.expr,
        Some(ty) if ty.oid == common.oid => operand.expr,
        // An unknown number beside an integer column may be any number's text: it is of the column's type.
        None if common.oid == PgType::NUMERIC.oid && is_null(&operand.expr) => operand.expr,
        ty => as_type(operand.expr, ty, common),
    }
}

/// Whether values of another type of the family are cast to this one before they are compared.
fn is_converted(common: PgType) -> bool {
    matches!(category(common), Category::Time | Category::Own(_))
}

/// A list of operands that are compared with each other, each as the common type; `None` where DataFusion's own
/// coercion serves.
pub(super) fn compared_operands(
    exprs: Vec<Expr>,
    schema: &DFSchema,
    comparison: Comparison,
) -> Result<std::result::Result<Vec<Expr>, Vec<Expr>>> {
    let operands = exprs.iter().map(|expr| operand(expr.clone(), schema)).collect::<Result<Vec<_>>>()?;
    let mut types = operands.iter().filter_map(|operand| operand.ty);
    let Some(first) = types.next() else { return Ok(Err(exprs)) };
    let common = types.try_fold(first, |common, ty| {
        comparison_type(common, ty).ok_or_else(|| no_operator(&operator_of(comparison), Some(common), Some(ty)))
    })?;
    let common = PgType::plain(common.oid);
    check_literals(&operands, common)?;
    let operands = alike(for_comparison(operands, common), schema)?;
    if let Some(key) = Key::of(common, comparison) {
        return operands.into_iter().map(|expr| key.call(expr)).collect::<Result<Vec<_>>>().map(Ok);
    }
    Ok(Ok(operands))
}

/// The operator that a comparison of that kind lacks.
fn operator_of(comparison: Comparison) -> BinaryOperator {
    match comparison {
        Comparison::Equality => BinaryOperator::Eq,
        Comparison::Order => BinaryOperator::GtEq,
    }
}

/// A string that is no value of the type is an error even if no row meets it.
fn check_literals<'a>(operands: impl IntoIterator<Item = &'a Operand>, ty: PgType) -> Result<()> {
    for operand in operands {
        if let (None, Expr::Literal(value, _)) = (operand.ty, &operand.expr)
            && let Some(text) = value.try_as_str().flatten()
        {
            check_literal(text, ty)?;
        }
    }
    Ok(())
}

pub(super) fn check_literal(text: &str, ty: PgType) -> Result<()> {
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    let is_sure = match category(ty) {
        Category::Number => matches!(ty.kind(), Some(kind) if !kind.is_registered()),
        // How times are read is the session's choice.
        Category::Own(kind) => RangeType::of_kind(kind).is_none_or(|range| category(range.element) != Category::Time),
        Category::Bool => true,
        // How a date with digits is read is the session's choice.
        Category::Time => !has_digit,
        // What labels there are is found out where the literal is read.
        Category::Enum(_) => false,
        Category::Text | Category::Array | Category::Other => false,
    };
    if is_sure {
        parse_text(ty, text, &InputStyle::new(0))?;
    }
    Ok(())
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}
