//! What must be true of tables that come and go: which there are, and which rows each has.

use std::collections::BTreeMap;

use peristyle_catalog::Head;
use peristyle_catalog::model::{Oid, Seq};

/// Oids of these tables; each takes three.
const FIRST: u32 = 30_000;

/// Somebody tries to change something, all of it or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Attempt(usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Nothing yet, or nothing that says.
    Unknown,
    Committed(Seq),
    /// That it is there after that commit, not since when.
    CommittedBefore(Seq),
    /// That nothing of it is there after that commit; it may have been, and been taken away.
    NotSince(Seq),
    Failed,
}

impl Told {
    /// Whether it is in the state of that commit; `None` if nobody knows.
    fn holds_at(self, seq: Seq) -> Option<bool> {
        match self {
            Told::Unknown => None,
            Told::Committed(at) => Some(at <= seq),
            Told::CommittedBefore(at) => (at <= seq).then_some(true),
            Told::NotSince(at) => (at <= seq).then_some(false),
            Told::Failed => Some(false),
        }
    }
}

#[derive(Default)]
pub(super) struct Tables {
    tables: BTreeMap<Oid, Table>,
    attempts: Vec<Told>,
    next_table: u32,
    next_row: i64,
}

struct Table {
    made: Attempt,
    gone: Vec<Attempt>,
    rows: BTreeMap<i64, Row>,
}

struct Row {
    added: Attempt,
    removed: Vec<Attempt>,
}

impl Tables {
    fn attempt(&mut self) -> Attempt {
        self.attempts.push(Told::Unknown);
        Attempt(self.attempts.len() - 1)
    }

    pub(super) fn committed(&mut self, attempt: Attempt, seq: Seq) {
        self.attempts[attempt.0] = Told::Committed(seq);
    }

    pub(super) fn failed(&mut self, attempt: Attempt) {
        self.attempts[attempt.0] = Told::Failed;
    }

    /// A new table, with these rows from the start.
    pub(super) fn make(&mut self, rows: &[i64]) -> (Oid, Attempt) {
        let oid = Oid(FIRST + 3 * self.next_table);
        self.next_table += 1;
        let made = self.attempt();
        self.tables.insert(oid, Table { made, gone: Vec::new(), rows: BTreeMap::new() });
        self.add_rows(oid, rows, made);
        (oid, made)
    }

    /// A table goes for good.
    pub(super) fn drop_table(&mut self, oid: Oid) -> Attempt {
        let gone = self.attempt();
        self.table(oid).gone.push(gone);
        gone
    }

    /// Numbers of new rows.
    pub(super) fn add(&mut self, oid: Oid, count: i64) -> (Vec<i64>, Attempt) {
        let rows: Vec<i64> = (self.next_row..self.next_row + count).collect();
        self.next_row += count;
        let added = self.attempt();
        self.add_rows(oid, &rows, added);
        (rows, added)
    }

    fn add_rows(&mut self, oid: Oid, rows: &[i64], added: Attempt) {
        let rows = rows.iter().map(|number| (*number, Row { added, removed: Vec::new() }));
        self.table(oid).rows.extend(rows);
    }

    pub(super) fn remove(&mut self, oid: Oid, rows: &[i64]) -> Attempt {
        let removed = self.attempt();
        let table = self.table(oid);
        for number in rows {
            table.rows.get_mut(number).expect("a row that was read was written").removed.push(removed);
        }
        removed
    }

    fn table(&mut self, oid: Oid) -> &mut Table {
        self.tables.get_mut(&oid).expect("a table of the model")
    }

    /// Tables that may be there, by oid.
    pub(super) fn oids(&self) -> Vec<Oid> {
        self.tables.keys().copied().collect()
    }

    /// The local disk is gone: what was not shipped may be.
    pub(super) fn disk_lost(&mut self, shipped: Seq) {
        for told in &mut self.attempts {
            if matches!(told, Told::Committed(seq) | Told::CommittedBefore(seq) | Told::NotSince(seq) if *seq > shipped)
            {
                *told = Told::Unknown;
            }
        }
    }

    /// Compares a table with what a reader sees after a commit: nothing if it is not there.
    pub(super) fn check(&self, seq: Seq, oid: Oid, seen: Option<&[i64]>) {
        let table = &self.tables[&oid];
        let holds = |attempt: &Attempt| self.attempts[attempt.0].holds_at(seq);
        let (made, gone) = (holds(&table.made), any(table.gone.iter().map(holds)));
        let Some(seen) = seen else {
            assert!(made != Some(true) || gone != Some(false), "table {oid} is lost at {seq}");
            return;
        };
        assert!(made != Some(false) && gone != Some(true), "table {oid} is there at {seq}");
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "a row of table {oid} is there twice");
        let is_seen = |number: &i64| seen.binary_search(number).is_ok();
        for (number, row) in &table.rows {
            let (added, removed) = (holds(&row.added), any(row.removed.iter().map(holds)));
            if added == Some(true) && removed == Some(false) {
                assert!(is_seen(number), "row {number} of table {oid} is lost at {seq}");
            }
            if added == Some(false) || removed == Some(true) {
                assert!(!is_seen(number), "row {number} of table {oid} is there at {seq}");
            }
        }
        assert!(seen.iter().all(|number| table.rows.contains_key(number)), "a row of table {oid} that nobody wrote");
    }

    /// After a start everything is decided, by what is there: rows by table.
    pub(super) fn settle(&mut self, head: &Head, seen: &BTreeMap<Oid, Vec<i64>>) {
        self.tables.retain(|oid, _| head.relation(*oid).is_some());
        let seq = head.seq();
        let Tables { tables, attempts, .. } = self;
        for (oid, table) in tables.iter() {
            decide(attempts, table.made, Told::CommittedBefore(seq));
            table.gone.iter().for_each(|gone| decide(attempts, *gone, Told::Failed));
            for (number, row) in &table.rows {
                if is_seen(seen, *oid, *number) {
                    decide(attempts, row.added, Told::CommittedBefore(seq));
                    row.removed.iter().for_each(|removed| decide(attempts, *removed, Told::Failed));
                }
            }
        }
        // A row that was there and is not was taken away by somebody of whom nothing was heard.
        for (oid, table) in tables.iter() {
            let gone = table.rows.iter().filter(|(number, _)| !is_seen(seen, *oid, **number));
            for (_, row) in gone {
                if matches!(attempts[row.added.0], Told::Committed(_) | Told::CommittedBefore(_)) {
                    row.removed.iter().for_each(|removed| decide(attempts, *removed, Told::CommittedBefore(seq)));
                }
            }
        }
        attempts.iter_mut().filter(|told| **told == Told::Unknown).for_each(|told| *told = Told::NotSince(seq));
    }
}

fn is_seen(seen: &BTreeMap<Oid, Vec<i64>>, oid: Oid, number: i64) -> bool {
    seen.get(&oid).is_some_and(|rows| rows.binary_search(&number).is_ok())
}

/// What is known already stays.
fn decide(attempts: &mut [Told], attempt: Attempt, told: Told) {
    if attempts[attempt.0] == Told::Unknown {
        attempts[attempt.0] = told;
    }
}

/// Whether one of several holds; `None` if nobody knows.
fn any(mut all: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    all.try_fold(Some(false), |known, next| match next {
        Some(true) => Err(Some(true)),
        Some(false) => Ok(known),
        None => Ok(None),
    })
    .unwrap_or_else(|holds| holds)
}
