//! What is written reads back: every type, text and binary, and every Arrow type that a value may come in.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::NullBuffer;
use arrow::datatypes::*;
use bytes::BytesMut;
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::types::arrow_type;
use proptest::prelude::*;

use super::*;
use crate::charset::Charset;

fn written(array: &dyn Array, ty: PgType, format: Format, style: &OutputStyle) -> Vec<Option<Vec<u8>>> {
    let writer = value_writer(array, ty, format, style).unwrap();
    let cell = |row| {
        let mut out = BytesMut::new();
        (!writer.is_null(row)).then(|| {
            writer.write(row, &mut out).unwrap();
            out.to_vec()
        })
    };
    (0..array.len()).map(cell).collect()
}

fn texts(array: &dyn Array, ty: PgType) -> Vec<Option<String>> {
    let style = OutputStyle::default();
    written(array, ty, Format::Text, &style).into_iter().map(|v| v.map(|v| String::from_utf8(v).unwrap())).collect()
}

fn built(ty: PgType, values: &[Option<&str>]) -> ArrayRef {
    let mut builder = ColumnBuilder::new(ty, arrow_type(ty, None), InputStyle::new(0)).unwrap();
    for value in values {
        match value {
            Some(text) => builder.push_text(text).unwrap(),
            None => builder.push_null(),
        }
    }
    builder.finish().unwrap()
}

fn assert_round_trip(ty: PgType, values: &[Option<&str>]) {
    let array = built(ty, values);
    let expected: Vec<_> = values.iter().map(|v| v.map(str::to_owned)).collect();
    assert_eq!(texts(&array, ty), expected, "{} as text", type_name(ty));
    let mut builder = ColumnBuilder::new(ty, arrow_type(ty, None), InputStyle::new(0)).unwrap();
    for value in written(&array, ty, Format::Binary, &OutputStyle::default()) {
        match value {
            Some(bytes) => builder.push_binary(&bytes).unwrap(),
            None => builder.push_null(),
        }
    }
    assert_eq!(builder.finish().unwrap().to_data(), array.to_data(), "{} as binary", type_name(ty));
}

