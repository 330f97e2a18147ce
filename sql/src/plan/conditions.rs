//! String literals where a boolean stands: `WHERE 'true'`, `NOT 'f'`, `'t' IS TRUE`.

use sqlparser::ast::{CastKind, DataType, Expr, Select, UnaryOperator, Value};

/// Reads the conditions of a SELECT as booleans.
pub(super) fn of_select(select: &mut Select) {
    select.selection.iter_mut().chain(&mut select.having).for_each(read);
}

/// Reads the operand of a test of truth as a boolean.
pub(super) fn of_test(expr: &mut Expr) {
    match expr {
        Expr::IsTrue(tested)
        | Expr::IsFalse(tested)
        | Expr::IsUnknown(tested)
        | Expr::IsNotTrue(tested)
        | Expr::IsNotFalse(tested)
        | Expr::IsNotUnknown(tested)
        | Expr::UnaryOp { op: UnaryOperator::Not, expr: tested } => read(tested),
        _ => {}
    }
}

fn read(condition: &mut Expr) {
    if let Expr::Value(value) = condition
        && matches!(value.value, Value::SingleQuotedString(_))
    {
        let expr = Box::new(condition.clone());
        *condition =
            Expr::Cast { kind: CastKind::DoubleColon, expr, data_type: DataType::Boolean, array: false, format: None };
    }
}
