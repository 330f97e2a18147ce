//! Small rows that come in great numbers lie together, in order of their keys, in rows of sled's: leaves. A leaf is
//! found by its first key. Where one row is alone it is written as any other, and such a row is read as a leaf of one.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use super::{Index, IndexError, ROW, VALUE_BYTES_MAX, row_key};
use crate::records::codec::Input;
use crate::records::{RawOp, decode_op, encode_op};

/// Keys and values, in order of keys.
type Rows = Vec<(Bytes, Bytes)>;

/// What becomes of one leaf.
pub(super) struct LeafChange {
    /// The key that no leaf begins with any more.
    pub(super) removed: Option<Bytes>,
    /// In order.
    pub(super) put: Vec<Leaf>,
}

/// A leaf as it is written.
pub(super) enum Leaf {
    Row(Bytes, Bytes),
    /// The first key and the encoded rows: keys and values of at most [`VALUE_BYTES_MAX`].
    Rows(Bytes, Vec<u8>),
}

/// A leaf as it was found, and where the next begins.
struct Found {
    first: Option<Bytes>,
    rows: Rows,
    next: Option<Bytes>,
}

impl Index {
    /// What operations make of the leaves that they fall into.
    pub(super) fn leaf_changes(&self, ops: BTreeMap<&Bytes, Option<&Bytes>>) -> Result<Vec<LeafChange>, IndexError> {
        let mut changes = Vec::new();
        let mut ops = ops.into_iter().peekable();
        while let Some(&(first, _)) = ops.peek() {
            let leaf = self.leaf_for(first)?;
            let is_in_leaf = |key: &Bytes| key[0] == first[0] && leaf.next.as_ref().is_none_or(|next| key < next);
            let rows = changed(leaf.rows, std::iter::from_fn(|| ops.next_if(|(key, _)| is_in_leaf(key))));
            let is_gone = |first: &Bytes| rows.binary_search_by(|(key, _)| key.cmp(first)).is_err();
            changes.push(LeafChange { removed: leaf.first.filter(is_gone), put: packed(rows) });
        }
        Ok(changes)
    }

    /// The leaf that a key is in, or would be: the last that begins at or before it.
    fn leaf_for(&self, key: &Bytes) -> Result<Found, IndexError> {
        let at = row_key(key);
        let of_kind = |found: &(sled::IVec, sled::IVec)| found.0.starts_with(&[ROW, key[0]]);
        let before = self.db.range(..=at.clone()).next_back().transpose()?.filter(of_kind);
        let after = self.db.range::<Vec<u8>, _>((Bound::Excluded(at), Bound::Unbounded)).next().transpose()?;
        let first = before.as_ref().map(|(key, _)| Bytes::copy_from_slice(&key[1..]));
        let rows = before.map_or_else(|| Ok(Vec::new()), |found| self.rows_of(Ok(found)))?;
        Ok(Found {
            first,
            rows: rows.into_iter().map(|(key, value)| (key, value.into())).collect(),
            next: after.filter(of_kind).map(|(key, _)| Bytes::copy_from_slice(&key[1..])),
        })
    }
}

/// What operations, in order of keys, make of rows.
fn changed<'a>(rows: Rows, ops: impl Iterator<Item = (&'a Bytes, Option<&'a Bytes>)>) -> Rows {
    let mut out = Rows::with_capacity(rows.len());
    let mut rows = rows.into_iter().peekable();
    for (key, value) in ops {
        while let Some(row) = rows.next_if(|(before, _)| before < key) {
            out.push(row);
        }
        // What it replaces or deletes.
        rows.next_if(|(same, _)| same == key);
        out.extend(value.map(|value| (key.clone(), value.clone())));
    }
    out.extend(rows);
    out
}

/// Rows in as few leaves as hold them in order.
fn packed(rows: Rows) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    let mut open: Vec<RawOp> = Vec::new();
    let mut open_bytes = 0;
    for (key, value) in rows {
        let bytes = key.len() + value.len();
        if open_bytes + bytes > VALUE_BYTES_MAX {
            leaves.extend(leaf(std::mem::take(&mut open)));
            open_bytes = 0;
        }
        open_bytes += bytes;
        open.push(RawOp { key, value: Some(value) });
    }
    leaves.extend(leaf(open));
    leaves
}

/// The rows as a leaf; none without rows.
fn leaf(mut rows: Vec<RawOp>) -> Option<Leaf> {
    if let [RawOp { value: Some(_), .. }] = rows[..] {
        let row = rows.pop()?;
        return Some(Leaf::Row(row.key, row.value?));
    }
    let first = rows.first()?.key.clone();
    let mut bytes = Vec::new();
    rows.iter().for_each(|row| encode_op(row, &mut bytes));
    Some(Leaf::Rows(first, bytes))
}

