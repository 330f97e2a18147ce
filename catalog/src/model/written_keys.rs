use super::{Oid, PgType};

/// Longest prefix of a key that is kept, in bytes.
pub const KEY_BYTES_MAX: usize = 64;
/// Keys that are kept one by one; of more only the range is.
pub const KEYS_LISTED_MAX: usize = 1000;

/// The keys that a write gave to rows, under one constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenKeys {
    pub constraint: Oid,
    /// The key's columns as the writer knew them. Bytes of keys of other types say nothing of each other.
    pub types: Vec<PgType>,
    pub keys: KeySet,
}

/// A set of keys, none of which is left out; it may have more than were put into it. Keys are bytes, equal where the keys are,
/// in any order that all writers share. What is longer than [`KEY_BYTES_MAX`] is cut, which keeps that order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySet {
    /// In their order, each once; at most [`KEYS_LISTED_MAX`].
    Listed(Vec<Box<[u8]>>),
    /// All from the first to the second.
    Between(Box<[u8]>, Box<[u8]>),
}

impl WrittenKeys {
    /// What two writes gave together; `None` if they do not know the same constraints.
    pub(crate) fn of_both(some: &[WrittenKeys], more: &[WrittenKeys]) -> Option<Vec<WrittenKeys>> {
        let is_alike = |(a, b): (&WrittenKeys, &WrittenKeys)| a.constraint == b.constraint && a.types == b.types;
        if some.len() != more.len() || !some.iter().zip(more).all(is_alike) {
            return None;
        }
        let joined = some.iter().zip(more).map(|(a, b)| WrittenKeys { keys: a.keys.and(&b.keys), ..a.clone() });
        Some(joined.collect())
    }

    /// Whether a row of this write may have a key that a row of the other has. `others` are all that the other wrote: it did
    /// not know a constraint that it says nothing of.
    pub(crate) fn may_meet(&self, others: &[WrittenKeys]) -> bool {
        match others.iter().find(|other| other.constraint == self.constraint) {
            Some(other) => other.types != self.types || self.keys.may_meet(&other.keys),
            None => true,
        }
    }
}

