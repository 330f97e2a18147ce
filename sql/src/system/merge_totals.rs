//! `system.merge_totals`: what all merges of a table since the server was started read and wrote.

use super::table_name;
use crate::relation::{RelationContext, Rows, Value};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "schema_name",
        "table_name",
        "table_oid",
        "merges",
        "bytes_read",
        "bytes_fresh",
        "bytes_written",
        "write_amplification",
    ]);
    for table in context.head.relations(context.database.oid) {
        let Some(totals) = context.server.merge_totals.get(&table.oid) else { continue };
        let [schema_name, table_name, table_oid] = table_name(context, table);
        rows.push([
            schema_name,
            table_name,
            table_oid,
            totals.merges.into(),
            totals.bytes_read.into(),
            totals.bytes_fresh.into(),
            totals.bytes_written.into(),
            totals.write_amplification().map_or(Value::Null, Value::from),
        ]);
    }
}