/// The rows of a leaf.
pub(super) fn decode(leaf: &[u8]) -> Result<Vec<(Bytes, Vec<u8>)>, IndexError> {
    let bytes = Bytes::copy_from_slice(leaf);
    let mut input = Input::new(&bytes);
    let mut rows = Vec::new();
    while !input.is_empty() {
        let row = decode_op(&bytes, &mut input).map_err(|error| IndexError(error.to_string()))?;
        let value = row.value.ok_or_else(|| IndexError("a leaf is damaged".to_owned()))?;
        rows.push((row.key, value.to_vec()));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{ChunkId, Oid, Seq};
    use crate::records::Key;

    const COUNTERS: &[u8] = b"counters";
    const TABLES: u32 = 3;
    const CHUNKS: u64 = 400;

    fn chunk(table: u32, seq: u64) -> Bytes {
        Key::Chunk(Oid(table), ChunkId { seq: Seq(seq), ordinal: 0 }).encode().into()
    }

    fn put(key: &Bytes, value: &[u8]) -> RawOp {
        RawOp { key: key.clone(), value: Some(Bytes::copy_from_slice(value)) }
    }

    fn all(index: &Index) -> BTreeMap<Bytes, Bytes> {
        let rows: Vec<_> = index.scan(&[], None).map(Result::unwrap).collect();
        assert!(rows.is_sorted_by(|(one, _), (next, _)| one < next), "keys are in order, each once");
        rows.into_iter().map(|(key, value)| (key, value.into())).collect()
    }

    #[test]
    fn chunks_share_rows_and_leave_none_behind() {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(folder.path(), 1 << 20).unwrap();
        let keys: Vec<Bytes> = (0..1000).map(|seq| chunk(1, seq)).collect();
        for some in keys.chunks(100) {
            index.apply(&some.iter().map(|key| put(key, &[7; 40])).collect::<Vec<_>>(), None).unwrap();
        }
        assert_eq!(all(&index).len(), 1000);
        assert!(index.db.len() <= 1000 / 60, "{} rows of sled hold a thousand", index.db.len());
        let gone: Vec<RawOp> = keys.iter().map(|key| RawOp { key: key.clone(), value: None }).collect();
        index.apply(&gone, None).unwrap();
        assert_eq!(index.db.len(), 0);
    }

    #[test]
    fn rows_written_alone_before_leaves_came_are_read_and_taken_into_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(folder.path(), 1 << 20).unwrap();
        let alone = |seq| index.db.insert(row_key(&chunk(1, seq)), [super::super::WHOLE, seq as u8].to_vec()).unwrap();
        (0..3).for_each(|seq| drop(alone(seq)));
        index.apply(&[put(&chunk(1, 3), &[3]), RawOp { key: chunk(1, 1), value: None }], None).unwrap();
        let values: Vec<u8> = all(&index).values().map(|value| value[0]).collect();
        assert_eq!(values, [0, 2, 3]);
        assert_eq!(index.db.len(), 2, "the first alone, the last two together");
    }

    #[test]
    fn a_leaf_that_is_cut_short_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(folder.path(), 1 << 20).unwrap();
        index.apply(&[put(&chunk(1, 1), &[1]), put(&chunk(1, 2), &[2])], None).unwrap();
        let (key, value) = index.db.first().unwrap().unwrap();
        index.db.insert(key, &value[..value.len() - 1]).unwrap();
        assert!(index.scan(&[], None).any(|row| row.is_err()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Any batches, in any order, with values that are small, fill a leaf or continue in other rows.
        #[test]
        fn leaves_hold_what_a_map_holds(
            batches in prop::collection::vec(
                prop::collection::vec(
                    (0..TABLES, 0..CHUNKS, prop::option::weighted(0.7, prop_oneof![8 => 0..90_usize, 1 => 3000..9000_usize])),
                    1..200,
                ),
                1..12,
            ),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let index = Index::open(folder.path(), 1 << 20).unwrap();
            let counters = Bytes::from_static(COUNTERS);
            let mut wanted = BTreeMap::new();
            for (number, batch) in batches.iter().enumerate() {
                let mut ops = vec![put(&counters, &[number as u8])];
                ops.extend(batch.iter().map(|&(table, seq, bytes)| RawOp {
                    key: chunk(table, seq),
                    value: bytes.map(|bytes| vec![number as u8; bytes].into()),
                }));
                index.apply(&ops, None).unwrap();
                for op in ops {
                    match op.value {
                        Some(value) => wanted.insert(op.key, value),
                        None => wanted.remove(&op.key),
                    };
                }
                prop_assert_eq!(&all(&index), &wanted);
            }
        }
    }
}
