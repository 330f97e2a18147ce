//! jsonb: members, paths, containment, and what json shares with it. The parts of json are in `json_text`, what makes
//! json of other values in `json_build`, what changes jsonb in `json_change`.
//!
//! A value is parsed from its text for each call.

use std::borrow::Cow;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, Overload, immutable, overload};
use super::error::invalid_parameter;
use super::json_operator;
use super::rows::*;
use super::signature::Ty;
use crate::values::{Json, escape_json, jsonb_key, parse_json, plain_number};

const TYPEOF: &[Overload] =
    &[overload(&[Ty::Text], PgType::TEXT, |c| map1::<Text, _>(c, |text| Ok(type_of(&parse(text)?).to_owned())))];
const ARRAY_LENGTH: &[Overload] = &[overload(&[Ty::Text], PgType::INT4, |c| map1::<Text, i32>(c, array_length))];
const EXTRACT_PATH: &[Overload] =
    &[overload(&[Ty::Text, Ty::Text], PgType::JSONB, |c| extract_path(c, as_json)).variadic()];
const EXTRACT_PATH_TEXT: &[Overload] =
    &[overload(&[Ty::Text, Ty::Text], PgType::TEXT, |c| extract_path(c, as_text)).variadic()];

/// The bytes that order jsonb values.
pub(crate) const KEY: &str = "pg_jsonb_key";

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(
        KEY,
        &[overload(&[Ty::Text], PgType::BYTEA, |c| map1::<Text, Vec<u8>>(c, |json| Ok(jsonb_key(&parse(json)?))))],
    ),
    immutable(
        "pg_op_json_get",
        &[
            overload(&[Ty::Text, Ty::Int4], PgType::JSONB, |c| {
                map2_opt::<Text, Int4, _>(c, |json, n| item(&parse(json)?, n).map_or(Ok(None), as_json))
            }),
            overload(&[Ty::Text, Ty::Text], PgType::JSONB, |c| {
                map2_opt::<Text, Text, _>(c, |json, key| member(&parse(json)?, key).map_or(Ok(None), as_json))
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
                map2_opt::<Text, Text, _>(c, |json, key| member(&parse(json)?, key).map_or(Ok(None), as_text))
            }),
        ],
    ),
    immutable("pg_op_json_path", &[overload(&[Ty::Text, Ty::TextArray], PgType::JSONB, |c| path_operator(c, as_json))]),
    immutable(
        "pg_op_json_path_text",
        &[overload(&[Ty::Text, Ty::TextArray], PgType::TEXT, |c| path_operator(c, as_text))],
    ),
    immutable(
        "jsonb_contains",
        &[overload(&[Ty::Text, Ty::Text], PgType::BOOL, |c| {
            map2::<Text, Text, bool>(c, |a, b| Ok(contains(&parse(a)?, &parse(b)?, true)))
        })],
    ),
    immutable(
        "jsonb_contained",
        &[overload(&[Ty::Text, Ty::Text], PgType::BOOL, |c| {
            map2::<Text, Text, bool>(c, |a, b| Ok(contains(&parse(b)?, &parse(a)?, true)))
        })],
    ),
    immutable(
        "jsonb_exists",
        &[overload(&[Ty::Text, Ty::Text], PgType::BOOL, |c| {
            map2::<Text, Text, bool>(c, |json, key| Ok(has_key(&parse(json)?, key)))
        })],
    ),
    immutable(
        "jsonb_exists_any",
        &[overload(&[Ty::Text, Ty::TextArray], PgType::BOOL, |c| {
            map2::<Text, List, bool>(c, |json, keys| {
                let value = parse(json)?;
                Ok(texts(&keys).iter().flatten().any(|key| has_key(&value, key)))
            })
        })],
    ),
    immutable(
        "jsonb_exists_all",
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
    immutable("jsonb_extract_path_text", EXTRACT_PATH_TEXT),
    immutable(
        "jsonb_strip_nulls",
        &[overload(&[Ty::Text], PgType::JSONB, |c| map1::<Text, _>(c, |json| print(&stripped(parse(json)?))))],
    ),
    immutable("jsonb_pretty", &[overload(&[Ty::Text], PgType::TEXT, |c| map1::<Text, _>(c, pretty))]),
];

