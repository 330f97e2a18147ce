//! `system.chunks`: chunks that are not yet in a partition.

use super::table_name;
use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "schema_name",
        "table_name",
        "table_oid",
        "chunk_id",
        "rows",
        "bytes",
        "key_from",
        "key_to",
        "bucket",
        "key_nulls",
        "committed_at",
        "log_position",
    ]);
    for table in context.head.relations(context.database.oid) {
        let Some(contents) = context.head.contents(table.oid) else { continue };
        for chunk in contents.chunks() {
            let [schema, name, oid] = table_name(context, table);
            rows.push([
                schema,
                name,
                oid,
                chunk.id.to_string().into(),
                chunk.rows.into(),
                chunk.bytes.into(),
                chunk.key.time.map(|range| range.0).into(),
                chunk.key.time.map(|range| range.1).into(),
                chunk.key.bucket.into(),
                chunk.key.nulls.into(),
                chunk.at.into(),
                chunk.log_position.into(),
            ]);
        }
    }
}
