//! Operators of types that have operators of their own: networks and hardware addresses. Those that compare are planned as
//! of any type.

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use peristyle_catalog::model::{PgType, TypeKind};
use sqlparser::ast::BinaryOperator;

use super::operators::{Operand, as_type, check_literal, no_operator};
use super::type_planner::arrow_of;
use crate::functions::{macaddr, named, network};

/// The call that the operator stands for, or the operands if none of them is of such a type or the operator compares.
/// 42883 for types that no function of the operator takes.
pub(super) fn plan(
    op: &BinaryOperator,
    left: Operand,
    right: Operand,
) -> Result<std::result::Result<Expr, (Operand, Operand)>> {
    let Some(operators) = [left.ty, right.ty].into_iter().flatten().find_map(operators_of) else {
        return Ok(Err((left, right)));
    };
    if is_of_any_type(op) {
        return Ok(Err((left, right)));
    }
    let name = operators.iter().find(|(written, _)| *written == op.to_string()).map(|(_, name)| *name);
    let function = named(name.ok_or_else(|| no_operator(op, left.ty, right.ty))?)?;
    let arrow = |operand: &Operand| operand.ty.map_or(DataType::Utf8, arrow_of);
    if function.return_type(&[arrow(&left), arrow(&right)]).is_err() {
        return Err(no_operator(op, left.ty, right.ty));
    }
    let (left, right) = as_others(left, right)?;
    Ok(Ok(function.call(vec![left, right])))
}

/// Operators that are planned alike whatever their operands are.
fn is_of_any_type(op: &BinaryOperator) -> bool {
    use BinaryOperator as B;
    matches!(op, B::Eq | B::NotEq | B::Lt | B::LtEq | B::Gt | B::GtEq | B::And | B::Or | B::StringConcat)
}

/// The operands, a literal without a type as one of the other's.
fn as_others(left: Operand, right: Operand) -> Result<(Expr, Expr)> {
    let ty = left.ty.or(right.ty);
    let read = |operand: Operand| -> Result<Expr> {
        match (operand.ty, ty) {
            (None, Some(ty)) => {
                if let Some(text) = operand.expr.as_literal().and_then(|value| value.try_as_str().flatten()) {
                    check_literal(text, ty)?;
                }
                Ok(as_type(operand.expr, None, PgType::plain(ty.oid)))
            }
            _ => Ok(operand.expr),
        }
    };
    Ok((read(left)?, read(right)?))
}

/// Each operator of a type as it is written, and the function that it is.
type Operators = &'static [(&'static str, &'static str)];

fn operators_of(ty: PgType) -> Option<Operators> {
    match ty.kind().filter(|_| !ty.is_array())? {
        TypeKind::Inet | TypeKind::Cidr => Some(network::OPERATORS),
        TypeKind::Macaddr | TypeKind::Macaddr8 => Some(macaddr::OPERATORS),
        _ => None,
    }
}
