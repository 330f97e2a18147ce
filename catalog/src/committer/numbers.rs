//! Numbers that are handed out before the commit that uses them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use crate::Head;
use crate::model::{ColumnId, Oid};

/// The next oid, and per table the next column id, above everything committed or handed out. Numbers that were
/// handed out and never committed leave no trace, so only committed ones are durable.
pub(crate) struct Numbers {
    next_oid: AtomicU32,
    next_columns: Mutex<HashMap<Oid, u32>>,
}

/// Ids of columns begin at 1.
const FIRST_COLUMN: u32 = 1;

impl Numbers {
    pub(crate) fn new(next_oid: u32) -> Self {
        Numbers { next_oid: AtomicU32::new(next_oid), next_columns: Mutex::default() }
    }

    pub(crate) fn reserve_oids(&self, count: u32) -> Oid {
        let more = |next: u32| next.checked_add(count);
        let first = self.next_oid.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        Oid(first.expect("four billion oids are not used up"))
    }

    pub(crate) fn reserve_columns(&self, head: &Head, table: Oid, count: u32) -> ColumnId {
        let committed = head.relation(table).and_then(|relation| relation.as_table());
        let committed = committed.map_or(FIRST_COLUMN, |table| table.next_column.0);
        let mut next = self.next_columns.lock();
        let next = next.entry(table).or_insert(FIRST_COLUMN);
        let first = committed.max(*next);
        *next = first.checked_add(count).expect("four billion column ids are not used up");
        ColumnId(first)
    }

    /// Forgets tables that are gone.
    pub(crate) fn forget(&self, dropped: &[Oid]) {
        if !dropped.is_empty() {
            let mut next = self.next_columns.lock();
            next.retain(|table, _| !dropped.contains(table));
        }
    }
}