impl KeySet {
    pub fn new<'a>(keys: impl ExactSizeIterator<Item = &'a [u8]>) -> KeySet {
        let is_listed = keys.len() <= KEYS_LISTED_MAX;
        let cut = keys.map(|key| &key[..key.len().min(KEY_BYTES_MAX)]);
        if is_listed {
            let mut listed: Vec<Box<[u8]>> = cut.map(Box::from).collect();
            listed.sort_unstable();
            listed.dedup();
            return KeySet::Listed(listed);
        }
        let range = cut.fold(None, |range: Option<(&[u8], &[u8])>, key| match range {
            None => Some((key, key)),
            Some((least, greatest)) => Some((least.min(key), greatest.max(key))),
        });
        range.map_or(KeySet::Listed(Vec::new()), |(least, greatest)| KeySet::Between(least.into(), greatest.into()))
    }

    /// The keys of both.
    pub fn and(&self, other: &KeySet) -> KeySet {
        match (self, other) {
            (KeySet::Listed(some), KeySet::Listed(more)) => {
                let all: Vec<&[u8]> = some.iter().chain(more).map(AsRef::as_ref).collect();
                KeySet::new(all.into_iter())
            }
            _ => match (self.range(), other.range()) {
                (Some((least, greatest)), Some((from, to))) => {
                    KeySet::Between(least.min(from).into(), greatest.max(to).into())
                }
                (Some(_), None) => self.clone(),
                (None, _) => other.clone(),
            },
        }
    }

    /// What it costs to keep it: how many keys it has of its own.
    pub(crate) fn weight(&self) -> usize {
        match self {
            KeySet::Listed(keys) => keys.len(),
            KeySet::Between(..) => 2,
        }
    }

    fn range(&self) -> Option<(&[u8], &[u8])> {
        match self {
            KeySet::Listed(keys) => Some((keys.first()?, keys.last()?)),
            KeySet::Between(least, greatest) => Some((least, greatest)),
        }
    }

    fn may_meet(&self, other: &KeySet) -> bool {
        let (Some((from, to)), Some((least, greatest))) = (self.range(), other.range()) else { return false };
        if to < least || greatest < from {
            return false;
        }
        match (self, other) {
            (KeySet::Between(..), KeySet::Between(..)) => true,
            (KeySet::Listed(keys), KeySet::Between(least, greatest))
            | (KeySet::Between(least, greatest), KeySet::Listed(keys)) => {
                keys.get(keys.partition_point(|key| key < least)).is_some_and(|key| key <= greatest)
            }
            (KeySet::Listed(some), KeySet::Listed(more)) => {
                let (few, many) = if some.len() <= more.len() { (some, more) } else { (more, some) };
                few.iter().any(|key| many.binary_search(key).is_ok())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(keys: &[&str]) -> KeySet {
        KeySet::new(keys.iter().map(|key| key.as_bytes()))
    }

    fn between(least: &str, greatest: &str) -> KeySet {
        KeySet::Between(least.as_bytes().into(), greatest.as_bytes().into())
    }

    #[test]
    fn listed_keys_meet_only_themselves() {
        let keys = set(&["d", "b", "d", "f"]);
        assert_eq!(keys, set(&["b", "d", "f"]), "in order, and each once");
        assert!(keys.may_meet(&set(&["a", "d"])));
        assert!(!keys.may_meet(&set(&["a", "c", "e", "g"])), "between them is nothing");
        assert!(!keys.may_meet(&set(&[])));
    }

    #[test]
    fn a_range_meets_what_lies_in_it() {
        let range = between("c", "e");
        for (keys, meets) in [("b", false), ("c", true), ("d", true), ("e", true), ("f", false)] {
            assert_eq!(range.may_meet(&set(&[keys])), meets, "{keys}");
            assert_eq!(set(&[keys]).may_meet(&range), meets, "{keys}, the other way round");
        }
        assert!(!range.may_meet(&set(&["b", "f"])), "it lies between two keys");
        assert!(range.may_meet(&between("e", "g")));
        assert!(!range.may_meet(&between("f", "g")));
    }

    #[test]
    fn many_keys_are_a_range() {
        let keys: Vec<[u8; 4]> = (10..=10 + KEYS_LISTED_MAX as u32).map(u32::to_be_bytes).collect();
        let of = |keys: &[[u8; 4]]| KeySet::new(keys.iter().map(|key| &key[..]));
        assert!(matches!(of(&keys[1..]), KeySet::Listed(_)));
        let range = KeySet::Between(Box::from(&keys[0][..]), Box::from(&keys[KEYS_LISTED_MAX][..]));
        assert_eq!(of(&keys), range);
        assert_eq!(of(&keys[1..]).and(&of(&keys[..1])), range, "also where two make that many");
        assert_eq!(range.and(&of(&[])), range);
    }

    #[test]
    fn long_keys_are_cut_and_still_meet() {
        let long = "x".repeat(KEY_BYTES_MAX);
        assert!(set(&[&format!("{long}a")]).may_meet(&set(&[&format!("{long}b")])), "what tells them apart is cut off");
        assert!(!set(&[&format!("a{long}")]).may_meet(&set(&[&format!("b{long}")])));
    }

    #[test]
    fn what_is_known_of_other_types_or_not_at_all_may_meet() {
        let of = |constraint, types: &[PgType], keys: &[&str]| WrittenKeys {
            constraint: Oid(constraint),
            types: types.to_vec(),
            keys: set(keys),
        };
        let written = of(1, &[PgType::INT4], &["a"]);
        assert!(!written.may_meet(&[of(2, &[PgType::INT4], &["a"]), of(1, &[PgType::INT4], &["b"])]));
        assert!(written.may_meet(&[of(1, &[PgType::INT8], &["b"])]), "the same key has other bytes there");
        assert!(written.may_meet(&[of(2, &[PgType::INT4], &["b"])]), "that writer did not know of the constraint");
    }

    #[test]
    fn writes_are_joined_constraint_by_constraint() {
        let of = |constraint, keys: &[&str]| WrittenKeys {
            constraint: Oid(constraint),
            types: vec![PgType::TEXT],
            keys: set(keys),
        };
        let joined = WrittenKeys::of_both(&[of(1, &["a"]), of(2, &["x"])], &[of(1, &["b"]), of(2, &["x"])]);
        assert_eq!(joined, Some(vec![of(1, &["a", "b"]), of(2, &["x"])]));
        assert_eq!(WrittenKeys::of_both(&[of(1, &["a"])], &[of(2, &["a"])]), None);
        assert_eq!(WrittenKeys::of_both(&[of(1, &["a"])], &[]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn sets_that_share_a_key_meet(
            some in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..30),
            more in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..30),
            shared in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let of = |keys: &[Vec<u8>]| KeySet::new(keys.iter().map(Vec::as_slice));
            let with_shared = |keys: &[Vec<u8>]| of(keys).and(&of(std::slice::from_ref(&shared)));
            let (some, more) = (with_shared(&some), with_shared(&more));
            let range = |set: &KeySet| {
                let (least, greatest) = set.range().expect("it has a key");
                KeySet::Between(least.into(), greatest.into())
            };
            for (one, other) in [(&some, &more), (&range(&some), &more), (&some, &range(&more)), (&range(&some), &range(&more))] {
                prop_assert!(one.may_meet(other));
            }
        }
    }
}
