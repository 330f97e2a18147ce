//! `pg_stat_database`: sessions per database. What is not counted is NULL.

use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["datid", "datname", "numbackends"]);
    for database in context.head.databases() {
        let sessions = context.server.statements.iter().filter(|session| session.database == database.name).count();
        rows.push([database.oid.into(), (&database.name).into(), sessions.into()]);
    }
}
