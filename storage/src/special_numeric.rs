//! NaN and the infinities of `numeric`: reserved unscaled values beyond every number of 76 digits.
//!
//! They stand in decimals of the greatest precision alone, whatever the scale, and in the order that PostgreSQL gives
//! them: −Infinity below all numbers, Infinity above them, NaN above that and equal to itself. So what compares, sorts,
//! groups, hashes and copies decimals treats them rightly as it is. What changes a scale, computes or writes must look
//! for them first (docs/decisions/0046-special-numerics.md).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal256Array, Float64Array, ListArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Decimal256Type, Float64Type, i256};
use arrow::error::ArrowError;

use crate::types::DECIMAL256_PRECISION_MAX;

/// The least magnitude that has more digits than a decimal.
const BEYOND: i256 = match i256::from_i128(10).checked_pow(DECIMAL256_PRECISION_MAX as u32) {
    Some(beyond) => beyond,
    None => i256::MAX,
};

/// Whether an unscaled value is a number, of no more digits than a decimal has.
pub fn is_number(unscaled: i256) -> bool {
    unscaled < BEYOND && unscaled > BEYOND.wrapping_neg()
}

/// A numeric that is no number of finite digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// Below all numbers.
    NegativeInfinity,
    /// Above all numbers.
    Infinity,
    /// Above infinity.
    NaN,
}

impl Special {
    /// The unscaled value that stands for it.
    pub const fn unscaled(self) -> i256 {
        match self {
            Special::NaN => i256::MAX,
            Special::Infinity => i256::from_parts(u128::MAX - 1, i128::MAX),
            // Infinity, negated.
            Special::NegativeInfinity => i256::from_parts(2, i128::MIN),
        }
    }

    /// What an unscaled value stands for; `None` for a number.
    #[inline]
    pub fn of(unscaled: i256) -> Option<Special> {
        // Most values are told by their upper half.
        let (low, high) = unscaled.to_parts();
        match (high, low) {
            (i128::MAX, u128::MAX) => Some(Special::NaN),
            (i128::MAX, low) if low == u128::MAX - 1 => Some(Special::Infinity),
            (i128::MIN, 2) => Some(Special::NegativeInfinity),
            _ => None,
        }
    }

    /// The double's, if it is no finite number.
    pub fn of_float(value: f64) -> Option<Special> {
        match value {
            value if value.is_finite() => None,
            value if value.is_nan() => Some(Special::NaN),
            value if value > 0.0 => Some(Special::Infinity),
            _ => Some(Special::NegativeInfinity),
        }
    }

    /// As a double.
    pub const fn float(self) -> f64 {
        match self {
            Special::NaN => f64::NAN,
            Special::Infinity => f64::INFINITY,
            Special::NegativeInfinity => f64::NEG_INFINITY,
        }
    }

    /// As PostgreSQL prints it.
    pub const fn text(self) -> &'static str {
        match self {
            Special::NaN => "NaN",
            Special::Infinity => "Infinity",
            Special::NegativeInfinity => "-Infinity",
        }
    }
}

/// Whether an array of that type may hold special values.
pub const fn may_be_special(ty: &DataType) -> bool {
    matches!(ty, DataType::Decimal256(DECIMAL256_PRECISION_MAX, _))
}

/// Whether an array holds one.
pub fn has_special(array: &dyn Array) -> bool {
    let is_special = |values: &Decimal256Array| values.iter().flatten().any(|value| Special::of(value).is_some());
    may_be_special(array.data_type()) && array.as_any().downcast_ref::<Decimal256Array>().is_some_and(is_special)
}

/// Arrow's cast, in which special values stay what they are: in decimals of another scale, and in doubles. Nothing becomes
/// NULL: what the type has no room for is an error, a special value in any other type among it.
pub fn cast_numbers(values: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    if let (Some(lists), DataType::List(item)) = (values.as_list_opt::<i32>(), to) {
        let items = cast_numbers(lists.values(), item.data_type())?;
        let lists = ListArray::try_new(Arc::clone(item), lists.offsets().clone(), items, lists.nulls().cloned())?;
        return Ok(Arc::new(lists));
    }
    if values.data_type() == to || !has_special(values) {
        return cast_with_options(values, to, &strict);
    }
    let values = values.as_primitive::<Decimal256Type>();
    let finite = |value: &i256| Special::of(*value).is_none();
    let numbers: Decimal256Array = values.iter().map(|value| value.filter(finite)).collect();
    let numbers: ArrayRef = Arc::new(numbers.with_data_type(values.data_type().clone()));
    let specials = values.iter().map(|value| value.and_then(Special::of));
    match to {
        DataType::Float64 => {
            let doubles = cast_with_options(&numbers, to, &strict)?;
            let doubles = doubles.as_primitive::<Float64Type>().iter().zip(specials);
            Ok(Arc::new(
                doubles.map(|(double, special)| double.or(special.map(Special::float))).collect::<Float64Array>(),
            ))
        }
        to if may_be_special(to) => {
            let moved = cast_with_options(&numbers, to, &strict)?;
            let moved = moved.as_primitive::<Decimal256Type>().iter().zip(specials);
            let all: Decimal256Array =
                moved.map(|(number, special)| number.or(special.map(Special::unscaled))).collect();
            Ok(Arc::new(all.with_data_type(to.clone())))
        }
        to => Err(ArrowError::CastError(format!("{to} has no room for NaN and infinity"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Special; 3] = [Special::NegativeInfinity, Special::Infinity, Special::NaN];

    #[test]
    fn they_are_in_order_and_beyond_every_number() {
        let [negative, infinity, nan] = ALL.map(Special::unscaled);
        assert!(negative < BEYOND.wrapping_neg() && BEYOND < infinity && infinity < nan);
        assert!(is_number(BEYOND.wrapping_sub(i256::ONE)) && !is_number(BEYOND) && !is_number(negative));
        assert_eq!(infinity.wrapping_neg(), negative);
    }

    #[test]
    fn each_is_told_by_its_value_and_its_double() {
        for special in ALL {
            assert_eq!(Special::of(special.unscaled()), Some(special));
            assert_eq!(Special::of_float(special.float()), Some(special));
        }
        for number in [i256::ZERO, i256::ONE, i256::MINUS_ONE, i256::from_i128(i128::MAX), i256::MIN] {
            assert_eq!(Special::of(number), None);
        }
        assert_eq!(Special::of_float(1e300), None);
    }
}
