//! The text form of arrays: `{1,NULL,"a b"}`, `{{1,2},{3,4}}`, `[0:1]={1,2}`.

use std::borrow::Cow;

use peristyle_catalog::model::PgType;
use peristyle_storage::shape::{DIMENSIONS_MAX, Dimension, Shape};

use super::array_scanner::Scanner;
use crate::error::{Result, SqlError, SqlState};

/// Items in storage order, `None` for NULL.
pub(super) type Items<'a> = Vec<Option<Cow<'a, str>>>;

/// An array's text, taken apart.
#[derive(Debug, Default)]
pub(crate) struct ArrayText<'a> {
    pub(crate) shape: Shape,
    pub(crate) items: Items<'a>,
}

/// The dimensions and elements of an array's text. 22P02 for what is no array.
pub(crate) fn parse_array(text: &str) -> Result<ArrayText<'_>> {
    let text = text.trim_start_matches(is_blank);
    let (bounds, body) = split_bounds(text)?;
    if !body.starts_with('{') {
        return Err(malformed(body, "Array value must start with \"{\" or dimension information."));
    }
    let (lengths, items) = Scanner::new(body).scan()?;
    let shape = match bounds {
        None => Shape::new(lengths.into_iter().map(Dimension::of).collect()),
        Some(bounds) if bounds.iter().map(|dimension| dimension.length).eq(lengths) => Shape::new(bounds),
        Some(_) => return Err(malformed(text, "Specified array dimensions do not match array contents.")),
    };
    Ok(ArrayText { shape, items })
}

/// The items of the text of an array or of a vector, whose numbers stand between blanks.
pub(crate) fn parse_items(ty: PgType, text: &str) -> Result<ArrayText<'_>> {
    if ty.vector_element().is_none() {
        return parse_array(text);
    }
    let items: Vec<_> = text.split_ascii_whitespace().map(|number| Some(number.into())).collect();
    Ok(ArrayText { shape: Shape::of_list(items.len()), items })
}

/// Whether a text is that of an array with more than one dimension or another lower bound than 1.
pub(crate) fn is_shaped_text(text: &str) -> bool {
    // The others are many, and told at a glance.
    let start = text.trim_start_matches(is_blank);
    let may_be = start.starts_with('[')
        || start.strip_prefix('{').is_some_and(|rest| rest.trim_start_matches(is_blank).starts_with('{'));
    may_be && parse_array(text).is_ok_and(|array| !array.shape.is_plain())
}

/// Whether an element's text must be quoted.
pub(super) fn needs_quotes(element: &[u8]) -> bool {
    let is_special = |b: &u8| matches!(b, b'"' | b'\\' | b'{' | b'}' | b',') || is_space(*b);
    element.is_empty() || element.eq_ignore_ascii_case(b"null") || element.iter().any(is_special)
}

/// PostgreSQL's white space in arrays and records.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 11 | 12)
}

#[cold]
pub(super) fn malformed(text: &str, detail: &str) -> SqlError {
    SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("malformed array literal: \"{text}\"")).detail(detail)
}

#[cold]
pub(crate) fn too_many_dimensions(dimensions: usize) -> SqlError {
    let message = format!("number of array dimensions ({dimensions}) exceeds the maximum allowed ({DIMENSIONS_MAX})");
    SqlError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, message)
}

pub(super) fn is_blank(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_space)
}

/// Takes `[1:3][0:1]=` off the front.
fn split_bounds(text: &str) -> Result<(Option<Vec<Dimension>>, &str)> {
    let mut dimensions = Vec::new();
    let mut rest = text;
    while let Some(inner) = rest.strip_prefix('[') {
        if dimensions.len() == DIMENSIONS_MAX {
            return Err(too_many_dimensions(dimensions.len() + 1));
        }
        let (dimension, after) = dimension(text, inner)?;
        dimensions.push(dimension);
        rest = after.trim_start_matches(is_blank);
    }
    if dimensions.is_empty() {
        return Ok((None, text));
    }
    let Some(body) = rest.strip_prefix('=') else {
        return Err(malformed(text, "Missing \"=\" after array dimensions."));
    };
    let body = body.trim_start_matches(is_blank);
    if !body.starts_with('{') {
        return Err(malformed(text, "Array contents must start with \"{\"."));
    }
    Ok((Some(dimensions), body))
}

