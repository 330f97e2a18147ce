//! Writers of arrays and records.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, GenericListArray, OffsetSizeTrait, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field};
use bytes::{BufMut, BytesMut};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::types::{pg_type, pg_type_of_arrow};

use super::array_text::{is_space, needs_quotes};
use super::quoting::{enclose, replace_by_pairs};
use super::style::Format;
use super::writer::{BoxedWriter, Request, ValueWriter, write_sized};
use crate::error::{Result, SqlError};

pub(super) fn writer(array: &dyn Array, request: Request) -> Result<BoxedWriter<'_>> {
    match array.data_type() {
        DataType::List(item) => list(array.as_list::<i32>(), item, request),
        DataType::LargeList(item) => list(array.as_list::<i64>(), item, request),
        DataType::FixedSizeList(item, size) => {
            let lists = array.as_fixed_size_list();
            let size = usize::try_from(*size).unwrap_or(0);
            items(lists.values(), item, lists.nulls(), request, move |row| row * size..(row + 1) * size)
        }
        DataType::ListView(item) => {
            let lists = array.as_list_view::<i32>();
            let span = |row| (lists.value_offset(row) as usize, lists.value_size(row) as usize);
            items(lists.values(), item, lists.nulls(), request, move |row| span(row).0..span(row).0 + span(row).1)
        }
        DataType::LargeListView(item) => {
            let lists = array.as_list_view::<i64>();
            let span = |row| (lists.value_offset(row) as usize, lists.value_size(row) as usize);
            items(lists.values(), item, lists.nulls(), request, move |row| span(row).0..span(row).0 + span(row).1)
        }
        DataType::Struct(_) if is_registered(request.kind) => registered(array.as_struct(), request),
        DataType::Struct(_) => record(array.as_struct(), request),
        other => Err(SqlError::unsupported(format!("values of Arrow type {other} cannot be shown"))),
    }
}

fn is_registered(kind: TypeKind) -> bool {
    use TypeKind::{Regclass, Regnamespace, Regproc, Regprocedure, Regrole, Regtype};
    matches!(kind, Regclass | Regnamespace | Regproc | Regprocedure | Regrole | Regtype)
}

/// An oid and the name that it stands for: text shows the name, the binary form is the oid.
fn registered(pairs: &StructArray, request: Request) -> Result<BoxedWriter<'_>> {
    match (pairs.columns(), request.format) {
        ([_, name], Format::Text) => request.writer(name.as_ref()),
        ([oid, _], Format::Binary) => request.writer(oid.as_ref()),
        _ => Err(SqlError::internal("an oid without its name")),
    }
}

fn list<'a, O: OffsetSizeTrait>(
    lists: &'a GenericListArray<O>,
    item: &'a Field,
    request: Request,
) -> Result<BoxedWriter<'a>> {
    let offsets = lists.value_offsets();
    let span = move |row: usize| offsets[row].as_usize()..offsets[row + 1].as_usize();
    items(lists.values(), item, lists.nulls(), request, span)
}

fn items<'a>(
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
        return Err(SqlError::unsupported("binary output of arrays of more than one dimension is not supported"));
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
            if self.inner.is_null(row) {
                out.put_slice(b"NULL");
                continue;
            }
            let start = out.len();
            self.inner.write(row, out)?;
            if !self.is_nested && needs_quotes(&out[start..]) {
                quote(start, out, |byte| [b'\\', byte]);
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
        let has_nulls = span.clone().any(|row| self.inner.is_null(row));
        // A vector has its dimension even if it is empty.
        let has_dimension = count > 0 || self.is_vector;
        out.put_i32(has_dimension.into());
        out.put_i32(has_nulls.into());
        out.put_u32(self.element.oid);
        if has_dimension {
            out.put_i32(count);
            out.put_i32(if self.is_vector { 0 } else { 1 });
        }
        span.into_iter().try_for_each(|row| write_element(self.inner.as_ref(), row, out))
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

/// Puts quotes around what was written from `start` on, and `escaped` in the place of quotes and backslashes in it.
fn quote(start: usize, out: &mut BytesMut, escaped: impl Fn(u8) -> [u8; 2]) {
    replace_by_pairs(start, out, |byte| matches!(byte, b'"' | b'\\').then(|| escaped(byte)));
    enclose(b'"', start, out);
}

fn record(array: &StructArray, request: Request) -> Result<BoxedWriter<'_>> {
    let is_row = request.kind == TypeKind::Record || request.ty.kind().is_none();
    // Where no row is asked for, as in an unmarked text column, it goes out as its text.
    let format = if is_row { request.format } else { Format::Text };
    let mut fields = Vec::with_capacity(array.num_columns());
    for (field, column) in array.fields().iter().zip(array.columns()) {
        let ty = pg_type(field);
        let kind = ty.kind().unwrap_or(TypeKind::Text);
        fields.push((ty.oid, Request { ty, kind, format, ..request }.writer(column.as_ref())?));
    }
    let writer = Box::new(RecordWriter { nulls: array.nulls(), fields, format });
    Ok(if format == Format::Text { request.text_writer(writer) } else { writer })
}

struct RecordWriter<'a> {
    nulls: Option<&'a NullBuffer>,
    /// Type oid and writer of each field.
    fields: Vec<(u32, BoxedWriter<'a>)>,
    format: Format,
}

impl ValueWriter for RecordWriter<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    fn write(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        match self.format {
            Format::Text => self.write_text(row, out),
            Format::Binary => self.write_binary(row, out),
        }
    }
}

impl RecordWriter<'_> {
    fn write_text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_u8(b'(');
        for (i, (_, field)) in self.fields.iter().enumerate() {
            if i > 0 {
                out.put_u8(b',');
            }
            if field.is_null(row) {
                continue;
            }
            let start = out.len();
            field.write(row, out)?;
            if record_needs_quotes(&out[start..]) {
                quote(start, out, |byte| [byte, byte]);
            }
        }
        out.put_u8(b')');
        Ok(())
    }

    fn write_binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_i32(self.fields.len() as i32);
        for (oid, field) in &self.fields {
            out.put_u32(*oid);
            write_element(field.as_ref(), row, out)?;
        }
        Ok(())
    }
}

fn record_needs_quotes(field: &[u8]) -> bool {
    let is_special = |b: &u8| matches!(b, b'"' | b'\\' | b'(' | b')' | b',') || is_space(*b);
    field.is_empty() || field.iter().any(is_special)
}
