//! DataRow messages, written straight from Arrow arrays into the bytes that are sent.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int16Type, Int32Type, Int64Type};
use bytes::{BufMut, BytesMut};
use peristyle_catalog::model::PgType;
use peristyle_sql::{ColumnDescription, SqlError, WireFormat};
use pgwire::messages::data::MESSAGE_TYPE_BYTE_DATA_ROW;

/// How a session wants its values written.
#[derive(Clone, Debug, Default)]
pub struct OutputStyle {}

/// Length word of a NULL.
const NULL_LENGTH: i32 = -1;

/// The rows of one batch, on their way out.
pub(crate) struct RowEncoder {
    columns: Vec<ColumnWriter>,
    next: usize,
    rows: usize,
}

impl RowEncoder {
    /// Rows of a batch, column by column in the formats given; 0A000 for a type without that format.
    pub(crate) fn new(
        batch: &RecordBatch,
        columns: &[ColumnDescription],
        formats: &[WireFormat],
        style: &OutputStyle,
    ) -> Result<RowEncoder, SqlError> {
        if batch.num_columns() != columns.len() {
            return Err(SqlError::internal("a batch has other columns than its result"));
        }
        let arrays = batch.columns().iter().zip(columns).zip(formats);
        let writers = arrays.map(|((array, column), format)| ColumnWriter::new(array, column.ty, *format, style));
        Ok(RowEncoder { columns: writers.collect::<Result<_, SqlError>>()?, next: 0, rows: batch.num_rows() })
    }

    pub(crate) fn is_done(&self) -> bool {
        self.next == self.rows
    }

    /// Writes rows until the batch ends, `rows_max` are written or `out` holds `bytes_max`. Returns how many; at
    /// least one if there is one. After an error `out` ends with a whole message.
    pub(crate) fn encode(&mut self, out: &mut BytesMut, rows_max: u64, bytes_max: usize) -> Result<u64, SqlError> {
        let mut written = 0;
        while !self.is_done() && written < rows_max {
            self.encode_row(out)?;
            written += 1;
            if out.len() >= bytes_max {
                break;
            }
        }
        Ok(written)
    }

    fn encode_row(&mut self, out: &mut BytesMut) -> Result<(), SqlError> {
        let start = out.len();
        out.put_u8(MESSAGE_TYPE_BYTE_DATA_ROW);
        out.put_i32(0);
        out.put_i16(self.columns.len() as i16);
        let row = self.next;
        let written = self.columns.iter_mut().try_for_each(|column| column.write(row, out));
        let written = written.and_then(|()| patch_length(out, start + 1, start + 1));
        if written.is_err() {
            out.truncate(start);
        }
        self.next += 1;
        written
    }
}

/// Puts at `at` how many bytes follow `from`.
fn patch_length(out: &mut BytesMut, at: usize, from: usize) -> Result<(), SqlError> {
    let length = i32::try_from(out.len() - from)
        .map_err(|_| SqlError::new(peristyle_sql::SqlState::PROGRAM_LIMIT_EXCEEDED, "row is too large to be sent"))?;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Writes the values of one column with their lengths.
struct ColumnWriter {
    array: ArrayRef,
    format: WireFormat,
}

impl ColumnWriter {
    fn new(array: &ArrayRef, ty: PgType, format: WireFormat, _style: &OutputStyle) -> Result<ColumnWriter, SqlError> {
        match array.data_type() {
            DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Utf8View | DataType::Null => {
                Ok(ColumnWriter { array: array.clone(), format })
            }
            _ => Err(SqlError::unsupported(format!("output of type {} is not supported", ty.oid))),
        }
    }

    fn write(&mut self, row: usize, out: &mut BytesMut) -> Result<(), SqlError> {
        if self.array.is_null(row) {
            out.put_i32(NULL_LENGTH);
            return Ok(());
        }
        let start = out.len();
        out.put_i32(0);
        self.write_value(row, out);
        patch_length(out, start, start + 4)
    }

    fn write_value(&self, row: usize, out: &mut BytesMut) {
        let array = &self.array;
        match (array.data_type(), self.format) {
            (DataType::Int16, WireFormat::Binary) => out.put_i16(array.as_primitive::<Int16Type>().value(row)),
            (DataType::Int32, WireFormat::Binary) => out.put_i32(array.as_primitive::<Int32Type>().value(row)),
            (DataType::Int64, WireFormat::Binary) => out.put_i64(array.as_primitive::<Int64Type>().value(row)),
            (DataType::Int16, WireFormat::Text) => digits(out, array.as_primitive::<Int16Type>().value(row).into()),
            (DataType::Int32, WireFormat::Text) => digits(out, array.as_primitive::<Int32Type>().value(row).into()),
            (DataType::Int64, WireFormat::Text) => digits(out, array.as_primitive::<Int64Type>().value(row)),
            _ => out.put_slice(array.as_string_view().value(row).as_bytes()),
        }
    }
}

fn digits(out: &mut BytesMut, value: i64) {
    out.put_slice(value.to_string().as_bytes());
}
