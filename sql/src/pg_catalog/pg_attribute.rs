//! `pg_attribute`: columns of tables, views, indexes, sequences and computed relations.

use peristyle_catalog::model::{Column, ColumnRule, Index, Oid, PgType, Relation, RelationKind};

use super::built_in_types::by_oid;
use super::pg_sequence::SEQUENCE_COLUMNS;
use crate::relation::{RelationContext, Rows, Value, all};

/// One column, whatever its relation is.
struct Attribute<'a> {
    relation: Oid,
    name: &'a str,
    number: i64,
    ty: PgType,
    not_null: bool,
    has_default: bool,
    missing: Option<&'a str>,
    /// `attidentity`
    identity: &'static str,
    /// `attgenerated`
    generated: &'static str,
}

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    for relation in all() {
        for ((name, ty), number) in relation.columns().iter().zip(1..) {
            push(rows, Attribute::plain(Oid(relation.oid()), name, number, *ty));
        }
    }
    for relation in context.head.relations(context.database.oid) {
        for attribute in attributes(context, relation) {
            push(rows, attribute);
        }
    }
}

fn attributes<'a>(context: &RelationContext<'a>, relation: &'a Relation) -> Vec<Attribute<'a>> {
    match &relation.kind {
        RelationKind::Table(table) => table.columns.iter().map(|column| of_column(relation.oid, column)).collect(),
        RelationKind::View(view) => view.columns.iter().map(|column| of_column(relation.oid, column)).collect(),
        RelationKind::Index(index) => of_index(context, relation.oid, index),
        RelationKind::Sequence(_) => of_sequence(relation.oid),
        RelationKind::Enum(_) => Vec::new(),
    }
}

fn of_column(relation: Oid, column: &Column) -> Attribute<'_> {
    Attribute {
        not_null: column.not_null,
        has_default: column.default.is_some(),
        missing: column.missing.as_ref().map(|missing| missing.text.as_str()),
        identity: match column.rule {
            ColumnRule::Identity { is_always: true, .. } => "a",
            ColumnRule::Identity { is_always: false, .. } => "d",
            ColumnRule::Plain | ColumnRule::Generated => "",
        },
        generated: if column.rule == ColumnRule::Generated { "s" } else { "" },
        ..Attribute::plain(relation, &column.name, i64::from(column.attnum), column.ty)
    }
}

fn of_index<'a>(context: &RelationContext<'a>, oid: Oid, index: &Index) -> Vec<Attribute<'a>> {
    let Some(table) = context.head.relation(index.table).and_then(Relation::as_table) else {
        return Vec::new();
    };
    let columns = index.columns.iter().filter_map(|id| table.column_by_id(*id));
    columns.zip(1..).map(|(column, number)| Attribute::plain(oid, &column.name, number, column.ty)).collect()
}

fn of_sequence<'a>(oid: Oid) -> Vec<Attribute<'a>> {
    let columns = SEQUENCE_COLUMNS.iter().zip(1..);
    columns
        .map(|((name, ty), number)| Attribute { not_null: true, ..Attribute::plain(oid, name, number, *ty) })
        .collect()
}

impl<'a> Attribute<'a> {
    fn plain(relation: Oid, name: &'a str, number: i64, ty: PgType) -> Self {
        Attribute {
            relation,
            name,
            number,
            ty,
            not_null: false,
            has_default: false,
            missing: None,
            identity: "",
            generated: "",
        }
    }
}

fn push<'a>(rows: &mut Rows<'a>, attribute: Attribute<'a>) {
    let ty = by_oid(attribute.ty.oid);
    let dimensions = i64::from(attribute.ty.is_array());
    let mut rows = rows.named(COLUMNS);
    rows.push([
        attribute.relation.into(),
        attribute.name.into(),
        attribute.ty.oid.into(),
        Value::Int(-1),
        ty.map_or(-1, |ty| ty.len).into(),
        attribute.number.into(),
        dimensions.into(),
        Value::Int(-1),
        attribute.ty.typmod.into(),
        ty.is_some_and(|ty| ty.by_value).into(),
        ty.map_or("d", |ty| ty.align).into(),
        ty.map_or("x", |ty| ty.storage).into(),
        "".into(),
        attribute.not_null.into(),
        attribute.has_default.into(),
        attribute.missing.is_some().into(),
        attribute.identity.into(),
        attribute.generated.into(),
        false.into(),
        true.into(),
        Value::Int(0),
        ty.map_or(0, |ty| ty.collation).into(),
        attribute.missing.map(as_array_text).into(),
    ]);
}

/// A value as the one element of an array in text form, which is how `attmissingval` keeps it.
fn as_array_text(value: &str) -> String {
    format!("{{\"{}\"}}", value.replace('\\', r"\\").replace('"', "\\\""))
}

/// The order of the values in [`push`]; the other columns are always NULL.
const COLUMNS: [&str; 23] = [
    "attrelid",
    "attname",
    "atttypid",
    "attstattarget",
    "attlen",
    "attnum",
    "attndims",
    "attcacheoff",
    "atttypmod",
    "attbyval",
    "attalign",
    "attstorage",
    "attcompression",
    "attnotnull",
    "atthasdef",
    "atthasmissing",
    "attidentity",
    "attgenerated",
    "attisdropped",
    "attislocal",
    "attinhcount",
    "attcollation",
    "attmissingval",
];
