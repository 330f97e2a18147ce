//! Pieces to columns and back.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use bytes::{Bytes, BytesMut};
use peristyle_catalog::model::PgType;
use proptest::prelude::*;

use super::*;
use crate::charset::Charset;
use crate::error::{Result, SqlError};
use crate::values::{Format, InputStyle, OutputStyle, value_writer};

fn piece(data: &str) -> Piece {
    let line_end = if data.contains("\r\n") { LineEnd::CarriageReturnNewline } else { LineEnd::Newline };
    Piece { bytes: Bytes::copy_from_slice(data.as_bytes()), first_line: 1, line_end, is_header: false }
}

fn target(name: &str, ty: PgType) -> TargetColumn {
    TargetColumn::new(name, ty)
}

fn a_b() -> Vec<TargetColumn> {
    vec![target("a", PgType::INT4), target("b", PgType::TEXT)]
}

fn decoder(options: CopyOptions, targets: Vec<TargetColumn>) -> Decoder {
    Decoder::new("t", targets, options, InputStyle::new(0), Unknown::Refuse)
}

fn csv() -> CopyOptions {
    CopyOptions::new(CopyFormat::Csv)
}

/// A column's values as PostgreSQL shows them.
fn shown(column: &DecodedColumn) -> Vec<Option<String>> {
    let writer = value_writer(column.array.as_ref(), column.ty, Format::Text, &OutputStyle::default()).unwrap();
    let value = |row| {
        let mut out = BytesMut::new();
        writer.write(row, &mut out).unwrap();
        String::from_utf8(out.to_vec()).unwrap()
    };
    (0..column.array.len()).map(|row| (!writer.is_null(row)).then(|| value(row))).collect()
}

fn columns(decoded: &Decoded) -> Vec<(String, PgType, Vec<Option<String>>)> {
    decoded.columns.iter().map(|c| (c.name.clone(), c.ty, shown(c))).collect()
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| (*value != "NULL").then(|| (*value).to_owned())).collect()
}

fn fault(decoder: &Decoder, data: &str) -> (String, String, String) {
    let error: SqlError = decoder.decode(&piece(data)).unwrap_err();
    (error.code.to_string(), error.message.clone(), error.context.clone().unwrap_or_default())
}

#[test]
fn csv_by_position() {
    let decoded = decoder(csv(), a_b()).decode(&piece("1,x\n,\"\"\n3,\n")).unwrap();
    assert_eq!(
        columns(&decoded),
        [("a".into(), PgType::INT4, some(&["1", "NULL", "3"])), ("b".into(), PgType::TEXT, some(&["x", "", "NULL"]))]
    );
    assert_eq!(decoded.into_batch().unwrap().num_rows(), 3);
}

#[test]
fn force_null_and_force_not_null() {
    let options = CopyOptions {
        force_null: ColumnSet::Listed(vec!["a".into()]),
        force_not_null: ColumnSet::Listed(vec!["b".into()]),
        ..csv()
    };
    let decoded = decoder(options, a_b()).decode(&piece("\"\",\n")).unwrap();
    assert_eq!(shown(&decoded.columns[0]), some(&["NULL"]));
    assert_eq!(shown(&decoded.columns[1]), some(&[""]));
}

#[test]
fn the_default_marker_is_told_apart() {
    let options = CopyOptions { default: Some("\\D".into()), ..csv() };
    let with_defaults = || a_b().into_iter().map(|column| TargetColumn { has_default: true, ..column }).collect();
    let decoded = decoder(options.clone(), with_defaults()).decode(&piece("\\D,x\n2,\\D\n")).unwrap();
    let defaulted = |at: usize| decoded.columns[at].defaulted.as_ref().unwrap().iter().collect::<Vec<_>>();
    assert_eq!((defaulted(0), defaulted(1)), (vec![Some(true), Some(false)], vec![Some(false), Some(true)]));
    let (code, message, context) = fault(&decoder(options, a_b()), "1,x\n\\D,y\n");
    assert_eq!((code.as_str(), message.as_str()), ("22P04", "unexpected default marker in COPY data"));
    assert_eq!(context, "COPY t, line 2: \"\\D,y\"");
}

