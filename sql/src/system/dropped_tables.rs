//! `system.dropped_tables`: what UNDROP TABLE can take back.

use crate::ddl::DroppedTable;
use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["schema_name", "table_name", "table_oid", "dropped_at", "rows", "bytes"]);
    for relation in context.head.dropped(context.database.oid) {
        let Some(dropped) = DroppedTable::of(relation) else { continue };
        rows.push([
            dropped.schema.into(),
            dropped.name.into(),
            relation.oid.into(),
            dropped.at.into(),
            context.head.table_rows(relation.oid).into(),
            context.head.table_bytes(relation.oid).into(),
        ]);
    }
}
