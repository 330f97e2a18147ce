#![allow(clippy::unwrap_used)]

use arrow::array::{
    BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, FixedSizeBinaryArray, Float32Array,
    Float64Array, Int16Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Decimal128Type, Int64Type, IntervalMonthDayNano};

use super::*;
use crate::packed::{Inet, Packed, Range, RangeType};
use crate::types::{arrow_type, pg_field};

fn widen_to(values: impl Array + 'static, stored: PgType, wanted: PgType, open: Option<(u8, i8)>) -> Result<ArrayRef> {
    let values: ArrayRef = Arc::new(values);
    let values = match stored {
        PgType::TIMESTAMPTZ => arrow::compute::cast(&values, &arrow_type(stored, None)).unwrap(),
        _ => values,
    };
    widen_array(&values, stored, &pg_field("c", wanted, arrow_type(wanted, open), true))
}

fn texts(values: impl Array + 'static, stored: PgType, wanted: PgType) -> Vec<String> {
    let array = widen_to(values, stored, wanted, None).unwrap();
    array.as_string_view().iter().map(|value| value.unwrap().to_owned()).collect()
}

#[test]
fn floats_read_as_postgresql_prints_them() {
    let values = vec![1e15, 123_456_789_012_345.0, 1e14, 0.0001, 0.00001, 0.1, -2.5, 1.5e300, 0.0, -0.0];
    let expected =
        ["1e+15", "123456789012345", "100000000000000", "0.0001", "1e-05", "0.1", "-2.5", "1.5e+300", "0", "-0"];
    assert_eq!(texts(Float64Array::from(values), PgType::FLOAT8, PgType::TEXT), expected);
    let special = vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    assert_eq!(texts(Float64Array::from(special), PgType::FLOAT8, PgType::TEXT), ["NaN", "Infinity", "-Infinity"]);
    let singles = Float32Array::from(vec![1e6, 100_000.0, 0.1]);
    assert_eq!(texts(singles, PgType::FLOAT4, PgType::TEXT), ["1e+06", "100000", "0.1"]);
}

#[test]
fn packed_values_read_as_casts_to_text_print_them() {
    let one = |bytes: Vec<u8>| FixedSizeBinaryArray::try_from_iter([bytes].into_iter()).unwrap();
    let inet = Inet::from(std::net::IpAddr::from([10, 0, 0, 1]));
    assert_eq!(texts(one(inet.pack().to_vec()), PgType::plain(869), PgType::TEXT), ["10.0.0.1/32"]);
    let bound = |value: i128, included| Some((i256::from_i128(value), included));
    let ranges = [
        (TypeKind::Int4Range, bound(-1, true), bound(5, false), "[-1,5)"),
        (TypeKind::NumRange, bound(15 * 10_i128.pow(37), false), None, "(1.5,)"),
        (TypeKind::TsRange, None, bound(0, true), "(,\"1970-01-01 00:00:00\"]"),
        (TypeKind::DateRange, bound(0, true), bound(0, false), "empty"),
    ];
    for (kind, lower, upper, expected) in ranges {
        let bytes = RangeType::of_kind(kind).unwrap().pack(Range::new(lower, upper).unwrap());
        assert_eq!(texts(one(bytes), PgType::plain(kind.oid()), PgType::TEXT), [expected]);
    }
}

#[test]
fn instants_read_as_postgresql_prints_them() {
    let micros = vec![0, 1_700_000_000_120_000, -62_200_000_000_000_000, i64::MAX, i64::MIN];
    let expected = ["1970-01-01 00:00:00", "2023-11-14 22:13:20.12", "0002-12-18 22:13:20 BC", "infinity", "-infinity"];
    let found = texts(TimestampMicrosecondArray::from(micros), PgType::TIMESTAMP, PgType::TEXT);
    assert_eq!(found[0..2], expected[0..2]);
    assert!(found[2].ends_with(" BC"), "{}", found[2]);
    assert_eq!(found[3..], expected[3..]);
    let zoned = TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC");
    assert_eq!(texts(zoned, PgType::TIMESTAMPTZ, PgType::TEXT), ["1970-01-01 00:00:00.000001+00"]);
    let days = Date32Array::from(vec![19_417, -719_529, i32::MAX]);
    assert_eq!(texts(days, PgType::DATE, PgType::TEXT), ["2023-03-01", "0002-12-31 BC", "infinity"]);
}

