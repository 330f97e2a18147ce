//! LIKE with another escape, and SIMILAR TO.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, immutable, overload};
use super::error::error;
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

/// `substring(text from pattern for escape)`: what matches between two quotes that are escaped, if there are some.
pub(super) fn substring(call: &Call<'_>) -> Result<ArrayRef> {
    let [texts, patterns, escapes] = [0, 1, 2].map(|argument| Argument::<Text>::of(call, argument));
    let compiled = Compiled::default();
    let part = |row: usize| {
        let (Some(s), Some(pattern), Some(escape)) = (texts.get(row), patterns.get(row), escapes.get(row)) else {
            return Ok(None);
        };
        let regex = compiled.get(&similar_pattern(pattern, escape)?, "")?;
        Ok(regex.find(s)?.and_then(|found| found.parts().next().flatten()).map(str::to_owned))
    };
    Ok(String::collect((0..call.rows).map(part).collect::<Result<_>>()?))
}

/// An SQL pattern as a regular expression that matches the whole text. Between two escaped quotes is its only group, before
/// which as little as possible matches.
fn similar_pattern(pattern: &str, escape: &str) -> Result<String> {
    if escape.chars().count() > 1 {
        return Err(error("22025", "invalid escape string"));
    }
    let escape = escape.chars().next();
    let is_quote = |pair: (char, char)| Some(pair.0) == escape && pair.1 == '"';
    let quotes = pattern.chars().zip(pattern.chars().skip(1)).filter(|pair| is_quote(*pair)).count();
    if quotes > 2 {
        let message = "SQL regular expression may not contain more than two escape-double-quote separators";
        return Err(error("2200C", message));
    }
    let mut text = String::from("^(?:");
    let (mut in_brackets, mut is_first) = (false, quotes > 0);
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            c if Some(c) == escape => match chars.next() {
                Some('"') => text.push_str(if std::mem::take(&mut is_first) { ")(" } else { ")(?:" }),
                Some(escaped) => text.push_str(&regex::escape(&escaped.to_string())),
                None => {}
            },
            '[' => {
                in_brackets = true;
                text.push('[');
            }
            ']' => {
                in_brackets = false;
                text.push(']');
            }
            c if in_brackets => text.push(c),
            '%' => text.push_str(if is_first { ".*?" } else { ".*" }),
            '(' => text.push_str("(?:"),
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
        assert_eq!(similar_pattern("%#\"(o|b)#\"%", "#").expect("a pattern"), "^(?:.*?)((?:o|b))(?:.*)$");
        assert_eq!(like_escape("a!%\\b", "!").expect("a pattern"), "a\\%\\\\b");
    }
}
