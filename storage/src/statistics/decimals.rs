use arrow::array::types::{Decimal128Type, Decimal256Type};
use arrow::array::{ArrayRef, AsArray};
use arrow::compute::{max, min};
use arrow::datatypes::{DataType, i256};
use peristyle_catalog::model::{Bound, BoundValue};

use crate::special_numeric::Special;

/// What is known of decimals of one scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DecimalExtremes {
    pub(crate) scale: i8,
    /// The least and the greatest finite value, if there is one.
    pub(crate) finite: Option<(i256, i256)>,
    has_negative_infinity: bool,
    /// Infinity or NaN.
    has_above_all: bool,
}

impl DecimalExtremes {
    /// Of an array of decimals that are not all NULL; `None` for another type.
    pub(super) fn of(values: &ArrayRef) -> Option<DecimalExtremes> {
        match values.data_type() {
            DataType::Decimal128(_, scale) => {
                let values = values.as_primitive::<Decimal128Type>();
                let finite = min(values).zip(max(values)).map(|(low, high)| (low.into(), high.into()));
                Some(DecimalExtremes { scale: *scale, finite, has_negative_infinity: false, has_above_all: false })
            }
            DataType::Decimal256(_, scale) => {
                let values = values.as_primitive::<Decimal256Type>();
                let (low, high) = min(values).zip(max(values))?;
                let is_special = |value| Special::of(value).is_some();
                let finite = match is_special(low) || is_special(high) {
                    true => extremes_of(values.iter().flatten().filter(|value| !is_special(*value))),
                    false => Some((low, high)),
                };
                let negative_infinity = Special::NegativeInfinity.unscaled();
                Some(DecimalExtremes {
                    scale: *scale,
                    finite,
                    has_negative_infinity: low == negative_infinity,
                    has_above_all: is_special(high) && high != negative_infinity,
                })
            }
            _ => None,
        }
    }

    /// Of both; `None` if their scales differ.
    pub(super) fn join(self, other: DecimalExtremes) -> Option<DecimalExtremes> {
        let both = self.finite.into_iter().chain(other.finite);
        (self.scale == other.scale).then_some(DecimalExtremes {
            scale: self.scale,
            finite: both.reduce(|(a, b), (c, d)| (a.min(c), b.max(d))),
            has_negative_infinity: self.has_negative_infinity || other.has_negative_infinity,
            has_above_all: self.has_above_all || other.has_above_all,
        })
    }

    /// Whether NaN or an infinity is among the values.
    pub(crate) fn has_special(self) -> bool {
        self.has_negative_infinity || self.has_above_all
    }

    /// Exact bounds where they are finite and have room.
    pub(super) fn bounds(self) -> (Option<Bound>, Option<Bound>) {
        let bound = |value: i256, is_known: bool| {
            let unscaled = value.to_i128().filter(|_| is_known)?;
            Some(Bound { value: BoundValue::Decimal { unscaled, scale: self.scale }, exact: true })
        };
        match self.finite {
            Some((low, high)) => (bound(low, !self.has_negative_infinity), bound(high, !self.has_above_all)),
            None => (None, None),
        }
    }
}

fn extremes_of(mut values: impl Iterator<Item = i256>) -> Option<(i256, i256)> {
    let first = values.next()?;
    Some(values.fold((first, first), |(low, high), value| (low.min(value), high.max(value))))
}
