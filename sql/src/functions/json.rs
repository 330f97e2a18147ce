//! json and jsonb: members, paths, containment, building.
//!
//! A value is parsed from its text for each call. `->` on json keeps the text of the part in jsonb's normal form.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::*;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::marked_pg_type;
use serde_json::{Map, Value};

use super::define::{Call, Definition, Overload, immutable, overload, stable};
use super::error::{error, invalid_parameter};
use super::json_operator;
use super::rows::*;
use super::signature::Ty;
use super::time_zone::SessionTimeZone;
use crate::semantics::json_text::{parse, plain_number, print};
use crate::semantics::text_print::print_value;

const TO_JSON: &[Overload] = &[overload(&[Ty::Any], PgType::JSONB, |c| {
    per_row(c, |row| value_at(c, 0, row).and_then(|value| print(&value)).map(Some))
})];
const BUILD_OBJECT: &[Overload] = &[overload(&[Ty::Any], PgType::JSONB, build_object).variadic().not_strict()];
const BUILD_ARRAY: &[Overload] = &[overload(&[Ty::Any], PgType::JSONB, build_array).variadic().not_strict()];
const TYPEOF: &[Overload] =
    &[overload(&[Ty::Text], PgType::TEXT, |c| map1::<Text, _>(c, |text| Ok(type_of(&parse(text)?).to_owned())))];
const ARRAY_LENGTH: &[Overload] = &[overload(&[Ty::Text], PgType::INT4, |c| map1::<Text, i32>(c, array_length))];
const EXTRACT_PATH: &[Overload] =
    &[overload(&[Ty::Text, Ty::Text], PgType::JSONB, |c| extract_path(c, as_json)).variadic()];
const EXTRACT_PATH_TEXT: &[Overload] =
    &[overload(&[Ty::Text, Ty::Text], PgType::TEXT, |c| extract_path(c, as_text)).variadic()];

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(
        "pg_op_json_get",
        &[
            overload(&[Ty::Text, Ty::Int4], PgType::JSONB, |c| {
                map2_opt::<Text, Int4, _>(c, |json, n| item(&parse(json)?, n).map_or(Ok(None), as_json))
            }),
            overload(&[Ty::Text, Ty::Text], PgType::JSONB, |c| {
                map2_opt::<Text, Text, _>(c, |json, key| parse(json)?.get(key).map_or(Ok(None), as_json))
            }),
        ],
    ),
    immutable(
        "pg_op_json_get_text",
        &[
            overload(&[Ty::Text, Ty::Int4], PgType::TEXT, |c| {
                map2_opt::<Text, Int4, _>(c, |json, n| item(&parse(json)?, n).map_or(Ok(None), as_text))
            }),
            overload(&[Ty::Text, Ty::Text], PgType::TEXT, |c| {
                map2_opt::<Text, Text, _>(c, |json, key| parse(json)?.get(key).map_or(Ok(None), as_text))
            }),
        ],
    ),
    immutable("pg_op_json_path", &[overload(&[Ty::Text, Ty::TextArray], PgType::JSONB, |c| path_operator(c, as_json))]),
    immutable(
        "pg_op_json_path_text",
        &[overload(&[Ty::Text, Ty::TextArray], PgType::TEXT, |c| path_operator(c, as_text))],
    ),
    immutable(
        "pg_op_jsonb_contains",
        &[overload(&[Ty::Text, Ty::Text], PgType::BOOL, |c| {
            map2::<Text, Text, bool>(c, |a, b| Ok(contains(&parse(a)?, &parse(b)?, true)))
        })],
    ),
    immutable(
        "pg_op_jsonb_contained",
        &[overload(&[Ty::Text, Ty::Text], PgType::BOOL, |c| {
            map2::<Text, Text, bool>(c, |a, b| Ok(contains(&parse(b)?, &parse(a)?, true)))
        })],
    ),
    immutable(
        "pg_op_jsonb_exists",
        &[overload(&[Ty::Text, Ty::Text], PgType::BOOL, |c| {
            map2::<Text, Text, bool>(c, |json, key| Ok(has_key(&parse(json)?, key)))
        })],
    ),
    immutable(
        "pg_op_jsonb_exists_any",
        &[overload(&[Ty::Text, Ty::TextArray], PgType::BOOL, |c| {
            map2::<Text, List, bool>(c, |json, keys| {
                let value = parse(json)?;
                Ok(texts(&keys).iter().flatten().any(|key| has_key(&value, key)))
            })
        })],
    ),
    immutable(
        "pg_op_jsonb_exists_all",
        &[overload(&[Ty::Text, Ty::TextArray], PgType::BOOL, |c| {
            map2::<Text, List, bool>(c, |json, keys| {
                let value = parse(json)?;
                Ok(texts(&keys).iter().flatten().all(|key| has_key(&value, key)))
            })
        })],
    ),
    immutable(
        json_operator::CONCAT,
        &[overload(&[Ty::Text, Ty::Text], PgType::JSONB, |c| {
            map2::<Text, Text, _>(c, |a, b| print(&concatenated(parse(a)?, parse(b)?)))
        })],
    ),
    immutable("jsonb_typeof", TYPEOF),
    immutable("json_typeof", TYPEOF),
    immutable("jsonb_array_length", ARRAY_LENGTH),
    immutable("json_array_length", ARRAY_LENGTH),
    immutable("jsonb_extract_path", EXTRACT_PATH),
    immutable("json_extract_path", EXTRACT_PATH),
    immutable("jsonb_extract_path_text", EXTRACT_PATH_TEXT),
    immutable("json_extract_path_text", EXTRACT_PATH_TEXT),
    stable("to_jsonb", TO_JSON),
    stable("to_json", TO_JSON),
    stable("jsonb_build_object", BUILD_OBJECT),
    stable("json_build_object", BUILD_OBJECT),
    stable("jsonb_build_array", BUILD_ARRAY),
    stable("json_build_array", BUILD_ARRAY),
    immutable(
        "jsonb_strip_nulls",
        &[overload(&[Ty::Text], PgType::JSONB, |c| map1::<Text, _>(c, |json| print(&stripped(parse(json)?))))],
    ),
    immutable(
        "jsonb_pretty",
        &[overload(&[Ty::Text], PgType::TEXT, |c| map1::<Text, _>(c, |json| Ok(pretty(&parse(json)?))))],
    ),
];

