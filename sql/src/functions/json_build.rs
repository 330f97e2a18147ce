//! json of other values: `to_jsonb`, `jsonb_build_object` and their like.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{marked_pg_type, pg_type};

use super::define::{Call, Definition, Overload, immutable, overload, stable};
use super::error::{error, invalid_parameter};
use super::rows::{List, Out, map1, map2};
use super::signature::Ty;
use crate::semantics::text::print_value;
use crate::values::{OutputStyle, escape_json, json_value_writer, normalise_jsonb};

const TO_JSON: &[Overload] =
    &[overload(&[Ty::Any], PgType::JSONB, |c| per_row(c, |text, row| push_argument(text, c, 0, row)))];
const BUILD_OBJECT: &[Overload] = &[overload(&[Ty::Any], PgType::JSONB, build_object).variadic().not_strict()];
const BUILD_ARRAY: &[Overload] = &[overload(&[Ty::Any], PgType::JSONB, build_array).variadic().not_strict()];

/// `jsonb_agg(x)` as `(array_agg(to_jsonb(x)))`.
pub(crate) const ARRAY_OF: &str = "pg_jsonb_of_items";
/// `jsonb_object_agg(k, v)` as `(array_agg(k::text), array_agg(to_jsonb(v)))`.
pub(crate) const OBJECT_OF: &str = "pg_jsonb_of_members";

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(ARRAY_OF, &[overload(&[Ty::TextArray], PgType::JSONB, |c| map1::<List, _>(c, |items| array_of(&items)))]),
    immutable(
        OBJECT_OF,
        &[overload(&[Ty::TextArray, Ty::TextArray], PgType::JSONB, |c| {
            map2::<List, List, _>(c, |keys, values| object_of(&keys, &values))
        })],
    ),
    stable("to_jsonb", TO_JSON),
    stable("to_json", TO_JSON),
    stable("jsonb_build_object", BUILD_OBJECT),
    stable("json_build_object", BUILD_OBJECT),
    stable("jsonb_build_array", BUILD_ARRAY),
    stable("json_build_array", BUILD_ARRAY),
];

/// A JSON text for each row, brought to jsonb's form.
fn per_row(call: &Call<'_>, push: impl Fn(&mut String, usize) -> Result<()>) -> Result<ArrayRef> {
    let mut text = String::new();
    let row = |row| {
        text.clear();
        push(&mut text, row)?;
        Ok(Some(normalise_jsonb(&text)?))
    };
    Ok(String::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

fn push_argument(text: &mut String, call: &Call<'_>, place: usize, row: usize) -> Result<()> {
    push_json(
        text,
        &call.args[place],
        &call.arg_fields[place],
        call.index(place, row),
        &call.output_style().within_json(),
    )
}

/// Appends a value of any type as JSON.
pub(crate) fn push_json(
    text: &mut String,
    array: &ArrayRef,
    field: &FieldRef,
    index: usize,
    style: &OutputStyle,
) -> Result<()> {
    if array.is_null(index) {
        text.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::List(item) => {
            let items = array.as_list::<i32>().value(index);
            text.push('[');
            for index in 0..items.len() {
                text.push_str(if index == 0 { "" } else { ", " });
                push_json(text, &items, item, index, style)?;
            }
            text.push(']');
        }
        DataType::Timestamp(..) => escape_json(&print_value(array, index, style)?.replacen(' ', "T", 1), text),
        _ => {
            let ty = marked_pg_type(field).unwrap_or_else(|| pg_type(field));
            let mut bytes = bytes::BytesMut::new();
            json_value_writer(array, ty, style)?.write(index, &mut bytes)?;
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    Ok(())
}

fn build_object(call: &Call<'_>) -> Result<ArrayRef> {
    if call.args.len() % 2 == 1 {
        return Err(invalid_parameter("argument list must have even number of elements"));
    }
    let style = call.output_style().within_json();
    per_row(call, |text, row| {
        text.push('{');
        for key in (0..call.args.len()).step_by(2) {
            let index = call.index(key, row);
            if call.args[key].is_null(index) {
                return Err(error("22004", format!("argument {} cannot be null", key + 1)));
            }
            text.push_str(if key == 0 { "" } else { ", " });
            escape_json(&print_value(&call.args[key], index, &style)?, text);
            text.push_str(": ");
            push_argument(text, call, key + 1, row)?;
        }
        text.push('}');
        Ok(())
    })
}

fn build_array(call: &Call<'_>) -> Result<ArrayRef> {
    per_row(call, |text, row| {
        text.push('[');
        for place in 0..call.args.len() {
            text.push_str(if place == 0 { "" } else { ", " });
            push_argument(text, call, place, row)?;
        }
        text.push(']');
        Ok(())
    })
}

/// An array of values that are JSON already.
fn array_of(items: &ArrayRef) -> Result<String> {
    let items = cast(items, &DataType::Utf8View)?;
    let items: Vec<&str> = items.as_string_view().iter().map(|item| item.unwrap_or("null")).collect();
    Ok(format!("[{}]", items.join(", ")))
}

/// An object of keys and of values that are JSON already.
fn object_of(keys: &ArrayRef, values: &ArrayRef) -> Result<String> {
    let (keys, values) = (cast(keys, &DataType::Utf8View)?, cast(values, &DataType::Utf8View)?);
    let mut text = String::from("{");
    for (key, value) in keys.as_string_view().iter().zip(values.as_string_view()) {
        let key = key.ok_or_else(|| error("22023", "field name must not be null"))?;
        text.push_str(if text.len() == 1 { "" } else { ", " });
        escape_json(key, &mut text);
        text.push_str(": ");
        text.push_str(value.unwrap_or("null"));
    }
    text.push('}');
    Ok(normalise_jsonb(&text)?)
}
