//! A bare `numeric` column: decimals of any scale, brought to one scale that holds them all.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Decimal256Array};
use arrow::datatypes::{DataType, i256};
use peristyle_storage::types::{DECIMAL128_PRECISION_MAX, DECIMAL256_PRECISION_MAX};

use super::decimal::Decimal;
use crate::error::{Result, SqlError, SqlState};

/// Decimals with what they need together.
pub(super) struct OpenNumeric {
    values: Vec<Option<Decimal>>,
    /// Digits before the point that the values or the wanted type need.
    whole_digits: i32,
    scale: i8,
    precision_min: u8,
    has_special: bool,
}

impl OpenNumeric {
    /// Starts from the decimal type that the column has so far.
    pub(super) fn new(wanted: &DataType) -> OpenNumeric {
        let (precision, scale) = match wanted {
            DataType::Decimal256(precision, scale) => (*precision, *scale),
            DataType::Decimal128(_, scale) => (DECIMAL128_PRECISION_MAX, *scale),
            _ => (DECIMAL128_PRECISION_MAX, 0),
        };
        OpenNumeric {
            values: Vec::new(),
            whole_digits: 0,
            scale: scale.max(0),
            precision_min: precision,
            has_special: false,
        }
    }

    pub(super) fn push(&mut self, value: Decimal) {
        self.whole_digits = self.whole_digits.max(value.whole_digits());
        self.scale = self.scale.max(value.scale);
        self.has_special |= value.special().is_some();
        self.values.push(Some(value));
    }

    pub(super) fn push_null(&mut self) {
        self.values.push(None);
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn finish(self) -> Result<ArrayRef> {
        let needed = self.whole_digits + i32::from(self.scale);
        if needed > i32::from(DECIMAL256_PRECISION_MAX) {
            return Err(self.too_wide());
        }
        let scale = self.scale;
        let unscaled = self.values.iter().map(|value| {
            let rescaled = value.map(|v| v.rescale(scale).expect("whole digits and scale fit together"));
            rescaled.map(|v| v.unscaled)
        });
        let has_room = |precision: i32| precision <= i32::from(DECIMAL128_PRECISION_MAX);
        let is_narrow = has_room(needed) && has_room(self.precision_min.into()) && !self.has_special;
        Ok(if is_narrow { narrow(unscaled, scale) } else { wide(unscaled, scale) })
    }

    #[cold]
    fn too_wide(&self) -> SqlError {
        SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format").detail(format!(
            "The column needs {} digits before and {} behind the point; a numeric holds {DECIMAL256_PRECISION_MAX} together.",
            self.whole_digits, self.scale
        )).hint("Declare the column as numeric(p, s), or as double precision or text.")
    }
}

fn narrow(unscaled: impl Iterator<Item = Option<i256>>, scale: i8) -> ArrayRef {
    let to_narrow = |value: i256| value.to_i128().expect("at most 38 digits are needed");
    let array: Decimal128Array = unscaled.map(|value| value.map(to_narrow)).collect();
    let array = array.with_data_type(DataType::Decimal128(DECIMAL128_PRECISION_MAX, scale));
    Arc::new(array)
}

fn wide(unscaled: impl Iterator<Item = Option<i256>>, scale: i8) -> ArrayRef {
    let array: Decimal256Array = unscaled.collect();
    Arc::new(array.with_data_type(DataType::Decimal256(DECIMAL256_PRECISION_MAX, scale)))
}
