//! What must be true, kept beside the server: what became of each row that somebody wrote.

use std::collections::BTreeMap;

use peristyle_catalog::model::{Commit, Seq};

use super::tables::Tables;

/// Each row is worth this much when it is written; updates move worth from one row to another.
pub(super) const WORTH: i64 = 100;

/// What the writer of a row was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Nothing yet, or nothing that says.
    Unknown,
    Committed(Seq),
    /// That it is there after that commit, so not since when.
    CommittedBefore(Seq),
    /// That it is seen, and may be lost with all that came after it.
    Deferred(Seq),
    Failed,
}

/// What happened, so that a run in which nothing did is no proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Rows of which somebody was told yes.
    pub(super) acknowledged: usize,
    /// Deferred rows that a crash took.
    pub(super) deferred_lost: usize,
    /// Loads of which somebody was told that they were there already.
    pub(super) duplicates: usize,
    pub(super) clones: usize,
    /// States of the past that were read whole.
    pub(super) looks_back: usize,
}

impl Tally {
    pub(super) fn add(&mut self, other: Tally) {
        self.acknowledged += other.acknowledged;
        self.deferred_lost += other.deferred_lost;
        self.duplicates += other.duplicates;
        self.clones += other.clones;
        self.looks_back += other.looks_back;
    }
}

/// What is known of all rows.
#[derive(Default)]
pub(super) struct Model {
    rows: BTreeMap<i64, Told>,
    next: i64,
    /// Rows of each load that has an id.
    loads: Vec<Vec<i64>>,
    /// Up to this commit the store alone has everything.
    shipped: Seq,
    /// Over all lives.
    pub(super) tally: Tally,
    pub(super) tables: Tables,
}

impl Model {
    /// Numbers of rows that are about to be written.
    pub(super) fn begin(&mut self, count: i64) -> Vec<i64> {
        let numbers: Vec<i64> = (self.next..self.next + count).collect();
        self.next += count;
        self.rows.extend(numbers.iter().map(|number| (*number, Told::Unknown)));
        numbers
    }

    /// An awaited commit. All that were told before it are durable with it.
    pub(super) fn committed(&mut self, numbers: &[i64], seq: Seq) {
        self.tally.acknowledged += numbers.len();
        self.tell(numbers, Told::Committed(seq));
        self.durable(seq);
    }

    /// A commit that nobody waited for.
    pub(super) fn deferred(&mut self, numbers: &[i64], seq: Seq) {
        self.tally.acknowledged += numbers.len();
        self.tell(numbers, Told::Deferred(seq));
    }

    /// Up to there nothing is lost by a crash any more.
    pub(super) fn durable(&mut self, seq: Seq) {
        for told in self.rows.values_mut() {
            if let Told::Deferred(at) = *told
                && at <= seq
            {
                *told = Told::Committed(at);
            }
        }
    }

    /// Nothing of it must ever be seen.
    pub(super) fn failed(&mut self, numbers: &[i64]) {
        self.tell(numbers, Told::Failed);
    }

    fn tell(&mut self, numbers: &[i64], told: Told) {
        self.rows.extend(numbers.iter().map(|number| (*number, told)));
    }

    /// A load with an id, which is its number: a new one of so many rows.
    pub(super) fn begin_load(&mut self, count: i64) -> usize {
        let numbers = self.begin(count);
        self.loads.push(numbers);
        self.loads.len() - 1
    }

    pub(super) fn loads(&self) -> usize {
        self.loads.len()
    }

    pub(super) fn rows_of_load(&self, load: usize) -> Vec<i64> {
        self.loads[load].clone()
    }

    /// From now on nobody knows whether the load is there, unless it was known to be. Returns whether it had failed.
    pub(super) fn begin_again(&mut self, load: usize) -> bool {
        let mut had_failed = false;
        for number in &self.loads[load] {
            let told = self.rows.get_mut(number).expect("a row of a load");
            if *told == Told::Failed {
                *told = Told::Unknown;
                had_failed = true;
            }
        }
        had_failed
    }

