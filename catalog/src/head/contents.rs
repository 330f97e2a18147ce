//! What one table holds: live partitions in key order, chunks, the layouts of both.

use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;

use super::written::KeysOfCommits;
use crate::model::{Chunk, ChunkId, ColumnId, KeyRange, Layout, LayoutId, Partition, PartitionId, Seq, WrittenKeys};
use crate::tier::RealTimeRows;

/// What one table holds at one sequence number.
#[derive(Clone, Default)]
pub struct TableContents {
    pub(crate) layouts: OrdMap<LayoutId, LayoutUse>,
    /// In key order, so that a range of time is found without looking at the others.
    pub(crate) partitions: OrdMap<(PartitionOrder, PartitionId), Arc<Partition>>,
    pub(crate) orders: OrdMap<PartitionId, PartitionOrder>,
    /// Live partitions per bucket.
    pub(crate) buckets: OrdMap<Option<u32>, usize>,
    /// Greatest width of a time range that a live partition has or had, in µs; at most `i64::MAX`.
    pub(crate) time_span_max: i64,
    pub(crate) chunks: OrdMap<ChunkId, Arc<Chunk>>,
    pub(crate) real_time: Option<Arc<dyn RealTimeRows>>,
    /// Of a state of the past: those of the chunks that were removed since, in the order in which they lie in the log.
    pub(crate) in_log: Vec<Arc<Chunk>>,
    /// The newest commit that added rows since the catalog was opened, or whose rows are live.
    pub(crate) newest_rows: Seq,
    /// The keys of the rows that these commits added.
    pub(super) written: KeysOfCommits,
    /// The newest commit that took rows away since the catalog was opened. One that moved them is none.
    pub(crate) newest_removal: Seq,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// A layout and how many partitions (live or with an end mark) and chunks were written in it.
#[derive(Clone)]
pub(crate) struct LayoutUse {
    pub(crate) layout: Arc<Layout>,
    pub(crate) uses: u64,
}

/// Where a partition stands among its table's: NULL keys first, then by bucket, then by the start of its time range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartitionOrder {
    pub bucket: Option<u32>,
    pub time_from: Option<i64>,
}

impl PartitionOrder {
    pub(crate) fn of(key: &KeyRange) -> PartitionOrder {
        PartitionOrder { bucket: key.bucket, time_from: key.time.map(|(from, _)| from) }
    }
}

impl TableContents {
    /// Live partitions in key order.
    pub fn partitions(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.partitions.values()
    }

    pub fn partition_count(&self) -> usize {
        self.partitions.len()
    }

    /// The live partition with that id.
    pub fn partition(&self, id: PartitionId) -> Option<&Arc<Partition>> {
        self.partitions.get(&(*self.orders.get(&id)?, id))
    }

    /// Live partitions that may hold a row of that bucket (any, if `None`) with a time key in `from..to` (µs; open
    /// ends for `None`), found by the key range alone. Partitions without a time range only hold NULL keys and are
    /// left out when a bound is given.
    pub fn partitions_in(
        &self,
        bucket: Option<u32>,
        from: Option<i64>,
        to: Option<i64>,
    ) -> impl Iterator<Item = &Arc<Partition>> {
        let wanted = move |has: Option<u32>| bucket.is_none() || has.is_none() || has == bucket;
        self.buckets
            .keys()
            .filter(move |has| wanted(**has))
            .flat_map(move |has| self.partitions_of(*has, from, to))
            .filter(move |partition| overlaps(&partition.key, from, to))
    }

    /// Partitions of exactly that bucket whose range of time can begin early and late enough.
    fn partitions_of(
        &self,
        bucket: Option<u32>,
        from: Option<i64>,
        to: Option<i64>,
    ) -> impl Iterator<Item = &Arc<Partition>> {
        let at = |time_from| (PartitionOrder { bucket, time_from }, PartitionId(uuid::Uuid::nil()));
        let first = match (from, to) {
            (None, None) => at(None),
            (None, Some(_)) => at(Some(i64::MIN)),
            // A span that does not fit says nothing.
            (Some(_), _) if self.time_span_max == i64::MAX => at(Some(i64::MIN)),
            (Some(from), _) => at(Some(from.saturating_sub(self.time_span_max))),
        };
        let past = match to {
            Some(to) => Bound::Excluded(at(Some(to))),
            None => Bound::Included((PartitionOrder { bucket, time_from: Some(i64::MAX) }, LAST_ID)),
        };
        // A range that ends before it begins holds nothing; asking the map for it would panic.
        let is_empty = to.is_some_and(|to| at(Some(to)) <= first);
        let past = if is_empty { Bound::Included(first) } else { past };
        let some = self.partitions.range((Bound::Included(first), past));
        some.map(|(_, partition)| partition).filter(move |_| !is_empty)
    }

    /// Chunks that are not yet in a partition, oldest first.
    pub fn chunks(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        self.chunks.values()
    }

    /// The chunk with that id, if it is not yet in a partition.
    pub fn chunk(&self, id: ChunkId) -> Option<&Arc<Chunk>> {
        self.chunks.get(&id)
    }

    pub fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    /// The chunks' rows; `None` if there is no chunk.
    pub fn real_time(&self) -> Option<&Arc<dyn RealTimeRows>> {
        self.real_time.as_ref()
    }

