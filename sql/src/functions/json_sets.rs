//! What functions of json and jsonb that give rows give, as arrays: items, names and values of members.

use arrow::array::ArrayRef;
use datafusion::common::{DataFusionError, Result};
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, Overload, immutable, overload};
use super::error::invalid_parameter;
use super::json::{as_json, as_text, parse};
use super::rows::*;
use super::signature::Ty;
use crate::values::{Json, JsonParts, json_parts};

/// The items of a json array.
pub(crate) const JSON_ITEMS: &str = "pg_json_items";
/// The items of a jsonb array.
pub(crate) const JSONB_ITEMS: &str = "pg_jsonb_items";
/// The items of a json array as texts.
pub(crate) const JSON_ITEM_TEXTS: &str = "pg_json_item_texts";
/// The items of a jsonb array as texts.
pub(crate) const JSONB_ITEM_TEXTS: &str = "pg_jsonb_item_texts";
/// The names of a json object's members as they are written.
pub(crate) const JSON_KEYS: &str = "pg_json_keys";
/// The names of a jsonb object's members.
pub(crate) const JSONB_KEYS: &str = "pg_jsonb_keys";
/// The values of a json object's members.
pub(crate) const JSON_VALUES: &str = "pg_json_values";
/// The values of a jsonb object's members.
pub(crate) const JSONB_VALUES: &str = "pg_jsonb_values";
/// The values of a json object's members as texts.
pub(crate) const JSON_VALUE_TEXTS: &str = "pg_json_value_texts";
/// The values of a jsonb object's members as texts.
pub(crate) const JSONB_VALUE_TEXTS: &str = "pg_jsonb_value_texts";

const JSON_ARRAY: PgType = PgType::plain(199);
const JSONB_ARRAY: PgType = PgType::plain(3807);
const TEXT_ARRAY: PgType = PgType::plain(1009);

const fn of_json(returns: PgType, eval: super::define::Eval) -> Overload {
    overload(&[Ty::Text], returns, eval)
}

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(JSON_ITEMS, &[of_json(JSON_ARRAY, |c| map1::<Text, _>(c, json_items))]),
    immutable(JSONB_ITEMS, &[of_json(JSONB_ARRAY, |c| per_part(c, items, as_json))]),
    immutable(JSON_ITEM_TEXTS, &[of_json(TEXT_ARRAY, |c| map1::<Text, _>(c, json_item_texts))]),
    immutable(JSONB_ITEM_TEXTS, &[of_json(TEXT_ARRAY, |c| per_part(c, items, as_text))]),
    immutable(
        JSON_KEYS,
        &[of_json(TEXT_ARRAY, |c| {
            map1::<Text, _>(c, |json| Ok(texts(json_members(json)?.into_iter().map(|(key, _)| key))))
        })],
    ),
    immutable(
        JSON_VALUES,
        &[of_json(JSON_ARRAY, |c| {
            map1::<Text, _>(c, |json| Ok(texts(json_members(json)?.into_iter().map(|(_, value)| value))))
        })],
    ),
    immutable(
        JSON_VALUE_TEXTS,
        &[of_json(TEXT_ARRAY, |c| {
            map1::<Text, _>(c, |json| texts_of(json_members(json)?.into_iter().map(|(_, value)| value)))
        })],
    ),
    immutable(JSONB_KEYS, &[of_json(TEXT_ARRAY, |c| map1::<Text, _>(c, jsonb_keys))]),
    immutable(JSONB_VALUES, &[of_json(JSONB_ARRAY, |c| per_part(c, values, as_json))]),
    immutable(JSONB_VALUE_TEXTS, &[of_json(TEXT_ARRAY, |c| per_part(c, values, as_text))]),
];

fn texts(texts: impl Iterator<Item = impl Into<String>>) -> TextsOut {
    TextsOut(texts.map(|text| Some(text.into())).collect())
}

/// What `show` makes of each part of each row's value.
fn per_part(
    call: &Call<'_>,
    parts: for<'v, 'a> fn(&'v Json<'a>) -> Result<Vec<&'v Json<'a>>>,
    show: fn(&Json<'_>) -> Result<Option<String>>,
) -> Result<ArrayRef> {
    map1::<Text, _>(call, |json| {
        let value = parse(json)?;
        Ok(TextsOut(parts(&value)?.into_iter().map(show).collect::<Result<_>>()?))
    })
}

fn items<'v, 'a>(value: &'v Json<'a>) -> Result<Vec<&'v Json<'a>>> {
    match value {
        Json::Array(items) => Ok(items.iter().collect()),
        Json::Object(_) => Err(invalid_parameter("cannot extract elements from an object")),
        _ => Err(invalid_parameter("cannot extract elements from a scalar")),
    }
}

fn json_items(json: &str) -> Result<TextsOut> {
    Ok(texts(json_array(json)?.into_iter()))
}

fn json_item_texts(json: &str) -> Result<TextsOut> {
    texts_of(json_array(json)?.into_iter())
}

/// Parts of a json value as texts: a string without its quotes, null as NULL, all else as it is written.
fn texts_of(parts: impl Iterator<Item = impl AsRef<str>>) -> Result<TextsOut> {
    let text = |part: &str| match parse(part)? {
        value @ (Json::Null | Json::String(_)) => as_text(&value),
        _ => Ok(Some(part.to_owned())),
    };
    Ok(TextsOut(parts.map(|part| text(part.as_ref())).collect::<Result<_>>()?))
}

/// The items of a json array as they are written.
fn json_array(json: &str) -> Result<Vec<&str>> {
    match json_parts(json)? {
        JsonParts::Array(items) => Ok(items),
        JsonParts::Object(_) => Err(invalid_parameter("cannot extract elements from an object")),
        JsonParts::Scalar => Err(invalid_parameter("cannot extract elements from a scalar")),
    }
}

/// The members of a json object, duplicates included.
fn json_members(json: &str) -> Result<Vec<(String, String)>> {
    match json_parts(json)? {
        JsonParts::Object(members) => {
            Ok(members.into_iter().map(|(key, value)| (key.into_owned(), value.to_owned())).collect())
        }
        JsonParts::Array(_) => Err(no_object("an array")),
        JsonParts::Scalar => Err(no_object("a scalar")),
    }
}

fn no_object(what: &str) -> DataFusionError {
    invalid_parameter(format!("cannot deconstruct {what} as an object"))
}

/// The values of a jsonb object in the order of its members.
fn values<'v, 'a>(value: &'v Json<'a>) -> Result<Vec<&'v Json<'a>>> {
    match value {
        Json::Object(members) => Ok(members.iter().map(|(_, value)| value).collect()),
        _ => Err(invalid_parameter("cannot call jsonb_each on a non-object")),
    }
}

fn jsonb_keys(json: &str) -> Result<TextsOut> {
    match parse(json)? {
        Json::Object(members) => Ok(texts(members.into_iter().map(|(key, _)| key))),
        Json::Array(_) => Err(invalid_parameter("cannot call jsonb_object_keys on an array")),
        _ => Err(invalid_parameter("cannot call jsonb_object_keys on a scalar")),
    }
}
