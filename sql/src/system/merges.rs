//! `system.merges`: the newest merges since the server was started. A table that is gone has no name.
//! `write_amplification` is that of the table's merges up to this one.

use crate::pg_catalog::names::schema_name;
use crate::relation::{RelationContext, Rows, Value};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "schema_name",
        "table_name",
        "table_oid",
        "started_at",
        "finished_at",
        "seq",
        "chunks",
        "partitions",
        "partitions_made",
        "rows",
        "bytes_read",
        "bytes_fresh",
        "bytes_written",
        "level",
        "write_amplification",
    ]);
    for merge in &context.server.merges {
        let table = context.head.relation(merge.table);
        rows.push([
            table.map(|table| schema_name(context, table.schema)).map_or(Value::Null, Into::into),
            table.map(|table| table.name.as_str()).into(),
            merge.table.into(),
            merge.started_at.into(),
            merge.finished_at.into(),
            merge.seq.0.into(),
            merge.chunks.into(),
            merge.partitions.into(),
            merge.made.into(),
            merge.rows.into(),
            merge.bytes_read.into(),
            merge.bytes_fresh.into(),
            merge.bytes_written.into(),
            merge.level.into(),
            merge.totals.write_amplification().map_or(Value::Null, Value::from),
        ]);
    }
}
