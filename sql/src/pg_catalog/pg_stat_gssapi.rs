//! `pg_stat_gssapi`: one row per session. No session uses GSSAPI.

use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["pid", "gss_authenticated", "encrypted"]);
    for session in &context.server.statements {
        rows.push([session.process_id.into(), false.into(), false.into()]);
    }
}
