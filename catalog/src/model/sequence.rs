use super::{Oid, PgType};

/// A sequence's definition. How far its values have come changes outside of transactions and is no part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    pub rule: SequenceRule,
    pub owner: Option<SequenceOwner>,
    /// The run of values that it gives now. RESTART, or another rule, begins another run, which is as transactional as the
    /// definition that names it; values of one run are not.
    pub run: Oid,
    /// Where the run begins.
    pub begin: SequencePlace,
}

/// How a sequence's values follow each other.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceRule {
    /// smallint, integer or bigint.
    pub ty: PgType,
    pub start: i64,
    /// Never 0; below 0 the values descend.
    pub increment: i64,
    pub min: i64,
    pub max: i64,
    /// Recorded and shown. All sessions share one cache, so none keeps values for itself.
    pub cache: i64,
    /// Whether it begins again at its end.
    pub cycle: bool,
}

/// The column with which a sequence goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceOwner {
    pub table: Oid,
    pub attnum: i16,
    /// Whether it is the sequence of an identity column, which cannot be dropped by itself.
    pub is_identity: bool,
}

/// How far a run of values has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequencePlace {
    pub last: i64,
    /// Whether `last` was given; otherwise it is the next.
    pub is_called: bool,
}

impl SequenceRule {
    /// The value after a place; `None` at the end.
    pub fn after(&self, place: SequencePlace) -> Option<i64> {
        if !place.is_called {
            return Some(place.last);
        }
        let next = place.last.checked_add(self.increment).filter(|next| (self.min..=self.max).contains(next));
        next.or_else(|| self.cycle.then_some(if self.increment > 0 { self.min } else { self.max }))
    }

    /// The place that at most `count` values are further, and how many they are: fewer where the sequence ends or
    /// begins again. `None` at the end.
    pub fn advanced(&self, place: SequencePlace, count: u64) -> Option<(SequencePlace, u64)> {
        let first = i128::from(self.after(place)?);
        let bound = if self.increment > 0 { self.max } else { self.min };
        let increment = i128::from(self.increment);
        let until_bound = (i128::from(bound) - first) / increment;
        let more = i128::from(count.max(1) - 1).min(until_bound.max(0));
        let last = i64::try_from(first + increment * more).expect("it lies before the bound");
        Some((SequencePlace { last, is_called: true }, u64::try_from(more).expect("it is not negative") + 1))
    }

    /// Of two places of one run, the later one.
    pub fn later(&self, a: SequencePlace, b: SequencePlace) -> SequencePlace {
        let forward =
            |place: SequencePlace| if self.increment > 0 { i128::from(place.last) } else { -i128::from(place.last) };
        std::cmp::max_by_key(a, b, |place| (forward(*place), place.is_called))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(increment: i64, min: i64, max: i64, cycle: bool) -> SequenceRule {
        SequenceRule { ty: PgType::INT8, start: min, increment, min, max, cache: 1, cycle }
    }

    fn at(last: i64) -> SequencePlace {
        SequencePlace { last, is_called: true }
    }

    #[test]
    fn a_sequence_ends_or_begins_again() {
        let once = rule(3, 1, 8, false);
        assert_eq!(once.after(SequencePlace { last: 5, is_called: false }), Some(5));
        assert_eq!((once.after(at(4)), once.after(at(7))), (Some(7), None));
        assert_eq!(once.advanced(at(1), 33), Some((at(7), 2)));
        assert_eq!(once.advanced(at(7), 33), None);
        let again = rule(-3, 1, 8, true);
        assert_eq!((again.after(at(4)), again.after(at(1))), (Some(1), Some(8)));
        assert_eq!(again.advanced(at(1), 33), Some((at(2), 3)));
        let whole = rule(1, i64::MIN, i64::MAX, false);
        assert_eq!(whole.advanced(at(i64::MAX - 2), u64::MAX), Some((at(i64::MAX), 2)));
        assert_eq!(whole.after(at(i64::MAX)), None);
    }

    #[test]
    fn the_later_place_is_further_in_the_rules_direction() {
        let not_yet = SequencePlace { last: 4, is_called: false };
        assert_eq!(rule(1, 1, 9, false).later(at(4), not_yet), at(4));
        assert_eq!(rule(-1, 1, 9, false).later(at(4), at(3)), at(3));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn advancing_at_once_is_advancing_one_by_one(
            increment in prop_oneof![-5_i64..0, 1_i64..5], from in 0_i64..20, count in 1_u64..40, cycle: bool, is_called: bool,
        ) {
            let rule = rule(increment, 0, 19, cycle);
            let mut place = SequencePlace { last: from, is_called };
            match rule.advanced(place, count) {
                None => prop_assert_eq!(rule.after(place), None),
                Some((end, steps)) => {
                    prop_assert!((1..=count).contains(&steps));
                    for _ in 0..steps {
                        place = at(rule.after(place).expect("there are as many"));
                    }
                    prop_assert_eq!(place, end);
                }
            }
        }
    }
}
