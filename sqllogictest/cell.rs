//! How a value stands in a suite: PostgreSQL's text, with everything visible that a reader would miss.
//!
//! Values of a row are separated by one tab. NULL is `NULL`, the empty string `(empty)`; a line feed, a tab and a
//! carriage return are `␊`, `␉`, `␍`; leading and trailing blanks are `␠`. Rows are compared byte for byte.

/// Separates the values of a row.
pub(crate) const SEPARATOR: &str = "\t";

/// The written form of a value's text; `None` is NULL.
pub(crate) fn render(text: Option<&str>) -> String {
    match text {
        None => "NULL".to_owned(),
        Some("") => "(empty)".to_owned(),
        Some(text) => visible(text),
    }
}

/// Whether the rows are the expected lines: a [`sqllogictest::Validator`].
pub(crate) fn same_rows(_: sqllogictest::Normalizer, actual: &[Vec<String>], expected: &[String]) -> bool {
    actual.len() == expected.len() && actual.iter().zip(expected).all(|(row, line)| row.join(SEPARATOR) == *line)
}

fn visible(text: &str) -> String {
    let inner = text.trim_matches(' ');
    let leading = text.len() - text.trim_start_matches(' ').len();
    let trailing = text.len() - leading - inner.len();
    let inner = inner.replace('\n', "␊").replace('\t', "␉").replace('\r', "␍");
    format!("{}{inner}{}", "␠".repeat(leading), "␠".repeat(trailing))
}
