//! JSON values of a column that the table does not have: the type that holds them all, and the array.

use std::borrow::Cow;

use arrow::array::ArrayRef;
use bytes::BytesMut;
use peristyle_catalog::model::{PgType, TypeKind, widen};
use peristyle_storage::types::arrow_type;

use super::json_array::json_array;
use crate::error::{Result, SqlState};
use crate::values::{Cell, ColumnBuilder, InputStyle, Json, parse_decimal, write_f64};

/// Digits that a Decimal128 holds.
const NUMERIC_DIGITS_MAX: i32 = 38;
/// Magnitudes of doubles that a numeric could still hold after a widening.
const FLOAT_MAX: f64 = 1e30;
const FLOAT_MIN: f64 = 1e-30;
/// Any number of so few digits is one that its double prints.
const EXACT_DIGITS: usize = 15;

/// The narrowest type of a value; `None` for null, which has none.
pub(super) fn type_of(value: &Json<'_>) -> Option<PgType> {
    match value {
        Json::Null => None,
        Json::Bool(_) => Some(PgType::BOOL),
        Json::Number(text) => Some(type_of_number(text)),
        Json::String(_) => Some(PgType::TEXT),
        Json::Array(_) | Json::Object(_) => Some(PgType::JSONB),
    }
}

fn type_of_number(text: &str) -> PgType {
    if !text.contains(['.', 'e', 'E']) && text.parse::<i64>().is_ok() {
        return PgType::INT8;
    }
    if text.contains(['.', 'e', 'E']) && is_exact_double(text) {
        return PgType::FLOAT8;
    }
    match parse_decimal(text) {
        // A parsed decimal may have been rounded to 76 digits; then it is not one of 38.
        Ok(decimal) if decimal.whole_digits() + i32::from(decimal.scale) <= NUMERIC_DIGITS_MAX => PgType::NUMERIC,
        _ => PgType::TEXT,
    }
}

fn is_exact_double(text: &str) -> bool {
    let Ok(value) = text.parse::<f64>() else { return false };
    let digits = text.bytes().take_while(|b| !matches!(b, b'e' | b'E')).filter(u8::is_ascii_digit);
    if value == 0.0 {
        return digits.clone().all(|digit| digit == b'0');
    }
    if !(FLOAT_MIN..=FLOAT_MAX).contains(&value.abs()) {
        return false;
    }
    digits.count() <= EXACT_DIGITS || prints_equal(value, text)
}

fn prints_equal(value: f64, text: &str) -> bool {
    let mut printed = BytesMut::new();
    write_f64(value, 1, &mut printed);
    let printed = std::str::from_utf8(&printed).ok().and_then(|printed| parse_decimal(printed).ok());
    let (Some(printed), Ok(wanted)) = (printed, parse_decimal(text)) else { return false };
    let scale = printed.scale.max(wanted.scale);
    // Past 76 digits there is no common scale; the number is then longer than any double prints.
    printed.rescale(scale).is_some_and(|p| wanted.rescale(scale).is_some_and(|w| p == w))
}

/// The text of a value where it stands in a column of text.
pub(super) fn text_of<'a>(value: &'a Json<'_>) -> Result<Cow<'a, str>> {
    match value {
        Json::String(text) => Ok(Cow::Borrowed(text)),
        Json::Number(text) => Ok(Cow::Borrowed(text)),
        Json::Bool(true) => Ok(Cow::Borrowed("true")),
        Json::Bool(false) => Ok(Cow::Borrowed("false")),
        Json::Null | Json::Array(_) | Json::Object(_) => {
            let mut text = String::new();
            value.write_normalised(&mut text)?;
            Ok(Cow::Owned(text))
        }
    }
}

/// The values of a new column, each with its row; rows in between are NULL.
pub(super) struct JsonColumn<'a> {
    values: Vec<(usize, Json<'a>)>,
    ty: Option<PgType>,
}

