//! One value in and out, by the codecs of [`crate::values`].

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, FieldRef};
use arrow::util::display::FormatOptions;
use bytes::BytesMut;
use datafusion::common::ScalarValue;
use peristyle_catalog::model::{MissingValue, PgType};
use peristyle_storage::types::{arrow_type, pg_type};

use crate::error::SqlError;
use crate::values::{Cell, ColumnBuilder, Format, InputStyle, OutputStyle, value_writer};

/// A value that does not fit is an error.
const EXACT: CastOptions<'static> = CastOptions { safe: false, format_options: FormatOptions::new() };

/// A text as an array of one value.
pub(crate) fn parse(ty: PgType, arrow: &DataType, text: &str) -> Result<ArrayRef, SqlError> {
    let mut column = ColumnBuilder::new(ty, arrow.clone(), InputStyle::new(0))?;
    column.push_text(text)?;
    let values = column.finish()?;
    // A bare numeric comes in the width of its digits, an array's element without its mark.
    if values.data_type() == arrow { Ok(values) } else { Ok(cast_with_options(&values, arrow, &EXACT)?) }
}

/// A parsed value of a type. The commonest need no array on the way.
pub(crate) fn scalar(ty: PgType, cell: Cell, style: &InputStyle) -> Result<ScalarValue, SqlError> {
    Ok(match cell {
        Cell::Bool(value) => ScalarValue::Boolean(Some(value)),
        Cell::Int2(value) => ScalarValue::Int16(Some(value)),
        Cell::Int4(value) => ScalarValue::Int32(Some(value)),
        Cell::Int8(value) => ScalarValue::Int64(Some(value)),
        Cell::Float8(value) => ScalarValue::Float64(Some(value)),
        // The column knows whether a label is one of its type.
        Cell::Text(text) if ty.enum_definition().is_none() => ScalarValue::Utf8View(Some(text)),
        cell => {
            let mut column = ColumnBuilder::new(ty, arrow_type(ty, None), style.clone())?;
            column.push_cell(cell)?;
            ScalarValue::try_from_array(&column.finish()?, 0)?
        }
    })
}

/// The value that a missing column reads as, for a merge that writes it out.
pub fn parse_missing(missing: &MissingValue, field: &FieldRef) -> Result<ArrayRef, peristyle_storage::Error> {
    parse(pg_type(field), field.data_type(), &missing.text)
        .map_err(|error| peristyle_storage::Error::OutOfRange(error.to_string()))
}

/// A value's text; the row must not be NULL.
pub(crate) fn print(array: &dyn Array, row: usize, ty: PgType, style: &OutputStyle) -> Result<String, SqlError> {
    let mut text = BytesMut::new();
    value_writer(array, ty, Format::Text, style)?.write(row, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The text of a scalar that is not NULL, in a form that is read the same under any setting.
pub(crate) fn text_of(value: &ScalarValue, ty: PgType) -> Result<String, SqlError> {
    print(&value.to_array()?, 0, ty, &OutputStyle::default())
}

/// A row as the detail of a violated constraint shows it: `(1, null, abc)`.
pub(crate) fn row_text(batch: &RecordBatch, row: usize) -> String {
    let schema = batch.schema();
    let cells = schema.fields().iter().zip(batch.columns()).map(|(field, array)| {
        if array.is_null(row) {
            return "null".to_owned();
        }
        print(array, row, pg_type(field), &OutputStyle::default()).unwrap_or_default()
    });
    format!("({})", cells.collect::<Vec<_>>().join(", "))
}
