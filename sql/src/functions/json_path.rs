//! SQL/JSON paths: `jsonb_path_query` and its kin, `@?` and `@@`.
//!
//! A path is parsed once per call for each text that it has.

mod evaluate;
mod item;
mod number;
mod parse;
mod syntax;
mod tokens;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use self::evaluate::{Evaluator, Failure};
use self::item::Item;
use self::syntax::Path;
use super::define::{Call, Definition, Overload, immutable, overload};
use super::error::error;
use super::json::parse as parse_json;
use super::rows::*;
use super::signature::Ty;
use crate::values::Json;

/// `jsonb @? path`.
pub(crate) const EXISTS: &str = "pg_op_jsonb_path_exists";
/// `jsonb @@ path`.
pub(crate) const MATCHES: &str = "pg_op_jsonb_path_match";
/// What `jsonb_path_query` gives, as an array.
pub(crate) const ITEMS: &str = "pg_jsonb_path_items";

const JSONB_ARRAY: PgType = PgType::plain(3807);

/// The overloads of a function of (target, path [, variables [, silent]]).
macro_rules! of_path {
    ($returns:expr, $eval:expr) => {
        &[
            overload(&[Ty::Text, Ty::Text], $returns, $eval),
            overload(&[Ty::Text, Ty::Text, Ty::Text], $returns, $eval),
            overload(&[Ty::Text, Ty::Text, Ty::Text, Ty::Bool], $returns, $eval),
        ]
    };
}

const PATH_EXISTS: &[Overload] = of_path!(PgType::BOOL, |c| per_row(c, false, exists));
const PATH_MATCH: &[Overload] = of_path!(PgType::BOOL, |c| per_row(c, false, matches));

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(EXISTS, &[overload(&[Ty::Text, Ty::Text], PgType::BOOL, |c| per_row(c, true, exists))]),
    immutable(MATCHES, &[overload(&[Ty::Text, Ty::Text], PgType::BOOL, |c| per_row(c, true, matches))]),
    immutable("jsonb_path_exists", PATH_EXISTS),
    immutable("jsonb_path_exists_tz", PATH_EXISTS),
    immutable("jsonb_path_match", PATH_MATCH),
    immutable("jsonb_path_match_tz", PATH_MATCH),
    immutable("jsonb_path_query_array", of_path!(PgType::JSONB, |c| per_row(c, false, array_of))),
    immutable("jsonb_path_query_first", of_path!(PgType::JSONB, |c| per_row(c, false, first))),
    immutable(ITEMS, of_path!(JSONB_ARRAY, |c| per_row(c, false, items))),
];

/// What a path found, or why it found nothing.
type Found<'v> = std::result::Result<Vec<Item<'v>>, Failure>;

/// A result for each row. A failure that is to be passed over in silence finds what `give` makes of it. An operator is
/// silent, and knows no variables: each is null to it.
fn per_row<R: Out>(
    call: &Call<'_>,
    is_operator: bool,
    give: fn(Found<'_>, bool) -> Result<Option<R>>,
) -> Result<ArrayRef> {
    let (targets, paths) = (Argument::<Text>::of(call, 0), Argument::<Text>::of(call, 1));
    let variables = (call.args.len() > 2).then(|| Argument::<Text>::of(call, 2));
    let silences = (call.args.len() > 3).then(|| Argument::<Bool>::of(call, 3));
    let mut parsed: HashMap<&str, Arc<Path>> = HashMap::new();
    let mut results = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let given = variables.as_ref().map_or(Some("{}"), |variables| variables.get(row));
        let silent = silences.as_ref().map_or(Some(is_operator), |silences| silences.get(row));
        let (Some(target), Some(text), Some(given), Some(silent)) = (targets.get(row), paths.get(row), given, silent)
        else {
            results.push(None);
            continue;
        };
        let path = match parsed.get(text) {
            Some(path) => Arc::clone(path),
            None => Arc::clone(parsed.entry(text).or_insert(Arc::new(parse::path(text)?))),
        };
        let (target, variables) = (parse_json(target)?, variables_of(given)?);
        let variables = (!is_operator).then_some(&variables);
        results.push(give(Evaluator::new(&path, &target, variables).run(), silent)?);
    }
    Ok(R::collect(results))
}

fn variables_of(text: &str) -> Result<Json<'_>> {
    match parse_json(text)? {
        object @ Json::Object(_) => Ok(object),
        _ => Err(error("22023", "\"vars\" argument is not an object")),
    }
}

/// What was found; nothing if it failed and may be silent.
fn found(found: Found<'_>, silent: bool) -> Result<Option<Vec<Item<'_>>>> {
    match found {
        Ok(items) => Ok(Some(items)),
        Err(failure) if silent && !failure.is_fatal => Ok(None),
        Err(failure) => Err(failure.into_error()),
    }
}

fn exists(items: Found<'_>, silent: bool) -> Result<Option<bool>> {
    Ok(found(items, silent)?.map(|items| !items.is_empty()))
}

fn matches(items: Found<'_>, silent: bool) -> Result<Option<bool>> {
    match found(items, silent)?.as_deref() {
        Some([item]) if item.as_bool().is_some() || item.is_null() => Ok(item.as_bool()),
        Some(_) if !silent => Err(error("22038", "single boolean result is expected")),
        _ => Ok(None),
    }
}

fn array_of(items: Found<'_>, silent: bool) -> Result<Option<String>> {
    let texts: Vec<String> = found(items, silent)?.unwrap_or_default().iter().map(Item::text).collect::<Result<_>>()?;
    Ok(Some(format!("[{}]", texts.join(", "))))
}

fn first(items: Found<'_>, silent: bool) -> Result<Option<String>> {
    found(items, silent)?.unwrap_or_default().first().map(Item::text).transpose()
}

fn items(items: Found<'_>, silent: bool) -> Result<Option<TextsOut>> {
    let texts = found(items, silent)?.unwrap_or_default();
    Ok(Some(TextsOut(texts.iter().map(|item| item.text().map(Some)).collect::<Result<_>>()?)))
}
