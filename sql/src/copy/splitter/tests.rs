use super::*;
use proptest::prelude::*;

fn options(format: CopyFormat) -> CopyOptions {
    CopyOptions::new(format)
}

/// All pieces of a stream that arrives in portions of a size.
fn split(options: &CopyOptions, data: &[u8], portion: usize, piece_bytes: usize) -> Vec<(u64, Vec<u8>)> {
    let limits = SplitterLimits { piece_bytes, record_bytes_max: 1000 };
    let mut splitter = RecordSplitter::new("t", options, limits);
    let mut pieces = Vec::new();
    for bytes in data.chunks(portion.max(1)) {
        splitter.push(bytes, &mut pieces).unwrap();
    }
    pieces.extend(splitter.finish().unwrap());
    pieces.into_iter().map(|piece| (piece.first_line, piece.bytes.to_vec())).collect()
}

fn records(options: &CopyOptions, data: &str) -> Vec<(u64, String)> {
    let pieces = split(options, data.as_bytes(), 3, 1);
    pieces.into_iter().map(|(line, bytes)| (line, String::from_utf8(bytes).unwrap())).collect()
}

fn expected(records: &[(u64, &str)]) -> Vec<(u64, String)> {
    records.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
}

#[test]
fn csv_records_end_outside_quotes() {
    let found = records(&options(CopyFormat::Csv), "a,\"b\nc\"\"\n\",d\ne\n\"\"\nf");
    assert_eq!(found, expected(&[(1, "a,\"b\nc\"\"\n\",d\n"), (4, "e\n"), (5, "\"\"\n"), (6, "f")]));
    let escaped = CopyOptions { escape: b'\\', ..options(CopyFormat::Csv) };
    let found = records(&escaped, "\"a\\\"\n\"\n\"\\\\\"\nb\n");
    assert_eq!(found, expected(&[(1, "\"a\\\"\n\"\n"), (3, "\"\\\\\"\n"), (4, "b\n")]));
}

#[test]
fn a_byte_order_mark_is_no_data() {
    for format in [CopyFormat::Csv, CopyFormat::Ndjson] {
        let marked = |data: &str| records(&options(format), &format!("\u{feff}{data}"));
        assert_eq!(marked("\"a\"\nb\n"), expected(&[(1, "\"a\"\n"), (2, "b\n")]), "{format:?}");
        assert_eq!(marked(""), expected(&[]));
    }
    let found = records(&options(CopyFormat::Text), "\u{feff}a\n");
    assert_eq!(found, expected(&[(1, "\u{feff}a\n")]), "PostgreSQL's own format has none");
}

#[test]
fn text_records_end_unescaped() {
    let found = records(&options(CopyFormat::Text), "a\\\nb\nc\\\\\nd\n\\.\nrest\n");
    assert_eq!(found, expected(&[(1, "a\\\nb\n"), (3, "c\\\\\n"), (4, "d\n")]));
}

#[test]
fn lines_end_as_the_first_one_does() {
    assert_eq!(records(&options(CopyFormat::Csv), "a\r\nb\r\n\\.\r\nx"), expected(&[(1, "a\r\n"), (2, "b\r\n")]));
    assert_eq!(records(&options(CopyFormat::Text), "a\rb\r"), expected(&[(1, "a\r"), (2, "b\r")]));
    assert_eq!(records(&options(CopyFormat::Ndjson), "{}\n{}"), expected(&[(1, "{}\n"), (2, "{}")]));
    assert_eq!(records(&options(CopyFormat::Csv), "\\."), []);
}

#[test]
fn the_header_is_a_piece_of_its_own() {
    let options = CopyOptions { header: Header::Present, ..options(CopyFormat::Csv) };
    let pieces = split(&options, b"a,b\n1,2\n3,4\n", 100, 1000);
    assert_eq!(pieces, [(1, b"a,b\n".to_vec()), (2, b"1,2\n3,4\n".to_vec())]);
}

#[test]
fn a_record_without_end_is_refused() {
    let limits = SplitterLimits { piece_bytes: 10, record_bytes_max: 100 };
    let mut splitter = RecordSplitter::new("t", &options(CopyFormat::Csv), limits);
    let error = splitter.push(&[b"\"", &[b'\n'; 200][..]].concat(), &mut Vec::new()).unwrap_err();
    assert_eq!(error.code, SqlState::PROGRAM_LIMIT_EXCEEDED);
}

proptest! {
    #[test]
    fn how_bytes_arrive_changes_nothing(
        data in "([ab,\\\\\n]|\"[a\n,]*\"|\"\"){0,30}", portion in 1_usize..9, piece in 1_usize..20, text in any::<bool>(),
    ) {
        let options = options(if text { CopyFormat::Text } else { CopyFormat::Csv });
        let whole: Vec<_> = split(&options, data.as_bytes(), usize::MAX, 1);
        let parts = split(&options, data.as_bytes(), portion, 1);
        prop_assert_eq!(&whole, &parts);
        let joined: Vec<u8> = split(&options, data.as_bytes(), portion, piece).into_iter().flat_map(|p| p.1).collect();
        prop_assert_eq!(joined, whole.into_iter().flat_map(|p| p.1).collect::<Vec<_>>());
    }
}
