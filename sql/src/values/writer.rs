//! From an Arrow array to the writer of its values.

use arrow::array::{Array, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, RunArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float16Type, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, RunEndIndexType, UInt8Type, UInt16Type, UInt32Type, UInt64Type, i256,
};
use bytes::{BufMut, BytesMut};
use peristyle_catalog::model::{PgType, TypeKind};

use super::column_builder::ColumnBuilder;
use super::names::type_name;
use super::style::{Format, InputStyle, OutputStyle};
use super::{nested_writer, number_writer, text_writer, time_writer};
use crate::charset::Charset;
use crate::error::{Result, SqlError};

/// Writes the values of one array in one format.
pub trait ValueWriter: Send {
    /// Whether the row's value is NULL.
    fn is_null(&self, row: usize) -> bool;

    /// Appends the value's bytes, without a length. The row must not be NULL.
    fn write(&self, row: usize, out: &mut BytesMut) -> Result<()>;
}

pub(super) type BoxedWriter<'a> = Box<dyn ValueWriter + 'a>;

/// The writer for an array that holds values of that PostgreSQL type, in whatever Arrow type they came. 0A000 for
/// Arrow types that no PostgreSQL value comes in.
pub fn value_writer<'a>(
    array: &'a dyn Array,
    ty: PgType,
    format: Format,
    style: &OutputStyle,
) -> Result<BoxedWriter<'a>> {
    let request = Request { ty, kind: ty.kind().unwrap_or(TypeKind::Text), format, style: *style };
    let writer = request.writer(array)?;
    Ok(if format == Format::Text { encoded(writer, style.charset) } else { writer })
}

/// The writer of text in an encoding, from that of the same text in UTF-8.
fn encoded(writer: BoxedWriter<'_>, charset: Charset) -> BoxedWriter<'_> {
    if charset.is_unicode() { writer } else { Box::new(Encoded { writer, charset }) }
}

/// What is asked of a writer.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) ty: PgType,
    pub(super) kind: TypeKind,
    pub(super) format: Format,
    pub(super) style: OutputStyle,
}

