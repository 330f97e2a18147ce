//! LIKE with another escape, and SIMILAR TO.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, immutable, overload};
use super::error::{FunctionError, error};
use super::pattern::Compiled;
use super::rows::*;
use super::signature::Ty;

pub(crate) const DEFINITIONS: &[Definition] = &[
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

fn similar_to(call: &Call<'_>, has_escape: bool) -> Result<ArrayRef> {
    let patterns = Argument::<Text>::of(call, 1);
    let escapes = has_escape.then(|| Argument::<Text>::of(call, 2));
    let compiled = Compiled::default();
    let texts = Argument::<Text>::of(call, 0);
    let mut matches = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let escape = escapes.as_ref().map_or(Some("\\"), |escapes| escapes.get(row));
        let (Some(s), Some(pattern), Some(escape)) = (texts.get(row), patterns.get(row), escape) else {
            matches.push(None);
            continue;
        };
        let regex = compiled.get(&similar_pattern(pattern, escape)?, "")?;
        matches.push(Some(regex.is_match(s)?));
    }
    Ok(bool::collect(matches))
}

/// `substring(text from pattern for escape)`: what the part of the pattern between two escaped quotes matches, the whole text
/// where there are none.
pub(super) fn substring(call: &Call<'_>) -> Result<ArrayRef> {
    let compiled = Compiled::default();
    map3_opt::<Text, Text, Text, _>(call, |text, pattern, escape| {
        let regex = compiled.get(&similar_pattern(pattern, escape)?, "")?;
        Ok(regex.find(text)?.and_then(|found| found.parts().next().flatten()).map(str::to_owned))
    })
}

/// An SQL pattern as a regular expression that matches the whole text. Escaped quotes part it in three: the first is as
/// short as may be, and the second is the part that is found.
fn similar_pattern(pattern: &str, escape: &str) -> Result<String> {
    if escape.chars().count() > 1 {
        return Err(FunctionError::new("22025", "invalid escape string")
            .with_hint("Escape string must be empty or one character.")
            .into());
    }
    let parts = parts_of(pattern, escape.chars().next());
    let parts: Vec<String> = parts.iter().map(|part| similar_part(part, escape.chars().next())).collect();
    match parts.as_slice() {
        [all] => Ok(format!("^(?:{all})$")),
        [before, found] => Ok(format!("^(?:{}){{1,1}}?({found})$", shortest(before))),
        [before, found, after] => Ok(format!("^(?:{}){{1,1}}?({found}){{1,1}}(?:{after})$", shortest(before))),
        _ => {
            let message = "SQL regular expression may not contain more than two escape-double-quote separators";
            Err(error("2200C", message))
        }
    }
}

/// The parts of a pattern between escaped quotes.
fn parts_of(pattern: &str, escape: Option<char>) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let escaped = if Some(c) == escape { chars.next() } else { None };
        match (escaped, parts.last_mut()) {
            (Some('"'), _) => parts.push(String::new()),
            (escaped, Some(part)) => part.extend([Some(c), escaped].into_iter().flatten()),
            (_, None) => {}
        }
    }
    parts
}

/// A regular expression that takes as little as it may.
fn shortest(pattern: &str) -> String {
    pattern.replace(".*", ".*?")
}

fn similar_part(pattern: &str, escape: Option<char>) -> String {
    let mut text = String::new();
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
            // Parentheses group and find nothing.
            '(' => text.push_str("(?:"),
            '.' | '^' | '$' | '\\' => text.extend(['\\', c]),
            c => text.push(c),
        }
    }
    text
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
        let parts = similar_pattern("%#\"o(_|b)#\"%", "#").expect("a pattern");
        assert_eq!(parts, "^(?:.*?){1,1}?(o(?:.|b)){1,1}(?:.*)$");
        assert!(similar_pattern("#\"#\"#\"", "#").is_err());
        assert_eq!(like_escape("a!%\\b", "!").expect("a pattern"), "a\\%\\\\b");
    }
}
