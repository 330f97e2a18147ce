//! Comparisons and tests of rows, `(a, b) < (c, d)` and `ROW(a, b) IS NULL`, as conditions of their values.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator};

use super::copies::{refuse_copies, refuse_large};
use crate::error::SqlError;
use crate::semantics::call;

/// Rows are equal if all their values are, and ordered by the first that differ.
pub(super) fn compare(left: &[Expr], op: &BinaryOperator, right: &[Expr]) -> Result<Expr, SqlError> {
    let pairs: Vec<(Expr, Expr)> = pairs(left, right)?.collect();
    let each = |op: &BinaryOperator| pairs.iter().cloned().map(|(a, b)| binary(a, op.clone(), b)).collect::<Vec<_>>();
    match op {
        BinaryOperator::Eq => join(each(op), &BinaryOperator::And),
        BinaryOperator::NotEq => join(each(op), &BinaryOperator::Or),
        BinaryOperator::Lt | BinaryOperator::Gt => ordered(pairs, op, op),
        BinaryOperator::LtEq => ordered(pairs, &BinaryOperator::Lt, op),
        BinaryOperator::GtEq => ordered(pairs, &BinaryOperator::Gt, op),
        BinaryOperator::Overlaps => match (left, right) {
            ([_, _], [_, _]) => Ok(call("overlaps", left.iter().chain(right).cloned().collect())),
            _ => Err(SqlError::syntax("wrong number of parameters on a side of OVERLAPS expression")),
        },
        other => Err(SqlError::unsupported(format!("operator {other} on rows is not supported"))),
    }
}

fn pairs<'a>(left: &'a [Expr], right: &'a [Expr]) -> Result<impl Iterator<Item = (Expr, Expr)> + 'a, SqlError> {
    match left.len() == right.len() {
        true => Ok(left.iter().cloned().zip(right.iter().cloned())),
        false => Err(SqlError::syntax("unequal number of entries in row expressions")),
    }
}

/// Rows are distinct if two of their values are.
pub(super) fn distinct(left: &[Expr], right: &[Expr], negated: bool) -> Result<Expr, SqlError> {
    let each = pairs(left, right)?.map(|(a, b)| Expr::IsDistinctFrom(Box::new(a), Box::new(b)));
    Ok(negate_if(negated, join(each, &BinaryOperator::Or)?))
}

/// A row is NULL if all its values are, and not NULL if none is.
pub(super) fn is_null(row: &[Expr], negated: bool) -> Result<Expr, SqlError> {
    let test = |value: &Expr| {
        let value = Box::new(value.clone());
        if negated { Expr::IsNotNull(value) } else { Expr::IsNull(value) }
    };
    join(row.iter().map(test), &BinaryOperator::And)
}

/// Whether a row is one of a list.
pub(super) fn is_in(tested: &[Expr], list: &[Expr], negated: bool) -> Result<Expr, SqlError> {
    // The tested row stands beside each of the list.
    if list.len() > 1 {
        refuse_copies(tested, list.len())?;
    }
    let equal = list.iter().map(|candidate| match candidate {
        Expr::Tuple(values) => compare(tested, &BinaryOperator::Eq, values),
        _ => Err(SqlError::syntax("unequal number of entries in row expressions")),
    });
    Ok(negate_if(negated, join(equal.collect::<Result<Vec<_>, _>>()?, &BinaryOperator::Or)?))
}

/// `a op c OR (a = c AND …)`, with `last` between the last values.
fn ordered(pairs: Vec<(Expr, Expr)>, op: &BinaryOperator, last: &BinaryOperator) -> Result<Expr, SqlError> {
    refuse_large(pairs.iter().flat_map(|(a, b)| [a, b]))?;
    let mut pairs = pairs.into_iter().rev();
    let (a, b) = pairs.next().ok_or_else(|| SqlError::syntax("cannot compare rows of zero length"))?;
    Ok(pairs.fold(binary(a, last.clone(), b), |rest, (a, b)| {
        let tie = binary(binary(a.clone(), BinaryOperator::Eq, b.clone()), BinaryOperator::And, rest);
        nested(binary(binary(a, op.clone(), b), BinaryOperator::Or, nested(tie)))
    }))
}

/// The parts with the operator between them.
pub(super) fn join(parts: impl IntoIterator<Item = Expr>, op: &BinaryOperator) -> Result<Expr, SqlError> {
    let joined = parts.into_iter().map(nested).reduce(|all, part| binary(all, op.clone(), part));
    joined.map(nested).ok_or_else(|| SqlError::syntax("cannot compare rows of zero length"))
}

pub(super) fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

fn negate_if(negated: bool, expr: Expr) -> Expr {
    if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(expr) } } else { expr }
}

pub(super) fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}
