#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, Decimal128Array, Decimal256Array, FixedSizeBinaryArray, Float64Array,
    Int16Array, Int64Array, StringViewArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, i256};
use peristyle_catalog::model::{BOUND_BYTES_MAX, Bound, BoundValue, ColumnId, ColumnStatistics, PgType};
use proptest::prelude::*;

use super::*;
use crate::packed::{Inet, Packed};
use crate::special_numeric::Special;

fn collect(ty: PgType, values: ArrayRef) -> ColumnStatistics {
    let mut collector = Collector::new(ColumnId(1), ty);
    let half = values.len() / 2;
    collector.add(&values.slice(0, half));
    collector.add(&values.slice(half, values.len() - half));
    collector.finish()
}

fn exact(value: BoundValue) -> Option<Bound> {
    Some(Bound { value, exact: true })
}

fn bytes_of(bound: &Option<Bound>) -> Option<(&[u8], bool)> {
    match bound {
        Some(Bound { value: BoundValue::Bytes(bytes), exact }) => Some((bytes, *exact)),
        _ => None,
    }
}

#[test]
fn infinite_timestamps_are_ordinary_bounds() {
    let values = TimestampMicrosecondArray::from(vec![Some(i64::MAX), None, Some(i64::MIN)]);
    let found = collect(PgType::TIMESTAMP, Arc::new(values));
    assert_eq!(found.nulls, 1);
    assert_eq!(found.min, exact(BoundValue::Int(i64::MIN)));
    assert_eq!(found.max, exact(BoundValue::Int(i64::MAX)));
}

#[test]
fn a_nan_leaves_no_bounds_and_minus_zero_is_zero() {
    let with_nan = collect(PgType::FLOAT8, Arc::new(Float64Array::from(vec![1.0, f64::NAN, 2.0])));
    assert_eq!((with_nan.min, with_nan.max), (None, None));
    let zeros = collect(PgType::FLOAT8, Arc::new(Float64Array::from(vec![-0.0, -0.0])));
    let Some(Bound { value: BoundValue::Float(low), .. }) = zeros.min else { panic!("a bound is expected") };
    assert!(low == 0.0 && low.is_sign_positive());
}

#[test]
fn bounds_of_packed_values_hold_them_though_they_are_cut() {
    let ty = PgType::plain(TypeKind::Inet.oid());
    let inet = |text: &str| Inet::from(text.parse::<std::net::IpAddr>().unwrap()).pack();
    let [low, high] = [inet("10.0.0.1"), inet("2001:db8::1")];
    let values = FixedSizeBinaryArray::try_from_iter([high, low].into_iter()).unwrap();
    let found = collect(ty, Arc::new(values));
    let bound = |bound: &Option<Bound>| {
        let array = bounds_array([bound.as_ref()].into_iter(), ty, &DataType::FixedSizeBinary(34));
        array.as_fixed_size_binary().iter().next().flatten().map(<[u8]>::to_vec)
    };
    let (lower, upper) = (bound(&found.min).unwrap(), bound(&found.max).unwrap());
    assert!(lower.as_slice() <= &low[..] && upper.as_slice() >= &high[..]);
    assert!(lower[..BOUND_BYTES_MAX] == low[..BOUND_BYTES_MAX], "the cut bound is as near as it can be");
}

#[test]
fn special_numerics_leave_the_bound_on_their_side_open() {
    let bounds = |specials: &[Special]| {
        let numbers = [-3, 5].map(i256::from_i128).into_iter();
        let values = numbers.chain(specials.iter().map(|special| special.unscaled()));
        let array = Decimal256Array::from_iter_values(values).with_precision_and_scale(76, 1).unwrap();
        let found = collect(PgType::special_numeric(20, 1), Arc::new(array));
        (found.min, found.max)
    };
    let bound = |unscaled| exact(BoundValue::Decimal { unscaled, scale: 1 });
    assert_eq!(bounds(&[]), (bound(-3), bound(5)));
    assert_eq!(bounds(&[Special::NaN]), (bound(-3), None));
    assert_eq!(bounds(&[Special::Infinity]), (bound(-3), None));
    assert_eq!(bounds(&[Special::NegativeInfinity]), (None, bound(5)));
    assert_eq!(bounds(&[Special::NegativeInfinity, Special::NaN]), (None, None));
}

#[test]
fn types_ordered_otherwise_than_their_bytes_have_no_bounds() {
    let values: ArrayRef = Arc::new(StringViewArray::from(vec!["1", "2"]));
    for ty in [PgType::JSON, PgType::JSONB] {
        assert_eq!(collect(ty, values.clone()).min, None, "{ty:?}");
    }
}

#[test]
fn a_cut_bound_of_the_greatest_bytes_is_unknown() {
    let value = vec![0xFF_u8; 40];
    let found = collect(PgType::BYTEA, Arc::new(BinaryViewArray::from(vec![value.as_slice()])));
    assert_eq!(found.max, None);
    assert_eq!(bytes_of(&found.min), Some((&value[..32], false)));
}