/// `1:3]` or `3]`, and what follows.
fn dimension<'a>(text: &str, inner: &'a str) -> Result<(Dimension, &'a str)> {
    let number_end = |text: &str| text.find(|c: char| !matches!(c, '0'..='9' | '-' | '+')).unwrap_or(text.len());
    let (first, after) = inner.split_at(number_end(inner));
    if first.is_empty() {
        return Err(malformed(text, "\"[\" must introduce explicitly-specified array dimensions."));
    }
    let (lower, upper, after) = match after.strip_prefix(':') {
        None => ("1", first, after),
        Some(after) => {
            let (second, after) = after.split_at(number_end(after));
            (first, second, after)
        }
    };
    if upper.is_empty() {
        return Err(malformed(text, "Missing array dimension value."));
    }
    let Some(after) = after.strip_prefix(']') else {
        return Err(malformed(text, "Missing \"]\" after array dimensions."));
    };
    let bound =
        |number: &str| number.parse::<i32>().map_err(|_| malformed(text, "Array bound is out of integer range."));
    let (lower, upper) = (bound(lower)?, bound(upper)?);
    if upper < lower {
        let message = "upper bound cannot be less than lower bound";
        return Err(SqlError::new(SqlState::ARRAY_SUBSCRIPT_ERROR, message));
    }
    let length = upper.checked_sub(lower).and_then(|length| length.checked_add(1));
    let length = length.ok_or_else(|| malformed(text, "Array bound is out of integer range."))?;
    Ok((Dimension { length, lower }, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> Vec<Option<String>> {
        parse_array(text).unwrap().items.into_iter().map(|e| e.map(Cow::into_owned)).collect()
    }

    #[test]
    fn arrays_read_as_in_postgresql() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(elements(" { 1 , NULL , \"a b\" ,null} "), [some("1"), None, some("a b"), None]);
        assert_eq!(elements("{}"), []);
        assert_eq!(elements("[1:2]={a,b}"), [some("a"), some("b")]);
        assert_eq!(elements(r#"{"a\"b\\","",a\,b,"NULL"}"#), [some("a\"b\\"), some(""), some("a,b"), some("NULL")]);
        assert_eq!(elements("{a b}"), [some("a b")]);
    }

    #[test]
    fn malformed_arrays_say_why() {
        let cases = [
            ("{1,2", "Unexpected end of input."),
            ("1,2", "Array value must start with \"{\" or dimension information."),
            ("{1,}", "Unexpected \"}\" character."),
            ("{\"a\"b}", "Unexpected array element."),
            ("{1}x", "Junk after closing right brace."),
            ("", "Array value must start with \"{\" or dimension information."),
            ("{\"a", "Unexpected end of input."),
            ("{1}}", "Junk after closing right brace."),
        ];
        for (input, detail) in cases {
            let error = parse_array(input).unwrap_err();
            assert_eq!(error.detail.as_deref(), Some(detail), "{input}");
            assert_eq!(error.message, format!("malformed array literal: \"{input}\""));
        }
        assert_eq!(parse_array("[1:2]={1}").unwrap_err().code, SqlState::INVALID_TEXT_REPRESENTATION);
    }

    #[test]
    fn dimensions_are_counted_and_bounds_are_read() {
        let cases = [
            ("{{1,2},{3,4},{5,6}}", "[1:3][1:2]"),
            (" [0:1] = {a,b}", "[0:1]"),
            ("[2:3][-1:0]={{1,2},{3,NULL}}", "[2:3][-1:0]"),
            ("[2]={1,2}", "[1:2]"),
            ("{{{{{{1}}}}}}", "[1:1][1:1][1:1][1:1][1:1][1:1]"),
            ("{}", ""),
        ];
        for (input, shape) in cases {
            assert_eq!(parse_array(input).unwrap().shape.to_string(), shape, "{input}");
        }
        assert!(is_shaped_text(" { {1}}") && is_shaped_text("[0:0]={1}"));
        assert!(!is_shaped_text("{1}") && !is_shaped_text("[1:1]={1}") && !is_shaped_text("{{1}"));
    }

    #[test]
    fn ragged_and_deep_arrays_are_refused() {
        let ragged = "Multidimensional arrays must have sub-arrays with matching dimensions.";
        let cases = [
            ("{{1,2},{3}}", ragged),
            ("{{1},{{2}}}", ragged),
            ("{{1},2}", "Unexpected array element."),
            ("{1,{2}}", "Unexpected \"{\" character."),
            ("{{},{}}", "Unexpected \"}\" character."),
            ("[1:3]={1,2}", "Specified array dimensions do not match array contents."),
            ("[1:2]={{1,2}}", "Specified array dimensions do not match array contents."),
            ("[]={1}", "\"[\" must introduce explicitly-specified array dimensions."),
            ("[1:]={1}", "Missing array dimension value."),
            ("[1:1={1}", "Missing \"]\" after array dimensions."),
            ("[1:1]{1}", "Missing \"=\" after array dimensions."),
            ("[1:1]=1", "Array contents must start with \"{\"."),
        ];
        for (input, detail) in cases {
            assert_eq!(parse_array(input).unwrap_err().detail.as_deref(), Some(detail), "{input}");
        }
        assert_eq!(parse_array("{{{{{{{1}}}}}}}").unwrap_err().code, SqlState::PROGRAM_LIMIT_EXCEEDED);
        assert_eq!(parse_array("[2:1]={}").unwrap_err().code, SqlState::ARRAY_SUBSCRIPT_ERROR);
    }
}