impl Request {
    pub(super) fn writer(self, array: &dyn Array) -> Result<BoxedWriter<'_>> {
        match array.data_type() {
            DataType::Null => Ok(Box::new(NullWriter { is_void: self.kind == TypeKind::Void })),
            DataType::Boolean => self.bool_writer(array.as_boolean()),
            DataType::Int8 => number_writer::int::<Int8Type>(array, self),
            DataType::Int16 => number_writer::int::<Int16Type>(array, self),
            DataType::Int32 => number_writer::int::<Int32Type>(array, self),
            DataType::Int64 => number_writer::int::<Int64Type>(array, self),
            DataType::UInt8 => number_writer::int::<UInt8Type>(array, self),
            DataType::UInt16 => number_writer::int::<UInt16Type>(array, self),
            DataType::UInt32 => number_writer::int::<UInt32Type>(array, self),
            DataType::UInt64 => number_writer::int::<UInt64Type>(array, self),
            DataType::Float16 => number_writer::float::<Float16Type>(array, self, f64::from),
            DataType::Float32 => number_writer::float::<Float32Type>(array, self, f64::from),
            DataType::Float64 => number_writer::float::<Float64Type>(array, self, |value| value),
            DataType::Decimal32(_, scale) => number_writer::decimal::<Decimal32Type>(array, self, *scale, i128::from),
            DataType::Decimal64(_, scale) => number_writer::decimal::<Decimal64Type>(array, self, *scale, i128::from),
            DataType::Decimal128(_, scale) => {
                number_writer::decimal::<Decimal128Type>(array, self, *scale, |value| value)
            }
            DataType::Decimal256(_, scale) => {
                number_writer::decimal256(array.as_primitive::<Decimal256Type>(), self, *scale)
            }
            DataType::Date32
            | DataType::Date64
            | DataType::Time32(_)
            | DataType::Time64(_)
            | DataType::Timestamp(..)
            | DataType::Duration(_)
            | DataType::Interval(_) => time_writer::writer(array, self),
            DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => text_writer::writer(array, self),
            DataType::List(_)
            | DataType::LargeList(_)
            | DataType::FixedSizeList(..)
            | DataType::ListView(_)
            | DataType::LargeListView(_)
            | DataType::Struct(_)
            | DataType::Map(..) => nested_writer::writer(array, self),
            DataType::Dictionary(..) => self.dictionary_writer(array),
            DataType::RunEndEncoded(ends, _) => match ends.data_type() {
                DataType::Int16 => self.run_writer::<Int16Type>(array),
                DataType::Int32 => self.run_writer::<Int32Type>(array),
                _ => self.run_writer::<Int64Type>(array),
            },
            DataType::Union(..) => {
                Err(SqlError::unsupported(format!("values of Arrow type {} cannot be shown", array.data_type())))
            }
        }
    }

    /// Whether the values go out as text that reads like the value itself: in text format, or as the binary form of a
    /// type whose binary form is its text.
    pub(super) fn is_plain_text(self) -> bool {
        self.format == Format::Text || is_text_kind(self.kind)
    }

    /// The writer of a text that is a binary form, or part of one: it is encoded by itself. A whole value in text format
    /// is encoded once, when all of it is written.
    pub(super) fn text_writer(self, writer: BoxedWriter<'_>) -> BoxedWriter<'_> {
        if self.format == Format::Binary { encoded(writer, self.style.charset) } else { writer }
    }

    /// For an Arrow type that is not the PostgreSQL type's own: the binary form is found through the text form.
    pub(super) fn bridge<'a>(self, array: &'a dyn Array) -> Result<BoxedWriter<'a>> {
        let text = Request { format: Format::Text, style: OutputStyle::default(), ..self }.writer(array)?;
        Ok(Box::new(Bridge { text, request: self }))
    }

    fn bool_writer(self, array: &BooleanArray) -> Result<BoxedWriter<'_>> {
        let values = array.values();
        let nulls = array.nulls();
        match (self.format, self.kind) {
            (Format::Binary, TypeKind::Bool) => Ok(each(nulls, move |row, out| {
                out.put_u8(values.value(row).into());
                Ok(())
            })),
            (Format::Text, TypeKind::Bool) => Ok(each(nulls, move |row, out| {
                out.put_u8(if values.value(row) { b't' } else { b'f' });
                Ok(())
            })),
            _ if self.is_plain_text() => Ok(each(nulls, move |row, out| {
                out.put_slice(if values.value(row) { b"true" } else { b"false" });
                Ok(())
            })),
            _ => self.bridge(array),
        }
    }

    fn dictionary_writer(self, array: &dyn Array) -> Result<BoxedWriter<'_>> {
        let dictionary = array.as_any_dictionary();
        let values = self.writer(dictionary.values().as_ref())?;
        let keys = if dictionary.values().is_empty() { Vec::new() } else { dictionary.normalized_keys() };
        Ok(Box::new(Indirect { nulls: dictionary.keys().nulls(), index: move |row| keys[row], values }))
    }

    fn run_writer<R: RunEndIndexType>(self, array: &dyn Array) -> Result<BoxedWriter<'_>> {
        let runs = array.as_any().downcast_ref::<RunArray<R>>();
        let runs = runs.ok_or_else(|| SqlError::internal("a run-end array of an unknown index type"))?;
        let values = self.writer(runs.values().as_ref())?;
        Ok(Box::new(Indirect { nulls: None, index: move |row| runs.get_physical_index(row), values }))
    }
}

