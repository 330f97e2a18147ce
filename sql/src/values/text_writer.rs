//! Writers of strings, bytea, uuid and what is stored packed.

use arrow::array::{Array, AsArray, FixedSizeBinaryArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use bytes::{BufMut, BytesMut};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed::{self, Bits, RangeType};

use super::scalar_text::checked_utf8;
use super::style::{ByteaOutput, Format};
use super::writer::{BoxedWriter, Request, each, is_text_kind};
use super::{packed_binary, range_writer};
use crate::error::{Result, SqlError};

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
const JSONB_VERSION: u8 = 1;

pub(super) fn writer(array: &dyn Array, request: Request) -> Result<BoxedWriter<'_>> {
    match array.data_type() {
        DataType::Utf8 => {
            let strings = array.as_string::<i32>();
            text(array, request, move |row| strings.value(row))
        }
        DataType::LargeUtf8 => {
            let strings = array.as_string::<i64>();
            text(array, request, move |row| strings.value(row))
        }
        DataType::Utf8View => {
            let strings = array.as_string_view();
            text(array, request, move |row| strings.value(row))
        }
        DataType::Binary => {
            let bytes = array.as_binary::<i32>();
            binary(array, request, move |row| bytes.value(row))
        }
        DataType::LargeBinary => packed_writer(array, bit_kind(request.kind), request),
        DataType::BinaryView => {
            let bytes = array.as_binary_view();
            binary(array, request, move |row| bytes.value(row))
        }
        DataType::FixedSizeBinary(size) => fixed(array.as_fixed_size_binary(), *size, request),
        other => Err(SqlError::internal(format!("{other} is no string"))),
    }
}

fn text<'a>(
    array: &'a dyn Array,
    request: Request,
    get: impl Fn(usize) -> &'a str + Send + 'a,
) -> Result<BoxedWriter<'a>> {
    let nulls = array.nulls();
    let writer = match (request.format, request.kind) {
        (_, TypeKind::Bpchar) => padded(nulls, request.ty, get),
        (_, kind) if request.is_plain_text() || has_no_own_form(kind) => each(nulls, move |row, out| {
            out.put_slice(get(row).as_bytes());
            Ok(())
        }),
        // The version reads as a character of any encoding.
        (_, TypeKind::Jsonb) => each(nulls, move |row, out| {
            out.put_u8(JSONB_VERSION);
            out.put_slice(get(row).as_bytes());
            Ok(())
        }),
        _ => return request.bridge(array),
    };
    Ok(request.text_writer(writer))
}

/// Kinds that come as text and that no binary form is known of.
fn has_no_own_form(kind: TypeKind) -> bool {
    matches!(kind, TypeKind::Record | TypeKind::Void | TypeKind::AnyArray)
}

/// char(n): stored without trailing blanks, shown with them.
fn padded<'a>(
    nulls: Option<&'a NullBuffer>,
    ty: PgType,
    get: impl Fn(usize) -> &'a str + Send + 'a,
) -> BoxedWriter<'a> {
    let width = ty.character_limit().unwrap_or(0);
    each(nulls, move |row, out| {
        let value = get(row);
        out.put_slice(value.as_bytes());
        let chars = if value.is_ascii() { value.len() } else { value.chars().count() };
        out.put_bytes(b' ', width.saturating_sub(chars));
        Ok(())
    })
}

fn binary<'a>(
    array: &'a dyn Array,
    request: Request,
    get: impl Fn(usize) -> &'a [u8] + Send + 'a,
) -> Result<BoxedWriter<'a>> {
    let nulls = array.nulls();
    match (request.format, request.kind) {
        (Format::Binary, TypeKind::Bytea) => Ok(each(nulls, move |row, out| {
            out.put_slice(get(row));
            Ok(())
        })),
        (_, kind) if is_text_kind(kind) => Ok(request.text_writer(each(nulls, move |row, out| {
            out.put_slice(checked_utf8(get(row))?.as_bytes());
            Ok(())
        }))),
        (Format::Binary, _) => request.bridge(array),
        (Format::Text, _) => match request.style.bytea_output {
            ByteaOutput::Hex => Ok(each(nulls, move |row, out| {
                write_hex(get(row), out);
                Ok(())
            })),
            ByteaOutput::Escape => Ok(each(nulls, move |row, out| {
                write_escaped(get(row), out);
                Ok(())
            })),
        },
    }
}

fn write_hex(bytes: &[u8], out: &mut BytesMut) {
    out.reserve(2 + bytes.len() * 2);
    out.put_slice(b"\\x");
    for byte in bytes {
        out.put_slice(&[HEX_DIGITS[usize::from(byte >> 4)], HEX_DIGITS[usize::from(byte & 15)]]);
    }
}

fn write_escaped(bytes: &[u8], out: &mut BytesMut) {
    for &byte in bytes {
        match byte {
            b'\\' => out.put_slice(b"\\\\"),
            b' '..=b'~' => out.put_u8(byte),
            _ => out.put_slice(&[b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]),
        }
    }
}

fn fixed(array: &FixedSizeBinaryArray, size: i32, request: Request) -> Result<BoxedWriter<'_>> {
    let is_uuid = size == 16 && (request.kind == TypeKind::Uuid || request.kind != TypeKind::Bytea);
    let nulls = array.nulls();
    if is_uuid && request.is_plain_text() {
        return Ok(each(nulls, move |row, out| {
            out.put_slice(&uuid_text(array.value(row)));
            Ok(())
        }));
    }
    if is_uuid && request.kind == TypeKind::Uuid {
        return Ok(each(nulls, move |row, out| {
            out.put_slice(array.value(row));
            Ok(())
        }));
    }
    if let Some(ty) = RangeType::of_width(size) {
        return range(array, ty, request);
    }
    match packed::kind_of_width(size) {
        Some(kind) => packed_writer(array, kind, request),
        None => binary(array, request, move |row| array.value(row)),
    }
}

fn range<'a>(array: &'a FixedSizeBinaryArray, ty: &'static RangeType, request: Request) -> Result<BoxedWriter<'a>> {
    if request.kind == ty.kind || request.format == Format::Text {
        return Ok(range_writer::writer(array, ty, request));
    }
    if request.is_plain_text() {
        return Ok(range_writer::writer(array, ty, Request { format: Format::Text, ..request }));
    }
    request.bridge(array)
}

/// Which of the types of bits is asked for: both lie in Arrow alike.
fn bit_kind(asked: TypeKind) -> TypeKind {
    if Bits::is_of(asked) { asked } else { TypeKind::Varbit }
}

fn packed_writer(array: &dyn Array, kind: TypeKind, request: Request) -> Result<BoxedWriter<'_>> {
    let nulls = array.nulls();
    if request.is_plain_text() {
        return Ok(each(nulls, move |row, out| {
            packed::write_text(kind, packed::bytes_at(array, row), out);
            Ok(())
        }));
    }
    if request.kind != kind {
        return request.bridge(array);
    }
    Ok(each(nulls, move |row, out| {
        packed_binary::write(kind, packed::bytes_at(array, row), out);
        Ok(())
    }))
}

/// `8-4-4-4-12` in lower case.
fn uuid_text(bytes: &[u8]) -> [u8; 36] {
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX_DIGITS[usize::from(byte >> 4)];
        text[at + 1] = HEX_DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    text
}
