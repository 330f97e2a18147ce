//! Operators and functions of type json, which keeps the text of its parts.

use std::borrow::Cow;

use arrow::array::ArrayRef;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, immutable, overload};
use super::json::{as_text, parse, stripped, texts};
use super::json_build::write_compact;
use super::rows::*;
use super::signature::Ty;
use crate::values::{JsonParts, json_parts};

/// `->` on json.
pub(crate) const GET: &str = "pg_op_json_part";
/// `->>` on json.
pub(crate) const GET_TEXT: &str = "pg_op_json_part_text";
/// `#>` on json.
pub(crate) const PATH: &str = "pg_op_json_part_at";
/// `#>>` on json.
pub(crate) const PATH_TEXT: &str = "pg_op_json_part_text_at";

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(
        GET,
        &[
            overload(&[Ty::Text, Ty::Int4], PgType::JSON, |c| {
                map2_opt::<Text, Int4, _>(c, |json, n| shown(item(json, n)?))
            }),
            overload(&[Ty::Text, Ty::Text], PgType::JSON, |c| {
                map2_opt::<Text, Text, _>(c, |json, key| shown(member(json, key)?))
            }),
        ],
    ),
    immutable(
        GET_TEXT,
        &[
            overload(&[Ty::Text, Ty::Int4], PgType::TEXT, |c| {
                map2_opt::<Text, Int4, _>(c, |json, n| text(item(json, n)?))
            }),
            overload(&[Ty::Text, Ty::Text], PgType::TEXT, |c| {
                map2_opt::<Text, Text, _>(c, |json, key| text(member(json, key)?))
            }),
        ],
    ),
    immutable(PATH, &[overload(&[Ty::Text, Ty::TextArray], PgType::JSON, |c| path_operator(c, shown))]),
    immutable(PATH_TEXT, &[overload(&[Ty::Text, Ty::TextArray], PgType::TEXT, |c| path_operator(c, text))]),
    immutable(
        "json_extract_path",
        &[overload(&[Ty::Text, Ty::Text], PgType::JSON, |c| extract_path(c, shown)).variadic()],
    ),
    immutable(
        "json_extract_path_text",
        &[overload(&[Ty::Text, Ty::Text], PgType::TEXT, |c| extract_path(c, text)).variadic()],
    ),
    immutable(
        "json_strip_nulls",
        &[overload(&[Ty::Text], PgType::JSON, |c| {
            map1::<Text, _>(c, |json| {
                let mut text = String::new();
                write_compact(&stripped(parse(json)?), &mut text);
                Ok(text)
            })
        })],
    ),
];

/// The item at a place of an array; a negative one counts from the end.
fn item(json: &str, place: i32) -> Result<Option<&str>> {
    let JsonParts::Array(items) = json_parts(json)? else { return Ok(None) };
    let place = match usize::try_from(place) {
        Ok(place) => Some(place),
        Err(_) => items.len().checked_sub(place.unsigned_abs() as usize),
    };
    Ok(place.and_then(|place| items.get(place)).copied())
}

/// The member of an object; of equal keys the last counts.
fn member<'a>(json: &'a str, key: &str) -> Result<Option<&'a str>> {
    let JsonParts::Object(members) = json_parts(json)? else { return Ok(None) };
    Ok(members.into_iter().rfind(|(name, _)| *name == key).map(|(_, member)| member))
}

fn shown(part: Option<&str>) -> Result<Option<String>> {
    Ok(part.map(str::to_owned))
}

/// A string without its quotes, null as NULL, all else as it is written.
fn text(part: Option<&str>) -> Result<Option<String>> {
    match part {
        Some(part) if part.starts_with(['"', 'n']) => as_text(&parse(part)?),
        part => shown(part),
    }
}

fn follow<'a>(json: &'a str, path: &[Option<Cow<'_, str>>]) -> Result<Option<&'a str>> {
    let mut part = Some(json);
    for step in path {
        let (Some(here), Some(step)) = (part, step) else { return Ok(None) };
        part = match (here.trim_start().as_bytes().first(), step.trim().parse()) {
            (Some(b'['), Ok(place)) => item(here, place)?,
            (Some(b'{'), _) => member(here, step)?,
            _ => None,
        };
    }
    Ok(part)
}

fn path_operator(call: &Call<'_>, give: fn(Option<&str>) -> Result<Option<String>>) -> Result<ArrayRef> {
    map2_opt::<Text, List, _>(call, |json, path| {
        let path: Vec<_> = texts(&path).into_iter().map(|step| step.map(Cow::Owned)).collect();
        give(follow(json, &path)?)
    })
}

fn extract_path(call: &Call<'_>, give: fn(Option<&str>) -> Result<Option<String>>) -> Result<ArrayRef> {
    let json = Argument::<Text>::of(call, 0);
    let steps: Vec<Argument<'_, Text>> = (1..call.args.len()).map(|place| Argument::of(call, place)).collect();
    let row = |row| {
        let Some(json) = json.get(row) else { return Ok(None) };
        let path: Vec<_> = steps.iter().map(|step| step.get(row).map(Cow::Borrowed)).collect();
        give(follow(json, &path)?)
    };
    Ok(String::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}
