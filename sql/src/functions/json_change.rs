//! What changes a jsonb: `jsonb_set`, `jsonb_insert`, `-` and `#-`.

use arrow::array::ArrayRef;
use datafusion::common::{DataFusionError, Result};
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, immutable, overload};
use super::error::{error, invalid_parameter};
use super::json::{parse, print, texts};
use super::json_operator::DELETE;
use super::rows::*;
use super::signature::Ty;
use crate::values::Json;

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(
        DELETE,
        &[
            overload(&[Ty::Text, Ty::Text], PgType::JSONB, |c| {
                map2::<Text, Text, _>(c, |json, key| without_keys(parse(json)?, &[Some(key.to_owned())]))
            }),
            overload(&[Ty::Text, Ty::Int4], PgType::JSONB, |c| {
                map2::<Text, Int4, _>(c, |json, place| without_item(parse(json)?, place))
            }),
            overload(&[Ty::Text, Ty::TextArray], PgType::JSONB, |c| {
                map2::<Text, List, _>(c, |json, keys| without_keys(parse(json)?, &texts(&keys)))
            }),
        ],
    ),
    immutable(
        "pg_op_jsonb_delete_path",
        &[overload(&[Ty::Text, Ty::TextArray], PgType::JSONB, |c| {
            map2::<Text, List, _>(c, |json, path| changed(json, &texts(&path), &Change::Delete))
        })],
    ),
    immutable(
        "jsonb_set",
        &[
            overload(&[Ty::Text, Ty::TextArray, Ty::Text], PgType::JSONB, set),
            overload(&[Ty::Text, Ty::TextArray, Ty::Text, Ty::Bool], PgType::JSONB, set),
        ],
    ),
    immutable(
        "jsonb_set_lax",
        &[
            overload(&[Ty::Text, Ty::TextArray, Ty::Text], PgType::JSONB, set_lax).not_strict(),
            overload(&[Ty::Text, Ty::TextArray, Ty::Text, Ty::Bool], PgType::JSONB, set_lax).not_strict(),
            overload(&[Ty::Text, Ty::TextArray, Ty::Text, Ty::Bool, Ty::Text], PgType::JSONB, set_lax).not_strict(),
        ],
    ),
    immutable(
        "jsonb_insert",
        &[
            overload(&[Ty::Text, Ty::TextArray, Ty::Text], PgType::JSONB, insert),
            overload(&[Ty::Text, Ty::TextArray, Ty::Text, Ty::Bool], PgType::JSONB, insert),
        ],
    ),
];

const TREATMENTS: &str =
    "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"";

/// What becomes of the value that a path leads to.
enum Change<'a> {
    Delete,
    /// Another value; one that is not there is made if the flag says so.
    Set(Json<'a>, bool),
    /// A value before or behind an item, or a member that is not there yet.
    Insert(Json<'a>, bool),
}

fn changed<'a>(json: &'a str, path: &[Option<String>], change: &Change<'a>) -> Result<String> {
    let value = parse(json)?;
    if !matches!(value, Json::Array(_) | Json::Object(_)) {
        let what = if matches!(change, Change::Delete) { "delete path in" } else { "set path in" };
        return Err(invalid_parameter(format!("cannot {what} scalar")));
    }
    if path.is_empty() {
        return print(&value);
    }
    print(&at_path(value, path, 0, change)?)
}

fn at_path<'a>(value: Json<'a>, path: &[Option<String>], level: usize, change: &Change<'a>) -> Result<Json<'a>> {
    let step = path[level].as_deref();
    let step = step.ok_or_else(|| error("22004", format!("path element at position {} is null", level + 1)))?;
    let is_end = level + 1 == path.len();
    match value {
        Json::Object(mut members) => {
            // Of equal keys the last counts.
            match members.iter().rposition(|(key, _)| key == step) {
                Some(at) if is_end => member_changed(&mut members, at, step, change)?,
                Some(at) => members[at].1 = at_path(members[at].1.clone(), path, level + 1, change)?,
                None if is_end => {
                    if let Change::Set(new, true) | Change::Insert(new, _) = change {
                        members.push((step.to_owned().into(), new.clone()));
                    }
                }
                None => {}
            }
            Ok(Json::Object(members))
        }
        Json::Array(mut items) => {
            let place = place_of(step, level)?;
            if is_end {
                item_changed(&mut items, place, change);
            } else if let Some(at) = position(place, items.len()) {
                items[at] = at_path(items[at].clone(), path, level + 1, change)?;
            }
            Ok(Json::Array(items))
        }
        scalar => Ok(scalar),
    }
}

fn place_of(step: &str, level: usize) -> Result<i64> {
    step.trim()
        .parse::<i32>()
        .map(i64::from)
        .map_err(|_| error("22P02", format!("path element at position {} is not an integer: \"{step}\"", level + 1)))
}

/// The index of an item; a negative place counts from the end.
fn position(place: i64, count: usize) -> Option<usize> {
    let at = if place < 0 { place + count as i64 } else { place };
    usize::try_from(at).ok().filter(|at| *at < count)
}

type Members<'a> = Vec<(std::borrow::Cow<'a, str>, Json<'a>)>;