    /// Those of the chunks whose rows are in the log alone, as they lie there: [`crate::Catalog::rows_in_log`] reads them.
    /// Only states of the past have any.
    pub fn chunks_in_log(&self) -> &[Arc<Chunk>] {
        &self.in_log
    }

    pub(crate) fn real_time_bytes(&self) -> u64 {
        self.real_time.as_ref().map_or(0, |rows| rows.bytes())
    }

    /// The ways in which the table's files were written.
    pub fn layouts(&self) -> impl Iterator<Item = &Arc<Layout>> {
        self.layouts.values().map(|used| &used.layout)
    }

    /// Rows of live partitions and chunks.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of the objects of live partitions.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether nothing of the table is left, not even a partition with an end mark (it would use a layout).
    pub(crate) fn is_empty(&self) -> bool {
        self.layouts.is_empty() && self.partitions.is_empty() && self.chunks.is_empty()
    }

    pub(crate) fn layout(&self, id: LayoutId) -> Option<Arc<Layout>> {
        self.layouts.get(&id).map(|used| used.layout.clone())
    }

    pub(crate) fn use_layout(&mut self, id: LayoutId) {
        if let Some(used) = self.layouts.get_mut(&id) {
            used.uses += 1;
        }
    }

    pub(crate) fn unuse_layout(&mut self, id: LayoutId) {
        if let Some(used) = self.layouts.get_mut(&id) {
            used.uses = used.uses.saturating_sub(1);
        }
    }

    pub(crate) fn insert_partition(&mut self, partition: Arc<Partition>) {
        self.remove_partition(partition.id);
        self.newest_rows = self.newest_rows.max(partition.row_seqs.1);
        let order = PartitionOrder::of(&partition.key);
        if let Some((least, greatest)) = partition.key.time {
            self.time_span_max = self.time_span_max.max(greatest.saturating_sub(least));
        }
        *self.buckets.entry(order.bucket).or_default() += 1;
        self.rows = self.rows.saturating_add(partition.rows);
        self.bytes = self.bytes.saturating_add(partition.bytes);
        self.use_layout(partition.layout.id);
        self.orders.insert(partition.id, order);
        self.partitions.insert((order, partition.id), partition);
    }

    pub(crate) fn remove_partition(&mut self, id: PartitionId) -> Option<Arc<Partition>> {
        let order = self.orders.remove(&id)?;
        let partition = self.partitions.remove(&(order, id))?;
        self.leave_bucket(order.bucket);
        if self.partitions.is_empty() {
            self.time_span_max = 0;
        }
        self.rows = self.rows.saturating_sub(partition.rows);
        self.bytes = self.bytes.saturating_sub(partition.bytes);
        self.unuse_layout(partition.layout.id);
        Some(partition)
    }

    fn leave_bucket(&mut self, bucket: Option<u32>) {
        let left = self.buckets.get_mut(&bucket).map_or(0, |count| {
            *count -= 1;
            *count
        });
        if left == 0 {
            self.buckets.remove(&bucket);
        }
    }

    pub(crate) fn insert_chunk(&mut self, chunk: Arc<Chunk>) {
        // Taking away what is not there would copy the way to it.
        if self.chunks.contains_key(&chunk.id) {
            self.remove_chunk(chunk.id);
        }
        if !holds_old_rows(&chunk) {
            self.newest_rows = self.newest_rows.max(chunk.id.seq);
        }
        self.rows = self.rows.saturating_add(chunk.rows);
        self.use_layout(chunk.layout.id);
        self.chunks.insert(chunk.id, chunk);
    }

    /// Takes note of the keys of all rows that a commit added; `before` is the newest commit of rows from before it.
    pub(crate) fn note_keys(&mut self, before: Seq, seq: Seq, written: Arc<[WrittenKeys]>) {
        if self.newest_rows == seq {
            self.written.add(before, seq, written);
        }
    }

    /// Whether a commit after `since` may have added a row with one of these keys.
    pub(crate) fn may_hold_since(&self, since: Seq, keys: &[WrittenKeys]) -> bool {
        self.written.may_hold(since, self.newest_rows, keys)
    }

    pub(crate) fn remove_chunk(&mut self, id: ChunkId) -> Option<Arc<Chunk>> {
        let chunk = self.chunks.remove(&id)?;
        self.rows = self.rows.saturating_sub(chunk.rows);
        self.unuse_layout(chunk.layout.id);
        Some(chunk)
    }
}

/// Above every id that is in use.
const LAST_ID: PartitionId = PartitionId(uuid::Uuid::max());

/// Whether the chunk is what a DELETE or UPDATE left of others: each row has its commit beside it, and none is of this one.
fn holds_old_rows(chunk: &Chunk) -> bool {
    chunk.layout.columns.iter().any(|(id, _)| *id == ColumnId::ROW_SEQ)
}

/// Whether a row with these keys may lie in `from..to`.
fn overlaps(key: &KeyRange, from: Option<i64>, to: Option<i64>) -> bool {
    match key.time {
        None => from.is_none() && to.is_none(),
        Some((least, greatest)) => from.is_none_or(|from| greatest >= from) && to.is_none_or(|to| least < to),
    }
}

#[cfg(test)]
mod tests;
