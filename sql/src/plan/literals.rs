//! Literals whose type what stands around them says: `ARRAY[]::int[]`, `+'5'`, `substr(a, '2')`, `-(-5)`, `char 'ab'`.

use sqlparser::ast::{CastKind, DataType, Expr, Ident, ObjectName, UnaryOperator, Value};

use crate::error::{SqlError, SqlState};
use crate::semantics::{bits_as_written, string};

/// Rewrites an expression whose operand would mean nothing by itself.
pub(super) fn before_operands(expr: &mut Expr) {
    match expr {
        Expr::Cast { expr: operand, .. } if is_array_of_nothing(operand) => **operand = string("{}"),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: operand } => {
            if let Some(number) = negated_number(operand) {
                *expr = number;
            }
        }
        _ => {}
    }
}

/// Gives a literal the type that it has in that place.
pub(super) fn of_type(expr: &mut Expr) {
    match expr {
        Expr::UnaryOp { op: UnaryOperator::Plus, expr: operand } => read_as(operand, DataType::Float8),
        Expr::Substring { substring_from, substring_for, shorthand: true, .. } => {
            substring_from.iter_mut().chain(substring_for).for_each(|place| read_as(place, DataType::Int4(None)));
        }
        // Without a length it is as long as it is written.
        Expr::TypedString(typed) if matches!(typed.data_type, DataType::Char(None) | DataType::Character(None)) => {
            typed.data_type = DataType::Custom(ObjectName::from(vec![Ident::new("bpchar")]), Vec::new());
        }
        Expr::TypedString(typed) if typed.data_type == DataType::Bit(None) => typed.data_type = bits_as_written(),
        _ => {}
    }
}

/// 42P18 for `ARRAY[]` without a cast.
pub(super) fn array_of_nothing() -> SqlError {
    SqlError::new(SqlState::INDETERMINATE_DATATYPE, "cannot determine type of empty array")
        .hint("Explicitly cast to the desired type, for example ARRAY[]::integer[].")
}

fn is_array_of_nothing(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_array_of_nothing(inner),
        Expr::Array(array) => array.elem.iter().all(is_array_of_nothing),
        _ => false,
    }
}

/// The number of `-5` in parentheses, whose sign a second one takes away.
fn negated_number(operand: &Expr) -> Option<Expr> {
    let Expr::Nested(inner) = operand else { return None };
    let Expr::UnaryOp { op: UnaryOperator::Minus, expr: number } = inner.as_ref() else { return None };
    matches!(number.as_ref(), Expr::Value(value) if matches!(value.value, Value::Number(..)))
        .then(|| number.as_ref().clone())
}

fn read_as(literal: &mut Expr, data_type: DataType) {
    if matches!(literal, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_))) {
        let expr = Box::new(literal.clone());
        *literal = Expr::Cast { kind: CastKind::DoubleColon, expr, data_type, array: false, format: None };
    }
}
