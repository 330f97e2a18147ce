//! What a path finds: a part of the document, or a value that the path made.

use std::cmp::Ordering;

use datafusion::common::Result;

use super::super::json::print;
use crate::values::{Json, jsonb_key};

#[derive(Clone, Debug)]
pub(super) enum Item<'v> {
    Part(&'v Json<'v>),
    Null,
    Bool(bool),
    Number(String),
    Text(String),
}

impl<'v> Item<'v> {
    /// The text of it as jsonb.
    pub(super) fn text(&self) -> Result<String> {
        print(&self.view())
    }

    /// The value as JSON.
    pub(super) fn view(&self) -> Json<'_> {
        match self {
            Item::Part(part) => (*part).clone(),
            Item::Null => Json::Null,
            Item::Bool(value) => Json::Bool(*value),
            Item::Number(number) => Json::Number(number),
            Item::Text(text) => Json::String(text.as_str().into()),
        }
    }

    pub(super) fn as_array(&self) -> Option<&'v [Json<'v>]> {
        match self {
            Item::Part(Json::Array(items)) => Some(items),
            _ => None,
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Item::Bool(value) | Item::Part(Json::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn as_number(&self) -> Option<&str> {
        match self {
            Item::Number(number) => Some(number),
            Item::Part(Json::Number(number)) => Some(number),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Item::Text(text) => Some(text),
            Item::Part(Json::String(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Item::Null | Item::Part(Json::Null))
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Item::Null | Item::Part(Json::Null) => "null",
            Item::Bool(_) | Item::Part(Json::Bool(_)) => "boolean",
            Item::Number(_) | Item::Part(Json::Number(_)) => "number",
            Item::Text(_) | Item::Part(Json::String(_)) => "string",
            Item::Part(Json::Array(_)) => "array",
            Item::Part(Json::Object(_)) => "object",
        }
    }

    /// The order of two scalars of one type; `None` for two that are not compared.
    pub(super) fn compare(&self, other: &Item<'_>) -> Option<Ordering> {
        let is_scalar = !matches!(self.type_name(), "array" | "object");
        (is_scalar && self.type_name() == other.type_name())
            .then(|| jsonb_key(&self.view()).cmp(&jsonb_key(&other.view())))
    }
}