/// Kinds whose binary form is their text.
pub(super) fn is_text_kind(kind: TypeKind) -> bool {
    matches!(
        kind,
        TypeKind::Text
            | TypeKind::Varchar
            | TypeKind::Bpchar
            | TypeKind::Name
            | TypeKind::Char
            | TypeKind::Json
            | TypeKind::Unknown
            | TypeKind::PgNodeTree
            | TypeKind::AclItem
            | TypeKind::Enum
    )
}

/// A writer from a function of the row.
pub(super) fn each<'a>(
    nulls: Option<&'a NullBuffer>,
    write: impl Fn(usize, &mut BytesMut) -> Result<()> + Send + 'a,
) -> BoxedWriter<'a> {
    Box::new(Each { nulls, write })
}

/// A writer from a function of a primitive array's value.
pub(super) fn primitive<'a, T: ArrowPrimitiveType>(
    array: &'a PrimitiveArray<T>,
    write: impl Fn(T::Native, &mut BytesMut) -> Result<()> + Send + 'a,
) -> BoxedWriter<'a> {
    let values = array.values();
    each(array.nulls(), move |row, out| write(values[row], out))
}

struct Each<'a, F> {
    nulls: Option<&'a NullBuffer>,
    write: F,
}

impl<F: Fn(usize, &mut BytesMut) -> Result<()> + Send> ValueWriter for Each<'_, F> {
    fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    fn write(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        (self.write)(row, out)
    }
}

/// Values that stand in another array: dictionaries and runs.
struct Indirect<'a, F> {
    nulls: Option<&'a NullBuffer>,
    index: F,
    values: BoxedWriter<'a>,
}

impl<F: Fn(usize) -> usize + Send> ValueWriter for Indirect<'_, F> {
    fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row)) || self.values.is_null((self.index)(row))
    }

    fn write(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        self.values.write((self.index)(row), out)
    }
}

/// An array without values: all NULL, but `void` is an empty text that is there.
struct NullWriter {
    is_void: bool,
}

impl ValueWriter for NullWriter {
    fn is_null(&self, _row: usize) -> bool {
        !self.is_void
    }

    fn write(&self, _row: usize, _out: &mut BytesMut) -> Result<()> {
        Ok(())
    }
}

struct Bridge<'a> {
    text: BoxedWriter<'a>,
    request: Request,
}

impl ValueWriter for Bridge<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.text.is_null(row)
    }

    fn write(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let mut text = BytesMut::new();
        self.text.write(row, &mut text)?;
        let text = std::str::from_utf8(&text).map_err(|_| SqlError::internal("a value's text is not UTF-8"))?;
        let ty = self.request.ty;
        let arrow = peristyle_storage::types::arrow_type(ty, None);
        let mut builder = ColumnBuilder::new(ty, arrow, InputStyle::new(0))?;
        builder.push_text(text)?;
        let array = builder.finish()?;
        let is_own_type = !array.is_empty() && !array.is_null(0);
        if !is_own_type {
            return Err(SqlError::unsupported(format!("binary output of type {} is not supported", type_name(ty))));
        }
        self.request.writer(array.as_ref())?.write(0, out)
    }
}

/// Text that leaves the server in another encoding than its own.
struct Encoded<'a> {
    writer: BoxedWriter<'a>,
    charset: Charset,
}

impl ValueWriter for Encoded<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.writer.is_null(row)
    }

    fn write(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let start = out.len();
        self.writer.write(row, out)?;
        self.charset.encode_from(start, out)
    }
}

/// Appends a value with its length in front, as the binary forms of arrays and records hold it.
pub(super) fn write_sized(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> Result<()>) -> Result<()> {
    let at = out.len();
    out.put_i32(0);
    write(out)?;
    let len = i32::try_from(out.len() - at - 4).map_err(|_| SqlError::internal("a value of over 2 GiB"))?;
    out[at..at + 4].copy_from_slice(&len.to_be_bytes());
    Ok(())
}

/// Widens to the integer that every decimal fits.
pub(super) fn widen(value: i128) -> i256 {
    i256::from_i128(value)
}
