//! json of other values: `to_jsonb`, `jsonb_build_object` and their like.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::{cast, nullif};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DataFusionError, Result};
use peristyle_catalog::model::PgType;
use peristyle_storage::shape::{Arrays, item_of_array};
use peristyle_storage::types::{marked_pg_type, pg_type};

use super::define::{Call, Definition, Overload, immutable, overload, stable};
use super::error::{FunctionError, error, invalid_parameter};
use super::json::texts;
use super::json_array::push_array;
use super::json_row::{is_record, push_row};
use super::rows::{List, Out, map1, map2};
use super::signature::Ty;
use crate::semantics::text::print_value;
use crate::values::{Json, OutputStyle, escape_json, json_value_writer, normalise_jsonb};

const TO_JSON: &[Overload] = &[overload(&[Ty::Any], PgType::JSON, of_argument)];
const TO_JSONB: &[Overload] = &[overload(&[Ty::Any], PgType::JSONB, of_argument)];
const JSON_OBJECT: &[Overload] = &[overload(&[Ty::Any], PgType::JSON, build_json_object).variadic().not_strict()];
const JSONB_OBJECT: &[Overload] = &[overload(&[Ty::Any], PgType::JSONB, build_object).variadic().not_strict()];
const JSON_ARRAY: &[Overload] = &[overload(&[Ty::Any], PgType::JSON, build_array).variadic().not_strict()];
const JSONB_ARRAY: &[Overload] = &[overload(&[Ty::Any], PgType::JSONB, build_array).variadic().not_strict()];

/// `jsonb_agg(x)` as `(array_agg(to_jsonb(x)))`.
pub(crate) const ARRAY_OF: &str = "pg_jsonb_of_items";
/// `json_agg(x)` as `(array_agg(to_json(x)))`.
pub(crate) const JSON_ARRAY_OF: &str = "pg_json_of_items";
/// `json_agg(t)` of rows as `(array_agg(to_json(t)))`.
pub(crate) const JSON_ROWS_OF: &str = "pg_json_of_rows";
/// `jsonb_object_agg(k, v)` as `(array_agg(k::text), array_agg(to_jsonb(v)))`.
pub(crate) const OBJECT_OF: &str = "pg_jsonb_of_members";
/// `json_object_agg(k, v)` as `(array_agg(k::text), array_agg(to_json(v)))`.
pub(crate) const JSON_OBJECT_OF: &str = "pg_json_of_members";

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(
        ARRAY_OF,
        &[overload(&[Ty::TextArray], PgType::JSONB, |c| map1::<List, _>(c, |items| array_of(&items, ", ")))],
    ),
    immutable(
        JSON_ARRAY_OF,
        &[overload(&[Ty::TextArray], PgType::JSON, |c| map1::<List, _>(c, |items| array_of(&items, ", ")))],
    ),
    immutable(
        JSON_ROWS_OF,
        &[overload(&[Ty::TextArray], PgType::JSON, |c| map1::<List, _>(c, |items| array_of(&items, ", \n ")))],
    ),
    immutable(
        OBJECT_OF,
        &[overload(&[Ty::TextArray, Ty::TextArray], PgType::JSONB, |c| {
            map2::<List, List, _>(c, |keys, values| Ok(normalise_jsonb(&object_of(&keys, &values)?)?))
        })],
    ),
    immutable(
        JSON_OBJECT_OF,
        &[overload(&[Ty::TextArray, Ty::TextArray], PgType::JSON, |c| {
            map2::<List, List, _>(c, |keys, values| object_of(&keys, &values))
        })],
    ),
    stable("to_jsonb", TO_JSONB),
    stable("to_json", TO_JSON),
    stable("jsonb_build_object", JSONB_OBJECT),
    stable("json_build_object", JSON_OBJECT),
    stable("jsonb_build_array", JSONB_ARRAY),
    stable("json_build_array", JSON_ARRAY),
    immutable(
        "jsonb_object",
        &[
            overload(&[Ty::TextArray], PgType::JSONB, |c| {
                map1::<List, _>(c, |pairs| Ok(normalise_jsonb(&object_of_pairs(&texts(&pairs))?)?))
            }),
            overload(&[Ty::TextArray, Ty::TextArray], PgType::JSONB, |c| {
                map2::<List, List, _>(c, |keys, values| {
                    Ok(normalise_jsonb(&object_of_texts(&texts(&keys), &texts(&values))?)?)
                })
            }),
        ],
    ),
    immutable(
        "json_object",
        &[
            overload(&[Ty::TextArray], PgType::JSON, |c| map1::<List, _>(c, |pairs| object_of_pairs(&texts(&pairs)))),
            overload(&[Ty::TextArray, Ty::TextArray], PgType::JSON, |c| {
                map2::<List, List, _>(c, |keys, values| object_of_texts(&texts(&keys), &texts(&values)))
            }),
        ],
    ),
];