#[test]
fn widening_that_keeps_the_order_keeps_bounds() {
    let five = Bound { value: BoundValue::Int(5), exact: true };
    let bounds = || [Some(&five), None].into_iter();
    let to_int8 = bounds_array(bounds(), PgType::INT2, &DataType::Int64);
    assert_eq!(to_int8.as_primitive::<Int64Type>(), &Int64Array::from(vec![Some(5), None]));
    let to_float = bounds_array(bounds(), PgType::INT4, &DataType::Float64);
    assert_eq!(to_float.as_primitive::<Float64Type>().value(0), 5.0);
    let to_decimal = bounds_array(bounds(), PgType::INT8, &DataType::Decimal128(38, 2));
    assert_eq!(to_decimal.as_primitive::<Decimal128Type>().value(0), 500);
    for target in [DataType::Utf8View, DataType::Boolean] {
        assert_eq!(bounds_array(bounds(), PgType::INT4, &target).null_count(), 2, "{target}");
    }
}

#[test]
fn a_decimal_that_does_not_fit_is_unknown() {
    let bound = Bound { value: BoundValue::Decimal { unscaled: 12_345, scale: 2 }, exact: true };
    let fits = bounds_array([Some(&bound)].into_iter(), PgType::numeric(5, 2), &DataType::Decimal128(10, 3));
    assert_eq!(fits.as_primitive::<Decimal128Type>().value(0), 123_450);
    for (precision, scale) in [(10, 1), (4, 2)] {
        let target = DataType::Decimal128(precision, scale);
        let array = bounds_array([Some(&bound)].into_iter(), PgType::numeric(5, 2), &target);
        assert!(array.is_null(0), "{target}");
    }
}

#[test]
fn dates_and_small_integers_come_back_in_their_type() {
    let bound = Bound { value: BoundValue::Int(-3), exact: true };
    for (ty, target) in [
        (PgType::DATE, DataType::Date32),
        (PgType::INT2, DataType::Int16),
        (PgType::TIMESTAMPTZ, crate::types::arrow_type(PgType::TIMESTAMPTZ, None)),
        (PgType::TIME, crate::types::arrow_type(PgType::TIME, None)),
    ] {
        let array = bounds_array([Some(&bound)].into_iter(), ty, &target);
        assert_eq!((array.data_type(), array.null_count()), (&target, 0));
    }
}

/// Bytes that are often equal at the start, and often as long as a view holds or a little longer.
fn short_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0_u8, 1, b'a', 255]), 0..16)
}

proptest! {
    #[test]
    fn least_and_greatest_bytes(values in prop::collection::vec(prop::option::of(short_bytes()), 0..40)) {
        let found = collect(PgType::BYTEA, Arc::new(BinaryViewArray::from_iter(values.clone())));
        let mut sorted: Vec<_> = values.iter().flatten().map(Vec::as_slice).collect();
        sorted.sort_unstable();
        prop_assert_eq!(bytes_of(&found.min), sorted.first().map(|bytes| (*bytes, true)));
        prop_assert_eq!(bytes_of(&found.max), sorted.last().map(|bytes| (*bytes, true)));
    }

    #[test]
    fn text_bounds_hold_every_value(values in prop::collection::vec(prop::option::of("\\PC{0,40}|[\u{D7FE}-\u{E001}]{10,14}|\u{10FFFF}{7,9}"), 1..20)) {
        let found = collect(PgType::TEXT, Arc::new(StringViewArray::from(values.clone())));
        let present: Vec<&String> = values.iter().flatten().collect();
        prop_assert_eq!(found.nulls as usize, values.len() - present.len());
        if let Some((low, exact)) = bytes_of(&found.min) {
            prop_assert!(low.len() <= BOUND_BYTES_MAX && std::str::from_utf8(low).is_ok());
            prop_assert!(present.iter().all(|value| low <= value.as_bytes()));
            prop_assert_eq!(exact, present.iter().any(|value| low == value.as_bytes()));
        }
        if let Some((high, exact)) = bytes_of(&found.max) {
            prop_assert!(high.len() <= BOUND_BYTES_MAX && std::str::from_utf8(high).is_ok());
            prop_assert!(present.iter().all(|value| value.as_bytes() <= high));
            prop_assert!(!exact || present.iter().any(|value| high == value.as_bytes()));
        }
    }

    #[test]
    fn number_bounds_are_the_extremes(values in prop::collection::vec(any::<i16>(), 1..20)) {
        let found = collect(PgType::INT2, Arc::new(Int16Array::from(values.clone())));
        prop_assert_eq!(found.min, exact(BoundValue::Int(i64::from(*values.iter().min().unwrap()))));
        prop_assert_eq!(found.max, exact(BoundValue::Int(i64::from(*values.iter().max().unwrap()))));
        let wide: Vec<i128> = values.iter().map(|&v| i128::from(v) * 1_000_000_000_000).collect();
        let array = Decimal128Array::from(wide.clone()).with_precision_and_scale(30, 4).unwrap();
        let found = collect(PgType::numeric(30, 4), Arc::new(array));
        prop_assert_eq!(found.max, exact(BoundValue::Decimal { unscaled: *wide.iter().max().unwrap(), scale: 4 }));
    }
}