#[test]
fn special_numerics_stay_what_they_are() {
    let specials = [Special::NaN, Special::Infinity, Special::NegativeInfinity];
    let numbers = || {
        let values = specials.map(Special::unscaled).into_iter().chain([15.into()]);
        Decimal256Array::from_iter_values(values).with_precision_and_scale(76, 1).unwrap()
    };
    let stored = PgType::special_numeric(20, 1);
    let moved = widen_to(numbers(), stored, PgType::NUMERIC, Some((76, 3))).unwrap();
    let expected: Vec<i256> = specials.map(Special::unscaled).into_iter().chain([1500.into()]).collect();
    assert_eq!(moved.as_primitive::<Decimal256Type>().values().to_vec(), expected);
    assert!(widen_to(numbers(), stored, PgType::NUMERIC, Some((70, 3))).is_err(), "there is no room for them");
    assert_eq!(texts(numbers(), stored, PgType::TEXT), ["NaN", "Infinity", "-Infinity", "1.5"]);
    assert_eq!(texts(numbers(), stored, PgType::JSONB), ["\"NaN\"", "\"Infinity\"", "\"-Infinity\"", "1.5"]);
    let doubles = Float64Array::from(specials.map(Special::float).to_vec());
    let widened = widen_to(doubles, PgType::FLOAT8, PgType::NUMERIC, Some((76, 38))).unwrap();
    assert_eq!(widened.as_primitive::<Decimal256Type>().values().to_vec(), specials.map(Special::unscaled));
}

#[test]
fn other_scalars_read_as_postgresql_prints_them() {
    assert_eq!(texts(BooleanArray::from(vec![true, false]), PgType::BOOL, PgType::TEXT), ["true", "false"]);
    let decimals = Decimal128Array::from(vec![-5, 12_345, 0]).with_precision_and_scale(9, 2).unwrap();
    assert_eq!(texts(decimals, PgType::numeric(9, 2), PgType::TEXT), ["-0.05", "123.45", "0.00"]);
    let bytes = BinaryViewArray::from(vec![b"\x00\xff".as_slice()]);
    assert_eq!(texts(bytes, PgType::BYTEA, PgType::TEXT), ["\\x00ff"]);
    let intervals = IntervalMonthDayNanoArray::from(vec![
        IntervalMonthDayNano::new(14, 3, 4_000_500_000_000),
        IntervalMonthDayNano::new(0, 0, 0),
        IntervalMonthDayNano::new(0, -1, 7_200_000_000_000),
        IntervalMonthDayNano::new(-1, 0, -1_000_000_000),
    ]);
    let expected = ["1 year 2 mons 3 days 01:06:40.5", "00:00:00", "-1 days +02:00:00", "-1 mons -00:00:01"];
    assert_eq!(texts(intervals, PgType::INTERVAL, PgType::TEXT), expected);
}

#[test]
fn anything_becomes_jsonb() {
    assert_eq!(texts(Int32Array::from(vec![7]), PgType::INT4, PgType::JSONB), ["7"]);
    assert_eq!(
        texts(Float64Array::from(vec![1e20, 1.5e-7, f64::NAN]), PgType::FLOAT8, PgType::JSONB),
        ["100000000000000000000", "0.00000015", "\"NaN\""]
    );
    let strings = StringViewArray::from(vec!["a\"b\n\u{1}"]);
    assert_eq!(texts(strings, PgType::TEXT, PgType::JSONB), ["\"a\\\"b\\n\\u0001\""]);
    let stamps = TimestampMicrosecondArray::from(vec![0]);
    assert_eq!(texts(stamps, PgType::TIMESTAMP, PgType::JSONB), ["\"1970-01-01T00:00:00\""]);
    let json = widen_to(StringViewArray::from(vec!["{}"]), PgType::JSON, PgType::JSONB, None);
    assert!(matches!(json, Err(Error::Unsupported(_))));
}

#[test]
fn arrays_widen_by_element_and_print_as_arrays() {
    let mut builder = arrow::array::ListBuilder::new(arrow::array::Int16Builder::new());
    builder.append_value([Some(1), None]);
    let values: ArrayRef = Arc::new(builder.finish());
    let (int2s, int8s) = (PgType::INT2.array().unwrap(), PgType::INT8.array().unwrap());
    let target = pg_field("a", int8s, arrow_type(int8s, None), true);
    let wide = widen_array(&values, int2s, &target).unwrap();
    assert_eq!(wide.data_type(), target.data_type());
    let items = wide.as_list::<i32>().value(0);
    assert_eq!(items.as_primitive::<Int64Type>(), &Int64Array::from(vec![Some(1), None]));
    let as_text = |wanted| widen_array(&values, int2s, &pg_field("a", wanted, DataType::Utf8View, true)).unwrap();
    assert_eq!(as_text(PgType::TEXT).as_string_view().value(0), "{1,NULL}");
    assert_eq!(as_text(PgType::JSONB).as_string_view().value(0), "[1, null]");
}

