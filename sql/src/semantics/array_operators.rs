//! Operators on arrays: what joins them, and which holds which.

use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use peristyle_catalog::model::PgType;
use sqlparser::ast::BinaryOperator;

use super::category::comparison_type;
use super::operators::{Operand, as_type, call, no_operator};
use crate::functions::{array, array_types};

/// `||` of arrays, or of an array and an item.
pub(super) fn concat(left: Operand, right: Operand) -> Result<Expr> {
    refuse_items(&BinaryOperator::StringConcat, left.ty, right.ty)?;
    let (left, right) = array_operands(left, right);
    let name = match (left.1, right.1) {
        (true, true) => array_types::CONCAT,
        (true, false) => array_types::APPEND,
        _ => array_types::PREPEND,
    };
    call(name, vec![left.0, right.0])
}

/// `@>`, `<@` and `&&`.
pub(super) fn compare(op: &BinaryOperator, left: Operand, right: Operand) -> Result<Expr> {
    refuse_items(op, left.ty, right.ty)?;
    let ((left, _), (right, _)) = array_operands(left, right);
    match op {
        BinaryOperator::PGOverlap => call("pg_op_overlap", vec![left, right]),
        BinaryOperator::AtArrow => call(array::CONTAINS, vec![left, right]),
        _ => call(array::CONTAINS, vec![right, left]),
    }
}

/// 42883 for arrays, or an array and an item, whose items' types do not meet.
fn refuse_items(op: &BinaryOperator, left: Option<PgType>, right: Option<PgType>) -> Result<()> {
    let (Some(l), Some(r)) = (left, right) else { return Ok(()) };
    let item = |ty: PgType| ty.item().unwrap_or(ty);
    let meet = item(l).oid == item(r).oid || comparison_type(item(l), item(r)).is_some();
    if meet { Ok(()) } else { Err(no_operator(op, left, right)) }
}

/// The operands, and whether each is an array. An unknown literal beside an array is an array of its type.
fn array_operands(left: Operand, right: Operand) -> ((Expr, bool), (Expr, bool)) {
    let is_array = |ty: Option<PgType>| ty.is_none_or(PgType::is_array);
    let kinds = (is_array(left.ty), is_array(right.ty));
    let (left, right) = match (left.ty, right.ty) {
        (Some(array), None) => (left.expr, as_type(right.expr, None, array)),
        (None, Some(array)) => (as_type(left.expr, None, array), right.expr),
        _ => (left.expr, right.expr),
    };
    ((left, kinds.0), (right, kinds.1))
}
