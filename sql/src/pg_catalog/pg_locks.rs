//! `pg_locks`: advisory locks, held and waited for. There are no others: LOCK TABLE is a requirement at the commit.

use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows =
        rows.named(["locktype", "database", "classid", "objid", "objsubid", "pid", "mode", "granted", "fastpath"]);
    for lock in &context.server.locks {
        rows.push([
            "advisory".into(),
            lock.database.into(),
            lock.class.into(),
            lock.object.into(),
            lock.part.into(),
            lock.process_id.into(),
            lock.mode.into(),
            lock.is_granted.into(),
            false.into(),
        ]);
    }
}