#[test]
fn faults_say_where() {
    let csv = decoder(csv(), a_b());
    let cases = [
        ("1,x\n2\n", "22P04", "missing data for column \"b\"", "COPY t, line 2: \"2\""),
        ("1,x,y\n", "22P04", "extra data after last expected column", "COPY t, line 1: \"1,x,y\""),
        (
            "1,\"a\nb\"\nx,y\n",
            "22P02",
            "invalid input syntax for type integer: \"x\"",
            "COPY t, line 3, column a: \"x\"",
        ),
        ("1,x\n2,\"y\n", "22P04", "unterminated CSV quoted field", "COPY t, line 3: \"2,\"y\""),
    ];
    for (data, code, message, context) in cases {
        assert_eq!(fault(&csv, data), (code.into(), message.into(), context.into()));
    }
    let bytes = Bytes::from_static(b"1,x\n2,\xff\n");
    let error = csv.decode(&Piece { bytes, ..piece("") }).unwrap_err();
    assert_eq!(error.code.code(), "22021");
    assert_eq!(error.context.as_deref(), Some("COPY t, line 2"));
}

#[test]
fn bad_rows_can_be_left_out() {
    let options = CopyOptions { on_error: OnError::Ignore, ..csv() };
    let decoder = decoder(options, a_b());
    let decoded = decoder.decode(&piece("x,1\n2,b\n99999999999,c\n4,d\n")).unwrap();
    assert_eq!(shown(&decoded.columns[0]), some(&["2", "4"]));
    assert_eq!(shown(&decoded.columns[1]), some(&["b", "d"]));
    assert_eq!(decoded.rows, 2);
    let skipped: Vec<_> = decoded.skipped.iter().map(|row| (row.line, row.column.as_str())).collect();
    assert_eq!(skipped, [(1, "a"), (3, "a")]);
    assert!(decoder.decode(&piece("1\n")).is_err(), "a row without its columns is not a bad value");
}

#[test]
fn text_by_position() {
    let options = CopyOptions::new(CopyFormat::Text);
    let decoded = decoder(options, a_b()).decode(&piece("1\tx\\ty\n\\N\t\\N\n2\t\n")).unwrap();
    assert_eq!(shown(&decoded.columns[0]), some(&["1", "NULL", "2"]));
    assert_eq!(shown(&decoded.columns[1]), some(&["x\ty", "NULL", ""]));
}

#[test]
fn headers_are_checked_and_mapped() {
    let options = CopyOptions { header: Header::Match, ..csv() };
    let strict = decoder(options.clone(), a_b());
    let names = |text: &str| parse_header(&piece(text), &options, "t").unwrap();
    assert_eq!(names("a,\"b,c\"\n"), ["a", "b,c"]);
    assert!(strict.check_header(&names("a,b\n")).is_ok());
    let message = |text: &str| strict.check_header(&names(text)).unwrap_err().message.clone();
    assert_eq!(message("a\n"), "wrong number of fields in header line: got 1, expected 2");
    assert_eq!(message("a,x\n"), "column name mismatch in header line field 2: got \"x\", expected \"b\"");
    let error = strict.clone().with_header(&names("a,x\n")).unwrap_err();
    assert_eq!((error.code.code(), error.hint.is_some()), ("42703", true));
    assert_eq!(strict.with_header(&names("a,a\n")).unwrap_err().code.code(), "42701");
}

fn time() -> TargetColumn {
    TargetColumn { counts_time: true, arrival: Some(Arrival(1_000_000)), ..target("time", PgType::TIMESTAMPTZ) }
}

fn open(format: CopyFormat, targets: Vec<TargetColumn>, new_columns_max: usize) -> Decoder {
    let options = CopyOptions::new(format);
    Decoder::new("t", targets, options, InputStyle::new(0), Unknown::Infer { new_columns_max })
}

