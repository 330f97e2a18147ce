//! Which tables a job failed at lately: they wait until all others had their turn.

use std::collections::HashMap;

use parking_lot::Mutex;
use peristyle_catalog::model::Oid;

/// Tables whose last turn failed, with the number of that turn.
#[derive(Default)]
pub(super) struct Failures(Mutex<Turns>);

#[derive(Default)]
struct Turns {
    failed: HashMap<Oid, u64>,
    taken: u64,
}

impl Failures {
    /// Counts a table's turn as failed until it is known to be good.
    pub(super) fn begin(&self, table: Oid) {
        let turns = &mut *self.0.lock();
        turns.taken += 1;
        turns.failed.insert(table, turns.taken);
    }

    /// The table's turn was good.
    pub(super) fn succeed(&self, table: Oid) {
        self.0.lock().failed.remove(&table);
    }

    /// Puts tables that failed behind the others, the latest last. Those alike keep their order, those that are not among
    /// them are forgotten.
    pub(super) fn put_last(&self, tables: &mut [Oid]) {
        let mut turns = self.0.lock();
        turns.failed.retain(|table, _| tables.contains(table));
        tables.sort_by_key(|table| turns.failed.get(table).copied().unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_table_has_its_turn_however_many_fail() {
        let failures = Failures::default();
        let first = |tables: [u32; 3]| {
            let mut tables = tables.map(Oid);
            failures.put_last(&mut tables);
            tables[0].0
        };
        failures.begin(Oid(1));
        assert_eq!(first([1, 2, 3]), 2);
        failures.begin(Oid(2));
        assert_eq!(first([1, 2, 3]), 3, "neither of those that failed");
        failures.begin(Oid(3));
        failures.succeed(Oid(3));
        assert_eq!(first([1, 2, 3]), 3);
        failures.begin(Oid(3));
        assert_eq!(first([3, 2, 1]), 1, "the one that failed longest ago");
    }
}