fn per_row(call: &Call<'_>, f: impl Fn(usize) -> Result<Option<String>>) -> Result<ArrayRef> {
    Ok(String::collect((0..call.rows).map(f).collect::<Result<_>>()?))
}

fn as_json(value: &Value) -> Result<Option<String>> {
    print(value).map(Some)
}

/// A string without its quotes, null as NULL.
fn as_text(value: &Value) -> Result<Option<String>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        other => print(other).map(Some),
    }
}

/// The item of an array; a negative place counts from the end.
fn item(value: &Value, place: i32) -> Option<&Value> {
    let items = value.as_array()?;
    let place = if place < 0 { items.len().checked_sub(place.unsigned_abs() as usize)? } else { place as usize };
    items.get(place)
}

fn texts(list: &ArrayRef) -> Vec<Option<String>> {
    match list.as_string_view_opt() {
        Some(strings) => strings.iter().map(|text| text.map(str::to_owned)).collect(),
        None => list
            .as_string_opt::<i32>()
            .map_or_else(Vec::new, |strings| strings.iter().map(|t| t.map(str::to_owned)).collect()),
    }
}

fn follow<'a>(value: &'a Value, path: &[Option<String>]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| {
        let step = step.as_deref()?;
        match value {
            Value::Object(members) => members.get(step),
            Value::Array(_) => item(value, step.trim().parse().ok()?),
            _ => None,
        }
    })
}

fn path_operator(call: &Call<'_>, f: fn(&Value) -> Result<Option<String>>) -> Result<ArrayRef> {
    map2_opt::<Text, List, _>(call, |json, path| {
        let value = parse(json)?;
        follow(&value, &texts(&path)).map_or(Ok(None), f)
    })
}

fn extract_path(call: &Call<'_>, f: fn(&Value) -> Result<Option<String>>) -> Result<ArrayRef> {
    let json = Argument::<Text>::of(call, 0);
    let steps: Vec<Argument<'_, Text>> = (1..call.args.len()).map(|place| Argument::of(call, place)).collect();
    per_row(call, |row| {
        let Some(json) = json.get(row) else { return Ok(None) };
        let path: Vec<Option<String>> = steps.iter().map(|step| step.get(row).map(str::to_owned)).collect();
        let value = parse(json)?;
        follow(&value, &path).map_or(Ok(None), f)
    })
}

/// Whether `a @> b`; at the top an array contains a scalar that is one of its items.
fn contains(a: &Value, b: &Value, at_top: bool) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            b.iter().all(|(key, wanted)| a.get(key).is_some_and(|have| contains(have, wanted, false)))
        }
        (Value::Array(a), Value::Array(b)) => b.iter().all(|wanted| a.iter().any(|have| contains(have, wanted, false))),
        (Value::Array(a), scalar) if at_top && !scalar.is_object() => a.iter().any(|have| equal(have, scalar)),
        (a, b) => equal(a, b),
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => canonical(&a.to_string()) == canonical(&b.to_string()),
        (a, b) => a == b,
    }
}

/// A number without trailing zeros, so that 1.0 equals 1.
fn canonical(number: &str) -> String {
    let plain = plain_number(number);
    if plain.contains('.') { plain.trim_end_matches('0').trim_end_matches('.').to_owned() } else { plain }
}

