//! Assignments: which types a column takes without an explicit cast, and the cast that stores the value.

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, ExprSchemable};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::shape::{list_of_shaped, shaped_type};
use peristyle_storage::types::pg_type;

use super::cast::{CastKind, cast_to_arrow};
use super::category::{Category, category};
use super::numeric_literal::numeric_literal;
use super::type_planner::{cast_form, open_array};
use crate::error::{SqlError, SqlState};
use crate::functions::signature::{decimal_of, is_unknown};

/// The expression as a column of that type stores it: length and precision are checked.
pub fn assignment_cast(expression: Expr, schema: &DFSchema, to: PgType, arrow: &DataType) -> Result<Expr, SqlError> {
    let (_, field) = expression.to_field(schema)?;
    if pg_type(&field) == to && field.data_type() == arrow {
        return Ok(expression);
    }
    if to == PgType::NUMERIC
        && let Some(number) = numeric_literal(&expression)
    {
        return assignment_cast(number, schema, to, arrow);
    }
    let arrow = match array_form(&expression, to, field.data_type(), arrow) {
        Some(form) => form,
        None => open_form(to, field.data_type()).unwrap_or_else(|| arrow.clone()),
    };
    if pg_type(&field) == to && *field.data_type() == arrow {
        return Ok(expression);
    }
    Ok(cast_to_arrow(expression, to, arrow, CastKind::Assignment))
}

/// What comes to a bare numeric keeps its own digits; `None` for other types.
fn open_form(to: PgType, from: &DataType) -> Option<DataType> {
    let is_open = to == PgType::NUMERIC && *from != DataType::Null;
    is_open.then(|| decimal_of(from))
}

/// An array that comes to a column stays a list if it is one, numerics without a scale keep their digits; `None` for other
/// types.
fn array_form(value: &Expr, to: PgType, from: &DataType, wanted: &DataType) -> Option<DataType> {
    if !to.is_array() || from.is_null() {
        return None;
    }
    let list = match to.element() {
        Some(PgType::NUMERIC) => open_array(from),
        _ => wanted.clone(),
    };
    let list = list_of_shaped(&list).cloned().unwrap_or(list);
    let form = cast_form(to, value, from);
    Some(if form.is_shaped() { shaped_type(&list) } else { list })
}

/// The type of a column as its definition names it; a serial type is the integer that it counts in.
pub fn column_type(sql: &sqlparser::ast::DataType) -> Result<PgType, SqlError> {
    if let Some(ty) = crate::values::serial_type(&sql.to_string()) {
        return Ok(ty);
    }
    let ty = super::pg_type_of_sql(sql)?;
    match ty.kind() {
        Some(TypeKind::Unknown | TypeKind::Record | TypeKind::Void | TypeKind::AnyArray) => {
            let message = format!("column cannot have type {}", crate::values::type_name(ty));
            Err(SqlError::new(SqlState::INVALID_TABLE_DEFINITION, message))
        }
        _ => Ok(ty),
    }
}

/// Whether PostgreSQL assigns values of one type to a column of another without being told to.
pub fn is_assignable(from: PgType, to: PgType) -> bool {
    let is_text = |ty: PgType| category(ty) == Category::Text;
    if from.oid == to.oid || from == PgType::UNKNOWN || from == PgType::VOID {
        return true;
    }
    // Anything has a text form; a text without a type of its own is read as any type.
    if is_text(to) || from == PgType::TEXT {
        return true;
    }
    match (category(from), category(to)) {
        (Category::Number, Category::Number)
        | (Category::Time, Category::Time)
        | (Category::Array, Category::Array) => true,
        (Category::Own(TypeKind::Json), Category::Own(TypeKind::Jsonb)) => true,
        (Category::Own(TypeKind::Jsonb), Category::Own(TypeKind::Json)) => true,
        (Category::Own(TypeKind::Inet), Category::Own(TypeKind::Inet)) => true,
        (Category::Own(TypeKind::Varbit), Category::Own(TypeKind::Varbit)) => true,
        (Category::Own(TypeKind::Money), Category::Number) => to.oid == PgType::NUMERIC.oid,
        (Category::Number, Category::Own(TypeKind::Money)) => is_cast_to_money(from),
        (Category::Own(TypeKind::Time), Category::Own(TypeKind::Timetz)) => true,
        (Category::Own(TypeKind::Timetz), Category::Own(TypeKind::Time)) => true,
        (Category::Time, Category::Own(TypeKind::Timetz)) => from.oid == PgType::TIMESTAMPTZ.oid,
        (Category::Own(TypeKind::Macaddr), Category::Own(TypeKind::Macaddr8)) => true,
        (Category::Own(TypeKind::Macaddr8), Category::Own(TypeKind::Macaddr)) => true,
        (Category::Own(TypeKind::Interval), Category::Own(TypeKind::Time)) => true,
        (Category::Own(TypeKind::Time), Category::Own(TypeKind::Interval)) => true,
        (Category::Time, Category::Own(TypeKind::Time)) => from != PgType::DATE,
        _ => false,
    }
}

/// Whether PostgreSQL assigns values of a field to a type without being told to.
pub fn is_taken(field: &FieldRef, to: PgType) -> bool {
    // A string without a type of its own is read as any type, a text is not.
    let is_given_text = pg_type(field) == PgType::TEXT && !is_unknown(field.data_type());
    is_assignable(pg_type(field), to) && (is_text(to) || !is_given_text)
}

/// Whether there is a cast from a number's type to money.
pub(super) fn is_cast_to_money(from: PgType) -> bool {
    [PgType::NUMERIC.oid, PgType::INT4.oid, PgType::INT8.oid].contains(&from.oid)
}

/// Whether the type is a string's.
pub fn is_text(ty: PgType) -> bool {
    category(ty) == Category::Text
}

/// Whether the type is a number's.
pub fn is_number(ty: PgType) -> bool {
    category(ty) == Category::Number
}

/// Whether the type is an integer's.
pub fn is_integer(ty: PgType) -> bool {
    !ty.is_array() && matches!(ty.kind(), Some(TypeKind::Int2 | TypeKind::Int4 | TypeKind::Int8 | TypeKind::Oid))
}

/// Whether a call is a cast of ours of a time that never decreases, but for where clocks go back.
pub fn is_order_keeping_cast(expression: &Expr) -> bool {
    let Expr::ScalarFunction(function) = expression else { return false };
    let target = function.func.inner().downcast_ref::<super::cast::PgCast>().map(super::cast::PgCast::arrow);
    match target {
        Some(DataType::Timestamp(..) | DataType::Date32) => true,
        Some(other) => other.is_numeric(),
        None => false,
    }
}
