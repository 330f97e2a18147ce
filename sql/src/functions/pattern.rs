//! Functions of regular expressions. Those that begin at a place or take one match of many are in `regexp_places`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, ListBuilder, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::{Field, FieldRef};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, computed, immutable, overload};
use super::error::invalid_parameter;
use super::regular_expression::{Found, Reading, RegularExpression};
use super::rows::*;
use super::signature::Ty;
use crate::semantics::type_planner::field_of;

const TEXT_ARRAY: PgType = PgType::plain(1009);

/// The operators `~` and `~*`, as functions.
pub(crate) const MATCH: &str = "pg_op_regex";
pub(crate) const MATCH_ANY_CASE: &str = "pg_op_regex_any_case";
/// What `regexp_matches` gives, as an array.
pub(crate) const MATCHES: &str = "pg_regexp_matches";

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(MATCH, &[overload(&[Ty::Text, Ty::Text], PgType::BOOL, |c| matching(c, ""))]),
    immutable(MATCH_ANY_CASE, &[overload(&[Ty::Text, Ty::Text], PgType::BOOL, |c| matching(c, "i"))]),
    immutable(
        "regexp_match",
        &[
            overload(&[Ty::Text, Ty::Text], TEXT_ARRAY, regexp_match),
            overload(&[Ty::Text, Ty::Text, Ty::Text], TEXT_ARRAY, regexp_match),
        ],
    ),
    immutable(
        MATCHES,
        &[
            computed(&[Ty::Text, Ty::Text], array_of_texts, regexp_matches),
            computed(&[Ty::Text, Ty::Text, Ty::Text], array_of_texts, regexp_matches),
        ],
    ),
    immutable(
        "regexp_split_to_array",
        &[
            overload(&[Ty::Text, Ty::Text], TEXT_ARRAY, regexp_split),
            overload(&[Ty::Text, Ty::Text, Ty::Text], TEXT_ARRAY, regexp_split),
        ],
    ),
    immutable(
        "regexp_like",
        &[
            overload(&[Ty::Text, Ty::Text], PgType::BOOL, regexp_like),
            overload(&[Ty::Text, Ty::Text, Ty::Text], PgType::BOOL, regexp_like),
        ],
    ),
];

/// The patterns that a call met, each compiled once.
#[derive(Default)]
pub(super) struct Compiled(RefCell<HashMap<(String, String), Arc<RegularExpression>>>);

impl Compiled {
    pub(super) fn get(&self, pattern: &str, flags: &str) -> Result<Arc<RegularExpression>> {
        let key = (pattern.to_owned(), flags.to_owned());
        if let Some(regex) = self.0.borrow().get(&key) {
            return Ok(Arc::clone(regex));
        }
        let regex = Arc::new(compile(pattern, flags)?);
        self.0.borrow_mut().insert(key, Arc::clone(&regex));
        Ok(regex)
    }
}

/// The patterns of a call's argument.
pub(super) struct Patterns<'a> {
    patterns: Argument<'a, Text>,
    flags: Option<Argument<'a, Text>>,
    compiled: Compiled,
}

impl<'a> Patterns<'a> {
    pub(super) fn of(call: &'a Call<'_>, pattern: usize, flags: Option<usize>) -> Self {
        let flags = flags.filter(|place| *place < call.args.len()).map(|place| Argument::of(call, place));
        Patterns { patterns: Argument::of(call, pattern), flags, compiled: Compiled::default() }
    }

    /// The flags of a row; `None` where they are NULL.
    pub(super) fn flags(&self, row: usize) -> Option<&'a str> {
        match &self.flags {
            None => Some(""),
            Some(flags) => flags.get(row),
        }
    }

    /// The pattern of a row, read with its flags.
    pub(super) fn get(&self, row: usize) -> Result<Option<Arc<RegularExpression>>> {
        match self.flags(row) {
            Some(flags) => self.with_flags(row, flags),
            None => Ok(None),
        }
    }

    fn with_flags(&self, row: usize, flags: &str) -> Result<Option<Arc<RegularExpression>>> {
        self.patterns.get(row).map(|pattern| self.compiled.get(pattern, flags)).transpose()
    }
}

/// A pattern of PostgreSQL's advanced regular expressions, with its flags (`g` is the caller's).
pub(super) fn compile(pattern: &str, flags: &str) -> Result<RegularExpression> {
    RegularExpression::new(pattern, &reading_of(flags)?)
}

