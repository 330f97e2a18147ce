//! Regular expressions, LIKE with another escape, SIMILAR TO.
//!
//! The engine is the `regex` crate's: PostgreSQL's back references and look-around are 0A000, its word marks
//! (`\m \M \y`) are translated.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use datafusion::common::{DataFusionError, Result};
use peristyle_catalog::model::PgType;
use regex::{Regex, RegexBuilder};

use super::define::{Call, Definition, immutable, overload};
use super::error::{error, invalid_parameter, not_supported};
use super::rows::*;
use super::signature::Ty;

const TEXT_ARRAY: PgType = PgType::plain(1009);

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(
        "regexp_replace",
        &[
            overload(&[Ty::Text, Ty::Text, Ty::Text], PgType::TEXT, regexp_replace),
            overload(&[Ty::Text, Ty::Text, Ty::Text, Ty::Text], PgType::TEXT, regexp_replace),
        ],
    ),
    immutable(
        "regexp_match",
        &[
            overload(&[Ty::Text, Ty::Text], TEXT_ARRAY, regexp_match),
            overload(&[Ty::Text, Ty::Text, Ty::Text], TEXT_ARRAY, regexp_match),
        ],
    ),
    immutable(
        "regexp_split_to_array",
        &[
            overload(&[Ty::Text, Ty::Text], TEXT_ARRAY, regexp_split),
            overload(&[Ty::Text, Ty::Text, Ty::Text], TEXT_ARRAY, regexp_split),
        ],
    ),
    immutable("regexp_count", &[overload(&[Ty::Text, Ty::Text], PgType::INT4, regexp_count)]),
    immutable(
        "regexp_like",
        &[
            overload(&[Ty::Text, Ty::Text], PgType::BOOL, regexp_like),
            overload(&[Ty::Text, Ty::Text, Ty::Text], PgType::BOOL, regexp_like),
        ],
    ),
    immutable(
        "regexp_substr",
        &[overload(&[Ty::Text, Ty::Text], PgType::TEXT, |c| {
            let patterns = Patterns::of(c, 1, None);
            rows(c, |row, s| {
                Ok(patterns.get(row)?.and_then(|regex| regex.find(s).map(|found| found.as_str().to_owned())))
            })
        })],
    ),
    immutable(
        "pg_op_similar_to",
        &[
            overload(&[Ty::Text, Ty::Text], PgType::BOOL, |c| similar_to(c, false)),
            overload(&[Ty::Text, Ty::Text, Ty::Text], PgType::BOOL, |c| similar_to(c, true)),
        ],
    ),
    immutable(
        "like_escape",
        &[overload(&[Ty::Text, Ty::Text], PgType::TEXT, |c| map2::<Text, Text, _>(c, like_escape))],
    ),
];

/// The compiled patterns of a call's argument, each compiled once.
struct Patterns<'a> {
    patterns: Argument<'a, Text>,
    flags: Option<Argument<'a, Text>>,
    compiled: std::cell::RefCell<HashMap<(String, String), Arc<Regex>>>,
}

impl<'a> Patterns<'a> {
    fn of(call: &'a Call<'_>, pattern: usize, flags: Option<usize>) -> Self {
        let flags = flags.filter(|place| *place < call.args.len()).map(|place| Argument::of(call, place));
        Patterns { patterns: Argument::of(call, pattern), flags, compiled: Default::default() }
    }

    fn flags(&self, row: usize) -> Option<&'a str> {
        match &self.flags {
            None => Some(""),
            Some(flags) => flags.get(row),
        }
    }

    fn get(&self, row: usize) -> Result<Option<Arc<Regex>>> {
        let (Some(pattern), Some(flags)) = (self.patterns.get(row), self.flags(row)) else { return Ok(None) };
        let key = (pattern.to_owned(), flags.to_owned());
        if let Some(regex) = self.compiled.borrow().get(&key) {
            return Ok(Some(Arc::clone(regex)));
        }
        let regex = Arc::new(compile(pattern, flags)?);
        self.compiled.borrow_mut().insert(key, Arc::clone(&regex));
        Ok(Some(regex))
    }
}

/// A pattern of PostgreSQL's advanced regular expressions, with its flags (`g` is the caller's).
fn compile(pattern: &str, flags: &str) -> Result<Regex> {
    let mut builder = RegexBuilder::new(&translated(pattern)?);
    // Without flags a dot matches newlines and ^ $ only the ends.
    builder.dot_matches_new_line(true);
    for flag in flags.chars() {
        match flag {
            'g' | 'c' | 's' => {}
            'i' => drop(builder.case_insensitive(true)),
            'n' | 'm' => drop(builder.dot_matches_new_line(false).multi_line(true)),
            'x' => drop(builder.ignore_whitespace(true)),
            other => return Err(invalid_parameter(format!("invalid regular expression option: \"{other}\""))),
        }
    }
    builder.build().map_err(|source| bad_pattern(&source))
}

