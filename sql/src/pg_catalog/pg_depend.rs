//! `pg_depend`: what views read, and what ties sequences to columns and defaults. A view's rule depends on the view itself and on the columns it reads. The relations of
//! the schema `system` are members of the extension that stands for this server, so that nobody dumps them.

use peristyle_catalog::model::{PgType, Relation, RelationKind, Sequence, StoredQuery, Table};

use super::pg_extension::EXTENSION;
use super::{PG_ATTRDEF, PG_CLASS, PG_EXTENSION, PG_NAMESPACE, PG_REWRITE, PG_TYPE, SYSTEM};
use crate::relation::{RelationContext, Rows, Value, all};
use crate::sequence::sequences_in;

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let members = all().filter(|relation| relation.schema() == "system").map(|relation| (PG_CLASS, relation.oid()));
    for (class, oid) in members.chain([(PG_NAMESPACE, SYSTEM)]) {
        push(rows, (class, oid.into()), (PG_EXTENSION, EXTENSION.into(), Value::Int(0)), "e");
    }
    for relation in context.head.relations(context.database.oid) {
        if let Some(query) = relation.stored_query() {
            push_view(context, rows, relation, query);
        }
        match &relation.kind {
            RelationKind::Table(table) => {
                push_defaults(rows, relation, table);
                push_types(rows, relation, table);
            }
            RelationKind::Sequence(sequence) => push_owner(rows, relation, sequence),
            RelationKind::View(_) | RelationKind::Index(_) | RelationKind::Enum(_) => {}
        }
    }
}

fn push_view<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>, relation: &Relation, query: &StoredQuery) {
    let mut push_on = |class: u32, referenced: Value<'a>, column: Value<'a>, kind: &'static str| {
        push(rows, (PG_REWRITE, relation.oid.into()), (class, referenced, column), kind);
    };
    push_on(PG_CLASS, relation.oid.into(), Value::Int(0), "i");
    for on in &query.depends_on {
        let relation = context.head.relation(on.relation);
        if let Some(ty) = relation.filter(|on| on.as_enum().is_some()).and_then(|on| PgType::of_enum(on.oid)) {
            push_on(PG_TYPE, ty.oid.into(), Value::Int(0), "n");
            continue;
        }
        let table = relation.and_then(Relation::as_table);
        for (_, id) in &on.columns {
            let column = table.and_then(|table| table.column_by_id(*id));
            push_on(PG_CLASS, on.relation.into(), column.map_or(0, |column| column.attnum).into(), "n");
        }
        if on.columns.is_empty() {
            push_on(PG_CLASS, on.relation.into(), Value::Int(0), "n");
        }
    }
}

/// A column of an enum type, or of an array of it, depends on the type.
fn push_types<'a>(rows: &mut Rows<'a>, relation: &Relation, table: &Table) {
    let columns = table.columns.iter().filter(|column| column.ty.enum_definition().is_some());
    for column in columns {
        let referenced = (PG_TYPE, column.ty.oid.into(), Value::Int(0));
        push_part(rows, (PG_CLASS, relation.oid.into(), column.attnum.into()), referenced, "n");
    }
}

/// A default depends on its column and on the sequences that it takes values from.
fn push_defaults<'a>(rows: &mut Rows<'a>, relation: &Relation, table: &Table) {
    for column in &table.columns {
        let Some(default) = &column.default else { continue };
        let object = || (PG_ATTRDEF, default.oid.into());
        push(rows, object(), (PG_CLASS, relation.oid.into(), column.attnum.into()), "a");
        for sequence in sequences_in(&default.expression) {
            push(rows, object(), (PG_CLASS, sequence.into(), Value::Int(0)), "n");
        }
    }
}

/// A sequence goes with its column; that of an identity column is a part of it.
fn push_owner<'a>(rows: &mut Rows<'a>, relation: &Relation, sequence: &Sequence) {
    let Some(owner) = sequence.owner else { return };
    let kind = if owner.is_identity { "i" } else { "a" };
    push(rows, (PG_CLASS, relation.oid.into()), (PG_CLASS, owner.table.into(), owner.attnum.into()), kind);
}

fn push<'a>(
    rows: &mut Rows<'a>,
    (class, object): (u32, Value<'a>),
    referenced: (u32, Value<'a>, Value<'a>),
    kind: &'static str,
) {
    push_part(rows, (class, object, Value::Int(0)), referenced, kind);
}

fn push_part<'a>(
    rows: &mut Rows<'a>,
    (class, object, part): (u32, Value<'a>, Value<'a>),
    (referenced_class, referenced, referenced_part): (u32, Value<'a>, Value<'a>),
    kind: &'static str,
) {
    let mut rows = rows.named(["classid", "objid", "objsubid", "refclassid", "refobjid", "refobjsubid", "deptype"]);
    rows.push([class.into(), object, part, referenced_class.into(), referenced, referenced_part, kind.into()]);
}
