//! Values' texts inside expressions: what casts to text and functions over any type write, by `crate::values`.

use arrow::array::Array;
use bytes::BytesMut;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::pg_type_of_arrow;

use crate::error::SqlError;
use crate::values::{Format, OutputStyle, ValueWriter, value_writer, write_f32, write_f64};

/// Writes the values of one array as casts to text do: as on the wire, but a boolean is `true`, not `t`.
pub(crate) struct Printer<'a> {
    writer: Box<dyn ValueWriter + 'a>,
    bytes: BytesMut,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(array: &'a dyn Array, style: &OutputStyle) -> Result<Printer<'a>> {
        let ty = match pg_type_of_arrow(array.data_type()) {
            PgType::BOOL => PgType::TEXT,
            ty => ty,
        };
        Self::of(array, ty, style)
    }

    /// For an array whose Arrow type alone does not say how it is written.
    pub(crate) fn of(array: &'a dyn Array, ty: PgType, style: &OutputStyle) -> Result<Printer<'a>> {
        Ok(Printer { writer: value_writer(array, ty, Format::Text, style)?, bytes: BytesMut::new() })
    }

    /// The text of the value at a row, which is not NULL.
    pub(crate) fn text(&mut self, row: usize) -> Result<&str> {
        self.bytes.clear();
        self.writer.write(row, &mut self.bytes)?;
        Ok(utf8(&self.bytes)?)
    }
}

/// The text of the value at a row, which is not NULL. For one value of an array; for many see [`Printer`].
pub(crate) fn print_value(array: &dyn Array, row: usize, style: &OutputStyle) -> Result<String> {
    Printer::new(array, style)?.text(row).map(str::to_owned)
}

/// The shortest text that leads back to the value.
pub(crate) fn float8_text(value: f64) -> String {
    written(|out| write_f64(value, OutputStyle::default().extra_float_digits, out))
}

/// The shortest text that leads back to the value.
pub(crate) fn float4_text(value: f32) -> String {
    written(|out| write_f32(value, OutputStyle::default().extra_float_digits, out))
}

fn written(write: impl FnOnce(&mut BytesMut)) -> String {
    let mut bytes = BytesMut::new();
    write(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn utf8(bytes: &[u8]) -> Result<&str, SqlError> {
    std::str::from_utf8(bytes).map_err(|_| SqlError::internal("a value's text is not UTF-8"))
}
