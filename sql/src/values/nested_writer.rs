//! Writers of values that hold others: arrays by their Arrow type, records.

use arrow::array::{Array, AsArray, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use bytes::{BufMut, BytesMut};
use peristyle_catalog::model::TypeKind;
use peristyle_storage::shape::is_shaped;
use peristyle_storage::types::pg_type;

use super::array_text::is_space;
use super::array_writer::{items, list, quote, shaped, write_element};
use super::style::Format;
use super::writer::{BoxedWriter, Request, ValueWriter};
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
        DataType::Struct(_) if is_shaped(array.data_type()) => shaped(array, request),
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
