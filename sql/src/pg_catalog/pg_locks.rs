//! `pg_locks`: advisory locks, those on transactions that have locked rows, those of LOCK TABLE and those of statements
//! that write a table anew, held and waited for. There are no others: who reads or writes rows locks no table.

use crate::relation::{LockedView, RelationContext, Rows, Value};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "locktype",
        "database",
        "relation",
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
        let (kind, on): (&str, [Value<'_>; 6]) = match lock.on {
            LockedView::Advisory { database, class, object, part } => {
                let on = [database.into(), Value::Null, Value::Null, class.into(), object.into(), part.into()];
                ("advisory", on)
            }
            LockedView::Transaction(transaction) => {
                let number = i64::from(transaction);
                ("transactionid", [Value::Null, Value::Null, number.into(), Value::Null, Value::Null, Value::Null])
            }
            LockedView::Table(table) => {
                let database = context.database.oid;
                ("relation", [database.into(), table.into(), Value::Null, Value::Null, Value::Null, Value::Null])
            }
        };
        let [database, relation, transaction, class, object, part] = on;
        let (pid, mode, granted) = (lock.process_id.into(), lock.mode.into(), lock.is_granted.into());
        rows.push([
            kind.into(),
            database,
            relation,
            transaction,
            class,
            object,
            part,
            pid,
            mode,
            granted,
            false.into(),
        ]);
    }
}
