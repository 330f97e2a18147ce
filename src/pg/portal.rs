//! The formats that a client asks for, and the rows that are on their way to it.

use std::sync::Arc;

use peristyle_sql::values::OutputStyle;
use peristyle_sql::{BatchStream, Rows, RowsTag, SqlError, SqlState, WireFormat};
use pgwire::messages::data::{FORMAT_CODE_BINARY, FORMAT_CODE_TEXT};

use super::errors::violation;
use super::rows::{RowEncoder, RowShape};

/// Formats as Bind says them: none, one for all, or one for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Formats(Vec<WireFormat>);

/// The rows of a result that are not yet sent.
pub(crate) struct RowSource {
    pub(crate) shape: Arc<RowShape>,
    pub(crate) batches: BatchStream,
    pub(crate) current: Option<RowEncoder>,
    pub(crate) tag: RowsTag,
}

impl Formats {
    /// 22023 for a code that is not a format's.
    pub(crate) fn new(codes: &[i16]) -> Result<Formats, SqlError> {
        codes.iter().map(|code| format(*code)).collect::<Result<_, SqlError>>().map(Formats)
    }

    /// Text for all.
    pub(crate) fn text() -> Formats {
        Formats(Vec::new())
    }

    /// Those that a portal keeps.
    pub(crate) fn kept(formats: Vec<WireFormat>) -> Formats {
        Formats(formats)
    }

    /// The same for all.
    pub(crate) fn all(format: WireFormat) -> Formats {
        Formats(vec![format])
    }

    /// As they were said.
    pub(crate) fn into_codes(self) -> Vec<WireFormat> {
        self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// One per item; `None` if there are neither none, nor one, nor as many.
    pub(crate) fn expand(&self, items: usize) -> Option<Vec<WireFormat>> {
        match self.0.as_slice() {
            [] => Some(vec![WireFormat::Text; items]),
            [format] => Some(vec![*format; items]),
            formats if formats.len() == items => Some(formats.to_vec()),
            _ => None,
        }
    }

    /// Formats of a result's columns; 08P01 if their number does not fit.
    pub(crate) fn of_columns(&self, columns: usize) -> Result<Vec<WireFormat>, SqlError> {
        self.expand(columns).ok_or_else(|| {
            violation(format!("bind message has {} result formats but query has {columns} columns", self.len()))
        })
    }
}

fn format(code: i16) -> Result<WireFormat, SqlError> {
    match code {
        FORMAT_CODE_TEXT => Ok(WireFormat::Text),
        FORMAT_CODE_BINARY => Ok(WireFormat::Binary),
        _ => Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, format!("unsupported format code: {code}"))),
    }
}

impl RowSource {
    pub(crate) fn new(rows: Rows, formats: &Formats, style: OutputStyle) -> Result<RowSource, SqlError> {
        let formats = formats.of_columns(rows.columns.len())?;
        let shape = Arc::new(RowShape { columns: rows.columns, formats, style });
        Ok(RowSource { shape, batches: rows.batches, current: None, tag: rows.tag })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_none_one_or_each() {
        use WireFormat::{Binary, Text};
        assert_eq!(Formats::text().expand(2), Some(vec![Text, Text]));
        assert_eq!(Formats::new(&[1]).unwrap().expand(2), Some(vec![Binary, Binary]));
        assert_eq!(Formats::new(&[1, 0]).unwrap().expand(2), Some(vec![Binary, Text]));
        assert_eq!(Formats::new(&[1, 0]).unwrap().of_columns(3).unwrap_err().code, SqlState::PROTOCOL_VIOLATION);
        assert_eq!(Formats::new(&[2]).unwrap_err().code, SqlState::INVALID_PARAMETER_VALUE);
    }
}
