//! The parts of a value of type json, as they are written: what `->` on json gives.

use std::borrow::Cow;

use super::json_parser::{Parser, Strictness};
use crate::error::Result;

/// What a JSON text is made of, each part as it is written.
pub enum JsonParts<'a> {
    /// A string, a number, a boolean or null.
    Scalar,
    /// The items of an array.
    Array(Vec<&'a str>),
    /// The members of an object in their order, duplicates included.
    Object(Vec<(Cow<'a, str>, &'a str)>),
}

/// The parts of a JSON text.
pub fn json_parts(text: &str) -> Result<JsonParts<'_>> {
    let mut parser = Parser::new(text, Strictness::Decode);
    match parser.opening() {
        Some(b'[') => parser.items(Parser::written).map(JsonParts::Array),
        Some(b'{') => parser.members(Parser::written).map(JsonParts::Object),
        _ => Ok(JsonParts::Scalar),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_what_was_written() {
        let Ok(JsonParts::Object(members)) = json_parts(r#" {"a" : [1 , 2.50], "b":"x" } "#) else { panic!("members") };
        assert_eq!(members, [("a".into(), "[1 , 2.50]"), ("b".into(), "\"x\"")]);
        let Ok(JsonParts::Array(items)) = json_parts("[ {} , null ]") else { panic!("items") };
        assert_eq!(items, ["{}", "null"]);
    }
}
