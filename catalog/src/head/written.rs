//! Which keys the newest commits gave to rows of one table, as far as they said so. Known since the catalog was opened: who
//! asks has a snapshot, and no snapshot is older.

use std::sync::Arc;

use imbl::Vector;

use crate::model::{Seq, WrittenKeys};

/// Keys of one table that are remembered; a commit counts as one at least.
const KEYS_REMEMBERED_MAX: usize = 8192;

/// The keys of all rows that came after a commit.
#[derive(Clone, Default)]
pub(crate) struct KeysOfCommits {
    /// Of what came up to here nothing is known.
    after: Seq,
    /// Every later commit that added rows, up to the last one here.
    commits: Vector<(Seq, Arc<[WrittenKeys]>)>,
    weight: usize,
}

impl KeysOfCommits {
    /// Takes the keys of a commit that added rows. `before` is the newest that did so earlier.
    pub(crate) fn add(&mut self, before: Seq, seq: Seq, written: Arc<[WrittenKeys]>) {
        if before > self.newest() {
            // That one did not say what it wrote.
            *self = KeysOfCommits { after: before, ..KeysOfCommits::default() };
        }
        self.weight += weight(&written);
        self.commits.push_back((seq, written));
        while self.weight > KEYS_REMEMBERED_MAX
            && let Some((oldest, written)) = self.commits.pop_front()
        {
            self.after = oldest;
            self.weight -= weight(&written);
        }
    }

    /// Whether a commit after `since` may have written one of these keys. `newest` is the newest that added rows.
    pub(crate) fn may_hold(&self, since: Seq, newest: Seq, keys: &[WrittenKeys]) -> bool {
        if newest <= since {
            return false;
        }
        let are_known = newest == self.newest() && self.after <= since;
        let mut later = self.commits.iter().rev().take_while(|(seq, _)| *seq > since);
        !are_known || later.any(|(_, written)| keys.iter().any(|keys| keys.may_meet(written)))
    }

    /// The commit up to which it knows all.
    fn newest(&self) -> Seq {
        self.commits.last().map_or(self.after, |(seq, _)| *seq)
    }
}

fn weight(written: &[WrittenKeys]) -> usize {
    1 + written.iter().map(|written| written.keys.weight()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{KeySet, Oid, PgType};

    fn keys(keys: &[u32]) -> Arc<[WrittenKeys]> {
        let keys: Vec<[u8; 4]> = keys.iter().map(|key| key.to_be_bytes()).collect();
        let keys = KeySet::new(keys.iter().map(|key| &key[..]));
        Arc::from([WrittenKeys { constraint: Oid(1), types: vec![PgType::INT4], keys }])
    }

    #[test]
    fn only_later_commits_count() {
        let mut known = KeysOfCommits::default();
        known.add(Seq(0), Seq(3), keys(&[1]));
        known.add(Seq(3), Seq(5), keys(&[2]));
        let may_hold = |since, key| known.may_hold(Seq(since), Seq(5), &keys(&[key]));
        assert!(may_hold(2, 1) && may_hold(2, 2) && !may_hold(2, 3));
        assert!(!may_hold(3, 1) && may_hold(4, 2));
        assert!(!may_hold(5, 2));
    }

    #[test]
    fn a_commit_that_did_not_say_may_have_written_anything() {
        let mut known = KeysOfCommits::default();
        known.add(Seq(0), Seq(3), keys(&[1]));
        assert!(known.may_hold(Seq(3), Seq(4), &keys(&[9])), "the newest said nothing");
        known.add(Seq(4), Seq(6), keys(&[2]));
        assert!(known.may_hold(Seq(3), Seq(6), &keys(&[9])), "it lies between");
        assert!(!known.may_hold(Seq(4), Seq(6), &keys(&[9])), "and before");
        assert!(known.may_hold(Seq(4), Seq(6), &keys(&[2])));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut known = KeysOfCommits::default();
        let commits = KEYS_REMEMBERED_MAX as u64;
        for seq in 1..=commits {
            known.add(Seq(seq - 1), Seq(seq), keys(&[seq as u32]));
        }
        let newest = Seq(commits);
        assert!(known.weight <= KEYS_REMEMBERED_MAX && known.commits.len() == KEYS_REMEMBERED_MAX / 2);
        assert!(known.may_hold(Seq(1), newest, &keys(&[0])), "what was forgotten may be anything");
        assert!(!known.may_hold(known.after, newest, &keys(&[0])));
    }

    #[test]
    fn a_write_of_too_many_is_forgotten_itself() {
        let mut known = KeysOfCommits::default();
        let listed: Vec<u32> = (0..1000).collect();
        let one = keys(&listed);
        let many: Arc<[WrittenKeys]> = (0..9).flat_map(|_| one.iter().cloned()).collect();
        known.add(Seq(0), Seq(1), many);
        assert!(known.may_hold(Seq(0), Seq(1), &keys(&[5000])));
        assert_eq!((known.weight, known.after), (0, Seq(1)));
    }
}
