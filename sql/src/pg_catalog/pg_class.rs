//! `pg_class`: tables, views, materialized views, indexes, sequences, and the computed relations themselves.

use peristyle_catalog::model::{Constraint, ConstraintKind, Relation, RelationKind, Table};

use super::names::{is_temporary, schema_oid};
use super::pg_index::indexed_tables;
use super::pg_sequence::SEQUENCE_COLUMNS;
use super::{BOOTSTRAP_ROLE, BTREE, HEAP};
use crate::relation::{RelationContext, Rows, Value, VirtualRelation, all, none_if_empty};
use crate::temporary;

/// Size of the pages that `relpages` counts, in bytes (PostgreSQL's `BLCKSZ`).
const PAGE_BYTES: u64 = 8192;
/// `reltuples` of what was never counted.
const UNKNOWN_ROWS: f64 = -1.0;

/// What differs between the kinds of relations.
struct Shape<'a> {
    kind: &'a str,
    row_type: u32,
    access_method: u32,
    rows: f64,
    bytes: u64,
    columns: usize,
    checks: usize,
    has_index: bool,
    replica_identity: &'static str,
    options: Value<'a>,
    is_temporary: bool,
    is_populated: bool,
}

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    for relation in all() {
        push_computed(context, relation, rows);
    }
    let indexed = indexed_tables(context);
    for relation in context.head.relations(context.database.oid) {
        let name = [relation.oid.into(), (&relation.name).into(), relation.schema.into(), relation.owner.into()];
        let acl = relation.acl.as_ref().map(|acl| vec![acl]).into();
        let Some(shape) = shape(context, relation, indexed.contains(&relation.oid)) else { continue };
        push(rows, name, shape, acl);
    }
}

fn push_computed<'a>(context: &RelationContext<'a>, relation: &'static dyn VirtualRelation, rows: &mut Rows<'a>) {
    let schema = schema_oid(context, relation.schema());
    let name = [relation.oid().into(), relation.name().into(), schema.into(), BOOTSTRAP_ROLE.into()];
    let kind = relation.declaration().kind;
    let access_method = if kind == "r" { HEAP } else { 0 };
    let shape = Shape { columns: relation.columns().len(), ..without_rows(kind, access_method) };
    push(rows, name, shape, Value::Null);
}

/// `None` for an enum type, which is none of the relations that are shown.
fn shape<'a>(context: &RelationContext<'a>, relation: &'a Relation, has_index: bool) -> Option<Shape<'a>> {
    let shape = match &relation.kind {
        RelationKind::Table(table) => Shape { has_index, ..table_shape(context, relation, table) },
        RelationKind::View(view) => {
            Shape { row_type: view.row_type.0, columns: view.columns.len(), ..without_rows("v", 0) }
        }
        RelationKind::Sequence(_) => {
            Shape { rows: 1.0, bytes: PAGE_BYTES, columns: SEQUENCE_COLUMNS.len(), ..without_rows("S", 0) }
        }
        RelationKind::Index(index) => Shape { columns: index.columns.len(), rows: 0.0, ..without_rows("i", BTREE) },
        RelationKind::Enum(_) => return None,
    };
    Some(Shape { is_temporary: is_temporary(context, relation), ..shape })
}

fn without_rows(kind: &'static str, access_method: u32) -> Shape<'static> {
    Shape {
        kind,
        row_type: 0,
        access_method,
        rows: UNKNOWN_ROWS,
        bytes: 0,
        columns: 0,
        checks: 0,
        has_index: false,
        replica_identity: "n",
        options: Value::Null,
        is_temporary: false,
        is_populated: true,
    }
}

fn table_shape<'a>(context: &RelationContext<'a>, relation: &'a Relation, table: &'a Table) -> Shape<'a> {
    let shown = table.options.iter().filter(|(name, _)| temporary::is_shown(name));
    let is_check = |constraint: &&Constraint| matches!(constraint.kind, ConstraintKind::Check { .. });
    Shape {
        row_type: table.row_type.0,
        rows: context.head.table_rows(relation.oid) as f64,
        bytes: context.head.table_bytes(relation.oid),
        columns: table.columns.len(),
        checks: table.constraints.iter().filter(is_check).count(),
        replica_identity: "d",
        options: none_if_empty(shown.map(|(name, value)| format!("{name}={value}"))),
        is_populated: table.materialized.as_ref().is_none_or(|materialized| materialized.is_populated),
        ..without_rows(if table.materialized.is_some() { "m" } else { "r" }, HEAP)
    }
}

fn push<'a>(rows: &mut Rows<'a>, name: [Value<'a>; 4], shape: Shape<'a>, acl: Value<'a>) {
    let mut rows = rows.named(COLUMNS);
    let [oid, relname, schema, owner] = name;
    let has_rules = matches!(shape.kind, "v" | "m");
    let zero = || Value::Int(0);
    let no = || Value::Bool(false);
    rows.push([
        oid.clone(),
        relname,
        schema,
        shape.row_type.into(),
        zero(),
        owner,
        shape.access_method.into(),
        if shape.access_method == 0 && shape.kind != "S" { zero() } else { oid },
        zero(),
        shape.bytes.div_ceil(PAGE_BYTES).into(),
        shape.rows.into(),
        zero(),
        zero(),
        shape.has_index.into(),
        no(),
        if shape.is_temporary { "t" } else { "p" }.into(),
        shape.kind.into(),
        shape.columns.into(),
        shape.checks.into(),
        has_rules.into(),
        no(),
        no(),
        no(),
        no(),
        shape.is_populated.into(),
        shape.replica_identity.into(),
        no(),
        zero(),
        zero(),
        zero(),
        acl,
        shape.options,
    ]);
}

/// The order of the values in [`push`]; `relpartbound` is always NULL.
const COLUMNS: [&str; 32] = [
    "oid",
    "relname",
    "relnamespace",
    "reltype",
    "reloftype",
    "relowner",
    "relam",
    "relfilenode",
    "reltablespace",
    "relpages",
    "reltuples",
    "relallvisible",
    "reltoastrelid",
    "relhasindex",
    "relisshared",
    "relpersistence",
    "relkind",
    "relnatts",
    "relchecks",
    "relhasrules",
    "relhastriggers",
    "relhassubclass",
    "relrowsecurity",
    "relforcerowsecurity",
    "relispopulated",
    "relreplident",
    "relispartition",
    "relrewrite",
    "relfrozenxid",
    "relminmxid",
    "relacl",
    "reloptions",
];
