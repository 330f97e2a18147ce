//! Operators of types that have operators of their own: networks, hardware addresses, money, strings of bits and ranges. Those that
//! compare are planned as of any type.

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed::{Bits, RangeType};
use sqlparser::ast::BinaryOperator;

use super::comparison::check_literal;
use super::operators::{Operand, as_type, no_operator};
use super::type_planner::arrow_of;
use crate::functions::{bits, macaddr, money, named, network, range};

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
    let is_mixed = ranges_of(&left, &right).is_some_and(|range| !is_part(range, left.ty) || !is_part(range, right.ty));
    if is_mixed || function.return_type(&[arrow(&left), arrow(&right)]).is_err() {
        return Err(no_operator(op, left.ty, right.ty));
    }
    let shared = shared_type(&left, &right).filter(|ty| function.return_type(&[arrow_of(*ty), arrow_of(*ty)]).is_ok());
    let (left, right) = match shared {
        Some(ty) => (read_as(left, ty)?, read_as(right, ty)?),
        None => (left.expr, right.expr),
    };
    Ok(Ok(function.call(vec![left, right])))
}

/// The range type of one of the operands.
fn ranges_of(left: &Operand, right: &Operand) -> Option<&'static RangeType> {
    let kinds = [left.ty, right.ty].into_iter().flatten().filter(|ty| !ty.is_array()).filter_map(PgType::kind);
    kinds.into_iter().find_map(RangeType::of_kind)
}

/// Whether a type is the range's or its elements', to which PostgreSQL casts no other.
fn is_part(range: &RangeType, ty: Option<PgType>) -> bool {
    ty.is_none_or(|ty| ty.oid == range.kind.oid() || ty.oid == range.element.oid)
}

/// Operators that are planned alike whatever their operands are.
fn is_of_any_type(op: &BinaryOperator) -> bool {
    use BinaryOperator as B;
    matches!(op, B::Eq | B::NotEq | B::Lt | B::LtEq | B::Gt | B::GtEq | B::And | B::Or | B::StringConcat)
}

/// The type that a literal without one is of: the other's, or that of ranges beside an element.
fn shared_type(left: &Operand, right: &Operand) -> Option<PgType> {
    let range = ranges_of(left, right).map(|range| PgType::plain(range.kind.oid()));
    range.or(left.ty).or(right.ty).map(|ty| PgType::plain(ty.oid))
}

/// The operand, a literal without a type as one of that.
fn read_as(operand: Operand, ty: PgType) -> Result<Expr> {
    if operand.ty.is_some() {
        return Ok(operand.expr);
    }
    if let Some(text) = operand.expr.as_literal().and_then(|value| value.try_as_str().flatten()) {
        check_literal(text, ty)?;
    }
    Ok(as_type(operand.expr, None, ty))
}

/// Each operator of a type as it is written, and the function that it is.
type Operators = &'static [(&'static str, &'static str)];

fn operators_of(ty: PgType) -> Option<Operators> {
    match ty.kind().filter(|_| !ty.is_array())? {
        TypeKind::Inet | TypeKind::Cidr => Some(network::OPERATORS),
        TypeKind::Macaddr | TypeKind::Macaddr8 => Some(macaddr::OPERATORS),
        TypeKind::Money => Some(money::OPERATORS),
        kind if Bits::is_of(kind) => Some(bits::OPERATORS),
        kind if RangeType::of_kind(kind).is_some() => Some(range::OPERATORS),
        _ => None,
    }
}