impl<'a> JsonColumn<'a> {
    pub(super) fn new() -> JsonColumn<'a> {
        JsonColumn { values: Vec::new(), ty: None }
    }

    /// Sets a row's value. Of duplicate keys the last wins; its type is that of the values that stay.
    pub(super) fn set(&mut self, row: usize, value: Json<'a>) {
        if self.values.last().is_some_and(|(last, _)| *last == row) {
            self.values.pop();
            self.ty = self.values.iter().filter_map(|(_, v)| type_of(v)).reduce(widen);
        }
        let ty = type_of(&value);
        self.ty = match (self.ty, ty) {
            (Some(a), Some(b)) => Some(widen(a, b)),
            (a, b) => a.or(b),
        };
        self.values.push((row, value));
    }

    /// The type and the values over so many rows; `None` if all are null.
    pub(super) fn finish(self, rows: usize, style: &InputStyle) -> Result<Option<(PgType, ArrayRef)>> {
        let Some(ty) = self.ty else { return Ok(None) };
        let array = match self.build(ty, rows, style) {
            // Numbers that have no decimal in common stay text.
            Err(error) if ty == PgType::NUMERIC && error.code == SqlState::NUMERIC_VALUE_OUT_OF_RANGE => {
                return Ok(Some((PgType::TEXT, self.build(PgType::TEXT, rows, style)?)));
            }
            built => built?,
        };
        Ok(Some((ty, array)))
    }

    fn build(&self, ty: PgType, rows: usize, style: &InputStyle) -> Result<ArrayRef> {
        let mut builder = ColumnBuilder::new(ty, arrow_type(ty, None), style.clone())?;
        for (row, value) in &self.values {
            while builder.len() < *row {
                builder.push_null();
            }
            match value {
                Json::Null => builder.push_null(),
                _ if ty == PgType::JSONB => builder.push_cell(Cell::Text(normalised(value)?))?,
                _ => builder.push_text(&text_of(value)?)?,
            }
        }
        while builder.len() < rows {
            builder.push_null();
        }
        builder.finish()
    }
}

fn normalised(value: &Json<'_>) -> Result<String> {
    let mut text = String::new();
    value.write_normalised(&mut text)?;
    Ok(text)
}

/// Appends a JSON value to a column that exists, by the column's type.
pub(super) fn push_known(builder: &mut ColumnBuilder, ty: PgType, value: &Json<'_>) -> Result<()> {
    match (ty.element(), ty.kind(), value) {
        (_, _, Json::Null) => {
            builder.push_null();
            Ok(())
        }
        (None, Some(TypeKind::Json | TypeKind::Jsonb), _) => builder.push_cell(Cell::Text(normalised(value)?)),
        (Some(element), _, Json::Array(items)) => {
            let array = json_array(element, items, builder.style())?;
            builder.push_cell(array)
        }
        _ => builder.push_text(&text_of(value)?),
    }
}

/// A JSON value as one of that type.
pub(super) fn cell_of(ty: PgType, value: &Json<'_>, style: &InputStyle) -> Result<Cell> {
    match (ty.kind(), value) {
        (_, Json::Null) => Ok(Cell::Null),
        (Some(TypeKind::Json | TypeKind::Jsonb), _) => Ok(Cell::Text(normalised(value)?)),
        _ => crate::values::parse_text(ty, &text_of(value)?, style),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_the_type_that_keeps_them() {
        let cases = [
            ("1", PgType::INT8),
            ("-9223372036854775808", PgType::INT8),
            ("9223372036854775808", PgType::NUMERIC),
            ("1.5", PgType::FLOAT8),
            ("1.0", PgType::FLOAT8),
            ("0.1", PgType::FLOAT8),
            ("1e3", PgType::FLOAT8),
            ("0.0", PgType::FLOAT8),
            ("1e-400", PgType::TEXT),
            ("0.12345678901234567890", PgType::NUMERIC),
            ("1.7976931348623157e308", PgType::TEXT),
            ("1e-31", PgType::NUMERIC),
            ("123456789012345678901234567890123456789", PgType::TEXT),
        ];
        for (text, ty) in cases {
            assert_eq!(type_of_number(text), ty, "{text}");
        }
    }
}
