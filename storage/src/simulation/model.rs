//! What must be true, kept beside the server: what became of each row that somebody wrote.

use std::collections::BTreeMap;

use peristyle_catalog::model::Seq;

/// Each row is worth this much when it is written; updates move worth from one row to another.
pub(super) const WORTH: i64 = 100;

/// What the writer of a row was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Nothing yet, or nothing that says.
    Unknown,
    Committed(Seq),
    Failed,
}

/// What is known of all rows.
#[derive(Default)]
pub(super) struct Model {
    rows: BTreeMap<i64, Told>,
    next: i64,
    /// Up to this commit the store alone has everything.
    shipped: Seq,
    /// How often somebody was told yes, in all lives.
    pub(super) acknowledged: usize,
}

impl Model {
    /// Numbers of rows that are about to be written.
    pub(super) fn begin(&mut self, count: i64) -> Vec<i64> {
        let numbers: Vec<i64> = (self.next..self.next + count).collect();
        self.next += count;
        self.rows.extend(numbers.iter().map(|number| (*number, Told::Unknown)));
        numbers
    }

    pub(super) fn committed(&mut self, numbers: &[i64], seq: Seq) {
        self.acknowledged += numbers.len();
        self.tell(numbers, Told::Committed(seq));
    }

    /// Nothing of it must ever be seen.
    pub(super) fn failed(&mut self, numbers: &[i64]) {
        self.tell(numbers, Told::Failed);
    }

    fn tell(&mut self, numbers: &[i64], told: Told) {
        self.rows.extend(numbers.iter().map(|number| (*number, told)));
    }

    pub(super) fn shipped(&mut self, seq: Seq) {
        self.shipped = self.shipped.max(seq);
    }

    /// The local disk is gone: what was not shipped may be.
    pub(super) fn disk_lost(&mut self) {
        let shipped = self.shipped;
        for told in self.rows.values_mut() {
            if matches!(told, Told::Committed(seq) if *seq > shipped) {
                *told = Told::Unknown;
            }
        }
    }

    /// Compares with what a reader at `seq` sees: row number and worth.
    pub(super) fn check(&self, seq: Seq, seen: &[(i64, i64)]) {
        let numbers: BTreeMap<i64, i64> = seen.iter().copied().collect();
        assert_eq!(numbers.len(), seen.len(), "a row is there twice");
        let worth: i64 = seen.iter().map(|(_, worth)| worth).sum();
        assert_eq!(worth, WORTH * seen.len() as i64, "worth was made or lost");
        for (number, told) in &self.rows {
            let is_seen = numbers.contains_key(number);
            match told {
                Told::Committed(at) if *at <= seq => assert!(is_seen, "row {number} of commit {at} is lost at {seq}"),
                Told::Committed(at) => assert!(!is_seen, "row {number} of commit {at} is seen at {seq}"),
                Told::Failed => assert!(!is_seen, "row {number} failed and is there"),
                Told::Unknown => {}
            }
        }
        assert!(numbers.keys().all(|number| self.rows.contains_key(number)), "a row that nobody wrote");
    }

    /// After a start everything is decided: what is there stays, what is not never comes.
    pub(super) fn settle(&mut self, seq: Seq, seen: &[(i64, i64)]) {
        let numbers: BTreeMap<i64, i64> = seen.iter().copied().collect();
        for (number, told) in self.rows.iter_mut().filter(|(_, told)| **told == Told::Unknown) {
            *told = if numbers.contains_key(number) { Told::Committed(seq) } else { Told::Failed };
        }
    }
}
