//! Writers of values as JSON: what a key holds in a line of ndjson.

use arrow::array::{Array, AsArray, ListArray};
use bytes::{BufMut, BytesMut};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::shape::{Arrays, Part, items_of_shaped};

use super::json::{escape_json, normalise_jsonb};
use super::style::{Format, OutputStyle};
use super::writer::{BoxedWriter, ValueWriter, value_writer};
use crate::error::{Result, SqlError};

/// How a type's text becomes JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// The text is JSON already.
    Bare,
    /// The text is a number, or `NaN` or an infinity, which JSON has only as strings.
    Number,
    /// The text is JSON that may hold line ends.
    Json,
    Bool,
    String,
}

fn shape_of(ty: PgType) -> Shape {
    match ty.kind() {
        _ if ty.is_array() => Shape::String,
        Some(TypeKind::Bool) => Shape::Bool,
        Some(TypeKind::Int2 | TypeKind::Int4 | TypeKind::Int8 | TypeKind::Oid) => Shape::Bare,
        Some(TypeKind::Numeric | TypeKind::Float4 | TypeKind::Float8) => Shape::Number,
        Some(TypeKind::Jsonb) => Shape::Bare,
        Some(TypeKind::Json) => Shape::Json,
        _ => Shape::String,
    }
}

/// The writer of a column's values as JSON: numbers and booleans as themselves, json as it is, arrays as arrays, all
/// else as strings of the text form.
pub fn json_value_writer<'a>(array: &'a dyn Array, ty: PgType, style: &OutputStyle) -> Result<BoxedWriter<'a>> {
    let style = &style.within_json();
    let items = array.as_list_opt::<i32>().map(ListArray::values).or_else(|| items_of_shaped(array));
    if let (Some(element), Some(items), Some(arrays)) = (ty.item(), items, Arrays::of(array)) {
        let items = json_value_writer(items.as_ref(), element, style)?;
        return Ok(Box::new(JsonArrayWriter { arrays, items }));
    }
    let text = value_writer(array, ty, Format::Text, style)?;
    Ok(Box::new(JsonWriter { text, shape: shape_of(ty) }))
}

struct JsonWriter<'a> {
    text: BoxedWriter<'a>,
    shape: Shape,
}

impl ValueWriter for JsonWriter<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.text.is_null(row)
    }

    fn write(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let start = out.len();
        self.text.write(row, out)?;
        let is_finite = || out[start..].iter().any(u8::is_ascii_digit);
        match self.shape {
            Shape::Bare => {}
            Shape::Number if is_finite() => {}
            Shape::Bool => {
                let word: &[u8] = if out[start] == b't' { b"true" } else { b"false" };
                out.truncate(start);
                out.put_slice(word);
            }
            Shape::Json if memchr::memchr2(b'\n', b'\r', &out[start..]).is_none() => {}
            Shape::Json => replace(out, start, |text, json| {
                json.push_str(&normalise_jsonb(text)?);
                Ok(())
            })?,
            Shape::Number | Shape::String => replace(out, start, |text, json| {
                escape_json(text, json);
                Ok(())
            })?,
        }
        Ok(())
    }
}

/// Replaces what was written from `start` on.
fn replace(out: &mut BytesMut, start: usize, with: impl FnOnce(&str, &mut String) -> Result<()>) -> Result<()> {
    let bare = out.split_off(start);
    let text = std::str::from_utf8(&bare).map_err(|_| SqlError::internal("a value's text is not UTF-8"))?;
    let mut json = String::with_capacity(text.len() + 2);
    with(text, &mut json)?;
    out.put_slice(json.as_bytes());
    Ok(())
}

struct JsonArrayWriter<'a> {
    arrays: Arrays,
    items: BoxedWriter<'a>,
}

impl ValueWriter for JsonArrayWriter<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.arrays.is_null(row)
    }

    fn write(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let start = self.arrays.lists().value_offsets()[row] as usize;
        self.arrays.shape(row).walk(|part| {
            match part {
                Part::Open => out.put_u8(b'['),
                Part::Separator => out.put_u8(b','),
                Part::Item(at) if self.items.is_null(start + at) => out.put_slice(b"null"),
                Part::Item(at) => self.items.write(start + at, out)?,
                Part::Close => out.put_u8(b']'),
            }
            Ok(())
        })
    }
}
