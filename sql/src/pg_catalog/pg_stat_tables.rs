//! `pg_stat_all_tables`, `pg_stat_user_tables` and their like for reads: live rows per table, and
//! when it was vacuumed since the server was started: by a statement, or by a merge in the background. What is not counted
//! is NULL.

use peristyle_storage::merge::Upkeep;

use super::names::schema_name;
use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "relid",
        "schemaname",
        "relname",
        "n_live_tup",
        "last_vacuum",
        "last_autovacuum",
        "vacuum_count",
        "autovacuum_count",
    ]);
    for table in context.head.relations(context.database.oid).into_iter().filter(|r| r.as_table().is_some()) {
        let schema = schema_name(context, table.schema);
        let Upkeep { asked, background } = context.server.upkeep.get(&table.oid).copied().unwrap_or_default();
        rows.push([
            table.oid.into(),
            schema.into(),
            (&table.name).into(),
            context.head.table_rows(table.oid).into(),
            asked.last.into(),
            background.last.into(),
            asked.count.into(),
            background.count.into(),
        ]);
    }
}

/// Blocks read, none of which are counted.
pub(super) fn io<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["relid", "schemaname", "relname"]);
    for table in context.head.relations(context.database.oid).into_iter().filter(|r| r.as_table().is_some()) {
        rows.push([table.oid.into(), schema_name(context, table.schema).into(), (&table.name).into()]);
    }
}
