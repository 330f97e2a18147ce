//! `system.partitions`: live partitions of every table.

use peristyle_catalog::model::Seq;

use super::table_name;
use crate::relation::{RelationContext, Rows, Value};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "schema_name",
        "table_name",
        "table_oid",
        "partition_id",
        "path",
        "rows",
        "bytes",
        "level",
        "key_from",
        "key_to",
        "bucket",
        "key_nulls",
        "added",
        "row_seq_min",
        "row_seq_max",
    ]);
    for table in context.head.relations(context.database.oid) {
        let Some(contents) = context.head.contents(table.oid) else { continue };
        for partition in contents.partitions() {
            let [schema, name, oid] = table_name(context, table);
            let number = |seq: Seq| Value::from(seq.0);
            rows.push([
                schema,
                name,
                oid,
                Value::Uuid(*partition.id.0.as_bytes()),
                context.server.partition_path.map(|path| path(partition)).into(),
                partition.rows.into(),
                partition.bytes.into(),
                partition.level.into(),
                partition.key.time.map(|range| range.0).into(),
                partition.key.time.map(|range| range.1).into(),
                partition.key.bucket.into(),
                partition.key.nulls.into(),
                number(partition.added),
                number(partition.row_seqs.0),
                number(partition.row_seqs.1),
            ]);
        }
    }
}