/// How flags say that a pattern is to be read; of two that contradict each other the last counts.
fn reading_of(flags: &str) -> Result<Reading> {
    let mut reading = Reading::default();
    for flag in flags.chars() {
        match flag {
            'g' => {}
            'c' => reading.any_case = false,
            'i' => reading.any_case = true,
            'm' | 'n' => (reading.dot_stops, reading.anchors_at_lines) = (true, true),
            'p' => (reading.dot_stops, reading.anchors_at_lines) = (true, false),
            'q' => reading.is_literal = true,
            's' => (reading.dot_stops, reading.anchors_at_lines) = (false, false),
            't' => reading.is_expanded = false,
            'w' => (reading.dot_stops, reading.anchors_at_lines) = (false, true),
            'x' => reading.is_expanded = true,
            other => return Err(invalid_parameter(format!("invalid regular expression option: \"{other}\""))),
        }
    }
    Ok(reading)
}

/// Applies a function to the first argument's text of each row.
pub(super) fn rows<R: Out>(call: &Call<'_>, f: impl Fn(usize, &str) -> Result<Option<R>>) -> Result<ArrayRef> {
    let texts = Argument::<Text>::of(call, 0);
    let row = |row| texts.get(row).map_or(Ok(None), |text| f(row, text));
    Ok(R::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

/// Whether each text matches its pattern, read with these flags.
fn matching(call: &Call<'_>, flags: &str) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, None);
    rows(call, |row, s| patterns.with_flags(row, flags)?.map(|regex| regex.is_match(s)).transpose())
}

/// The parenthesised parts of a match, or the whole of it.
fn parts(found: &Found<'_>) -> TextsOut {
    TextsOut(found.parts().map(|part| part.map(str::to_owned)).collect())
}

fn regexp_match(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, Some(2));
    rows(call, |row, s| {
        if patterns.flags(row).is_some_and(|flags| flags.contains('g')) {
            return Err(invalid_parameter("regexp_match() does not support the \"global\" option"));
        }
        match patterns.get(row)? {
            Some(regex) => Ok(regex.find(s)?.map(|found| parts(&found))),
            None => Ok(None),
        }
    })
}

fn array_of_texts(name: &str, _fields: &[FieldRef]) -> Result<FieldRef> {
    Ok(Arc::new(Field::new_list(name, field_of(TEXT_ARRAY).as_ref().clone().with_name("item"), true)))
}

/// The groups of the first match, or of all with the flag `g`, as an array of arrays.
fn regexp_matches(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, Some(2));
    let texts = Argument::<Text>::of(call, 0);
    let mut matches = ListBuilder::new(ListBuilder::new(StringViewBuilder::new()));
    for row in 0..call.rows {
        let (Some(s), Some(regex)) = (texts.get(row), patterns.get(row)?) else {
            matches.append_null();
            continue;
        };
        let is_global = patterns.flags(row).is_some_and(|flags| flags.contains('g'));
        for found in regex.matches_from(s, 0).take(if is_global { usize::MAX } else { 1 }) {
            matches.values().append_value(parts(&found?).0);
        }
        matches.append(true);
    }
    Ok(cast(&(Arc::new(matches.finish()) as ArrayRef), call.return_type())?)
}

fn regexp_split(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, Some(2));
    rows(call, |row, s| match patterns.get(row)? {
        Some(regex) => Ok(Some(TextsOut(split(&regex, s)?.into_iter().map(Some).collect()))),
        None => Ok(None),
    })
}

/// The pieces between matches; an empty match at the start, the end or right after a match does not count.
fn split(regex: &RegularExpression, s: &str) -> Result<Vec<String>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for found in regex.matches_from(s, 0) {
        let found = found?.range();
        if found.is_empty() && (found.start == start || found.start == s.len()) {
            continue;
        }
        pieces.push(s[start..found.start].to_owned());
        start = found.end;
    }
    pieces.push(s[start..].to_owned());
    Ok(pieces)
}

fn regexp_like(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, Some(2));
    rows(call, |row, s| patterns.get(row)?.map(|regex| regex.is_match(s)).transpose())
}

/// `substring(text from pattern)`: the first parenthesised part of the first match, or the whole of it.
pub(crate) fn substring(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, None);
    rows(call, |row, s| match patterns.get(row)? {
        Some(regex) => Ok(regex.find(s)?.and_then(|found| found.parts().next().flatten()).map(str::to_owned)),
        None => Ok(None),
    })
}