#[test]
fn an_open_table_takes_columns_of_a_header() {
    let long = "k".repeat(64);
    let header: Vec<String> = ["n", "time", "zip", "empty", &long].map(str::to_owned).to_vec();
    let decoder = open(CopyFormat::Csv, vec![time()], 10).with_header(&header).unwrap();
    let decoded = decoder.decode(&piece("1,1700000000,007,,x\n2,,1,,\n")).unwrap();
    assert_eq!(
        columns(&decoded),
        [
            ("time".into(), PgType::TIMESTAMPTZ, some(&["2023-11-14 22:13:20+00", "1970-01-01 00:00:01+00"])),
            ("n".into(), PgType::INT4, some(&["1", "2"])),
            ("zip".into(), PgType::TEXT, some(&["007", "1"])),
            ("_rest".into(), PgType::JSONB, vec![Some(format!("{{\"{long}\": \"x\"}}")), None]),
        ]
    );
}

#[test]
fn ndjson_keys_are_columns() {
    let decoder = open(CopyFormat::Ndjson, vec![time(), target("n", PgType::INT4)], 20);
    let data = r#"{"time": 1700000000.5, "n": "7", "i": 1, "f": 1.5, "s": "x", "b": true, "o": {"z": 1, "a": [2]}, "m": 1}
{"i": 9223372036854775807, "f": 1e3, "null": null, "o": [], "m": 2.5, "s": "y", "s": "z"}

{"n": 3, "mix": 1}
{"mix": "x", "time": "2024-01-02 03:04:05Z"}
"#;
    let decoded = decoder.decode(&piece(data)).unwrap();
    assert_eq!(decoded.rows, 4);
    assert_eq!(
        columns(&decoded),
        [
            (
                "time".into(),
                PgType::TIMESTAMPTZ,
                some(&[
                    "2023-11-14 22:13:20.5+00",
                    "1970-01-01 00:00:01+00",
                    "1970-01-01 00:00:01+00",
                    "2024-01-02 03:04:05+00",
                ])
            ),
            ("n".into(), PgType::INT4, some(&["7", "NULL", "3", "NULL"])),
            ("i".into(), PgType::INT8, some(&["1", "9223372036854775807", "NULL", "NULL"])),
            ("f".into(), PgType::FLOAT8, some(&["1.5", "1000", "NULL", "NULL"])),
            ("s".into(), PgType::TEXT, some(&["x", "z", "NULL", "NULL"])),
            ("b".into(), PgType::BOOL, some(&["t", "NULL", "NULL", "NULL"])),
            ("o".into(), PgType::JSONB, some(&["{\"a\": [2], \"z\": 1}", "[]", "NULL", "NULL"])),
            ("m".into(), PgType::NUMERIC, some(&["1.0", "2.5", "NULL", "NULL"])),
            ("mix".into(), PgType::TEXT, some(&["NULL", "NULL", "1", "x"])),
        ]
    );
}

#[test]
fn ndjson_keys_without_room_go_to_the_rest() {
    let decoder = open(CopyFormat::Ndjson, vec![], 1);
    let decoded =
        decoder.decode(&piece("{\"a\": 1, \"b\": {\"c\": 1.50}}\n{\"a\": 2, \"\": 1, \"b\": 1, \"b\": 2}\n")).unwrap();
    assert_eq!(
        columns(&decoded),
        [
            ("a".into(), PgType::INT8, some(&["1", "2"])),
            ("_rest".into(), PgType::JSONB, some(&["{\"b\": {\"c\": 1.50}}", "{\"\": 1, \"b\": 2}"])),
        ]
    );
}

#[test]
fn ndjson_faults_say_where() {
    let open = open(CopyFormat::Ndjson, vec![target("n", PgType::INT4)], 20);
    let (code, _, context) = fault(&open, "{}\n{\"a\": }\n");
    assert_eq!((code.as_str(), context.as_str()), ("22P02", "JSON data, line 1: {\"a\": }\nCOPY t, line 2"));
    assert_eq!(fault(&open, "[1]\n").0, "22P04");
    let declared = decoder(CopyOptions::new(CopyFormat::Ndjson), a_b());
    assert_eq!(fault(&declared, "{\"x\": 1}").0, "42703");
    let lenient = CopyOptions { on_error: OnError::Ignore, ..CopyOptions::new(CopyFormat::Ndjson) };
    let decoded = decoder(lenient, a_b()).decode(&piece("{\"a\": 1}\nx\n{\"a\": \"y\"}\n{\"b\": [1]}\n")).unwrap();
    assert_eq!((decoded.rows, decoded.skipped.len()), (2, 2));
    assert_eq!(shown(&decoded.columns[1]), some(&["NULL", "[1]"]));
}

