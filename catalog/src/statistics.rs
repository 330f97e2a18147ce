//! Statistics of partitions, read from the index on first use and kept within a limit of bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::index::Index;
use crate::model::{BoundValue, ColumnId, ColumnStatistics, Partition};
use crate::records::codec::Malformed;
use crate::records::{Key, Record, StatisticsKey, statistics_group};
use crate::{Error, Result};

/// What an entry costs beside its columns, about: key, list entry, reference.
const ENTRY_BYTES: u64 = 120;

/// Columns of one group of one partition.
type Group = Arc<[ColumnStatistics]>;

/// Rows of statistics in memory, evicted by the clock algorithm (second chance).
pub(crate) struct StatisticsCache {
    bytes_max: u64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<StatisticsKey, Entry>,
    hand: VecDeque<StatisticsKey>,
    bytes: u64,
}

struct Entry {
    group: Group,
    bytes: u64,
    was_used: bool,
}

impl StatisticsCache {
    pub(crate) fn new(bytes_max: u64) -> Self {
        StatisticsCache { bytes_max, inner: Mutex::default() }
    }

    /// For each partition, for each column asked for, what is known.
    pub(crate) fn read(
        &self,
        index: &Index,
        partitions: &[Arc<Partition>],
        columns: &[ColumnId],
    ) -> Result<Vec<Vec<Option<ColumnStatistics>>>> {
        partitions.iter().map(|partition| self.read_partition(index, partition, columns)).collect()
    }

    fn read_partition(
        &self,
        index: &Index,
        partition: &Partition,
        columns: &[ColumnId],
    ) -> Result<Vec<Option<ColumnStatistics>>> {
        let mut newest: Option<(u32, Group)> = None;
        let mut known = Vec::with_capacity(columns.len());
        for column in columns {
            let number = statistics_group(*column);
            let group = match &newest {
                Some((held, group)) if *held == number => Arc::clone(group),
                _ => {
                    self.group(index, StatisticsKey { table: partition.table, partition: partition.id, group: number })?
                }
            };
            known.push(group.iter().find(|statistics| statistics.column == *column).cloned());
            newest = Some((number, group));
        }
        Ok(known)
    }

    fn group(&self, index: &Index, key: StatisticsKey) -> Result<Group> {
        if let Some(entry) = self.inner.lock().entries.get_mut(&key) {
            entry.was_used = true;
            return Ok(Arc::clone(&entry.group));
        }
        let group = load(index, key)?;
        self.inner.lock().insert(key, &group, self.bytes_max);
        Ok(group)
    }

    #[cfg(test)]
    fn bytes(&self) -> u64 {
        self.inner.lock().bytes
    }
}

impl Inner {
    fn insert(&mut self, key: StatisticsKey, group: &Group, bytes_max: u64) {
        let bytes = ENTRY_BYTES + group.iter().map(memory_bytes).sum::<u64>();
        if bytes > bytes_max || self.entries.contains_key(&key) {
            return;
        }
        while self.bytes + bytes > bytes_max && self.evict_one() {}
        self.entries.insert(key, Entry { group: Arc::clone(group), bytes, was_used: false });
        self.hand.push_back(key);
        self.bytes += bytes;
    }

    /// Evicts the first entry that was not used since the hand last passed it; false if there is none at all.
    fn evict_one(&mut self) -> bool {
        while let Some(key) = self.hand.pop_front() {
            let entry = self.entries.get_mut(&key).expect("the hand passes entries only");
            if std::mem::take(&mut entry.was_used) {
                self.hand.push_back(key);
            } else {
                self.bytes -= entry.bytes;
                self.entries.remove(&key);
                return true;
            }
        }
        false
    }
}

fn load(index: &Index, key: StatisticsKey) -> Result<Group> {
    let key = Key::Statistics(key);
    let Some(value) = index.get(&key.encode())? else { return Ok(Arc::from([])) };
    match Record::decode(key, &value) {
        Ok(Record::Statistics(_, columns)) => Ok(columns.into()),
        Ok(_) => unreachable!("the key names a row of statistics"),
        Err(Malformed(detail)) => Err(Error::Corrupt { what: "index".to_owned(), detail: detail.to_owned() }),
    }
}

fn memory_bytes(statistics: &ColumnStatistics) -> u64 {
    let of_bound = |bound: &Option<crate::model::Bound>| match bound.as_ref().map(|bound| &bound.value) {
        Some(BoundValue::Bytes(bytes)) => bytes.len(),
        Some(BoundValue::Int(_) | BoundValue::Float(_) | BoundValue::Decimal { .. }) | None => 0,
    };
    (size_of::<ColumnStatistics>() + of_bound(&statistics.min) + of_bound(&statistics.max)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Oid, PartitionId};

    fn key(n: u32) -> StatisticsKey {
        StatisticsKey { table: Oid(1), partition: PartitionId(uuid::Uuid::nil()), group: n }
    }

    #[test]
    fn stays_within_its_bytes_and_keeps_what_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(folder.path(), 1 << 20).unwrap();
        let cache = StatisticsCache::new(10 * ENTRY_BYTES);
        cache.group(&index, key(0)).unwrap();
        for n in 1..100 {
            cache.group(&index, key(n)).unwrap();
            cache.group(&index, key(0)).unwrap();
            assert!(cache.bytes() <= 10 * ENTRY_BYTES);
        }
        let inner = cache.inner.lock();
        assert!(inner.entries.contains_key(&key(0)), "used between any two passes of the hand");
        assert_eq!(inner.entries.len(), 10);
    }
}
