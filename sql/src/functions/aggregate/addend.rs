//! What can be summed, and in which width it is summed: `sum(int4)` in 64 bits, `sum(int8)` in 128, decimals in
//! their own width with a check. An overflow is an error, never a wrapped sum.

use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::*;
use peristyle_storage::special_numeric::{Special, is_number};

use crate::functions::special;

/// A type of input and the type in which it is summed.
pub(crate) trait Addend: Send + Sync + std::fmt::Debug + 'static {
    type Input: ArrowPrimitiveType;
    type State: ArrowPrimitiveType;

    fn widen(value: <Self::Input as ArrowPrimitiveType>::Native) -> <Self::State as ArrowPrimitiveType>::Native;

    /// The sum; `None` on overflow.
    fn add(
        a: <Self::State as ArrowPrimitiveType>::Native,
        b: <Self::State as ArrowPrimitiveType>::Native,
    ) -> Option<<Self::State as ArrowPrimitiveType>::Native>;

    /// The difference; `None` on overflow.
    fn subtract(
        a: <Self::State as ArrowPrimitiveType>::Native,
        b: <Self::State as ArrowPrimitiveType>::Native,
    ) -> Option<<Self::State as ArrowPrimitiveType>::Native>;

    /// What a state is, if it is no number: then nothing can be subtracted from it.
    fn special(_state: <Self::State as ArrowPrimitiveType>::Native) -> Option<Special> {
        None
    }

    /// The state of what is no number; `None` for sums that are never so.
    fn of_special(_special: Special) -> Option<<Self::State as ArrowPrimitiveType>::Native> {
        None
    }
}

macro_rules! addend {
    ($(#[$doc:meta])* $name:ident, $input:ty, $state:ty, |$value:ident| $widen:expr $(, $more:item)*) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name;
        impl Addend for $name {
            type Input = $input;
            type State = $state;
            fn widen($value: <$input as ArrowPrimitiveType>::Native) -> <$state as ArrowPrimitiveType>::Native {
                $widen
            }
            fn add(
                a: <$state as ArrowPrimitiveType>::Native,
                b: <$state as ArrowPrimitiveType>::Native,
            ) -> Option<<$state as ArrowPrimitiveType>::Native> {
                Checked::plus(a, b)
            }
            fn subtract(
                a: <$state as ArrowPrimitiveType>::Native,
                b: <$state as ArrowPrimitiveType>::Native,
            ) -> Option<<$state as ArrowPrimitiveType>::Native> {
                Checked::minus(a, b)
            }
            $($more)*
        }
    };
}

addend!(
    /// int2 in 64 bits.
    Int2Sum, Int16Type, Int64Type, |value| value.into());
addend!(
    /// int4 in 64 bits.
    Int4Sum, Int32Type, Int64Type, |value| value.into());
addend!(
    /// int8 in 128 bits, which no number of rows overflows.
    Int8Sum, Int64Type, Decimal128Type, |value| value.into());
addend!(
    /// numeric up to 38 digits.
    NumericSum, Decimal128Type, Decimal128Type, |value| value);
addend!(
/// numeric up to 76 digits, NaN and infinities.
WideNumericSum, Decimal256Type, Decimal256Type, |value| value,
fn special(state: i256) -> Option<Special> {
    Special::of(state)
},
fn of_special(special: Special) -> Option<i256> {
    Some(special.unscaled())
});
addend!(
    /// real, in double precision.
    Float4Sum, Float32Type, Float64Type, |value| value.into());
addend!(
    /// double precision.
    Float8Sum, Float64Type, Float64Type, |value| value);
addend!(
    /// interval, part by part.
    IntervalSum, IntervalMonthDayNanoType, IntervalMonthDayNanoType, |value| value);

/// Addition that says when it overflows.
trait Checked: Sized {
    fn plus(a: Self, b: Self) -> Option<Self>;
    fn minus(a: Self, b: Self) -> Option<Self>;
}

macro_rules! checked {
    ($native:ty) => {
        impl Checked for $native {
            fn plus(a: Self, b: Self) -> Option<Self> {
                a.checked_add(b)
            }
            fn minus(a: Self, b: Self) -> Option<Self> {
                a.checked_sub(b)
            }
        }
    };
}

checked!(i64);
checked!(i128);

impl Checked for i256 {
    fn plus(a: Self, b: Self) -> Option<Self> {
        special::sum(a, b).or_else(|| a.checked_add(b).filter(|sum| is_number(*sum)))
    }
    fn minus(a: Self, b: Self) -> Option<Self> {
        special::difference(a, b).or_else(|| a.checked_sub(b).filter(|difference| is_number(*difference)))
    }
}

impl Checked for f64 {
    fn plus(a: Self, b: Self) -> Option<Self> {
        finite_if(a + b, a, b)
    }
    fn minus(a: Self, b: Self) -> Option<Self> {
        finite_if(a - b, a, b)
    }
}

fn finite_if(result: f64, a: f64, b: f64) -> Option<f64> {
    let overflows = result.is_infinite() && a.is_finite() && b.is_finite();
    (!overflows).then_some(if result.is_nan() { f64::NAN } else { result })
}

impl Checked for IntervalMonthDayNano {
    fn plus(a: Self, b: Self) -> Option<Self> {
        Some(IntervalMonthDayNano::new(
            a.months.checked_add(b.months)?,
            a.days.checked_add(b.days)?,
            a.nanoseconds.checked_add(b.nanoseconds)?,
        ))
    }
    fn minus(a: Self, b: Self) -> Option<Self> {
        Some(IntervalMonthDayNano::new(
            a.months.checked_sub(b.months)?,
            a.days.checked_sub(b.days)?,
            a.nanoseconds.checked_sub(b.nanoseconds)?,
        ))
    }
}
