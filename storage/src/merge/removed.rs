//! Rows that a rewrite leaves out: which partitions and chunks lose which rows.

use std::collections::HashMap;

use arrow::array::{BooleanArray, Int64Array};
use peristyle_catalog::model::{ChunkId, PartitionId};

/// Rows that one block of a [`RowSet`] covers.
const BLOCK_ROWS: u64 = 1 << 16;
/// Rows up to which a block is a sorted list: from here on the list is larger than a bit per row.
const LIST_ROWS_MAX: usize = 4096;
const WORD_BITS: usize = 64;

/// Positions of rows in one partition or chunk. Takes two bytes per row while rows are scattered and a bit per row
/// where they are dense.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowSet {
    blocks: HashMap<u64, Block>,
    rows: u64,
}

#[derive(Clone, Debug, PartialEq)]
enum Block {
    List(Vec<u16>),
    Bits(Vec<u64>),
}

impl RowSet {
    /// Adds a row; false if it was there.
    pub fn insert(&mut self, position: u64) -> bool {
        let block = self.blocks.entry(position / BLOCK_ROWS).or_insert_with(|| Block::List(Vec::new()));
        let is_new = block.insert((position % BLOCK_ROWS) as u16);
        self.rows += u64::from(is_new);
        is_new
    }

    /// Adds the rows of another set.
    pub fn add_all(&mut self, others: &RowSet) {
        for (number, block) in &others.blocks {
            for row in block.rows() {
                self.insert(number * BLOCK_ROWS + u64::from(row));
            }
        }
    }

    pub fn contains(&self, position: u64) -> bool {
        let block = self.blocks.get(&(position / BLOCK_ROWS));
        block.is_some_and(|block| block.contains((position % BLOCK_ROWS) as u16))
    }

    /// Whether a row is in both sets.
    pub fn meets(&self, others: &RowSet) -> bool {
        let (few, many) = if self.rows < others.rows { (self, others) } else { (others, self) };
        let is_in_many = |number: &u64, block: &Block| {
            let other = many.blocks.get(number);
            other.is_some_and(|other| block.rows().into_iter().any(|row| other.contains(row)))
        };
        few.blocks.iter().any(|(number, block)| is_in_many(number, block))
    }

    /// Number of rows.
    pub fn len(&self) -> u64 {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Which of the rows at these positions are not in the set.
    pub(crate) fn others(&self, positions: &Int64Array) -> BooleanArray {
        BooleanArray::from_unary(positions, |position| !self.contains(position as u64))
    }
}

impl Block {
    fn insert(&mut self, row: u16) -> bool {
        match self {
            Block::List(rows) => {
                let Err(at) = rows.binary_search(&row) else { return false };
                rows.insert(at, row);
                if rows.len() > LIST_ROWS_MAX {
                    *self = Block::bits_of(rows);
                }
                true
            }
            Block::Bits(words) => {
                let (word, bit) = place(row);
                let is_new = words[word] & bit == 0;
                words[word] |= bit;
                is_new
            }
        }
    }

    fn bits_of(rows: &[u16]) -> Block {
        let mut words = vec![0; BLOCK_ROWS as usize / WORD_BITS];
        for (word, bit) in rows.iter().map(|row| place(*row)) {
            words[word] |= bit;
        }
        Block::Bits(words)
    }

    fn rows(&self) -> Vec<u16> {
        match self {
            Block::List(rows) => rows.clone(),
            Block::Bits(_) => (0..=u16::MAX).filter(|row| self.contains(*row)).collect(),
        }
    }

    fn contains(&self, row: u16) -> bool {
        match self {
            Block::List(rows) => rows.binary_search(&row).is_ok(),
            Block::Bits(words) => {
                let (word, bit) = place(row);
                words[word] & bit != 0
            }
        }
    }
}

fn place(row: u16) -> (usize, u64) {
    (usize::from(row) / WORD_BITS, 1 << (usize::from(row) % WORD_BITS))
}

/// Rows that partitions and chunks lose.
#[derive(Clone, Debug, Default)]
pub struct Removed {
    pub partitions: HashMap<PartitionId, RowSet>,
    pub chunks: HashMap<ChunkId, RowSet>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_row_set_is_a_set(positions in prop::collection::vec(prop_oneof![0..20_000_u64, 60_000..200_000_u64], 0..9000)) {
            let (mut rows, mut expected) = (RowSet::default(), BTreeSet::new());
            for position in positions {
                prop_assert_eq!(rows.insert(position), expected.insert(position));
            }
            prop_assert_eq!(rows.len(), expected.len() as u64);
            prop_assert!((0..200_000).all(|position| rows.contains(position) == expected.contains(&position)));
        }
    }

    fn of(rows: std::ops::Range<u64>) -> RowSet {
        let mut set = RowSet::default();
        rows.for_each(|row| assert!(set.insert(row)));
        set
    }

    #[test]
    fn sets_meet_in_a_row() {
        for (one, other, meets) in [
            (0..10, 9..10, true),
            (0..10, 10..20, false),
            (0..20_000, 19_999..20_010, true),
            (0..20_000, 20_000..90_000, false),
            (5..6, 0..200_000, true),
            (3..3, 0..10, false),
        ] {
            assert_eq!((of(one.clone()).meets(&of(other.clone())), of(other).meets(&of(one))), (meets, meets));
        }
    }

    #[test]
    fn sets_are_put_together() {
        let mut all = of(0..10);
        all.add_all(&of(5..20_000));
        all.add_all(&of(70_000..70_010));
        assert_eq!(all.len(), 20_010);
        assert!(all.contains(19_999) && all.contains(70_009) && !all.contains(20_000));
    }

    #[test]
    fn dense_rows_become_bits() {
        let mut rows = RowSet::default();
        (0..10_000).for_each(|position| assert!(rows.insert(position)));
        assert!(matches!(rows.blocks[&0], Block::Bits(_)));
        assert!(!rows.insert(9_999));
        assert_eq!(rows.others(&Int64Array::from(vec![9_999, 10_000])), BooleanArray::from(vec![false, true]));
    }
}