pub(super) fn parse(text: &str) -> Result<Json<'_>> {
    Ok(parse_json(text)?)
}

pub(super) fn print(value: &Json<'_>) -> Result<String> {
    let mut text = String::new();
    value.write_normalised(&mut text)?;
    Ok(text)
}

pub(super) fn as_json(value: &Json<'_>) -> Result<Option<String>> {
    print(value).map(Some)
}

/// A string without its quotes, null as NULL.
pub(super) fn as_text(value: &Json<'_>) -> Result<Option<String>> {
    match value {
        Json::Null => Ok(None),
        Json::String(text) => Ok(Some(text.clone().into_owned())),
        other => print(other).map(Some),
    }
}

/// The keys of an array's values.
pub(super) fn jsonb_keys(values: &ArrayRef) -> Result<ArrayRef> {
    let texts = cast(values, &DataType::Utf8View)?;
    let key = |text: Option<&str>| text.map(|text| Ok(jsonb_key(&parse(text)?))).transpose();
    Ok(Vec::<u8>::collect(texts.as_string_view().iter().map(key).collect::<Result<_>>()?))
}

/// The member of an object; of equal keys the last counts.
pub(super) fn member<'v, 'a>(value: &'v Json<'a>, key: &str) -> Option<&'v Json<'a>> {
    match value {
        Json::Object(members) => members.iter().rfind(|(name, _)| name == key).map(|(_, member)| member),
        _ => None,
    }
}

/// The item of an array; a negative place counts from the end.
pub(super) fn item<'v, 'a>(value: &'v Json<'a>, place: i32) -> Option<&'v Json<'a>> {
    let items = match value {
        Json::Array(items) => items.as_slice(),
        Json::Object(_) => return None,
        // To jsonb a scalar is an array of one.
        scalar => std::slice::from_ref(scalar),
    };
    let place = if place < 0 { items.len().checked_sub(place.unsigned_abs() as usize)? } else { place as usize };
    items.get(place)
}

pub(super) fn texts(list: &ArrayRef) -> Vec<Option<String>> {
    match list.as_string_view_opt() {
        Some(strings) => strings.iter().map(|text| text.map(str::to_owned)).collect(),
        None => list
            .as_string_opt::<i32>()
            .map_or_else(Vec::new, |strings| strings.iter().map(|t| t.map(str::to_owned)).collect()),
    }
}

pub(super) fn follow<'v, 'a>(value: &'v Json<'a>, path: &[Option<String>]) -> Option<&'v Json<'a>> {
    path.iter().try_fold(value, |value, step| {
        let step = step.as_deref()?;
        match value {
            Json::Object(_) => member(value, step),
            Json::Array(_) => item(value, step.trim().parse().ok()?),
            _ => None,
        }
    })
}

fn path_operator(call: &Call<'_>, f: fn(&Json<'_>) -> Result<Option<String>>) -> Result<ArrayRef> {
    map2_opt::<Text, List, _>(call, |json, path| {
        let value = parse(json)?;
        follow(&value, &texts(&path)).map_or(Ok(None), f)
    })
}

