//! The type of a csv column that the table does not have: that of its values, if printing them gives the same bytes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder};
use bytes::BytesMut;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::arrow_type;

use crate::error::Result;
use crate::values::{ColumnBuilder, InputStyle, plain_number, write_f64};

/// Digits that a Decimal128 holds.
const NUMERIC_DIGITS_MAX: usize = 38;

/// The types that all values so far could have.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Candidates(u8);

impl Candidates {
    const BOOL: u8 = 1;
    const INT4: u8 = 2;
    const INT8: u8 = 4;
    /// Integers of any length up to [`NUMERIC_DIGITS_MAX`].
    const NUMERIC: u8 = 8;
    const FLOAT8: u8 = 16;
    const ALL: Candidates = Candidates(31);

    /// The types that print a value as it is written.
    fn of(text: &str) -> Candidates {
        match text.as_bytes().first() {
            Some(b't' | b'f') if matches!(text, "true" | "false") => Candidates(Self::BOOL),
            Some(b'0'..=b'9' | b'-') => Candidates::of_number(text),
            _ => Candidates(0),
        }
    }

    fn of_number(text: &str) -> Candidates {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        // Zeros in front do not print, nor does the sign of an integer zero.
        if is_integer && digits.starts_with('0') && text != "0" {
            return Candidates(0);
        }
        let mut found = 0;
        if is_integer {
            found |= if text.parse::<i32>().is_ok() { Self::INT4 } else { 0 };
            found |= if text.parse::<i64>().is_ok() { Self::INT8 } else { 0 };
            found |= if digits.len() <= NUMERIC_DIGITS_MAX { Self::NUMERIC } else { 0 };
        }
        found |= if prints_as_double(text) { Self::FLOAT8 } else { 0 };
        Candidates(found)
    }

    /// The types that hold a value without loss for a column of doubles, which prints it in its own way: a double, unless
    /// zeros in front say that it is no number.
    fn of_double(text: &str) -> Candidates {
        let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
        let is_code = matches!(digits, [b'0', b'0'..=b'9', ..]);
        let found = Candidates::of(text);
        if is_code || !is_exact_double(text) { found } else { Candidates(found.0 | Self::FLOAT8) }
    }

    /// The narrowest type left.
    fn narrowest(self) -> PgType {
        [
            (Self::BOOL, PgType::BOOL),
            (Self::INT4, PgType::INT4),
            (Self::INT8, PgType::INT8),
            (Self::FLOAT8, PgType::FLOAT8),
            (Self::NUMERIC, PgType::NUMERIC),
        ]
        .into_iter()
        .find(|(bit, _)| self.0 & bit != 0)
        .map_or(PgType::TEXT, |(_, ty)| ty)
    }
}

fn prints_as_double(text: &str) -> bool {
    let Ok(value) = text.parse::<f64>() else { return false };
    if !value.is_finite() || (value == 0.0 && value.is_sign_negative()) {
        return false;
    }
    let mut printed = BytesMut::new();
    write_f64(value, 1, &mut printed);
    printed == text.as_bytes()
}

/// Whether the double is the very number that the text names.
fn is_exact_double(text: &str) -> bool {
    let Some(value) = text.parse::<f64>().ok().filter(|value| value.is_finite()) else { return false };
    let mut printed = BytesMut::new();
    write_f64(value, 1, &mut printed);
    let number = |text: &str| plain_number(text).map(without_zeros);
    let is_negative_zero = value == 0.0 && value.is_sign_negative();
    let printed = std::str::from_utf8(&printed).ok().and_then(number);
    !is_negative_zero && printed.is_some() && printed == number(text)
}

/// A number without the zeros at the end of its fraction.
fn without_zeros(plain: String) -> String {
    if plain.contains('.') { plain.trim_end_matches('0').trim_end_matches('.').to_owned() } else { plain }
}

/// A column's values as text, and what they could be.
pub(super) struct InferredColumn {
    /// The column is one of doubles so far.
    is_double: bool,
    texts: StringViewBuilder,
    candidates: Candidates,
    has_value: bool,
}

