//! `pg_constraint`: checks, and keys, which are shown as not validated where they are recorded and not enforced.

use std::borrow::Cow;

use peristyle_catalog::model::{ColumnId, Constraint, ConstraintKind, Oid, Relation, Table};

use super::definitions::with_types;

use crate::relation::{RelationContext, Rows, Value};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    for relation in context.head.relations(context.database.oid) {
        let Some(table) = relation.as_table() else { continue };
        for constraint in &table.constraints {
            push(context, rows, relation, (table, constraint));
        }
    }
}

/// `contype` of a constraint.
pub(crate) fn kind_letter(kind: &ConstraintKind) -> &'static str {
    match kind {
        ConstraintKind::PrimaryKey { .. } => "p",
        ConstraintKind::Unique { .. } => "u",
        ConstraintKind::ForeignKey { .. } => "f",
        ConstraintKind::Check { .. } => "c",
    }
}

/// Attribute numbers of columns.
pub(crate) fn attribute_numbers<'v>(table: &Table, columns: &[ColumnId]) -> Vec<Value<'v>> {
    columns.iter().filter_map(|id| table.column_by_id(*id)).map(|column| column.attnum.into()).collect()
}

/// What the kinds of constraints have of their own.
struct Shape<'a> {
    key: Value<'a>,
    index: Oid,
    referenced: (Oid, Value<'a>),
    expression: Option<Cow<'a, str>>,
    is_enforced: bool,
    /// Update action, delete action, match type.
    actions: [&'static str; 3],
}

const NO_ACTIONS: [&str; 3] = [" ", " ", " "];
/// NO ACTION, NO ACTION, MATCH SIMPLE.
const DEFAULT_ACTIONS: [&str; 3] = ["a", "a", "s"];

fn shape<'a>(context: &RelationContext<'a>, table: &Table, kind: &'a ConstraintKind) -> Shape<'a> {
    let numbers = |columns: &[ColumnId]| Value::List(attribute_numbers(table, columns));
    let keyed = |columns: &[ColumnId], index: Oid| Shape {
        key: numbers(columns),
        index,
        referenced: (Oid(0), Value::Null),
        expression: None,
        is_enforced: table.enforces_keys(),
        actions: NO_ACTIONS,
    };
    match kind {
        ConstraintKind::PrimaryKey { columns, index } | ConstraintKind::Unique { columns, index } => {
            keyed(columns, *index)
        }
        ConstraintKind::ForeignKey { columns, table: other, referenced } => {
            let target = context.head.relation(*other).and_then(Relation::as_table);
            let key = target.map(|target| attribute_numbers(target, referenced));
            let referenced = (*other, key.into());
            Shape { referenced, actions: DEFAULT_ACTIONS, is_enforced: false, ..keyed(columns, Oid(0)) }
        }
        ConstraintKind::Check { expression } => Shape {
            key: Value::Null,
            expression: Some(with_types(context, expression)),
            is_enforced: true,
            ..keyed(&[], Oid(0))
        },
    }
}

fn push<'a>(
    context: &RelationContext<'a>,
    rows: &mut Rows<'a>,
    relation: &'a Relation,
    (table, constraint): (&Table, &'a Constraint),
) {
    let shape = shape(context, table, &constraint.kind);
    let [on_update, on_delete, matching] = shape.actions;
    let (referenced, referenced_key) = shape.referenced;
    let zero = || Value::Int(0);
    rows.named(COLUMNS).push([
        constraint.oid.into(),
        (&constraint.name).into(),
        relation.schema.into(),
        kind_letter(&constraint.kind).into(),
        false.into(),
        false.into(),
        shape.is_enforced.into(),
        relation.oid.into(),
        zero(),
        shape.index.into(),
        zero(),
        referenced.into(),
        on_update.into(),
        on_delete.into(),
        matching.into(),
        true.into(),
        zero(),
        (kind_letter(&constraint.kind) != "c").into(),
        shape.key,
        referenced_key,
        shape.expression.map(Value::text_of).into(),
    ]);
}

/// The order of the values in [`push`]; the other columns are always NULL.
const COLUMNS: [&str; 21] = [
    "oid",
    "conname",
    "connamespace",
    "contype",
    "condeferrable",
    "condeferred",
    "convalidated",
    "conrelid",
    "contypid",
    "conindid",
    "conparentid",
    "confrelid",
    "confupdtype",
    "confdeltype",
    "confmatchtype",
    "conislocal",
    "coninhcount",
    "connoinherit",
    "conkey",
    "confkey",
    "conbin",
];