#[test]
fn columns_of_an_open_table_widen() {
    let targets = || vec![target("n", PgType::INT4), time(), target("t", PgType::TEXT)];
    let decoded = open(CopyFormat::Ndjson, targets(), 0).decode(&piece("{\"n\": 1.5, \"t\": \"x\"}\n")).unwrap();
    let types: Vec<_> = decoded.columns.iter().map(|c| (c.name.as_str(), c.ty)).collect();
    assert_eq!(types, [("time", PgType::TIMESTAMPTZ), ("t", PgType::TEXT), ("n", PgType::FLOAT8)]);
    let header = ["t", "n"].map(str::to_owned);
    let csv = open(CopyFormat::Csv, targets(), 0).with_header(&header).unwrap();
    let decoded = csv.decode(&piece("x,007\ny,8\n")).unwrap();
    let column = decoded.columns.iter().find(|column| column.name == "n").unwrap();
    assert_eq!((column.ty, shown(column)), (PgType::TEXT, some(&["007", "8"])));
    let narrow = csv.decode(&piece("x,8\n")).unwrap();
    assert_eq!(narrow.columns.iter().find(|column| column.name == "n").map(|column| column.ty), Some(PgType::INT4));
}

#[test]
fn typed_arrays_come_out_of_ndjson() {
    let decoder = open(CopyFormat::Ndjson, vec![], 20);
    let decoded = decoder.decode(&piece("{\"i\": 1, \"f\": 0.5}\n{\"i\": 2}\n")).unwrap();
    assert_eq!(decoded.columns[0].array.as_primitive::<Int64Type>().values()[..], [1, 2]);
    assert_eq!(decoded.columns[1].array.as_primitive::<Float64Type>().value(0), 0.5);
    assert!(decoded.columns[1].array.is_null(1));
}

