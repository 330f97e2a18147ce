//! The braces and elements of an array's text.

use std::borrow::Cow;

use peristyle_storage::shape::DIMENSIONS_MAX;

use super::array_text::{Items, is_blank, is_space, malformed, too_many_dimensions};
use crate::error::{Result, SqlError};

/// Takes the braces and elements of an array's text apart.
pub(super) struct Scanner<'a> {
    text: &'a str,
    rest: &'a str,
    items: Items<'a>,
    /// Of the dimensions so far, where an array within is complete.
    lengths: Vec<Option<i32>>,
    /// Number of dimensions, once an item was met.
    depth_of_items: Option<usize>,
}

impl<'a> Scanner<'a> {
    /// For a text that begins with a brace.
    pub(super) fn new(text: &'a str) -> Scanner<'a> {
        Scanner { text, rest: text, items: Vec::new(), lengths: Vec::new(), depth_of_items: None }
    }

    /// The length of each dimension, and the items.
    pub(super) fn scan(mut self) -> Result<(Vec<i32>, Items<'a>)> {
        self.eat('{');
        self.level(1)?;
        self.skip_space();
        if !self.rest.is_empty() {
            return Err(self.malformed("Junk after closing right brace."));
        }
        let lengths = if self.items.is_empty() { Vec::new() } else { self.lengths.into_iter().flatten().collect() };
        Ok((lengths, self.items))
    }

    fn malformed(&self, detail: &str) -> SqlError {
        malformed(self.text, detail)
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches(is_blank);
    }

    fn eat(&mut self, mark: char) -> bool {
        match self.rest.strip_prefix(mark) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// What stands between braces, of which the first is taken; `depth` counts those that are open.
    fn level(&mut self, depth: usize) -> Result<()> {
        if self.lengths.len() < depth {
            self.lengths.push(None);
        }
        self.skip_space();
        if depth == 1 && self.eat('}') {
            return Ok(());
        }
        let mut holds_arrays = None;
        for length in 1.. {
            self.skip_space();
            let is_array = self.rest.starts_with('{');
            if *holds_arrays.get_or_insert(is_array) != is_array {
                return Err(self.malformed(if is_array {
                    "Unexpected \"{\" character."
                } else {
                    "Unexpected array element."
                }));
            }
            if is_array {
                self.inner(depth + 1)?
            } else {
                self.item(depth)?
            }
            self.skip_space();
            if self.eat('}') {
                return self.end_level(depth, length);
            }
            if !self.eat(',') {
                let detail = match self.rest.chars().next() {
                    None => "Unexpected end of input.",
                    Some('{') => "Unexpected \"{\" character.",
                    Some(_) => "Unexpected array element.",
                };
                return Err(self.malformed(detail));
            }
        }
        Ok(())
    }

    fn inner(&mut self, depth: usize) -> Result<()> {
        if depth > DIMENSIONS_MAX {
            return Err(too_many_dimensions(depth));
        }
        self.eat('{');
        self.level(depth)
    }

    /// All arrays of one depth are as long.
    fn end_level(&mut self, depth: usize, length: i32) -> Result<()> {
        let known = *self.lengths[depth - 1].get_or_insert(length);
        if known == length { Ok(()) } else { Err(self.ragged()) }
    }

    fn ragged(&self) -> SqlError {
        self.malformed("Multidimensional arrays must have sub-arrays with matching dimensions.")
    }

    fn item(&mut self, depth: usize) -> Result<()> {
        let item = self.element()?;
        if *self.depth_of_items.get_or_insert(depth) != depth {
            return Err(self.ragged());
        }
        self.items.push(item);
        Ok(())
    }

    fn element(&mut self) -> Result<Option<Cow<'a, str>>> {
        match self.rest.chars().next() {
            None => Err(malformed(self.text, "Unexpected end of input.")),
            Some(mark @ (',' | '}')) => Err(malformed(self.text, &format!("Unexpected \"{mark}\" character."))),
            Some('"') => self.quoted().map(Some),
            Some(_) => self.unquoted(),
        }
    }

    fn quoted(&mut self) -> Result<Cow<'a, str>> {
        let body = &self.rest[1..];
        let plain = body.find(['"', '\\']).ok_or_else(|| malformed(self.text, "Unexpected end of input."))?;
        if body.as_bytes()[plain] == b'"' {
            self.rest = &body[plain + 1..];
            return Ok(Cow::Borrowed(&body[..plain]));
        }
        let mut out = body[..plain].to_owned();
        let mut chars = body[plain..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &body[plain + at + 1..];
                    return Ok(Cow::Owned(out));
                }
                '\\' => out.extend(chars.next().map(|(_, escaped)| escaped)),
                _ => out.push(c),
            }
        }
        Err(malformed(self.text, "Unexpected end of input."))
    }

    /// Up to the next mark; blanks at the end do not count, a backslash takes what follows as it is.
    fn unquoted(&mut self) -> Result<Option<Cow<'a, str>>> {
        let mut out = String::new();
        let (mut kept, mut has_escape) = (0, false);
        let mut chars = self.rest.char_indices();
        let end = loop {
            let Some((at, c)) = chars.next() else { return Err(malformed(self.text, "Unexpected end of input.")) };
            match c {
                ',' | '}' => break at,
                '{' => return Err(malformed(self.text, "Unexpected \"{\" character.")),
                '"' => return Err(malformed(self.text, "Unexpected array element.")),
                '\\' => {
                    has_escape = true;
                    out.extend(chars.next().map(|(_, escaped)| escaped));
                    kept = out.len();
                }
                _ => {
                    out.push(c);
                    if !u8::try_from(c).is_ok_and(is_space) {
                        kept = out.len();
                    }
                }
            }
        };
        self.rest = &self.rest[end..];
        out.truncate(kept);
        let is_null = !has_escape && out.eq_ignore_ascii_case("null");
        Ok((!is_null).then_some(Cow::Owned(out)))
    }
}