fn bad_pattern(source: &regex::Error) -> DataFusionError {
    let text = source.to_string();
    if text.contains("backreferences") || text.contains("look-around") {
        return not_supported("a back reference or look-around in a regular expression");
    }
    error("2201B", format!("invalid regular expression: {}", text.lines().last().unwrap_or_default()))
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
fn rows<R: Out>(call: &Call<'_>, f: impl Fn(usize, &str) -> Result<Option<R>>) -> Result<ArrayRef> {
    let texts = Argument::<Text>::of(call, 0);
    let row = |row| texts.get(row).map_or(Ok(None), |text| f(row, text));
    Ok(R::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

fn regexp_replace(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, Some(3));
    let replacements = Argument::<Text>::of(call, 2);
    rows(call, |row, s| {
        let (Some(regex), Some(replacement)) = (patterns.get(row)?, replacements.get(row)) else { return Ok(None) };
        let limit = if patterns.flags(row).is_some_and(|flags| flags.contains('g')) { 0 } else { 1 };
        Ok(Some(regex.replacen(s, limit, replacement_of(replacement).as_str()).into_owned()))
    })
}

/// `\1` and `\&` as the regex crate writes them.
fn replacement_of(replacement: &str) -> String {
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
fn groups(captures: &regex::Captures<'_>) -> TextsOut {
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

fn regexp_split(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, Some(2));
    rows(call, |row, s| Ok(patterns.get(row)?.map(|regex| TextsOut(split(&regex, s).into_iter().map(Some).collect()))))
}

/// The pieces between matches; an empty match at the start, the end or right after a match does not count.
fn split(regex: &Regex, s: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for found in regex.find_iter(s) {
        if found.is_empty() && (found.start() == start || found.start() == s.len()) {
            continue;
        }
        pieces.push(s[start..found.start()].to_owned());
        start = found.end();
    }
    pieces.push(s[start..].to_owned());
    pieces
}

fn regexp_count(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, None);
    rows(call, |row, s| Ok(patterns.get(row)?.map(|regex| regex.find_iter(s).count() as i32)))
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

fn similar_to(call: &Call<'_>, has_escape: bool) -> Result<ArrayRef> {
    let patterns = Argument::<Text>::of(call, 1);
    let escapes = has_escape.then(|| Argument::<Text>::of(call, 2));
    let mut compiled: HashMap<String, Regex> = HashMap::new();
    let texts = Argument::<Text>::of(call, 0);
    let mut matches = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let escape = escapes.as_ref().map_or(Some("\\"), |escapes| escapes.get(row));
        let (Some(s), Some(pattern), Some(escape)) = (texts.get(row), patterns.get(row), escape) else {
            matches.push(None);
            continue;
        };
        let translated = similar_pattern(pattern, escape)?;
        if !compiled.contains_key(&translated) {
            compiled.insert(translated.clone(), compile(&translated, "")?);
        }
        matches.push(Some(compiled[&translated].is_match(s)));
    }
    Ok(bool::collect(matches))
}

/// An SQL pattern as a regular expression that matches the whole text.
fn similar_pattern(pattern: &str, escape: &str) -> Result<String> {
    if escape.chars().count() > 1 {
        return Err(error("22025", "invalid escape string"));
    }
    let escape = escape.chars().next();
    let mut text = String::from("^(?:");
    let mut in_brackets = false;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            c if Some(c) == escape => {
                if let Some(escaped) = chars.next() {
                    text.push_str(&regex::escape(&escaped.to_string()));
                }
            }
            '[' => {
                in_brackets = true;
                text.push('[');
            }
            ']' => {
                in_brackets = false;
                text.push(']');
            }
            c if in_brackets => text.push(c),
            '%' => text.push_str(".*"),
            '_' => text.push('.'),
            '.' | '^' | '$' | '\\' => text.extend(['\\', c]),
            c => text.push(c),
        }
    }
    text.push_str(")$");
    Ok(text)
}

/// A LIKE pattern whose escape is the backslash.
fn like_escape(pattern: &str, escape: &str) -> Result<String> {
    if escape.chars().count() > 1 {
        return Err(error("22025", "invalid escape string"));
    }
    let escape = escape.chars().next();
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            c if Some(c) == escape => {
                let escaped =
                    chars.next().ok_or_else(|| error("22025", "LIKE pattern must not end with escape character"))?;
                text.extend(['\\', escaped]);
            }
            '\\' => text.push_str("\\\\"),
            c => text.push(c),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_translated() {
        assert_eq!(similar_pattern("a%_b.", "\\").expect("a pattern"), "^(?:a.*.b\\.)$");
        assert_eq!(like_escape("a!%\\b", "!").expect("a pattern"), "a\\%\\\\b");
        assert_eq!(replacement_of(r"\1-\&-$"), "${1}-${0}-$$");
        assert!(compile(r"\mfoo\M", "i").expect("a regex").is_match("a FOO b"));
    }
}
