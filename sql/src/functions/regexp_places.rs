//! Functions of regular expressions that begin at a place, or take one match of many: `regexp_replace`, `regexp_count`,
//! `regexp_instr`, `regexp_substr`.

use arrow::array::ArrayRef;
use datafusion::common::{DataFusionError, Result};
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, Overload, immutable, overload};
use super::error::invalid_parameter;
use super::pattern::{Patterns, rows};
use super::regular_expression::RegularExpression;
use super::rows::*;
use super::signature::Ty;

const REPLACE: &[Overload] = &[
    overload(&[Ty::Text, Ty::Text, Ty::Text], PgType::TEXT, replace_by_flags),
    overload(&[Ty::Text, Ty::Text, Ty::Text, Ty::Text], PgType::TEXT, replace_by_flags),
    overload(&[Ty::Text, Ty::Text, Ty::Text, Ty::Int4], PgType::TEXT, replace_at),
    overload(&[Ty::Text, Ty::Text, Ty::Text, Ty::Int4, Ty::Int4], PgType::TEXT, replace_at),
    overload(&[Ty::Text, Ty::Text, Ty::Text, Ty::Int4, Ty::Int4, Ty::Text], PgType::TEXT, replace_at),
];

/// The overloads of a function of (text, pattern, and these).
macro_rules! behind_pattern {
    ($returns:expr, $eval:expr, $([$($ty:expr),*]),*) => {
        &[$(overload(&[Ty::Text, Ty::Text, $($ty),*], $returns, $eval)),*]
    };
}

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable("regexp_replace", REPLACE),
    immutable("regexp_count", behind_pattern!(PgType::INT4, count, [], [Ty::Int4], [Ty::Int4, Ty::Text])),
    immutable(
        "regexp_substr",
        behind_pattern!(
            PgType::TEXT,
            substr,
            [],
            [Ty::Int4],
            [Ty::Int4, Ty::Int4],
            [Ty::Int4, Ty::Int4, Ty::Text],
            [Ty::Int4, Ty::Int4, Ty::Text, Ty::Int4]
        ),
    ),
    immutable(
        "regexp_instr",
        behind_pattern!(
            PgType::INT4,
            instr,
            [],
            [Ty::Int4],
            [Ty::Int4, Ty::Int4],
            [Ty::Int4, Ty::Int4, Ty::Int4],
            [Ty::Int4, Ty::Int4, Ty::Int4, Ty::Text],
            [Ty::Int4, Ty::Int4, Ty::Int4, Ty::Text, Ty::Int4]
        ),
    ),
];

/// A number among the arguments, `default` where it is not given; 22023 below `least`.
struct Number<'a> {
    name: &'static str,
    argument: Option<Argument<'a, Int4>>,
    default: i32,
    least: i32,
}

impl<'a> Number<'a> {
    fn of(call: &'a Call<'_>, place: usize, name: &'static str, default: i32, least: i32) -> Self {
        let argument = (place < call.args.len()).then(|| Argument::of(call, place));
        Number { name, argument, default, least }
    }

    fn get(&self, row: usize) -> Result<Option<usize>> {
        let number = self.argument.as_ref().map_or(Some(self.default), |argument| argument.get(row));
        match number {
            Some(number) if number < self.least => Err(self.invalid(number)),
            number => Ok(number.map(|number| number as usize)),
        }
    }

    fn invalid(&self, number: i32) -> DataFusionError {
        invalid_parameter(format!("invalid value for parameter \"{}\": {number}", self.name))
    }
}

/// The byte at which a character begins, counted from 1; `None` past the end.
fn byte_of(s: &str, character: usize) -> Option<usize> {
    s.char_indices().map(|(at, _)| at).chain([s.len()]).nth(character - 1)
}

/// Replaces the first match, or all with the flag `g`.
fn replace_by_flags(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, Some(3));
    let replacements = Argument::<Text>::of(call, 2);
    rows(call, |row, s| {
        let (Some(regex), Some(replacement)) = (patterns.get(row)?, replacements.get(row)) else { return Ok(None) };
        let n = if patterns.flags(row).is_some_and(|flags| flags.contains('g')) { 0 } else { 1 };
        replaced(&regex, s, 0, n, replacement).map(Some)
    })
}

