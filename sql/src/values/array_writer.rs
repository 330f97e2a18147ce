//! Writers of arrays: lists of every layout, shaped arrays.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, GenericListArray, OffsetSizeTrait};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field};
use bytes::{BufMut, BytesMut};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::shape::{Arrays, Dimension, Part, Shape, items_of_shaped};
use peristyle_storage::types::{pg_type, pg_type_of_arrow};

use super::array_text::needs_quotes;
use super::quoting::{enclose, replace_by_pairs};
use super::style::Format;
use super::writer::{BoxedWriter, Request, ValueWriter, write_sized};
use crate::error::{Result, SqlError};

pub(super) fn list<'a, O: OffsetSizeTrait>(
    lists: &'a GenericListArray<O>,
    item: &'a Field,
    request: Request,
) -> Result<BoxedWriter<'a>> {
    let offsets = lists.value_offsets();
    let span = move |row: usize| offsets[row].as_usize()..offsets[row + 1].as_usize();
    items(lists.values(), item, lists.nulls(), request, span)
}

pub(super) fn items<'a>(
    values: &'a ArrayRef,
    item: &'a Field,
    nulls: Option<&'a NullBuffer>,
    request: Request,
    span: impl Fn(usize) -> Range<usize> + Send + 'a,
) -> Result<BoxedWriter<'a>> {
    let is_vector = request.ty.vector_element().is_some();
    let element = request.ty.item().unwrap_or_else(|| pg_type(item));
    let is_nested = is_list(values.data_type());
    // An array of arrays has no element type in PostgreSQL: the inner ones print as their Arrow type says.
    let element = if is_nested { pg_type_of_arrow(values.data_type()) } else { element };
    // Where no array type is asked for, as in an unmarked text column, the array goes out as its text.
    let format = if request.ty.is_array() || is_vector { request.format } else { Format::Text };
    if is_nested && format == Format::Binary {
        return Err(SqlError::unsupported("binary output of arrays of arrays is not supported"));
    }
    let kind = element.kind().unwrap_or(TypeKind::Text);
    let inner = Request { ty: element, kind, format, ..request }.writer(values.as_ref())?;
    let writer = Box::new(ListWriter { nulls, span, inner, element, format, is_nested, is_vector });
    Ok(if format == Format::Text { request.text_writer(writer) } else { writer })
}

fn is_list(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::List(_)
            | DataType::LargeList(_)
            | DataType::FixedSizeList(..)
            | DataType::ListView(_)
            | DataType::LargeListView(_)
    )
}

struct ListWriter<'a, F> {
    nulls: Option<&'a NullBuffer>,
    span: F,
    inner: BoxedWriter<'a>,
    element: PgType,
    format: Format,
    is_nested: bool,
    is_vector: bool,
}

impl<F: Fn(usize) -> Range<usize> + Send> ValueWriter for ListWriter<'_, F> {
    fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    fn write(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let span = (self.span)(row);
        match self.format {
            Format::Binary => self.write_binary(span, out),
            Format::Text if self.is_vector => self.write_vector(span, out),
            Format::Text => self.write_text(span, out),
        }
    }
}

impl<F> ListWriter<'_, F> {
    fn write_text(&self, span: Range<usize>, out: &mut BytesMut) -> Result<()> {
        out.put_u8(b'{');
        for (i, row) in span.enumerate() {
            if i > 0 {
                out.put_u8(b',');
            }
            if self.is_nested && !self.inner.is_null(row) {
                self.inner.write(row, out)?;
            } else {
                write_item(self.inner.as_ref(), row, out)?;
            }
        }
        out.put_u8(b'}');
        Ok(())
    }

    fn write_vector(&self, span: Range<usize>, out: &mut BytesMut) -> Result<()> {
        for (i, row) in span.enumerate() {
            if i > 0 {
                out.put_u8(b' ');
            }
            self.inner.write(row, out)?;
        }
        Ok(())
    }

    fn write_binary(&self, span: Range<usize>, out: &mut BytesMut) -> Result<()> {
        let count = i32::try_from(span.len()).map_err(|_| SqlError::internal("an array of over 2^31 elements"))?;
        let lower = if self.is_vector { 0 } else { 1 };
        // A vector has its dimension even if it is empty.
        let has_dimension = count > 0 || self.is_vector;
        let dimension = has_dimension.then_some(Dimension { length: count, lower });
        write_binary(self.inner.as_ref(), self.element, dimension.as_slice(), span, out)
    }
}

