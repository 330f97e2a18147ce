//! Regular expressions. The functions that begin at a place or take one match of
//! many are in `regexp_places`.
//!
//! The engine is the `regex` crate's: PostgreSQL's back references and look-around are 0A000, its word marks
//! (`\m \M \y`) are translated.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, ListBuilder, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::{Field, FieldRef};
use datafusion::common::{DataFusionError, Result};
use peristyle_catalog::model::PgType;
use regex::{Captures, Regex, RegexBuilder};

use super::define::{Call, Definition, computed, immutable, overload};
use super::error::{error, invalid_parameter, not_supported};
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
pub(super) struct Compiled(RefCell<HashMap<(String, String), Arc<Regex>>>);

impl Compiled {
    pub(super) fn get(&self, pattern: &str, flags: &str) -> Result<Arc<Regex>> {
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
    pub(super) fn get(&self, row: usize) -> Result<Option<Arc<Regex>>> {
        match self.flags(row) {
            Some(flags) => self.with_flags(row, flags),
            None => Ok(None),
        }
    }

    fn with_flags(&self, row: usize, flags: &str) -> Result<Option<Arc<Regex>>> {
        self.patterns.get(row).map(|pattern| self.compiled.get(pattern, flags)).transpose()
    }
}

/// A pattern of PostgreSQL's advanced regular expressions, with its flags (`g` is the caller's).
pub(super) fn compile(pattern: &str, flags: &str) -> Result<Regex> {
    let reading = Reading::of(flags)?;
    let text = if reading.is_literal { regex::escape(pattern) } else { translated(pattern)? };
    let mut builder = RegexBuilder::new(&text);
    builder.case_insensitive(reading.any_case).ignore_whitespace(reading.is_expanded && !reading.is_literal);
    builder.dot_matches_new_line(!reading.dot_stops).multi_line(reading.anchors_at_lines);
    builder.build().map_err(|source| bad_pattern(&source))
}

/// How flags say that a pattern is to be read; of two that contradict each other the last counts.
#[derive(Default)]
struct Reading {
    any_case: bool,
    is_expanded: bool,
    /// Whether nothing in the pattern is a mark.
    is_literal: bool,
    /// Whether a dot does not match a newline.
    dot_stops: bool,
    /// Whether `^` and `$` match at newlines too.
    anchors_at_lines: bool,
}

impl Reading {
    fn of(flags: &str) -> Result<Reading> {
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
}

/// The matches from a byte on. One that is empty is followed by a search one character further.
pub(super) fn matches_from<'s>(regex: &Regex, s: &'s str, from: usize) -> impl Iterator<Item = Captures<'s>> {
    let mut at = Some(from);
    std::iter::from_fn(move || {
        let captures = regex.captures_at(s, at?)?;
        let whole = captures.get(0)?;
        let step = if whole.is_empty() { s[whole.end()..].chars().next().map(char::len_utf8) } else { Some(0) };
        at = step.map(|step| whole.end() + step);
        Some(captures)
    })
}

fn bad_pattern(source: &regex::Error) -> DataFusionError {
    let text = source.to_string();
    if text.contains("backreferences") || text.contains("look-around") {
        return not_supported("a back reference or look-around in a regular expression");
    }
    error("2201B", format!("invalid regular expression: {}", complaint(text.lines().last().unwrap_or_default())))
}

/// What PostgreSQL says where the regex crate says `text`.
fn complaint(text: &str) -> &str {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    match text {
        "unclosed group" | "unopened group" => "parentheses () not balanced",
        "unclosed character class" => "brackets [] not balanced",
        "repetition operator missing expression" => "quantifier operand invalid",
        "unclosed counted repetition" => "braces {} not balanced",
        text if text.starts_with("invalid character class range") => "invalid character range",
        text if text.starts_with("invalid repetition count range") => "invalid repetition count(s)",
        "unrecognized escape sequence" => "invalid escape \\ sequence",
        text => text,
    }
}

fn translated(pattern: &str) -> Result<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.strip_prefix("***:").unwrap_or(pattern).chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('m') => text.push_str(r"\b{start}"),
            Some('M') => text.push_str(r"\b{end}"),
            Some('y') => text.push_str(r"\b"),
            Some('Y') => text.push_str(r"\B"),
            Some('Z') => text.push_str(r"\z"),
            Some(escaped) => text.extend(['\\', escaped]),
            None => return Err(error("2201B", "invalid regular expression: invalid escape \\ sequence")),
        }
    }
    Ok(text)
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
    rows(call, |row, s| Ok(patterns.with_flags(row, flags)?.map(|regex| regex.is_match(s))))
}

/// `\1` and `\&` as the regex crate writes them.
pub(super) fn replacement_of(replacement: &str) -> String {
    let mut text = String::with_capacity(replacement.len());
    let mut chars = replacement.chars();
    while let Some(c) = chars.next() {
        match c {
            '$' => text.push_str("$$"),
            '\\' => match chars.next() {
                Some(digit @ '0'..='9') => text.push_str(&format!("${{{digit}}}")),
                Some('&') => text.push_str("${0}"),
                Some('\\') | None => text.push('\\'),
                Some(other) => text.extend(['\\', other]),
            },
            c => text.push(c),
        }
    }
    text
}

/// The parenthesised parts of the first match, or the whole of it.
fn groups(captures: &Captures<'_>) -> TextsOut {
    let first = usize::from(captures.len() > 1);
    TextsOut((first..captures.len()).map(|group| captures.get(group).map(|found| found.as_str().to_owned())).collect())
}

fn regexp_match(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, Some(2));
    rows(call, |row, s| {
        if patterns.flags(row).is_some_and(|flags| flags.contains('g')) {
            return Err(invalid_parameter("regexp_match() does not support the \"global\" option"));
        }
        Ok(patterns.get(row)?.and_then(|regex| regex.captures(s).map(|captures| groups(&captures))))
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
        for captures in matches_from(&regex, s, 0).take(if is_global { usize::MAX } else { 1 }) {
            matches.values().append_value(groups(&captures).0);
        }
        matches.append(true);
    }
    Ok(cast(&(Arc::new(matches.finish()) as ArrayRef), call.return_type())?)
}

fn regexp_split(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, Some(2));
    rows(call, |row, s| Ok(patterns.get(row)?.map(|regex| TextsOut(split(&regex, s).into_iter().map(Some).collect()))))
}

/// The pieces between matches; an empty match at the start, the end or right after a match does not count.
fn split(regex: &Regex, s: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for captures in matches_from(regex, s, 0) {
        let found = captures.get_match();
        if found.is_empty() && (found.start() == start || found.start() == s.len()) {
            continue;
        }
        pieces.push(s[start..found.start()].to_owned());
        start = found.end();
    }
    pieces.push(s[start..].to_owned());
    pieces
}

fn regexp_like(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, Some(2));
    rows(call, |row, s| Ok(patterns.get(row)?.map(|regex| regex.is_match(s))))
}

/// `substring(text from pattern)`: the first parenthesised part of the first match, or the whole of it.
pub(crate) fn substring(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, None);
    rows(call, |row, s| {
        Ok(patterns.get(row)?.and_then(|regex| {
            let captures = regex.captures(s)?;
            let group = usize::from(captures.len() > 1);
            captures.get(group).map(|found| found.as_str().to_owned())
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_translated() {
        assert_eq!(replacement_of(r"\1-\&-$"), "${1}-${0}-$$");
        assert!(compile(r"\mfoo\M", "i").expect("a regex").is_match("a FOO b"));
    }
}