    /// A load was taken, or was there already.
    pub(super) fn loaded(&mut self, load: usize, commit: &Commit) {
        for number in &self.loads[load] {
            let told = self.rows.get_mut(number).expect("a row of a load");
            match (commit.duplicate, &told) {
                (false, Told::Unknown) => *told = Told::Committed(commit.seq),
                (true, Told::Unknown) => *told = Told::CommittedBefore(commit.seq),
                (true, Told::Committed(_) | Told::CommittedBefore(_)) => {}
                (duplicate, told) => panic!("load {load}, of which is told {told:?}: duplicate is {duplicate}"),
            }
        }
        self.tally.acknowledged += self.loads[load].len();
        self.tally.duplicates += usize::from(commit.duplicate);
    }

    /// The newest commit that is known to be in the log.
    pub(super) fn newest_durable(&self) -> Seq {
        let durable = self.rows.values().filter_map(|told| match told {
            Told::Committed(at) | Told::CommittedBefore(at) => Some(*at),
            _ => None,
        });
        durable.max().unwrap_or_default()
    }

    /// What is durable up to there is in the store too.
    pub(super) fn shipped(&mut self, seq: Seq) {
        let first_deferred = self.rows.values().filter_map(|told| match told {
            Told::Deferred(at) => Some(*at),
            _ => None,
        });
        let durable = first_deferred.min().map_or(seq, |first| seq.min(Seq(first.0 - 1)));
        self.shipped = self.shipped.max(durable);
    }

    /// The local disk is gone: what was not shipped may be.
    pub(super) fn disk_lost(&mut self) {
        let shipped = self.shipped;
        for told in self.rows.values_mut() {
            if matches!(told, Told::Committed(seq) | Told::CommittedBefore(seq) | Told::Deferred(seq) if *seq > shipped)
            {
                *told = Told::Unknown;
            }
        }
        self.tables.disk_lost(shipped);
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
                Told::Committed(at) | Told::CommittedBefore(at) | Told::Deferred(at) if *at <= seq => {
                    assert!(is_seen, "row {number} of commit {at} is lost at {seq}");
                }
                Told::Committed(at) | Told::Deferred(at) => {
                    assert!(!is_seen, "row {number} of commit {at} is seen at {seq}");
                }
                Told::Failed => assert!(!is_seen, "row {number} failed and is there"),
                Told::CommittedBefore(_) | Told::Unknown => {}
            }
        }
        assert!(numbers.keys().all(|number| self.rows.contains_key(number)), "a row that nobody wrote");
    }

    /// A crash took what was deferred from some commit on, and nothing before it: as a log that ends there.
    pub(super) fn crashed(&mut self, seen: &[(i64, i64)]) {
        let is_seen = |number: &i64| seen.iter().any(|(seen, _)| seen == number);
        let deferred = |(number, told): (&i64, &Told)| match told {
            Told::Deferred(at) => Some((*number, *at)),
            _ => None,
        };
        let lost: Vec<(i64, Seq)> = self.rows.iter().filter_map(deferred).filter(|(n, _)| !is_seen(n)).collect();
        let Some(first) = lost.iter().map(|(_, at)| *at).min() else { return };
        for (number, told) in &self.rows {
            if let Told::Committed(at) | Told::Deferred(at) = told {
                assert!(*at < first || !is_seen(number), "commit {first} is lost, commit {at} after it is not");
                assert!(*at < first || matches!(told, Told::Deferred(_)), "commit {at} was awaited and is lost");
            }
        }
        self.tally.deferred_lost += lost.len();
        self.failed(&lost.iter().map(|(number, _)| *number).collect::<Vec<_>>());
    }

    /// After a start everything is decided: what is there stays, what is not never comes.
    pub(super) fn settle(&mut self, seq: Seq, seen: &[(i64, i64)]) {
        let numbers: BTreeMap<i64, i64> = seen.iter().copied().collect();
        for (number, told) in &mut self.rows {
            match *told {
                Told::Unknown if numbers.contains_key(number) => *told = Told::CommittedBefore(seq),
                Told::Unknown => *told = Told::Failed,
                Told::Deferred(at) => *told = Told::Committed(at),
                Told::Committed(_) | Told::CommittedBefore(_) | Told::Failed => {}
            }
        }
    }
}
