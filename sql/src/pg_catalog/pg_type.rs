//! `pg_type`: built-in types, enum types, and the row types of tables and views, with the array types over them.

use std::borrow::Cow;

use peristyle_catalog::model::{Oid, Relation};

use super::built_in_types::PG_TYPE;
use super::names::types_of;
use crate::relation::{RelationContext, Rows, Value, facts};

/// What all types of a kind have in common.
struct Form {
    len: i64,
    is_by_value: bool,
    kind: &'static str,
    category: &'static str,
    /// Input, output, receive and send.
    functions: [u32; 4],
    subscript: u32,
    analyze: u32,
    align: &'static str,
    storage: &'static str,
}

const ROW: Form = Form {
    len: -1,
    is_by_value: false,
    kind: "c",
    category: "C",
    functions: [2290, 2291, 2402, 2403],
    subscript: 0,
    analyze: 0,
    align: "d",
    storage: "x",
};
const ROW_ARRAY: Form =
    Form { kind: "b", category: "A", functions: [750, 751, 2400, 2401], subscript: 6179, analyze: 3816, ..ROW };
const ENUM: Form = Form {
    len: 4,
    is_by_value: true,
    kind: "e",
    category: "E",
    functions: [3506, 3507, 3532, 3533],
    align: "i",
    storage: "p",
    ..ROW
};
const ENUM_ARRAY: Form = Form { align: "i", ..ROW_ARRAY };
/// Bytes that a name may have (`NAMEDATALEN` less one).
const NAME_BYTES_MAX: usize = 63;

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    facts(PG_TYPE).for_each(|row| rows.push_text(&row));
    let enums = context.head.enum_types(context.database.oid).into_iter().map(|(relation, _)| relation);
    for relation in context.head.relations(context.database.oid).into_iter().chain(enums) {
        if let Some((oid, array)) = types_of(relation) {
            let form = if relation.as_enum().is_some() { &ENUM } else { &ROW };
            push(rows, relation, UserType { oid, element: Oid(0), array, form });
            let form = if relation.as_enum().is_some() { &ENUM_ARRAY } else { &ROW_ARRAY };
            push(rows, relation, UserType { oid: array, element: oid, array: Oid(0), form });
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

/// A relation's row type, or an enum type, or the array type over it, which is the one with an element.
struct UserType {
    oid: Oid,
    element: Oid,
    array: Oid,
    form: &'static Form,
}

fn push<'a>(rows: &mut Rows<'a>, relation: &'a Relation, ty: UserType) {
    let is_array = ty.element != Oid(0);
    let name = if is_array { Cow::Owned(array_name(&relation.name)) } else { Cow::Borrowed(relation.name.as_str()) };
    let form = ty.form;
    let [input, output, receive, send] = form.functions;
    let is_row = form.kind == ROW.kind;
    let zero = || Value::Int(0);
    rows.named(COLUMNS).push([
        ty.oid.into(),
        Value::text_of(name),
        relation.schema.into(),
        relation.owner.into(),
        Value::Int(form.len),
        form.is_by_value.into(),
        form.kind.into(),
        form.category.into(),
        false.into(),
        true.into(),
        ",".into(),
        if is_row { relation.oid.into() } else { zero() },
        form.subscript.into(),
        ty.element.into(),
        ty.array.into(),
        input.into(),
        output.into(),
        receive.into(),
        send.into(),
        zero(),
        zero(),
        form.analyze.into(),
        form.align.into(),
        form.storage.into(),
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