#[test]
fn every_type_reads_back() {
    let cases: &[(PgType, &[&str])] = &[
        (PgType::BOOL, &["t", "f"]),
        (PgType::CHAR, &["x"]),
        (PgType::NAME, &["relname"]),
        (PgType::INT2, &["-32768", "32767"]),
        (PgType::INT4, &["-2147483648", "0"]),
        (PgType::INT8, &["9223372036854775807"]),
        (PgType::OID, &["4294967295"]),
        (PgType::plain(TypeKind::Regclass.oid()), &["1259"]),
        (PgType::FLOAT4, &["1.5", "NaN", "-Infinity", "1e+20"]),
        (PgType::FLOAT8, &["0.1", "1e+300", "-0", "Infinity"]),
        (PgType::NUMERIC, &["12.50", "-0.01", "99999999999999999999.00"]),
        (PgType::numeric(5, 2), &["-999.99", "0.00"]),
        (PgType::numeric(50, 10), &["1234567890123456789012345678901234567890.0123456789"]),
        (PgType::TEXT, &["", "a\nb", "äöü", "NULL"]),
        (PgType::varchar(3), &["abc", ""]),
        (PgType::bpchar(3), &["ab ", "   ", "ä  "]),
        (PgType::BYTEA, &["\\x", "\\x00ff5c"]),
        (PgType::DATE, &["2024-02-29", "infinity", "-infinity", "0044-03-15 BC", "5874897-12-31"]),
        (PgType::TIME, &["00:00:00", "23:59:59.999999", "24:00:00"]),
        (PgType::TIMESTAMP, &["2024-02-29 12:00:00.5", "infinity", "0044-03-15 00:00:00 BC"]),
        (PgType::TIMESTAMPTZ, &["2024-02-29 12:00:00+00", "-infinity"]),
        (PgType::INTERVAL, &["1 year 2 mons -3 days +04:05:06.7", "00:00:00"]),
        (PgType::UUID, &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
        (PgType::JSON, &["{ \"b\":1,  \"a\" : 2 }"]),
        (PgType::JSONB, &["{\"a\": [1, 2.50], \"b\": null}"]),
        (PgType::INT4.array().unwrap(), &["{1,NULL,3}", "{}"]),
        (PgType::TEXT.array().unwrap(), &["{a,\"b c\",\"\",\"NULL\",\"q\\\"\\\\\"}"]),
        (PgType::NUMERIC.array().unwrap(), &["{1.50,-2.25}"]),
        (PgType::TIMESTAMPTZ.array().unwrap(), &["{\"2024-02-29 12:00:00+00\"}"]),
    ];
    for (ty, values) in cases {
        let mut values: Vec<_> = values.iter().map(|v| Some(*v)).collect();
        values.push(None);
        assert_round_trip(*ty, &values);
    }
}

#[test]
fn other_arrow_types_of_the_same_value() {
    let some = |text: &str| vec![Some(text.to_owned())];
    let one = |array: ArrayRef, ty| texts(&array, ty);
    assert_eq!(one(Arc::new(Int64Array::from(vec![5])), PgType::INT4), some("5"));
    assert_eq!(one(Arc::new(UInt64Array::from(vec![u64::MAX])), PgType::NUMERIC), some("18446744073709551615"));
    assert_eq!(one(Arc::new(Int32Array::from(vec![5])), PgType::TEXT), some("5"));
    assert_eq!(one(Arc::new(BooleanArray::from(vec![true])), PgType::TEXT), some("true"));
    assert_eq!(one(Arc::new(StringArray::from(vec!["x"])), PgType::TEXT), some("x"));
    assert_eq!(one(Arc::new(LargeStringArray::from(vec!["x"])), PgType::bpchar(2)), some("x "));
    assert_eq!(one(Arc::new(Date64Array::from(vec![86_400_000])), PgType::DATE), some("1970-01-02"));
    assert_eq!(one(Arc::new(Date32Array::from(vec![1])), PgType::TIMESTAMP), some("1970-01-02 00:00:00"));
    assert_eq!(one(Arc::new(TimestampSecondArray::from(vec![1])), PgType::TIMESTAMP), some("1970-01-01 00:00:01"));
    let nanos = TimestampNanosecondArray::from(vec![-1]).with_timezone("+01:00");
    assert_eq!(one(Arc::new(nanos), PgType::TIMESTAMPTZ), some("1969-12-31 23:59:59.999999+00"));
    assert_eq!(one(Arc::new(Time32MillisecondArray::from(vec![1])), PgType::TIME), some("00:00:00.001"));
    assert_eq!(one(Arc::new(DurationSecondArray::from(vec![90_000])), PgType::INTERVAL), some("1 day 01:00:00"));
    assert_eq!(one(Arc::new(IntervalYearMonthArray::from(vec![14])), PgType::INTERVAL), some("1 year 2 mons"));
    let decimal = Decimal64Array::from(vec![-5]).with_precision_and_scale(10, 2).unwrap();
    assert_eq!(one(Arc::new(decimal), PgType::NUMERIC), some("-0.05"));
    assert_eq!(one(Arc::new(NullArray::new(1)), PgType::TEXT), vec![None]);
    assert_eq!(one(Arc::new(NullArray::new(1)), PgType::VOID), some(""));
    let dictionary: DictionaryArray<Int8Type> = vec![Some("a"), None, Some("a")].into_iter().collect();
    assert_eq!(texts(&dictionary, PgType::TEXT), vec![Some("a".into()), None, Some("a".into())]);
    let runs = RunArray::<Int32Type>::try_new(&Int32Array::from(vec![2, 3]), &StringArray::from(vec![Some("a"), None]));
    assert_eq!(texts(&runs.unwrap(), PgType::TEXT), vec![Some("a".into()), Some("a".into()), None]);
}

#[test]
fn lists_and_records() {
    let list = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None])], 2);
    assert_eq!(texts(&list, PgType::INT4.array().unwrap()), vec![Some("{1,NULL}".into())]);
    let mut nested = ListBuilder::new(ListBuilder::new(Int32Builder::new()));
    nested.append_value([Some([Some(1), Some(2)]), Some([Some(3), None])]);
    assert_eq!(texts(&nested.finish(), PgType::TEXT), vec![Some("{{1,2},{3,NULL}}".into())]);
    let record = StructArray::new(
        Fields::from(vec![
            Field::new("a", DataType::Int32, true),
            Field::new("b", DataType::Utf8, true),
            Field::new("c", DataType::Utf8, true),
            Field::new("d", DataType::Utf8, true),
        ]),
        vec![
            Arc::new(Int32Array::from(vec![1])),
            Arc::new(StringArray::from(vec!["x \"y\" \\"])),
            Arc::new(StringArray::from(vec![""])),
            Arc::new(StringArray::from(vec![None::<&str>])),
        ],
        Some(NullBuffer::new_valid(1)),
    );
    let record_type = PgType::plain(TypeKind::Record.oid());
    assert_eq!(texts(&record, record_type), vec![Some("(1,\"x \"\"y\"\" \\\\\",\"\",)".into())]);
    let binary = written(&record, record_type, Format::Binary, &OutputStyle::default());
    assert_eq!(&binary[0].as_ref().unwrap()[..16], [0, 0, 0, 4, 0, 0, 0, 23, 0, 0, 0, 4, 0, 0, 0, 1]);
}

#[test]
fn binary_forms_of_other_arrow_types() {
    let binary = |array: &dyn Array, ty| written(array, ty, Format::Binary, &OutputStyle::default()).remove(0).unwrap();
    assert_eq!(binary(&Int64Array::from(vec![5]), PgType::INT4), [0, 0, 0, 5]);
    assert_eq!(binary(&StringArray::from(vec!["7"]), PgType::INT2), [0, 7]);
    assert_eq!(binary(&Int32Array::from(vec![1]), PgType::FLOAT8), 1.0_f64.to_be_bytes());
    let vector = PgType::plain(TypeKind::Int2Vector.oid());
    let numbers = ListArray::from_iter_primitive::<Int16Type, _, _>([Some([Some(1), Some(2)])]);
    let head = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 21, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];
    assert_eq!(&binary(&numbers, vector)[..26], head);
    let array = Int64Array::from(vec![1 << 40]);
    let writer = value_writer(&array, PgType::INT4, Format::Binary, &OutputStyle::default()).unwrap();
    assert_eq!(writer.write(0, &mut BytesMut::new()).unwrap_err().code.code(), "22003");
}