fn extract_path(call: &Call<'_>, f: fn(&Json<'_>) -> Result<Option<String>>) -> Result<ArrayRef> {
    let json = Argument::<Text>::of(call, 0);
    let steps: Vec<Argument<'_, Text>> = (1..call.args.len()).map(|place| Argument::of(call, place)).collect();
    let row = |row| {
        let Some(json) = json.get(row) else { return Ok(None) };
        let path: Vec<Option<String>> = steps.iter().map(|step| step.get(row).map(str::to_owned)).collect();
        let value = parse(json)?;
        follow(&value, &path).map_or(Ok(None), f)
    };
    Ok(String::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

/// Whether `a @> b`; at the top an array contains a scalar that is one of its items.
fn contains(a: &Json<'_>, b: &Json<'_>, at_top: bool) -> bool {
    match (a, b) {
        (Json::Object(_), Json::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| member(a, key).is_some_and(|have| contains(have, wanted, false)))
        }
        (Json::Array(a), Json::Array(b)) => b.iter().all(|wanted| a.iter().any(|have| contains(have, wanted, false))),
        (Json::Array(a), scalar) if at_top && !matches!(scalar, Json::Object(_)) => {
            a.iter().any(|have| equal(have, scalar))
        }
        (a, b) => equal(a, b),
    }
}

/// Equality of scalars; 1.0 equals 1.
pub(super) fn equal(a: &Json<'_>, b: &Json<'_>) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => canonical(a) == canonical(b),
        (a, b) => a == b,
    }
}

/// A number without trailing zeros behind the point.
fn canonical(number: &str) -> String {
    let plain = plain_number(number).unwrap_or_else(|| number.to_owned());
    if plain.contains('.') { plain.trim_end_matches('0').trim_end_matches('.').to_owned() } else { plain }
}

fn has_key(value: &Json<'_>, key: &str) -> bool {
    match value {
        Json::Object(_) => member(value, key).is_some(),
        Json::Array(items) => items.iter().any(|item| matches!(item, Json::String(text) if text == key)),
        Json::String(text) => text == key,
        _ => false,
    }
}

fn concatenated<'a>(a: Json<'a>, b: Json<'a>) -> Json<'a> {
    let items = |value| match value {
        Json::Array(items) => items,
        other => vec![other],
    };
    match (a, b) {
        // Of equal keys the last counts when the object is written.
        (Json::Object(a), Json::Object(b)) => Json::Object([a, b].concat()),
        (a, b) => Json::Array([items(a), items(b)].concat()),
    }
}

fn type_of(value: &Json<'_>) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

fn array_length(json: &str) -> Result<i32> {
    match parse(json)? {
        Json::Array(items) => Ok(items.len() as i32),
        Json::Object(_) => Err(invalid_parameter("cannot get array length of a non-array")),
        _ => Err(invalid_parameter("cannot get array length of a scalar")),
    }
}

pub(super) fn stripped(value: Json<'_>) -> Json<'_> {
    match value {
        Json::Object(members) => {
            let kept = members.into_iter().filter(|(_, member)| *member != Json::Null);
            Json::Object(kept.map(|(key, member)| (key, stripped(member))).collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(stripped).collect()),
        other => other,
    }
}

fn pretty(json: &str) -> Result<String> {
    let normal = crate::values::normalise_jsonb(json)?;
    let mut text = String::new();
    push_pretty(&mut text, &parse(&normal)?, 1)?;
    Ok(text)
}

fn push_pretty(text: &mut String, value: &Json<'_>, depth: usize) -> Result<()> {
    type Part<'v, 'a> = (Option<&'v Cow<'a, str>>, &'v Json<'a>);
    let (open, close, parts): (char, char, Vec<Part<'_, '_>>) = match value {
        Json::Object(members) => ('{', '}', members.iter().map(|(key, member)| (Some(key), member)).collect()),
        Json::Array(items) => ('[', ']', items.iter().map(|item| (None, item)).collect()),
        scalar => return Ok(scalar.write_normalised(text)?),
    };
    text.push(open);
    for (place, (key, part)) in parts.into_iter().enumerate() {
        text.push_str(if place == 0 { "\n" } else { ",\n" });
        text.push_str(&"    ".repeat(depth));
        if let Some(key) = key {
            escape_json(key, text);
            text.push_str(": ");
        }
        push_pretty(text, part, depth + 1)?;
    }
    text.push('\n');
    text.push_str(&"    ".repeat(depth - 1));
    text.push(close);
    Ok(())
}