#[test]
fn lists_become_shaped_arrays_whose_text_has_dimensions() {
    let mut builder = arrow::array::ListBuilder::new(arrow::array::Int16Builder::new());
    builder.append_value([Some(1), None]);
    let values: ArrayRef = Arc::new(builder.finish());
    let (int2s, int8s) = (PgType::INT2.array().unwrap(), PgType::INT8.array().unwrap());
    let wanted = |ty: PgType| pg_field("a", ty, arrow_type(ty, None), true);
    let wide = widen_array(&values, int2s, &wanted(int8s.shaped())).unwrap();
    assert_eq!(wide.data_type(), &arrow_type(int8s.shaped(), None));
    assert!(crate::shape::Arrays::of(&wide).unwrap().are_plain());

    let mut bounds = crate::shape::BoundsBuilder::default();
    let dimension = crate::shape::Dimension { length: 1, lower: 5 };
    bounds.push(&crate::shape::Shape::new(vec![dimension, crate::shape::Dimension::of(2)]));
    let matrix = bounds.finish(values.as_list().clone()).unwrap();
    let as_text = |ty| widen_array(&matrix, int2s.shaped(), &pg_field("a", ty, DataType::Utf8View, true)).unwrap();
    assert_eq!(as_text(PgType::TEXT).as_string_view().value(0), "[5:5][1:2]={{1,NULL}}");
    assert_eq!(as_text(PgType::JSONB).as_string_view().value(0), "[[1, null]]");
    let wider = widen_array(&matrix, int2s.shaped(), &wanted(int8s.shaped())).unwrap();
    assert_eq!(wider.data_type(), &arrow_type(int8s.shaped(), None));
}

#[test]
fn array_items_are_quoted_where_they_must_be() {
    let mut builder = arrow::array::ListBuilder::new(StringViewBuilder::new());
    builder.append_value(["plain", "two words", "", "null", "q\"\\"].map(Some));
    let values: ArrayRef = Arc::new(builder.finish());
    let target = pg_field("a", PgType::TEXT, DataType::Utf8View, true);
    let found = widen_array(&values, PgType::TEXT.array().unwrap(), &target).unwrap();
    assert_eq!(found.as_string_view().value(0), r#"{plain,"two words","","null","q\"\\"}"#);
}

#[test]
fn numbers_widen_exactly_or_fail() {
    let wide = widen_to(Int16Array::from(vec![5]), PgType::INT2, PgType::NUMERIC, Some((38, 3))).unwrap();
    assert_eq!(wide.as_primitive::<Decimal128Type>().value(0), 5000);
    let float = widen_to(Float64Array::from(vec![0.1]), PgType::FLOAT8, PgType::NUMERIC, Some((38, 3))).unwrap();
    assert_eq!(float.as_primitive::<Decimal128Type>().value(0), 100);
    for bad in [f64::NAN, f64::INFINITY, 1e60] {
        let failed = widen_to(Float64Array::from(vec![bad]), PgType::FLOAT8, PgType::NUMERIC, Some((38, 3)));
        assert!(matches!(failed, Err(Error::OutOfRange(_))), "{bad}");
    }
    let narrowing = widen_to(Int64Array::from(vec![5]), PgType::INT8, PgType::INT4, None);
    assert!(matches!(narrowing, Err(Error::Unsupported(_))));
}

#[test]
fn dates_become_midnights_and_stay_infinite() {
    let values = Date32Array::from(vec![1, i32::MAX, i32::MIN]);
    let wide = widen_to(values, PgType::DATE, PgType::TIMESTAMPTZ, None).unwrap();
    let micros = wide.as_primitive::<TimestampMicrosecondType>();
    assert_eq!(micros.values().as_ref(), [86_400_000_000, i64::MAX, i64::MIN]);
}

#[test]
fn a_float_is_the_decimal_of_its_shortest_text() {
    let decimal = |value: f64| Decimal::of_float(value).map(|d| (d.unscaled.to_i128().unwrap(), d.scale));
    assert_eq!(decimal(0.1), Some((1, 1)));
    assert_eq!(decimal(-2500.0), Some((-2500, 0)));
    assert_eq!(decimal(1.25e-3), Some((125, 5)));
    assert_eq!(decimal(1e300), None);
    let round = |unscaled: i128| Decimal { unscaled: i256::from_i128(unscaled), scale: 2 }.at_scale(1).unwrap();
    assert_eq!([149, 150, 155, -155, -154].map(|v| round(v).to_i128().unwrap()), [15, 15, 16, -16, -15]);
}
