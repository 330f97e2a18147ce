//! `pg_locks`: advisory locks and those on transactions that have locked rows, held and waited for. There are no others:
//! LOCK TABLE is a requirement at the commit.

use crate::relation::{LockedView, RelationContext, Rows, Value};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "locktype",
        "database",
        "transactionid",
        "classid",
        "objid",
        "objsubid",
        "pid",
        "mode",
        "granted",
        "fastpath",
    ]);
    for lock in &context.server.locks {
        let on: [Value<'_>; 6] = match lock.on {
            LockedView::Advisory { database, class, object, part } => {
                ["advisory".into(), database.into(), Value::Null, class.into(), object.into(), part.into()]
            }
            LockedView::Transaction(transaction) => {
                let number = i64::from(transaction);
                ["transactionid".into(), Value::Null, number.into(), Value::Null, Value::Null, Value::Null]
            }
        };
        let [kind, database, transaction, class, object, part] = on;
        let (pid, mode, granted) = (lock.process_id.into(), lock.mode.into(), lock.is_granted.into());
        rows.push([kind, database, transaction, class, object, part, pid, mode, granted, false.into()]);
    }
}