/// Appends a value with its length in front, -1 for NULL.
pub(crate) fn write_element(writer: &dyn ValueWriter, row: usize, out: &mut BytesMut) -> Result<()> {
    if writer.is_null(row) {
        out.put_i32(-1);
        return Ok(());
    }
    write_sized(out, |out| writer.write(row, out))
}

/// The text of an item within an array.
fn write_item(items: &dyn ValueWriter, row: usize, out: &mut BytesMut) -> Result<()> {
    if items.is_null(row) {
        out.put_slice(b"NULL");
        return Ok(());
    }
    let start = out.len();
    items.write(row, out)?;
    if needs_quotes(&out[start..]) {
        quote(start, out, |byte| [b'\\', byte]);
    }
    Ok(())
}

/// Puts quotes around what was written from `start` on, and `escaped` in the place of quotes and backslashes in it.
pub(super) fn quote(start: usize, out: &mut BytesMut, escaped: impl Fn(u8) -> [u8; 2]) {
    replace_by_pairs(start, out, |byte| matches!(byte, b'"' | b'\\').then(|| escaped(byte)));
    enclose(b'"', start, out);
}

/// The writer of shaped arrays.
pub(super) fn shaped<'a>(array: &'a dyn Array, request: Request) -> Result<BoxedWriter<'a>> {
    let element = request.ty.element().or_else(|| pg_type_of_arrow(array.data_type()).element());
    let element = element.ok_or_else(|| SqlError::internal("a shaped array of no array type"))?;
    let arrays = Arrays::of(array).ok_or_else(|| SqlError::internal("a shaped array without its parts"))?;
    let format = if request.ty.is_array() { request.format } else { Format::Text };
    let kind = element.kind().unwrap_or(TypeKind::Text);
    let items = items_of_shaped(array).ok_or_else(|| SqlError::internal("a shaped array without its items"))?;
    let inner = Request { ty: element, kind, format, ..request }.writer(items.as_ref())?;
    let writer = Box::new(ShapedWriter { arrays, inner, element, format });
    Ok(if format == Format::Text { request.text_writer(writer) } else { writer })
}

struct ShapedWriter<'a> {
    arrays: Arrays,
    inner: BoxedWriter<'a>,
    element: PgType,
    format: Format,
}

impl ValueWriter for ShapedWriter<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.arrays.is_null(row)
    }

    fn write(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let offsets = self.arrays.lists().value_offsets();
        let span = offsets[row] as usize..offsets[row + 1] as usize;
        let shape = self.arrays.shape(row);
        match self.format {
            Format::Text => self.write_text(&shape, span, out),
            Format::Binary => write_binary(self.inner.as_ref(), self.element, shape.dimensions(), span, out),
        }
    }
}

impl ShapedWriter<'_> {
    fn write_text(&self, shape: &Shape, span: Range<usize>, out: &mut BytesMut) -> Result<()> {
        if shape.has_written_bounds() {
            out.put_slice(format!("{shape}=").as_bytes());
        }
        shape.walk(|part| {
            match part {
                Part::Open => out.put_u8(b'{'),
                Part::Separator => out.put_u8(b','),
                Part::Item(at) => write_item(self.inner.as_ref(), span.start + at, out)?,
                Part::Close => out.put_u8(b'}'),
            }
            Ok(())
        })
    }
}

/// Appends the binary form of an array of these dimensions.
fn write_binary(
    items: &dyn ValueWriter,
    element: PgType,
    dimensions: &[Dimension],
    span: Range<usize>,
    out: &mut BytesMut,
) -> Result<()> {
    let has_nulls = span.clone().any(|row| items.is_null(row));
    out.put_i32(dimensions.len() as i32);
    out.put_i32(has_nulls.into());
    out.put_u32(element.oid);
    for dimension in dimensions {
        out.put_i32(dimension.length);
        out.put_i32(dimension.lower);
    }
    span.into_iter().try_for_each(|row| write_element(items, row, out))
}
