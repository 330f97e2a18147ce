//! Literals and casts of them: numbers get PostgreSQL's types, a bare numeric the digits that are written.

use peristyle_catalog::model::PgType;
use peristyle_storage::types::DECIMAL256_PRECISION_MAX;
use sqlparser::ast::{DataType, DateTimeField, Expr, Ident, ObjectName, Value, ValueWithSpan};

use super::cast_call;
use super::desugar::{call, cast, string, take};
use super::type_name::pg_type_of_sql;
use crate::functions::interval_fields;
use crate::functions::rounding::{SPECIAL_NUMERIC, TO_NUMERIC_ARRAY};
use crate::values::{is_shaped_text, special_text};

/// A cast of what is no literal: as a call that is named after its target. A type that does not exist is left for
/// the planner to refuse.
pub(super) fn computed_cast(operand: &mut Expr, data_type: &DataType) -> Option<Expr> {
    let target = pg_type_of_sql(data_type).ok()?;
    let is_literal = matches!(operand, Expr::Value(_));
    // Which form an array has its value tells.
    if is_literal && !(target.is_array() && may_be_shaped(operand)) {
        return None;
    }
    if target.element() == Some(PgType::NUMERIC) && !is_literal {
        return Some(call(TO_NUMERIC_ARRAY, vec![take(operand)]));
    }
    Some(call(cast_call::NAME, vec![take(operand), string(cast_call::target_text(target))]))
}

fn may_be_shaped(literal: &Expr) -> bool {
    let Expr::Value(literal) = literal else { return false };
    match &literal.value {
        Value::Placeholder(_) => true,
        value => value.clone().into_string().is_some_and(|text| is_shaped_text(&text)),
    }
}

pub(super) fn is_bare_numeric(data_type: &DataType) -> bool {
    use sqlparser::ast::ExactNumberInfo;
    matches!(
        data_type,
        DataType::Numeric(ExactNumberInfo::None)
            | DataType::Decimal(ExactNumberInfo::None)
            | DataType::Dec(ExactNumberInfo::None)
    )
}

/// A bare numeric has the scale of what is cast: the literal's own, or the argument type's.
pub(super) fn to_numeric(operand: &mut Expr) -> Expr {
    if let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = operand {
        if let Some(number) = exact_number(text.trim_ascii()) {
            return number;
        }
        if special_text(text).is_some() {
            return call(SPECIAL_NUMERIC, vec![take(operand)]);
        }
    }
    call("pg_to_numeric", vec![take(operand)])
}

/// An integer is int4 if it fits, else int8, else numeric; a number with an exponent is written out.
pub(super) fn number_literal(value: &ValueWithSpan) -> Option<Expr> {
    let Value::Number(text, _) = &value.value else { return None };
    let is_integer = text.bytes().all(|b| b.is_ascii_digit());
    if is_integer && text.parse::<i32>().is_ok() {
        return Some(cast(Expr::Value(value.clone()), DataType::Int4(None)));
    }
    if is_integer && text.parse::<i64>().is_ok() {
        return None;
    }
    if is_integer || text.contains(['e', 'E']) {
        return Some(exact_number(text).unwrap_or_else(|| cast(string(text.as_str()), DataType::Float8)));
    }
    None
}

/// The number written out, without exponent and with a point, so that DataFusion reads it as a decimal of those digits;
/// `None` if it is no number or has more digits than a decimal.
fn exact_number(text: &str) -> Option<Expr> {
    let mut plain = crate::values::plain_number(text)?;
    let digits = plain.bytes().filter(u8::is_ascii_digit).count();
    if digits > usize::from(DECIMAL256_PRECISION_MAX) {
        return None;
    }
    if !plain.contains('.') {
        plain.push('.');
    }
    Some(Expr::Value(ValueWithSpan::from(Value::Number(plain, false))))
}

/// `B'101'` and `X'1F'`.
pub(super) fn bit_literal(value: &ValueWithSpan) -> Option<Expr> {
    let text = match &value.value {
        Value::SingleQuotedByteStringLiteral(digits) => format!("b{digits}"),
        Value::HexStringLiteral(digits) => format!("x{digits}"),
        _ => return None,
    };
    Some(cast(string(text), bits_as_written()))
}

/// The type of bits of any number, which a column of type bit is not.
pub(crate) fn bits_as_written() -> DataType {
    DataType::Custom(ObjectName::from(vec![Ident::with_quote('"', "bit")]), Vec::new())
}

/// `-5` as one literal, so that -2147483648 is an int4 and -9223372036854775808 an int8.
pub(super) fn negative_number(operand: &Expr) -> Option<Expr> {
    let Expr::Value(ValueWithSpan { value: Value::Number(text, _), .. }) = operand else { return None };
    let negative = format!("-{text}");
    let data_type = if negative.parse::<i32>().is_ok() {
        DataType::Int4(None)
    } else if negative.parse::<i64>().is_ok() {
        DataType::Int8(None)
    } else {
        return None;
    };
    Some(cast(string(negative), data_type))
}

pub(super) fn interval_cast(interval: &sqlparser::ast::Interval) -> Option<Expr> {
    let text = match interval.value.as_ref() {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => text.clone(),
        _ => return None,
    };
    let precision = interval.fractional_seconds_precision.or(interval.leading_precision);
    let ty = DataType::Interval { fields: None, precision };
    let Some(first) = &interval.leading_field else { return Some(cast(string(text), ty)) };
    let last = interval.last_field.as_ref().unwrap_or(first);
    let value = cast(string(interval_fields::with_units(&text, first, last)), ty);
    Some(match last {
        DateTimeField::Second => value,
        last => call(interval_fields::CUT, vec![value, string(last.to_string().to_lowercase())]),
    })
}