/// Replaces the nth match from a place on, or all of them for 0.
fn replace_at(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, Some(5));
    let replacements = Argument::<Text>::of(call, 2);
    let (starts, counts) = (Number::of(call, 3, "start", 1, 1), Number::of(call, 4, "n", 1, 0));
    rows(call, |row, s| {
        let (Some(regex), Some(replacement)) = (patterns.get(row)?, replacements.get(row)) else { return Ok(None) };
        let (Some(start), Some(n)) = (starts.get(row)?, counts.get(row)?) else { return Ok(None) };
        let Some(from) = byte_of(s, start) else { return Ok(Some(s.to_owned())) };
        replaced(&regex, s, from, n, replacement).map(Some)
    })
}

/// The text with another in place of the nth match from a byte on, or of each for 0.
fn replaced(regex: &RegularExpression, s: &str, from: usize, n: usize, replacement: &str) -> Result<String> {
    let (mut text, mut end) = (String::with_capacity(s.len()), 0);
    let up_to = if n == 0 { usize::MAX } else { n };
    for found in regex.matches_from(s, from).take(up_to).skip(n.saturating_sub(1)) {
        let found = found?;
        let whole = found.range();
        text.push_str(&s[end..whole.start]);
        found.expand(replacement, &mut text);
        end = whole.end;
    }
    text.push_str(&s[end..]);
    Ok(text)
}

fn count(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, Some(3));
    let starts = Number::of(call, 2, "start", 1, 1);
    rows(call, |row, s| {
        let (Some(regex), Some(start)) = (patterns.get(row)?, starts.get(row)?) else { return Ok(None) };
        let Some(from) = byte_of(s, start) else { return Ok(Some(0)) };
        let matches = regex.matches_from(s, from).collect::<Result<Vec<_>>>()?;
        Ok(Some(matches.len() as i32))
    })
}

/// The bytes of a group of the nth match from a place on.
fn group_of(
    regex: &RegularExpression,
    s: &str,
    start: usize,
    n: usize,
    group: usize,
) -> Result<Option<std::ops::Range<usize>>> {
    let Some(from) = byte_of(s, start) else { return Ok(None) };
    let found = regex.matches_from(s, from).nth(n - 1).transpose()?;
    Ok(found.and_then(|found| found.group_range(group)))
}

fn substr(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, Some(4));
    let (starts, counts) = (Number::of(call, 2, "start", 1, 1), Number::of(call, 3, "n", 1, 1));
    let groups = Number::of(call, 5, "subexpr", 0, 0);
    rows(call, |row, s| {
        let Some(regex) = patterns.get(row)? else { return Ok(None) };
        match (starts.get(row)?, counts.get(row)?, groups.get(row)?) {
            (Some(start), Some(n), Some(group)) => {
                Ok(group_of(&regex, s, start, n, group)?.map(|range| s[range].to_owned()))
            }
            _ => Ok(None),
        }
    })
}

fn instr(call: &Call<'_>) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, 1, Some(5));
    let (starts, counts) = (Number::of(call, 2, "start", 1, 1), Number::of(call, 3, "n", 1, 1));
    let (ends, groups) = (Number::of(call, 4, "endoption", 0, 0), Number::of(call, 6, "subexpr", 0, 0));
    rows(call, |row, s| {
        let Some(regex) = patterns.get(row)? else { return Ok(None) };
        let (Some(start), Some(n), Some(end), Some(group)) =
            (starts.get(row)?, counts.get(row)?, ends.get(row)?, groups.get(row)?)
        else {
            return Ok(None);
        };
        if end > 1 {
            return Err(ends.invalid(end as i32));
        }
        let place = |range: std::ops::Range<usize>| {
            let at = if end == 1 { range.end } else { range.start };
            s[..at].chars().count() as i32 + 1
        };
        Ok(Some(group_of(&regex, s, start, n, group)?.map_or(0, place)))
    })
}
