//! DataRow messages, written straight from Arrow arrays into the bytes that are sent.

use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::{BufMut, BytesMut};
use peristyle_sql::values::{Format, OutputStyle, ValueWriter, value_writer};
use peristyle_sql::{ColumnDescription, SqlError, SqlState, WireFormat};
use pgwire::messages::data::MESSAGE_TYPE_BYTE_DATA_ROW;

/// Length word of a NULL.
const NULL_LENGTH: i32 = -1;

/// Length word that is filled in when what it counts is written.
pub(super) const LENGTH_TO_COME: i32 = 0;

/// What the rows of a result look like.
pub(crate) struct RowShape {
    pub(crate) columns: Vec<ColumnDescription>,
    /// One per column.
    pub(crate) formats: Vec<WireFormat>,
    pub(crate) style: OutputStyle,
}

/// The rows of one batch, on their way out.
pub(crate) struct RowEncoder {
    shape: Arc<RowShape>,
    batch: RecordBatch,
    next: usize,
}

type Writer<'a> = Box<dyn ValueWriter + 'a>;

impl RowEncoder {
    /// XX000 if the batch is not of that shape.
    pub(crate) fn new(shape: &Arc<RowShape>, batch: RecordBatch) -> Result<RowEncoder, SqlError> {
        if batch.num_columns() != shape.columns.len() {
            return Err(SqlError::internal("a batch has other columns than its result"));
        }
        Ok(RowEncoder { shape: shape.clone(), batch, next: 0 })
    }

    pub(crate) fn is_done(&self) -> bool {
        self.next == self.batch.num_rows()
    }

    /// Writes rows until the batch ends or `out` holds `bytes_max`. Returns how many; at least one if there is one.
    /// After an error `out` ends with a whole message.
    pub(crate) fn encode(&mut self, out: &mut BytesMut, bytes_max: usize) -> Result<u64, SqlError> {
        let writers = self.writers()?;
        let rows_left = (self.batch.num_rows() - self.next) as u64;
        let mut written = 0;
        while written < rows_left {
            let start = out.len();
            if let Err(error) = encode_row(&writers, self.next + written as usize, out) {
                out.truncate(start);
                return Err(error);
            }
            written += 1;
            if out.len() >= bytes_max {
                break;
            }
        }
        drop(writers);
        self.next += written as usize;
        Ok(written)
    }

    /// Writers of all columns. They borrow the arrays, so they are made anew for each run of rows.
    fn writers(&self) -> Result<Vec<Writer<'_>>, SqlError> {
        let shape = &*self.shape;
        let columns = self.batch.columns().iter().zip(&shape.columns).zip(&shape.formats);
        let writers = columns.map(|((array, column), format)| {
            let format = match format {
                WireFormat::Text => Format::Text,
                WireFormat::Binary => Format::Binary,
            };
            value_writer(array, column.ty, format, &shape.style)
        });
        writers.collect()
    }
}

fn encode_row(writers: &[Writer<'_>], row: usize, out: &mut BytesMut) -> Result<(), SqlError> {
    let start = out.len();
    out.put_u8(MESSAGE_TYPE_BYTE_DATA_ROW);
    out.put_i32(LENGTH_TO_COME);
    out.put_i16(writers.len() as i16);
    for writer in writers {
        encode_value(&**writer, row, out)?;
    }
    // The length of a message counts itself, but not its type.
    set_length(out, start + 1, start + 1)
}

fn encode_value(writer: &dyn ValueWriter, row: usize, out: &mut BytesMut) -> Result<(), SqlError> {
    if writer.is_null(row) {
        out.put_i32(NULL_LENGTH);
        return Ok(());
    }
    let start = out.len();
    out.put_i32(LENGTH_TO_COME);
    writer.write(row, out)?;
    set_length(out, start, start + 4)
}

/// Puts at `at` how many bytes there are from `from` on.
pub(super) fn set_length(out: &mut BytesMut, at: usize, from: usize) -> Result<(), SqlError> {
    let length = i32::try_from(out.len() - from)
        .map_err(|_| SqlError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "row is too large to be sent"))?;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int32Array, StringViewArray};
    use peristyle_catalog::model::PgType;

    fn encoder(formats: [WireFormat; 2]) -> RowEncoder {
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(7), None, Some(9)]));
        let texts: ArrayRef = Arc::new(StringViewArray::from(vec!["a", "", "é"]));
        let batch = RecordBatch::try_from_iter_with_nullable([("n", numbers, true), ("t", texts, true)]).unwrap();
        let column = |name: &str, ty| ColumnDescription { name: name.to_owned(), ty, origin: None };
        let columns = vec![column("n", PgType::INT4), column("t", PgType::TEXT)];
        let shape = RowShape { columns, formats: formats.to_vec(), style: OutputStyle::default() };
        RowEncoder::new(&Arc::new(shape), batch).unwrap()
    }

    #[test]
    fn rows_are_whole_messages_in_both_formats() {
        let mut out = BytesMut::new();
        let mut rows = encoder([WireFormat::Text, WireFormat::Binary]);
        assert_eq!(rows.encode(&mut out, usize::MAX).unwrap(), 3);
        let first = b"D\0\0\0\x10\0\x02\0\0\0\x017\0\0\0\x01a";
        let second = b"D\0\0\0\x0e\0\x02\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(&out[..first.len() + second.len()], [&first[..], second].concat());
        assert!(rows.is_done());
        out.clear();
        let mut rows = encoder([WireFormat::Binary, WireFormat::Text]);
        assert_eq!(rows.encode(&mut out, 1).unwrap(), 1, "full after one row");
        assert_eq!(&out[..], b"D\0\0\0\x13\0\x02\0\0\0\x04\0\0\0\x07\0\0\0\x01a");
        assert_eq!(rows.encode(&mut out, usize::MAX).unwrap(), 2);
        assert!(rows.is_done());
    }
}