fn member_changed<'a>(members: &mut Members<'a>, at: usize, key: &str, change: &Change<'a>) -> Result<()> {
    match change {
        Change::Delete => members.retain(|(name, _)| name != key),
        Change::Set(new, _) => members[at].1 = new.clone(),
        Change::Insert(..) => return Err(cannot_replace()),
    }
    Ok(())
}

fn cannot_replace() -> DataFusionError {
    super::error::FunctionError::new("22023", "cannot replace existing key")
        .with_hint("Try using the function jsonb_set to replace key value.")
        .into()
}

fn item_changed<'a>(items: &mut Vec<Json<'a>>, place: i64, change: &Change<'a>) {
    let at = position(place, items.len());
    match (change, at) {
        (Change::Delete, Some(at)) => drop(items.remove(at)),
        (Change::Delete, None) => {}
        (Change::Set(new, _), Some(at)) => items[at] = new.clone(),
        (Change::Insert(new, is_behind), Some(at)) => items.insert(at + usize::from(*is_behind), new.clone()),
        (Change::Set(new, true) | Change::Insert(new, _), None) => {
            items.insert(if place < 0 { 0 } else { items.len() }, new.clone());
        }
        (Change::Set(_, false), None) => {}
    }
}

fn setting(value: Json<'_>, creates: bool) -> Change<'_> {
    Change::Set(value, creates)
}

fn inserting(value: Json<'_>, is_behind: bool) -> Change<'_> {
    Change::Insert(value, is_behind)
}

/// Changes each row's value; the flag behind the new value is `default` if it is not given.
fn with_value(call: &Call<'_>, default: bool, change: for<'a> fn(Json<'a>, bool) -> Change<'a>) -> Result<ArrayRef> {
    let (json, paths, values) =
        (Argument::<Text>::of(call, 0), Argument::<List>::of(call, 1), Argument::<Text>::of(call, 2));
    let flags = (call.args.len() > 3).then(|| Argument::<Bool>::of(call, 3));
    let row = |row| {
        let flag = flags.as_ref().map_or(Some(default), |flags| flags.get(row));
        match (json.get(row), paths.get(row), values.get(row), flag) {
            (Some(json), Some(path), Some(value), Some(flag)) => {
                changed(json, &texts(&path), &change(parse(value)?, flag)).map(Some)
            }
            _ => Ok(None),
        }
    };
    Ok(String::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

fn set(call: &Call<'_>) -> Result<ArrayRef> {
    with_value(call, true, setting)
}

fn insert(call: &Call<'_>) -> Result<ArrayRef> {
    with_value(call, false, inserting)
}

/// As [`set`], where the last argument says what a NULL as the new value does.
fn set_lax(call: &Call<'_>) -> Result<ArrayRef> {
    let (json, paths, values) =
        (Argument::<Text>::of(call, 0), Argument::<List>::of(call, 1), Argument::<Text>::of(call, 2));
    let creates = (call.args.len() > 3).then(|| Argument::<Bool>::of(call, 3));
    let treatments = (call.args.len() > 4).then(|| Argument::<Text>::of(call, 4));
    let row = |row| {
        let creates = creates.as_ref().map_or(Some(true), |creates| creates.get(row));
        let (Some(json), Some(path), Some(creates)) = (json.get(row), paths.get(row), creates) else { return Ok(None) };
        let treatment = treatments.as_ref().map_or(Some("use_json_null"), |treatments| treatments.get(row));
        let change = match (values.get(row), treatment) {
            (Some(value), _) => Change::Set(parse(value)?, creates),
            (None, Some("use_json_null")) => Change::Set(Json::Null, creates),
            (None, Some("delete_key")) => Change::Delete,
            (None, Some("return_target")) => return Ok(Some(json.to_owned())),
            (None, Some("raise_exception")) => return Err(error("22004", "JSON value must not be null")),
            (None, Some(_)) => return Err(invalid_parameter(TREATMENTS)),
            (None, None) => return Err(error("22004", TREATMENTS)),
        };
        changed(json, &texts(&path), &change).map(Some)
    };
    Ok(String::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

/// An object without those members, an array without those strings.
fn without_keys(value: Json<'_>, keys: &[Option<String>]) -> Result<String> {
    let is_key = |name: &str| keys.iter().flatten().any(|key| key == name);
    let rest = match value {
        Json::Object(members) => Json::Object(members.into_iter().filter(|(name, _)| !is_key(name)).collect()),
        Json::Array(items) => {
            let is_key = |item: &Json<'_>| matches!(item, Json::String(text) if is_key(text));
            Json::Array(items.into_iter().filter(|item| !is_key(item)).collect())
        }
        _ => return Err(invalid_parameter("cannot delete from scalar")),
    };
    print(&rest)
}

fn without_item(value: Json<'_>, place: i32) -> Result<String> {
    match value {
        Json::Array(mut items) => {
            if let Some(at) = position(place.into(), items.len()) {
                items.remove(at);
            }
            print(&Json::Array(items))
        }
        Json::Object(_) => Err(invalid_parameter("cannot delete from object using integer index")),
        _ => Err(invalid_parameter("cannot delete from scalar")),
    }
}
