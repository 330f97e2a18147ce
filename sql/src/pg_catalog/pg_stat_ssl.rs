//! `pg_stat_ssl`: one row per session. Version and cipher are not kept, so they are NULL.

use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["pid", "ssl"]);
    for session in &context.server.statements {
        rows.push([session.process_id.into(), session.is_encrypted.into()]);
    }
}
