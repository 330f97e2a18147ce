//! `pg_stat_progress_copy`: how far each COPY that runs is.

use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "pid",
        "datid",
        "datname",
        "relid",
        "command",
        "type",
        "bytes_processed",
        "bytes_total",
        "tuples_processed",
        "tuples_excluded",
    ]);
    for copy in &context.server.copies {
        rows.push([
            copy.process_id.into(),
            copy.database_oid.into(),
            (&copy.database).into(),
            copy.relation.into(),
            copy.command.into(),
            copy.end.into(),
            copy.bytes.into(),
            copy.bytes_total.into(),
            copy.rows.into(),
            copy.excluded.into(),
        ]);
    }
}
