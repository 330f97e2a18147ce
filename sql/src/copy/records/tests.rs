use super::*;
use bytes::Bytes;

/// Line, and text, quoting and NULL marker of each field.
type Record = (u64, Vec<(String, bool, bool)>);

fn read_all(options: &CopyOptions, data: &str) -> Result<Vec<Record>> {
    let line_end = if data.contains("\r\n") { LineEnd::CarriageReturnNewline } else { LineEnd::Newline };
    let bytes = Bytes::copy_from_slice(data.as_bytes());
    let piece = Piece { bytes, first_line: 1, line_end, is_header: false };
    let mut reader = RecordReader::new(&piece, options, "t")?;
    let mut records = Vec::new();
    while reader.read()? {
        let field = |at| reader.field(at).map(|f| (f.text.to_owned(), f.is_quoted, f.is_null_marker)).unwrap();
        records.push((reader.line(), (0..reader.len()).map(field).collect()));
    }
    Ok(records)
}

fn texts(options: &CopyOptions, data: &str) -> Vec<Vec<String>> {
    let records = read_all(options, data).unwrap();
    records.into_iter().map(|(_, fields)| fields.into_iter().map(|f| f.0).collect()).collect()
}

#[test]
fn csv_fields() {
    let csv = CopyOptions::new(CopyFormat::Csv);
    assert_eq!(texts(&csv, "a,b\n"), [["a", "b"]]);
    assert_eq!(texts(&csv, "a,\r\n,b"), [["a", ""], ["", "b"]]);
    assert_eq!(texts(&csv, "\"a,\"\"b\"\"\nc\",d\n"), [["a,\"b\"\nc", "d"]]);
    assert_eq!(texts(&csv, "a\"b,c\"d,\"x\"y\n"), [["ab,cd", "xy"]]);
    assert_eq!(texts(&csv, "\n"), [[""]]);
    let escaped = CopyOptions { escape: b'\\', ..csv.clone() };
    assert_eq!(texts(&escaped, "\"a\\\"b\\\\c\\d\",\"\"\n"), [["a\"b\\c\\d", ""]]);
    let marked = read_all(&csv, "\"\",\n").unwrap();
    assert_eq!(marked[0].1, [(String::new(), true, true), (String::new(), false, true)]);
    let lines: Vec<u64> = read_all(&csv, "\"a\nb\"\n\"c\"\"\n\"\nd\n").unwrap().iter().map(|r| r.0).collect();
    assert_eq!(lines, [2, 4, 5]);
}

#[test]
fn csv_faults() {
    let csv = CopyOptions::new(CopyFormat::Csv);
    let message = |data| read_all(&csv, data).unwrap_err().message.clone();
    assert_eq!(message("a,\"b\nc"), "unterminated CSV quoted field");
    assert_eq!(message("a\nb\rc\n"), "unquoted carriage return found in data");
    assert_eq!(message("a\r\nb\nc\r\n"), "unquoted newline found in data");
}

#[test]
fn text_fields() {
    let text = CopyOptions::new(CopyFormat::Text);
    assert_eq!(texts(&text, "a\tb\\tc\t\\N\n"), [["a", "b\tc", "\\N"]]);
    assert_eq!(texts(&text, "\\b\\f\\n\\r\\v\\\\\\q\n"), [["\u{8}\u{c}\n\r\u{b}\\q"]]);
    assert_eq!(texts(&text, "\\101\\x42\\x4x\\0601\n"), [["AB\u{4}x01"]]);
    assert_eq!(texts(&text, "a\\\nb\\\tc\n"), [["a\nb\tc"]]);
    assert_eq!(texts(&text, "\\303\\244\n"), [["ä"]]);
    let nulls: Vec<bool> = read_all(&text, "\\N\t\\\\N\tN\n").unwrap()[0].1.iter().map(|f| f.2).collect();
    assert_eq!(nulls, [true, false, false]);
    assert_eq!(read_all(&text, "\\377\n").unwrap_err().code, SqlState::CHARACTER_NOT_IN_REPERTOIRE);
}