impl InferredColumn {
    /// For a column that has that type so far, or none.
    pub(super) fn beside(has: Option<PgType>) -> InferredColumn {
        let is_double = has == Some(PgType::FLOAT8);
        InferredColumn { is_double, texts: StringViewBuilder::new(), candidates: Candidates::ALL, has_value: false }
    }

    pub(super) fn push(&mut self, text: Option<&str>) {
        let Some(text) = text else { return self.texts.append_null() };
        if self.candidates.0 != 0 {
            let found = if self.is_double { Candidates::of_double(text) } else { Candidates::of(text) };
            self.candidates.0 &= found.0;
        }
        self.has_value = true;
        self.texts.append_value(text);
    }

    /// The type and the values; `None` for a column without any.
    pub(super) fn finish(mut self, style: &InputStyle) -> Result<Option<(PgType, ArrayRef)>> {
        if !self.has_value {
            return Ok(None);
        }
        let stays_double = self.is_double && self.candidates.0 & Candidates::FLOAT8 != 0;
        let ty = if stays_double { PgType::FLOAT8 } else { self.candidates.narrowest() };
        let texts = self.texts.finish();
        let array = if ty == PgType::TEXT { Arc::new(texts) } else { typed(&texts, ty, style)? };
        Ok(Some((ty, array)))
    }
}

fn typed(texts: &StringViewArray, ty: PgType, style: &InputStyle) -> Result<ArrayRef> {
    let mut builder = ColumnBuilder::new(ty, arrow_type(ty, None), style.clone())?;
    for text in texts {
        match text {
            Some(text) => builder.push_text(text)?,
            None => builder.push_null(),
        }
    }
    debug_assert_eq!(builder.len(), texts.len());
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred(values: &[&str]) -> PgType {
        inferred_beside(None, values)
    }

    fn inferred_beside(has: Option<PgType>, values: &[&str]) -> PgType {
        let mut column = InferredColumn::beside(has);
        values.iter().for_each(|value| column.push(Some(value)));
        column.finish(&InputStyle::new(0)).unwrap().unwrap().0
    }

    #[test]
    fn a_value_is_typed_only_if_it_prints_the_same() {
        assert_eq!(inferred(&["1", "-2", "0"]), PgType::INT4);
        assert_eq!(inferred(&["1", "3000000000"]), PgType::INT8);
        assert_eq!(inferred(&["1", "18446744073709551616"]), PgType::NUMERIC);
        assert_eq!(inferred(&["1", "1.5", "-0.25"]), PgType::FLOAT8);
        assert_eq!(inferred(&["1e+20"]), PgType::FLOAT8);
        assert_eq!(inferred(&["true", "false"]), PgType::BOOL);
        for values in [
            &["007"][..],
            &["1.0"],
            &["+1"],
            &["-0"],
            &["1e5"],
            &["True"],
            &["t"],
            &["true", "1"],
            &[""],
            &["NaN"],
            &["2024-01-01"],
            &["1", "x"],
            &["9007199254740993", "1.5"],
            &["-"],
        ] {
            assert_eq!(inferred(values), PgType::TEXT, "{values:?}");
        }
    }

    #[test]
    fn a_column_of_doubles_takes_any_notation_of_a_double() {
        let beside = |values| inferred_beside(Some(PgType::FLOAT8), values);
        assert_eq!(beside(&["1.0", "2.50", "1e5", "3000000000", "-7"]), PgType::FLOAT8);
        for values in [&["007"][..], &["x"], &["-0"], &["0.12345678901234567890"], &["9007199254740993"]] {
            assert_ne!(beside(values), PgType::FLOAT8, "{values:?}");
        }
        assert_eq!(inferred_beside(Some(PgType::INT4), &["1.0"]), PgType::TEXT);
    }

    #[test]
    fn a_column_of_nulls_is_none() {
        let mut column = InferredColumn::beside(None);
        column.push(None);
        assert!(column.finish(&InputStyle::new(0)).unwrap().is_none());
    }
}