#[test]
fn styles_change_the_text() {
    let style = OutputStyle {
        zone: Zone::parse("America/New_York").unwrap(),
        extra_float_digits: 0,
        bytea_output: ByteaOutput::Escape,
        interval_style: IntervalStyle::Iso8601,
        ..OutputStyle::default()
    };
    let text =
        |array: &dyn Array, ty| String::from_utf8(written(array, ty, Format::Text, &style).remove(0).unwrap()).unwrap();
    let summer = TimestampMicrosecondArray::from(vec![1_720_000_000_000_000]).with_timezone("UTC");
    assert_eq!(text(&summer, PgType::TIMESTAMPTZ), "2024-07-03 05:46:40-04");
    assert_eq!(text(&Float64Array::from(vec![0.1 + 0.2]), PgType::FLOAT8), "0.3");
    assert_eq!(text(&BinaryArray::from(vec![&b"a\\\0\xff"[..]]), PgType::BYTEA), "a\\\\\\000\\377");
    assert_eq!(text(&DurationSecondArray::from(vec![60]), PgType::INTERVAL), "PT1M");
}

#[test]
fn a_failed_push_appends_nothing() {
    for (ty, good, bad) in [
        (PgType::INT4, "1", "x"),
        (PgType::numeric(5, 2), "1.00", "99999"),
        (PgType::varchar(2), "ab", "abc"),
        (PgType::INT4.array().unwrap(), "{1}", "{1,x}"),
        (PgType::JSONB, "1", "{"),
    ] {
        let mut builder = ColumnBuilder::new(ty, arrow_type(ty, None), InputStyle::new(0)).unwrap();
        builder.push_text(good).unwrap();
        assert!(builder.push_text(bad).is_err());
        assert_eq!(builder.len(), 1, "{}", type_name(ty));
        assert_eq!(texts(&builder.finish().unwrap(), ty), vec![Some(good.to_owned())]);
    }
}

#[test]
fn an_open_numeric_takes_the_scale_that_its_values_need() {
    let array = built(PgType::NUMERIC, &[Some("1.5"), Some("-0.125"), None]);
    assert_eq!(*array.data_type(), DataType::Decimal128(38, 3));
    let wide = built(PgType::NUMERIC, &[Some("1e37"), Some("0.001")]);
    assert_eq!(*wide.data_type(), DataType::Decimal256(76, 3));
}

proptest! {
    #[test]
    fn doubles_read_back(value in any::<f64>()) {
        let array = Float64Array::from(vec![value]);
        let text = texts(&array, PgType::FLOAT8).remove(0).unwrap();
        prop_assert_eq!(parse_f64(&text).unwrap().to_bits(), canonical_f64(value).to_bits());
    }

    #[test]
    fn reals_read_back(value in any::<f32>()) {
        let array = Float32Array::from(vec![value]);
        let text = texts(&array, PgType::FLOAT4).remove(0).unwrap();
        prop_assert_eq!(parse_f32(&text).unwrap().to_bits(), canonical_f32(value).to_bits());
    }

    #[test]
    fn text_arrays_read_back(values in proptest::collection::vec(proptest::option::of("[^\0]{0,8}"), 0..5)) {
        let mut builder = ListBuilder::new(StringBuilder::new());
        builder.append_value(values.clone());
        let ty = PgType::TEXT.array().unwrap();
        let text = texts(&builder.finish(), ty).remove(0).unwrap();
        let items = parse_items(ty, &text).unwrap().items;
        let read: Vec<_> = items.into_iter().map(|v| v.map(|v| v.into_owned())).collect();
        prop_assert_eq!(read, values);
    }

    #[test]
    fn bytea_reads_back(bytes in proptest::collection::vec(any::<u8>(), 0..16)) {
        let array = BinaryArray::from(vec![&bytes[..]]);
        for bytea_output in [ByteaOutput::Hex, ByteaOutput::Escape] {
            let style = OutputStyle { bytea_output, ..OutputStyle::default() };
            let text = written(&array, PgType::BYTEA, Format::Text, &style).remove(0).unwrap();
            prop_assert_eq!(parse_bytea(std::str::from_utf8(&text).unwrap()).unwrap(), bytes.clone());
        }
    }

    #[test]
    fn no_bytes_panic_as_binary_input(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        for kind in TypeKind::all() {
            let _ = parse_binary(PgType::plain(kind.oid()), &bytes, Charset::UTF8);
            let _ = parse_binary(PgType::plain(kind.array_oid()), &bytes, Charset::UTF8);
        }
    }
}
