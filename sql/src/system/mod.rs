//! `system`: what only Peristyle has, shown as relations. Their oids lie in a range that PostgreSQL leaves free.

mod chunks;
mod dropped_tables;
mod merge_totals;
mod merges;
mod orphans;
mod partitions;
mod snapshots;
mod statements;

use peristyle_catalog::model::Relation;

use crate::pg_catalog::names::schema_name;
use crate::relation::{Fill, RelationContext, Value};

pub(crate) use orphans::{ORPHANS, ORPHANS_OID};

/// The relations of this schema that need no waiting.
pub(crate) const FILLS: &[(&str, &str, Fill)] = &[
    ("system", "chunks", chunks::fill),
    ("system", "dropped_tables", dropped_tables::fill),
    ("system", "merge_totals", merge_totals::fill),
    ("system", "merges", merges::fill),
    ("system", "partitions", partitions::fill),
    ("system", "snapshots", snapshots::fill),
    ("system", "statements", statements::fill),
];

/// Schema, name and oid of a table.
fn table_name<'a>(context: &RelationContext<'a>, table: &'a Relation) -> [Value<'a>; 3] {
    [schema_name(context, table.schema).into(), (&table.name).into(), table.oid.into()]
}
