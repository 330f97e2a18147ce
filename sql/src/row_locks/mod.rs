//! Locks on rows: those of `SELECT … FOR UPDATE` and `FOR SHARE`, and those of statements that change rows.
//!
//! ```text
//! tree → clauses (checked, left as a mark) → plan with addresses → LockRows → the transaction's HeldRows
//! ```
//! A lock lasts until its transaction ends. Who finds a row locked by another waits for that end, fails at once or passes
//! over the row, as it asked. Who finds that the row was changed meanwhile begins the statement again (READ COMMITTED), or
//! fails. Who has begun again a few times has others wait before they lock rows of that table.
//!
//! A statement that changes rows locks them too. What holds them is written again, and two that write one partition again
//! cannot both commit, so the second waits for the first.
//!
//! Locks are in memory of one server. What counts is what the commit requires: that what holds the rows is still there.

mod addressed;
mod clauses;
mod exec;
mod held;
mod node;
mod table;

use peristyle_catalog::model::Oid;

pub(crate) use addressed::plant;
pub(crate) use clauses::{MARK, command_of, mark};
pub(crate) use held::HeldRows;
pub(crate) use node::RowLockPlanner;
pub(crate) use table::{RowLocks, Rows};

use crate::scan::RowSource;

/// How strong a lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Strength {
    /// Others may have such a lock too.
    Share,
    Update,
}

impl Strength {
    fn conflicts(self, other: Strength) -> bool {
        self == Strength::Update || other == Strength::Update
    }
}

/// What becomes of a row that another transaction has locked; the later counts of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum IfLocked {
    Wait,
    /// SKIP LOCKED
    Skip,
    /// NOWAIT: 55P03.
    Refuse,
}

/// A lock that rows of one table get.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowLock {
    pub(crate) table: Oid,
    pub(crate) table_name: String,
    pub(crate) strength: Strength,
    pub(crate) if_locked: IfLocked,
}

/// A row to be locked.
struct Place<'a> {
    lock: &'a RowLock,
    source: RowSource,
    position: u64,
}
