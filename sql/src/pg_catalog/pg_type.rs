//! `pg_type`: built-in types, and the row types of tables and views with the array types over them.

use std::borrow::Cow;

use peristyle_catalog::model::{Oid, Relation};

use super::built_in_types::PG_TYPE;
use super::names::row_types;
use crate::relation::{RelationContext, Rows, Value, facts};

/// Input, output, receive and send functions.
const RECORD_FUNCTIONS: [u32; 4] = [2290, 2291, 2402, 2403];
const ARRAY_FUNCTIONS: [u32; 4] = [750, 751, 2400, 2401];
const ARRAY_SUBSCRIPT: u32 = 6179;
const ARRAY_ANALYZE: u32 = 3816;
/// Bytes that a name may have (`NAMEDATALEN` less one).
const NAME_BYTES_MAX: usize = 63;

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    facts(PG_TYPE).for_each(|row| rows.push_text(&row));
    for relation in context.head.relations(context.database.oid) {
        if let Some((row, array)) = row_types(relation) {
            push(rows, relation, RowType { oid: row, element: Oid(0), array });
            push(rows, relation, RowType { oid: array, element: row, array: Oid(0) });
        }
    }
}

/// The name of the array type over a relation's row type.
pub(crate) fn array_name(relation: &str) -> String {
    let mut end = relation.len().min(NAME_BYTES_MAX - 1);
    while !relation.is_char_boundary(end) {
        end -= 1;
    }
    format!("_{}", &relation[..end])
}

/// A relation's row type, or the array type over it, which is the one with an element.
struct RowType {
    oid: Oid,
    element: Oid,
    array: Oid,
}

fn push<'a>(rows: &mut Rows<'a>, relation: &'a Relation, ty: RowType) {
    let is_array = ty.element != Oid(0);
    let name = if is_array { Cow::Owned(array_name(&relation.name)) } else { Cow::Borrowed(relation.name.as_str()) };
    let [input, output, receive, send] = if is_array { ARRAY_FUNCTIONS } else { RECORD_FUNCTIONS };
    let zero = || Value::Int(0);
    rows.named(COLUMNS).push([
        ty.oid.into(),
        Value::text_of(name),
        relation.schema.into(),
        relation.owner.into(),
        Value::Int(-1),
        false.into(),
        if is_array { "b" } else { "c" }.into(),
        if is_array { "A" } else { "C" }.into(),
        false.into(),
        true.into(),
        ",".into(),
        if is_array { zero() } else { relation.oid.into() },
        if is_array { ARRAY_SUBSCRIPT } else { 0 }.into(),
        ty.element.into(),
        ty.array.into(),
        input.into(),
        output.into(),
        receive.into(),
        send.into(),
        zero(),
        zero(),
        if is_array { ARRAY_ANALYZE } else { 0 }.into(),
        "d".into(),
        "x".into(),
        false.into(),
        zero(),
        Value::Int(-1),
        zero(),
        zero(),
    ]);
}

/// The order of the values in [`push`]; the other columns are always NULL.
const COLUMNS: [&str; 29] = [
    "oid",
    "typname",
    "typnamespace",
    "typowner",
    "typlen",
    "typbyval",
    "typtype",
    "typcategory",
    "typispreferred",
    "typisdefined",
    "typdelim",
    "typrelid",
    "typsubscript",
    "typelem",
    "typarray",
    "typinput",
    "typoutput",
    "typreceive",
    "typsend",
    "typmodin",
    "typmodout",
    "typanalyze",
    "typalign",
    "typstorage",
    "typnotnull",
    "typbasetype",
    "typtypmod",
    "typndims",
    "typcollation",
];
