//! Templates of dates and times, cut into patterns and text.

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// Letters of a short name.
pub(super) const SHORT_LETTERS: usize = 3;

/// Longest first, so that `HH24` is not read as `HH`.
const PATTERNS: &[&str] = &[
    "YYYY", "IYYY", "HH24", "HH12", "SSSSS", "SSSS", "MONTH", "Month", "month", "A.M.", "P.M.", "a.m.", "p.m.",
    "Y,YYY", "TZH", "TZM", "YYY", "IYY", "DDD", "DAY", "Day", "day", "MON", "Mon", "mon", "IDDD", "FF1", "FF2", "FF3",
    "FF4", "FF5", "FF6", "YY", "IY", "HH", "MI", "SS", "MS", "US", "MM", "DD", "DY", "Dy", "dy", "ID", "IW", "WW",
    "CC", "AM", "PM", "am", "pm", "BC", "AD", "TZ", "tz", "OF", "RM", "rm", "Y", "I", "D", "W", "Q", "J",
];

/// One piece of a template.
pub(super) enum Piece<'a> {
    /// Pattern, whether `FM` suppresses filling, the ordinal suffix that follows (`TH`, `th`).
    Pattern(&'static str, bool, &'a str),
    Text(&'a str),
}

/// The pieces of a template, in their order.
pub(super) fn pieces(format: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"').unwrap_or(quoted.len());
            pieces.push(Piece::Text(&quoted[..end]));
            rest = quoted.get(end + 1..).unwrap_or("");
            continue;
        }
        let (is_filled, body) = match rest.strip_prefix("FM").or_else(|| rest.strip_prefix("fm")) {
            Some(body) => (false, body),
            None => (true, rest),
        };
        match pattern_at(body) {
            Some(pattern) => {
                let after = &body[pattern.len()..];
                let suffix = ["TH", "th"].into_iter().find(|suffix| after.starts_with(suffix)).unwrap_or("");
                pieces.push(Piece::Pattern(pattern, is_filled, &after[..suffix.len()]));
                rest = &after[suffix.len()..];
            }
            None => {
                let end = body.chars().next().map_or(body.len(), char::len_utf8);
                pieces.push(Piece::Text(&body[..end]));
                rest = &body[end..];
            }
        }
    }
    pieces
}

/// The pattern with which a text begins; only names tell case apart.
fn pattern_at(text: &str) -> Option<&'static str> {
    let is_prefix = |pattern: &&&str| text.get(..pattern.len()).is_some_and(|start| start == **pattern);
    let loosely = |pattern: &&&str| text.get(..pattern.len()).is_some_and(|start| start.eq_ignore_ascii_case(pattern));
    let longest = |found: Vec<&'static &'static str>| found.into_iter().max_by_key(|pattern| pattern.len()).copied();
    let loose = longest(PATTERNS.iter().filter(loosely).collect())?;
    longest(PATTERNS.iter().filter(is_prefix).filter(|pattern| pattern.len() == loose.len()).collect()).or(Some(loose))
}
