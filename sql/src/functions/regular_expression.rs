//! Compiled regular expressions. The engine is the `regex` crate's, whose time is linear in the text. It knows neither back
//! references nor look-around: a pattern that has them is read by one that tries and goes back, up to a limit.

use std::ops::Range;

use datafusion::common::{DataFusionError, Result};
use regex::{Regex, RegexBuilder};

use super::error::error;

/// How often the engine that goes back does so in one search; behind that 2201B.
const STEPS_MAX: usize = 1_000_000;

/// How a pattern is read.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) any_case: bool,
    /// Whether blanks and comments are no part of it.
    pub(super) is_expanded: bool,
    /// Whether nothing in it is a mark.
    pub(super) is_literal: bool,
    /// Whether a dot does not match a newline.
    pub(super) dot_stops: bool,
    /// Whether `^` and `$` match at newlines too.
    pub(super) anchors_at_lines: bool,
}

/// A compiled pattern.
#[derive(Debug)]
pub(crate) enum RegularExpression {
    Linear(Regex),
    GoingBack(Box<fancy_regex::Regex>),
}

/// A match in a text.
pub(super) struct Found<'s> {
    text: &'s str,
    /// The whole, and each part in parentheses that took part.
    groups: Vec<Option<Range<usize>>>,
}

impl RegularExpression {
    /// Compiles a pattern of PostgreSQL's.
    pub(super) fn new(pattern: &str, reading: &Reading) -> Result<RegularExpression> {
        let text = if reading.is_literal { regex::escape(pattern) } else { translated(pattern, &WORD_EDGES)? };
        let mut builder = RegexBuilder::new(&text);
        builder.case_insensitive(reading.any_case).ignore_whitespace(reading.is_expanded && !reading.is_literal);
        builder.dot_matches_new_line(!reading.dot_stops).multi_line(reading.anchors_at_lines);
        match builder.build() {
            Ok(regex) => Ok(RegularExpression::Linear(regex)),
            Err(refused) if goes_back(&refused) => RegularExpression::going_back(pattern, reading),
            Err(refused) => Err(invalid(complaint(refused.to_string().lines().last().unwrap_or_default()))),
        }
    }

    fn going_back(pattern: &str, reading: &Reading) -> Result<RegularExpression> {
        let flags = [
            (reading.any_case, 'i'),
            (reading.is_expanded, 'x'),
            (!reading.dot_stops, 's'),
            (reading.anchors_at_lines, 'm'),
        ];
        let flags: String = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).collect();
        let text = translated(pattern, &LOOKING_EDGES)?;
        let text = if flags.is_empty() { text } else { format!("(?{flags}){text}") };
        let regex = fancy_regex::RegexBuilder::new(&text).backtrack_limit(STEPS_MAX).build();
        let regex = regex.map_err(|refused| match refused {
            fancy_regex::Error::ParseError(_, kind) => invalid(&kind.to_string()),
            refused => invalid(&refused.to_string()),
        })?;
        Ok(RegularExpression::GoingBack(Box::new(regex)))
    }

    pub(crate) fn is_match(&self, text: &str) -> Result<bool> {
        match self {
            RegularExpression::Linear(regex) => Ok(regex.is_match(text)),
            RegularExpression::GoingBack(regex) => regex.is_match(text).map_err(failed),
        }
    }

    /// The first match.
    pub(super) fn find<'s>(&self, text: &'s str) -> Result<Option<Found<'s>>> {
        self.find_at(text, 0)
    }

    /// The first match that begins at a byte or behind it.
    fn find_at<'s>(&self, text: &'s str, from: usize) -> Result<Option<Found<'s>>> {
        let groups: Option<Vec<_>> = match self {
            RegularExpression::Linear(regex) => regex
                .captures_at(text, from)
                .map(|found| found.iter().map(|group| group.map(|group| group.range())).collect()),
            RegularExpression::GoingBack(regex) => regex
                .captures_from_pos(text, from)
                .map_err(failed)?
                .map(|found| found.iter().map(|group| group.map(|group| group.range())).collect()),
        };
        Ok(groups.map(|groups| Found { text, groups }))
    }

    /// The matches from a byte on. One that is empty is followed by a search one character further.
    pub(super) fn matches_from<'s>(&self, s: &'s str, from: usize) -> impl Iterator<Item = Result<Found<'s>>> {
        let mut at = Some(from);
        std::iter::from_fn(move || {
            let found = match self.find_at(s, at?) {
                Ok(found) => found?,
                Err(error) => {
                    at = None;
                    return Some(Err(error));
                }
            };
            let whole = found.range();
            let step = if whole.is_empty() { s[whole.end..].chars().next().map(char::len_utf8) } else { Some(0) };
            at = step.map(|step| whole.end + step);
            Some(Ok(found))
        })
    }
}