/// What COPY TO writes of decoded data.
fn encoded(options: CopyOptions, decoded: Decoded) -> String {
    let columns = decoded.columns.iter().map(|c| (c.name.clone(), c.ty)).collect();
    let encoder = Encoder::new(options, columns, OutputStyle::default());
    let mut out = BytesMut::new();
    encoder.header(&mut out).unwrap();
    encoder.encode(&decoded.into_batch().unwrap(), &mut out).unwrap();
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn every_format_goes_out() {
    let decode = || decoder(csv(), a_b()).decode(&piece("1,\"x,\"\"y\"\"\n\"\n,\"\"\n3,\n4,a\tb\\\n")).unwrap();
    assert_eq!(encoded(csv(), decode()), "1,\"x,\"\"y\"\"\n\"\n,\"\"\n3,\n4,a\tb\\\n");
    let forced = CopyOptions { header: Header::Present, force_quote: ColumnSet::All, null: "-".into(), ..csv() };
    assert_eq!(encoded(forced, decode()), "a,b\n\"1\",\"x,\"\"y\"\"\n\"\n-,\"\"\n\"3\",-\n\"4\",\"a\tb\\\"\n");
    let text = CopyOptions::new(CopyFormat::Text);
    assert_eq!(encoded(text, decode()), "1\tx,\"y\"\\n\n\\N\t\n3\t\\N\n4\ta\\tb\\\\\n");
    let ndjson = CopyOptions::new(CopyFormat::Ndjson);
    assert_eq!(
        encoded(ndjson, decode()),
        "{\"a\":1,\"b\":\"x,\\\"y\\\"\\n\"}\n{\"a\":null,\"b\":\"\"}\n{\"a\":3,\"b\":null}\n{\"a\":4,\"b\":\"a\\tb\\\\\"}\n"
    );
}

#[test]
fn ndjson_keeps_json_types() {
    let targets = vec![
        target("b", PgType::BOOL),
        target("f", PgType::FLOAT8),
        target("j", PgType::JSONB),
        target("l", PgType::INT4.array().unwrap()),
        target("n", PgType::numeric(5, 2)),
    ];
    let line = "{\"b\":true,\"f\":0.5,\"j\":{\"a\": 1},\"l\":[1,null],\"n\":1.50}\n";
    let ndjson = CopyOptions::new(CopyFormat::Ndjson);
    let decoded = decoder(ndjson.clone(), targets).decode(&piece(line)).unwrap();
    assert_eq!(encoded(ndjson, decoded), line);
}

#[test]
fn the_end_marker_is_quoted_where_it_would_end_the_data() {
    let decode = || decoder(csv(), vec![target("b", PgType::TEXT)]).decode(&piece("\"\\.\"\n")).unwrap();
    assert_eq!(encoded(csv(), decode()), "\"\\.\"\n");
}

/// Splits, decodes and puts together again.
fn read_back(
    options: &CopyOptions,
    data: &[u8],
    portion: usize,
    piece_bytes: usize,
) -> Result<Vec<Vec<Option<String>>>> {
    let limits = SplitterLimits { piece_bytes, record_bytes_max: 1 << 20 };
    let mut splitter = RecordSplitter::new("t", options, limits);
    let mut pieces = Vec::new();
    for bytes in data.chunks(portion) {
        splitter.push(bytes, &mut pieces)?;
    }
    pieces.extend(splitter.finish()?);
    let decoder = decoder(options.clone(), vec![target("x", PgType::TEXT), target("y", PgType::TEXT)]);
    let mut rows = vec![Vec::new(), Vec::new()];
    for piece in pieces {
        for (column, found) in rows.iter_mut().zip(decoder.decode(&piece)?.columns) {
            column.extend(shown(&found));
        }
    }
    Ok(rows)
}

#[test]
fn records_are_cut_after_they_are_decoded() {
    let charset = Charset::by_name("sjis").unwrap();
    let options = CopyOptions { charset, delimiter: b'|', ..CopyOptions::new(CopyFormat::Text) };
    // The second bytes of these are a backslash and the delimiter.
    let data = charset.encode("表|ポ\n本\\||\n").unwrap();
    assert!(data.contains(&b'\\') && data.iter().filter(|byte| **byte == b'|').count() == 4);
    for portion in 1..4 {
        let columns = read_back(&options, &data, portion, 1).unwrap();
        assert_eq!(
            columns,
            [["表", "本|"], ["ポ", ""]].map(|column| column.map(|text| Some(text.to_owned())).to_vec())
        );
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes(
        rows in proptest::collection::vec((proptest::option::of("[a,\"'\\\\\n\r\t.N é]{0,6}"), proptest::option::of("[^\0]{0,4}")), 1..8),
        format in 0..3_usize, portion in 1_usize..20, piece_bytes in 1_usize..40,
    ) {
        let options = [csv(), CopyOptions { escape: b'\\', ..csv() }, CopyOptions::new(CopyFormat::Text)][format].clone();
        let (x, y): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let batch = arrow::array::RecordBatch::try_from_iter([
            ("x", std::sync::Arc::new(arrow::array::StringArray::from(x.clone())) as arrow::array::ArrayRef),
            ("y", std::sync::Arc::new(arrow::array::StringArray::from(y.clone())) as arrow::array::ArrayRef),
        ]).unwrap();
        let columns = vec![("x".to_owned(), PgType::TEXT), ("y".to_owned(), PgType::TEXT)];
        let encoder = Encoder::new(options.clone(), columns, OutputStyle::default());
        let mut out = BytesMut::new();
        encoder.encode(&batch, &mut out).unwrap();
        prop_assert_eq!(read_back(&options, &out, portion, piece_bytes).unwrap(), vec![x, y]);
    }

    #[test]
    fn no_data_panics(data in "[a1,\"\\\\\n\t{}:x-]{0,40}", format in 0..3_usize) {
        let format = [CopyFormat::Csv, CopyFormat::Text, CopyFormat::Ndjson][format];
        let decoder = open(format, a_b(), 2);
        let _ = decoder.decode(&piece(&data));
    }
}