/// A JSON text for each row, brought to jsonb's form where the result is one.
pub(super) fn per_row(call: &Call<'_>, push: impl Fn(&mut String, usize) -> Result<()>) -> Result<ArrayRef> {
    let is_jsonb = marked_pg_type(call.return_field) == Some(PgType::JSONB);
    let mut text = String::new();
    let row = |row| {
        text.clear();
        push(&mut text, row)?;
        Ok(Some(if is_jsonb { normalise_jsonb(&text)? } else { text.clone() }))
    };
    Ok(String::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

/// The JSON text of each value of the first argument, NULL of NULL.
pub(super) fn of_argument(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = per_row(call, |text, row| push_argument(text, call, 0, row))?;
    let is_null = |row| call.args[0].is_null(call.index(0, row));
    Ok(nullif(&texts, &BooleanArray::from_iter((0..call.rows).map(|row| Some(is_null(row)))))?)
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
    if let (Some(arrays), Some(item)) = (Arrays::of(array), item_of_array(array.data_type())) {
        return push_array(text, &arrays, item, field, index, style, ",");
    }
    match array.data_type() {
        DataType::Struct(fields) if is_record(field) => {
            push_row(text, array.as_struct(), fields, index, style, ",")?;
        }
        DataType::Timestamp(..) => escape_json(&as_iso_8601(&print_value(array, index, style)?), text),
        _ => {
            let ty = marked_pg_type(field).unwrap_or_else(|| pg_type(field));
            if matches!(ty, PgType::JSON | PgType::JSONB) {
                // As it is written, on its own lines too.
                text.push_str(&print_value(array, index, style)?);
                return Ok(());
            }
            let mut bytes = bytes::BytesMut::new();
            json_value_writer(array, ty, style)?.write(index, &mut bytes)?;
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    Ok(())
}

/// `2024-01-01T10:00:00+00:00`: the minutes of the zone's offset are always written.
fn as_iso_8601(timestamp: &str) -> String {
    let text = timestamp.replacen(' ', "T", 1);
    let has_hours_alone =
        text.len() > 3 && matches!(text.as_bytes()[text.len() - 3], b'+' | b'-') && text.contains('T');
    let is_offset = has_hours_alone && text.as_bytes()[text.len() - 2..].iter().all(u8::is_ascii_digit);
    if is_offset { text + ":00" } else { text }
}

/// How an object is written, and how its function speaks of it.
struct ObjectForm {
    function: &'static str,
    colon: &'static str,
    comma: &'static str,
}

const JSONB_FORM: ObjectForm = ObjectForm { function: "jsonb_build_object", colon: ": ", comma: ", " };
const JSON_FORM: ObjectForm = ObjectForm { function: "json_build_object", colon: " : ", comma: ", " };

fn build_object(call: &Call<'_>) -> Result<ArrayRef> {
    object_with(call, &JSONB_FORM)
}

fn build_json_object(call: &Call<'_>) -> Result<ArrayRef> {
    object_with(call, &JSON_FORM)
}

/// An object of keys and values in turn.
fn object_with(call: &Call<'_>, form: &ObjectForm) -> Result<ArrayRef> {
    if call.args.len() % 2 == 1 {
        let hint = format!("The arguments of {}() must consist of alternating keys and values.", form.function);
        let message = "argument list must have even number of elements";
        return Err(FunctionError::new("22023", message).with_hint(hint).into());
    }
    let style = call.output_style().within_json();
    per_row(call, |text, row| {
        text.push('{');
        for key in (0..call.args.len()).step_by(2) {
            let index = call.index(key, row);
            if call.args[key].is_null(index) {
                return Err(null_key(form, key + 1));
            }
            text.push_str(if key == 0 { "" } else { form.comma });
            escape_json(&print_value(&call.args[key], index, &style)?, text);
            text.push_str(form.colon);
            push_argument(text, call, key + 1, row)?;
        }
        text.push('}');
        Ok(())
    })
}

fn null_key(form: &ObjectForm, argument: usize) -> DataFusionError {
    if form.function == JSONB_FORM.function {
        return invalid_parameter(format!("argument {argument}: key must not be null"));
    }
    let error = FunctionError::new("22023", format!("argument {argument} cannot be null"));
    error.with_hint("Object keys should be text.").into()
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
fn array_of(items: &ArrayRef, comma: &str) -> Result<String> {
    let items = cast(items, &DataType::Utf8View)?;
    let items: Vec<&str> = items.as_string_view().iter().map(|item| item.unwrap_or("null")).collect();
    Ok(format!("[{}]", items.join(comma)))
}

/// An object of keys and of values that are JSON already.
fn object_of(keys: &ArrayRef, values: &ArrayRef) -> Result<String> {
    let (keys, values) = (cast(keys, &DataType::Utf8View)?, cast(values, &DataType::Utf8View)?);
    let members = keys.as_string_view().iter().zip(values.as_string_view()).map(|(key, value)| {
        let mut member = String::new();
        escape_json(key.ok_or_else(|| invalid_parameter("field name must not be null"))?, &mut member);
        Ok(format!("{member} : {}", value.unwrap_or("null")))
    });
    Ok(format!("{{ {} }}", members.collect::<Result<Vec<_>>>()?.join(", ")))
}

/// An object of keys and strings in turn.
fn object_of_pairs(pairs: &[Option<String>]) -> Result<String> {
    if pairs.len() % 2 == 1 {
        return Err(error("2202E", "array must have even number of elements"));
    }
    let (keys, values): (Vec<_>, Vec<_>) = pairs.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).unzip();
    object_of_texts(&keys, &values)
}

/// An object of keys and of strings.
fn object_of_texts(keys: &[Option<String>], values: &[Option<String>]) -> Result<String> {
    if keys.len() != values.len() {
        return Err(error("2202E", "mismatched array dimensions"));
    }
    let members = keys.iter().zip(values).map(|(key, value)| {
        let key = key.as_deref().ok_or_else(|| error("22004", "null value not allowed for object key"))?;
        let mut member = String::new();
        escape_json(key, &mut member);
        member.push_str(" : ");
        match value {
            Some(value) => escape_json(value, &mut member),
            None => member.push_str("null"),
        }
        Ok(member)
    });
    Ok(format!("{{{}}}", members.collect::<Result<Vec<_>>>()?.join(", ")))
}

/// Appends a value without any blanks, its numbers as they are written.
pub(super) fn write_compact(value: &Json<'_>, text: &mut String) {
    match value {
        Json::Null => text.push_str("null"),
        Json::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Json::Number(number) => text.push_str(number),
        Json::String(string) => escape_json(string, text),
        Json::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                write_compact(item, text);
            }
            text.push(']');
        }
        Json::Object(members) => {
            text.push('{');
            for (place, (key, member)) in members.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                escape_json(key, text);
                text.push(':');
                write_compact(member, text);
            }
            text.push('}');
        }
    }
}
