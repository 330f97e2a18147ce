//! `pg_index`: indexes, which are recorded and shown, never built.

use std::collections::HashSet;

use peristyle_catalog::model::{Column, Index, Oid, Relation, RelationKind};

use super::built_in_types::{by_oid, operator_class};
use crate::relation::{RelationContext, Rows, Value};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(COLUMNS);
    for relation in context.head.relations(context.database.oid) {
        let RelationKind::Index(index) = &relation.kind else { continue };
        let columns = indexed_columns(context, index);
        let vector = |of: &dyn Fn(&Column) -> i64| Value::List(columns.iter().map(|c| of(c).into()).collect());
        rows.push([
            relation.oid.into(),
            index.table.into(),
            columns.len().into(),
            columns.len().into(),
            index.unique.into(),
            false.into(),
            index.primary.into(),
            false.into(),
            true.into(),
            false.into(),
            true.into(),
            false.into(),
            true.into(),
            true.into(),
            false.into(),
            vector(&|column| column.attnum.into()),
            vector(&|column| by_oid(column.ty.oid).map_or(0, |ty| ty.collation).into()),
            vector(&|column| operator_class(column.ty.oid).into()),
            vector(&|_| 0),
        ]);
    }
}

/// Tables that have an index.
pub(crate) fn indexed_tables(context: &RelationContext<'_>) -> HashSet<Oid> {
    let relations = context.head.relations(context.database.oid).into_iter();
    let tables = relations.filter_map(|relation| match &relation.kind {
        RelationKind::Index(index) => Some(index.table),
        RelationKind::Table(_) | RelationKind::View(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => None,
    });
    tables.collect()
}

/// The live columns of an index.
pub(crate) fn indexed_columns<'a>(context: &RelationContext<'a>, index: &Index) -> Vec<&'a Column> {
    let table = context.head.relation(index.table).and_then(Relation::as_table);
    let column = |id| table.and_then(|table| table.column_by_id(id));
    index.columns.iter().filter_map(|id| column(*id)).collect()
}

/// The order of the values in [`fill`]; `indexprs` and `indpred` are always NULL.
const COLUMNS: [&str; 19] = [
    "indexrelid",
    "indrelid",
    "indnatts",
    "indnkeyatts",
    "indisunique",
    "indnullsnotdistinct",
    "indisprimary",
    "indisexclusion",
    "indimmediate",
    "indisclustered",
    "indisvalid",
    "indcheckxmin",
    "indisready",
    "indislive",
    "indisreplident",
    "indkey",
    "indcollation",
    "indclass",
    "indoption",
];