impl<'s> Found<'s> {
    /// Where the whole match lies.
    pub(super) fn range(&self) -> Range<usize> {
        self.group_range(0).unwrap_or_default()
    }

    /// Where a part in parentheses lies, counted from 1.
    pub(super) fn group_range(&self, group: usize) -> Option<Range<usize>> {
        self.groups.get(group).cloned().flatten()
    }

    /// The text of a part in parentheses.
    pub(super) fn group(&self, group: usize) -> Option<&'s str> {
        self.group_range(group).map(|range| &self.text[range])
    }

    /// The parts in parentheses, or the whole where there is none.
    pub(super) fn parts(&self) -> impl Iterator<Item = Option<&'s str>> {
        let first = usize::from(self.groups.len() > 1);
        (first..self.groups.len()).map(|group| self.group(group))
    }

    /// Writes a replacement, in which `\1` is a part in parentheses and `\&` the whole.
    pub(super) fn expand(&self, replacement: &str, text: &mut String) {
        let mut chars = replacement.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                text.push(c);
                continue;
            }
            match chars.next() {
                Some(digit @ '0'..='9') => text.push_str(self.group(digit as usize - '0' as usize).unwrap_or_default()),
                Some('&') => text.push_str(self.group(0).unwrap_or_default()),
                Some('\\') | None => text.push('\\'),
                Some(other) => text.extend(['\\', other]),
            }
        }
    }
}

/// Whether a pattern has what the linear engine lacks.
fn goes_back(refused: &regex::Error) -> bool {
    let text = refused.to_string();
    text.contains("backreferences") || text.contains("look-around")
}

fn failed(failure: fancy_regex::Error) -> DataFusionError {
    match failure {
        fancy_regex::Error::RuntimeError(fancy_regex::RuntimeError::BacktrackLimitExceeded) => {
            error("2201B", "regular expression failed: regular expression is too complex")
        }
        failure => error("2201B", format!("regular expression failed: {failure}")),
    }
}

fn invalid(complaint: &str) -> DataFusionError {
    error("2201B", format!("invalid regular expression: {complaint}"))
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

/// What stands for `\m` and `\M`, where a word begins and ends.
type Edges = [&'static str; 2];

const WORD_EDGES: Edges = [r"\b{start}", r"\b{end}"];
const LOOKING_EDGES: Edges = [r"(?<!\w)(?=\w)", r"(?<=\w)(?!\w)"];

fn translated(pattern: &str, [start, end]: &Edges) -> Result<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.strip_prefix("***:").unwrap_or(pattern).chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('m') => text.push_str(start),
            Some('M') => text.push_str(end),
            Some('y') => text.push_str(r"\b"),
            Some('Y') => text.push_str(r"\B"),
            Some('Z') => text.push_str(r"\z"),
            Some(escaped) => text.extend(['\\', escaped]),
            None => return Err(invalid("invalid escape \\ sequence")),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(pattern: &str) -> RegularExpression {
        RegularExpression::new(pattern, &Reading::default()).expect("a pattern")
    }

    #[test]
    fn a_pattern_goes_back_only_where_it_must() {
        assert!(matches!(compiled(r"(a+)+b"), RegularExpression::Linear(_)));
        assert!(matches!(compiled(r"(a)\1"), RegularExpression::GoingBack(_)));
        assert!(matches!(compiled(r"a(?=b)"), RegularExpression::GoingBack(_)));
        let word = RegularExpression::new(r"\mfoo\M(?!!)", &Reading { any_case: true, ..Reading::default() });
        let word = word.expect("a pattern");
        assert!(word.is_match("a FOO b").expect("a match") && !word.is_match("a foo! b").expect("no match"));
    }

    #[test]
    fn going_back_has_a_limit() {
        let text = "a".repeat(40);
        let failure = compiled(r"^(a+)+\1b$").is_match(&text).expect_err("too complex");
        assert!(failure.to_string().contains("regular expression is too complex"));
    }

    #[test]
    fn replacements_name_parts() {
        let found = compiled("(b)(x)?").find("abc").expect("a search").expect("a match");
        let mut text = String::new();
        found.expand(r"\1-\&-\2-\\-\q$1", &mut text);
        assert_eq!(text, r"b-b--\-\q$1");
    }
}
