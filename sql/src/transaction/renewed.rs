//! The tables that a transaction created or truncated, and under which savepoint: nobody else sees what is in them.

use imbl::OrdMap;
use peristyle_catalog::model::Oid;

use super::{Savepoint, Transaction};

/// Copies share structure: a savepoint has one.
#[derive(Clone, Default)]
pub(super) struct Renewed {
    /// Each with its place among all that were.
    tables: OrdMap<Oid, usize>,
    count: usize,
    /// How many were when the innermost open savepoint was set.
    outside: usize,
}

impl Renewed {
    pub(super) fn add(&mut self, table: Oid) {
        self.count += 1;
        self.tables.insert(table, self.count);
    }

    /// What comes is under a savepoint that is set here.
    pub(super) fn enter(&mut self) {
        self.outside = self.count;
    }
}

impl Transaction {
    /// Takes note of a table that was truncated.
    pub(crate) fn renew(&mut self, table: Oid) {
        self.staged.renewed.add(table);
    }

    /// Whether it created or truncated the table since the innermost open savepoint.
    pub(crate) fn has_renewed(&self, table: Oid) -> bool {
        let renewed = &self.staged.renewed;
        renewed.tables.get(&table).is_some_and(|place| *place > renewed.outside)
    }

    /// What was under a savepoint is under the one around it now, or under none.
    pub(crate) fn release(&mut self, into: Option<&Savepoint>) {
        self.staged.renewed.outside = into.map_or(0, |savepoint| savepoint.0.renewed.count);
    }
}
