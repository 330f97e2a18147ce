//! The functions that give rows, each by the functions whose arrays hold what it gives.

use crate::functions::places::{EXPANDED, SUBSCRIPTS};
use crate::functions::series_array::SERIES;
use crate::functions::{json_path, json_sets as json, pattern};

/// A function that gives rows.
pub(super) struct Giver {
    pub(super) name: &'static str,
    /// Its columns by name, each with the function that gives its values as an array.
    pub(super) columns: &'static [(&'static str, &'static str)],
}

const fn one(name: &'static str, array: &'static [(&'static str, &'static str)]) -> Giver {
    Giver { name, columns: array }
}

/// `_pg_expandarray` and `unnest`, whose arguments are the arrays, are not among them.
const GIVERS: &[Giver] = &[
    one("generate_series", &[("generate_series", SERIES)]),
    one("generate_subscripts", &[("generate_subscripts", SUBSCRIPTS)]),
    one("string_to_table", &[("string_to_table", "string_to_array")]),
    one("regexp_split_to_table", &[("regexp_split_to_table", "regexp_split_to_array")]),
    one("regexp_matches", &[("regexp_matches", pattern::MATCHES)]),
    one("json_array_elements", &[("value", json::JSON_ITEMS)]),
    one("jsonb_array_elements", &[("value", json::JSONB_ITEMS)]),
    one("json_array_elements_text", &[("value", json::JSON_ITEM_TEXTS)]),
    one("jsonb_array_elements_text", &[("value", json::JSONB_ITEM_TEXTS)]),
    one("json_object_keys", &[("json_object_keys", json::JSON_KEYS)]),
    one("jsonb_object_keys", &[("jsonb_object_keys", json::JSONB_KEYS)]),
    one("json_each", &[("key", json::JSON_KEYS), ("value", json::JSON_VALUES)]),
    one("jsonb_each", &[("key", json::JSONB_KEYS), ("value", json::JSONB_VALUES)]),
    one("json_each_text", &[("key", json::JSON_KEYS), ("value", json::JSON_VALUE_TEXTS)]),
    one("jsonb_each_text", &[("key", json::JSONB_KEYS), ("value", json::JSONB_VALUE_TEXTS)]),
    one("jsonb_path_query", &[("jsonb_path_query", json_path::ITEMS)]),
    one("jsonb_path_query_tz", &[("jsonb_path_query_tz", json_path::ITEMS)]),
];

/// The column of a function that keeps its name under an alias of the table; others of one column take the alias.
pub(super) fn own_column(name: &str) -> Option<&'static str> {
    match named(name)?.columns {
        [(column, _)] if *column != name => Some(column),
        _ => None,
    }
}

/// The function of that name, if it gives rows.
pub(super) fn named(name: &str) -> Option<&'static Giver> {
    GIVERS.iter().find(|giver| giver.name == name)
}

/// The function whose arrays hold what a function gives that may stand in a select list: one of one column.
pub(super) fn array_in_select_list(name: &str) -> Option<&'static str> {
    if name == "_pg_expandarray" {
        return Some(EXPANDED);
    }
    match named(name)?.columns {
        [(_, array)] => Some(array),
        _ => None,
    }
}