fn has_key(value: &Value, key: &str) -> bool {
    match value {
        Value::Object(members) => members.contains_key(key),
        Value::Array(items) => items.iter().any(|item| item.as_str() == Some(key)),
        Value::String(text) => text == key,
        _ => false,
    }
}

fn concatenated(a: Value, b: Value) -> Value {
    let items = |value| match value {
        Value::Array(items) => items,
        other => vec![other],
    };
    match (a, b) {
        (Value::Object(mut a), Value::Object(b)) => {
            a.extend(b);
            Value::Object(a)
        }
        (a, b) => Value::Array([items(a), items(b)].concat()),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn array_length(json: &str) -> Result<i32> {
    match parse(json)? {
        Value::Array(items) => Ok(items.len() as i32),
        Value::Object(_) => Err(invalid_parameter("cannot get array length of a non-array")),
        _ => Err(invalid_parameter("cannot get array length of a scalar")),
    }
}

fn stripped(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, stripped(v))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(stripped).collect()),
        other => other,
    }
}

fn pretty(value: &Value) -> String {
    let mut text = String::new();
    push_pretty(&mut text, value, 1);
    text
}

fn push_pretty(text: &mut String, value: &Value, depth: usize) {
    let (open, close, parts): (char, char, Vec<(Option<&String>, &Value)>) = match value {
        Value::Object(members) => {
            let mut parts: Vec<_> = members.iter().map(|(key, member)| (Some(key), member)).collect();
            parts.sort_by_key(|(key, _)| key.map(|key| (key.len(), key.clone())));
            ('{', '}', parts)
        }
        Value::Array(items) => ('[', ']', items.iter().map(|item| (None, item)).collect()),
        scalar => return text.push_str(&print(scalar).unwrap_or_default()),
    };
    text.push(open);
    for (place, (key, part)) in parts.into_iter().enumerate() {
        text.push_str(if place == 0 { "\n" } else { ",\n" });
        text.push_str(&"    ".repeat(depth));
        if let Some(key) = key {
            text.push_str(&format!("{}: ", Value::String(key.clone())));
        }
        push_pretty(text, part, depth + 1);
    }
    text.push('\n');
    text.push_str(&"    ".repeat(depth - 1));
    text.push(close);
}

/// An argument of any type as JSON.
fn value_at(call: &Call<'_>, place: usize, row: usize) -> Result<Value> {
    let zone = call.context().map_or_else(|_| SessionTimeZone::default(), |context| context.time_zone);
    let is_json = matches!(marked_pg_type(&call.arg_fields[place]), Some(PgType::JSON | PgType::JSONB));
    value_of(&call.args[place], call.index(place, row), is_json, &zone)
}

/// A value of any type as JSON.
pub(crate) fn value_of(array: &ArrayRef, index: usize, is_json: bool, zone: &SessionTimeZone) -> Result<Value> {
    if array.is_null(index) {
        return Ok(Value::Null);
    }
    if let DataType::List(item) = array.data_type() {
        let is_json = matches!(marked_pg_type(item), Some(PgType::JSON | PgType::JSONB));
        let items = array.as_list::<i32>().value(index);
        let values = (0..items.len()).map(|index| value_of(&items, index, is_json, zone)).collect::<Result<_>>()?;
        return Ok(Value::Array(values));
    }
    let text = print_value(array, index, zone)?;
    match array.data_type() {
        DataType::Boolean => Ok(Value::Bool(text == "true")),
        ty if ty.is_numeric() && text.bytes().all(|b| !b.is_ascii_alphabetic() || b == b'e') => parse(&text),
        DataType::Timestamp(..) => Ok(Value::String(text.replacen(' ', "T", 1))),
        _ if is_json => parse(&text),
        _ => Ok(Value::String(text)),
    }
}

fn build_object(call: &Call<'_>) -> Result<ArrayRef> {
    if call.args.len() % 2 == 1 {
        return Err(invalid_parameter("argument list must have even number of elements"));
    }
    let zone = call.context().map_or_else(|_| SessionTimeZone::default(), |context| context.time_zone);
    per_row(call, |row| {
        let mut members = Map::new();
        for key in (0..call.args.len()).step_by(2) {
            let index = call.index(key, row);
            if call.args[key].is_null(index) {
                return Err(error("22004", format!("argument {} cannot be null", key + 1)));
            }
            members.insert(print_value(&call.args[key], index, &zone)?, value_at(call, key + 1, row)?);
        }
        print(&Value::Object(members)).map(Some)
    })
}

fn build_array(call: &Call<'_>) -> Result<ArrayRef> {
    per_row(call, |row| {
        let items = (0..call.args.len()).map(|place| value_at(call, place, row)).collect::<Result<_>>()?;
        print(&Value::Array(items)).map(Some)
    })
}
