//! Changes of what tables hold.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::invalid;
use super::require::{self, columns_accept, conflict};
use super::resolve::Resolver;
use crate::head::{next_layout, statistics_keys};
use crate::model::{
    Chunk, ChunkId, ColumnId, ColumnRemap, ColumnStatistics, EndMark, Layout, LayoutId, NewChunk, NewPartition, Oid,
    Partition, PartitionId, PgType, Seq,
};
use crate::records::{ChunkRow, Key, PartitionRow, Record, StatisticsKey, statistics_group};
use crate::tier::ArrivingChunk;
use crate::{Error, Result};

impl Resolver<'_> {
    pub(super) fn append(&mut self, table: Oid, partitions: &[NewPartition], chunks: &[NewChunk]) -> Result<()> {
        require::table(&self.head, table)?;
        partitions.iter().try_for_each(|partition| self.append_partition(table, partition, self.seq))?;
        chunks.iter().try_for_each(|chunk| self.append_chunk(table, chunk))?;
        self.check_decimals(table)
    }

    /// A partition that stands for its rows from `added` on.
    pub(super) fn append_partition(&mut self, table: Oid, new: &NewPartition, added: Seq) -> Result<()> {
        let is_known = self.head.contents(table).is_some_and(|contents| contents.orders.contains_key(&new.id));
        if is_known {
            return Err(invalid(format!("partition {} exists", new.id)));
        }
        let row_seqs = new.row_seqs.unwrap_or((self.seq, self.seq));
        if row_seqs.0 > row_seqs.1 || row_seqs.1 > self.seq {
            return Err(invalid(format!("partition {} has rows of commits that are not there", new.id)));
        }
        // What a clone takes over may hold columns that were dropped since.
        let (home, layout, remap) = match &new.shared {
            Some(shared) => (shared.home, self.known_layout(table, new.columns.clone())?, shared.remap.clone()),
            None => (table, self.layout(table, &new.columns)?, self.remap(table, &new.columns)),
        };
        self.put(Record::Partition(PartitionRow {
            id: new.id,
            table,
            home,
            layout,
            remap,
            rows: new.rows,
            bytes: new.bytes,
            checksum: new.checksum,
            added,
            row_seqs,
            key: new.key,
            level: new.level,
        }))?;
        self.put_statistics(table, new)
    }

    fn put_statistics(&mut self, table: Oid, new: &NewPartition) -> Result<()> {
        let mut groups: BTreeMap<u32, Vec<ColumnStatistics>> = BTreeMap::new();
        for statistics in &new.statistics {
            let column = self.resolved(table, statistics.column);
            groups.entry(statistics_group(column)).or_default().push(ColumnStatistics { column, ..statistics.clone() });
        }
        for (group, mut columns) in groups {
            columns.sort_by_key(|statistics| statistics.column);
            self.put(Record::Statistics(StatisticsKey { table, partition: new.id, group }, columns))?;
        }
        Ok(())
    }

    fn append_chunk(&mut self, table: Oid, new: &NewChunk) -> Result<()> {
        let ordinal = u32::try_from(self.bodies.len()).map_err(|_| invalid("too many chunks"))?;
        let id = ChunkId { seq: self.seq, ordinal };
        let layout = self.layout(table, &new.columns)?;
        self.put(Record::Chunk(ChunkRow {
            id,
            table,
            layout,
            rows: new.rows,
            bytes: new.body.len() as u64,
            key: new.key,
            log_position: self.context.log_position,
            at: self.at,
        }))?;
        let contents = self.head.contents(table).expect("the table holds a chunk");
        let chunk = Arc::clone(contents.chunks.get(&id).expect("the chunk was put"));
        let arriving = ArrivingChunk { chunk, body: new.body.clone(), decoded: new.decoded.clone() };
        self.arriving.entry(table).or_default().push(arriving);
        self.bodies.push((table, ordinal, new.body.clone()));
        Ok(())
    }

    /// The layout with these columns, a new one if nobody wrote alike before.
    fn layout(&mut self, table: Oid, written: &[(ColumnId, PgType)]) -> Result<LayoutId> {
        let columns: Vec<_> = written.iter().map(|(id, ty)| (self.resolved(table, *id), *ty)).collect();
        columns_accept(table, require::table(&self.head, table)?, &columns)?;
        let mut ids: Vec<ColumnId> = columns.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(invalid("a column is written twice"));
        }
        self.known_layout(table, columns)
    }

    /// The number of a layout, a new one if the table has none alike.
    fn known_layout(&mut self, table: Oid, columns: Vec<(ColumnId, PgType)>) -> Result<LayoutId> {
        self.touched.insert(table);
        let contents = self.head.contents(table);
        let known = contents.and_then(|contents| contents.layouts().find(|layout| layout.columns == columns));
        if let Some(known) = known {
            return Ok(known.id);
        }
        let id = next_layout(contents);
        self.put(Record::Layout(table, Layout { id, columns }))?;
        Ok(id)
    }

    fn remap(&self, table: Oid, written: &[(ColumnId, PgType)]) -> Vec<ColumnRemap> {
        let both = written.iter().map(|(in_file, _)| (*in_file, self.resolved(table, *in_file)));
        both.filter(|(in_file, in_table)| in_file != in_table)
            .map(|(in_file, in_table)| ColumnRemap { in_file, in_table })
            .collect()
    }

    /// The id that a proposed column got; any other column's own.
    fn resolved(&self, table: Oid, column: ColumnId) -> ColumnId {
        self.remapped.get(&(table, column)).copied().unwrap_or(column)
    }

    /// Rows disappear for good, and the table remembers when.
    pub(super) fn remove_rows(&mut self, table: Oid, partitions: &[PartitionId], chunks: &[ChunkId]) -> Result<()> {
        self.remove(table, partitions, chunks)?;
        let seq = self.seq;
        self.head.change_contents(table, |contents| contents.newest_removal = seq);
        Ok(())
    }

    /// What holds rows gets end marks; they may lie elsewhere afterwards.
    pub(super) fn remove(&mut self, table: Oid, partitions: &[PartitionId], chunks: &[ChunkId]) -> Result<()> {
        require::table(&self.head, table)?;
        for id in partitions {
            let contents = self.head.contents(table);
            let live = contents.and_then(|contents| contents.partition(*id)).cloned();
            let live = live.ok_or_else(|| conflict(table))?;
            self.end_partition(&live)?;
        }
        for id in chunks {
            let contents = self.head.contents(table);
            let live = contents.and_then(|contents| contents.chunks.get(id)).cloned();
            self.end_chunk(&live.ok_or_else(|| conflict(table))?)?;
        }
        Ok(())
    }

    /// Everything that a table holds disappears.
    pub(super) fn remove_everything(&mut self, table: Oid) -> Result<()> {
        self.touched.insert(table);
        let Some(contents) = self.head.contents(table).cloned() else { return Ok(()) };
        contents.partitions().try_for_each(|partition| self.end_partition(partition))?;
        contents.chunks().try_for_each(|chunk| self.end_chunk(chunk))
    }

    fn end_partition(&mut self, partition: &Partition) -> Result<()> {
        self.touched.insert(partition.table);
        let end = EndMark { seq: self.seq, at: self.at };
        self.delete(Key::Partition(partition.table, partition.id))?;
        self.put(Record::EndedPartition(partition.into(), end))
    }

    /// The chunk leaves memory; states before this commit find it in the log.
    fn end_chunk(&mut self, chunk: &Arc<Chunk>) -> Result<()> {
        self.forget_chunk(chunk)?;
        if chunk.id.seq == self.seq || !self.has_history(chunk.table) {
            return Ok(());
        }
        self.put(Record::EndedChunk((&**chunk).into(), self.seq))
    }

    pub(super) fn forget_chunk(&mut self, chunk: &Arc<Chunk>) -> Result<()> {
        self.touched.insert(chunk.table);
        self.delete(Key::Chunk(chunk.table, chunk.id))?;
        if chunk.id.seq < self.seq {
            self.leaving.entry(chunk.table).or_default().push(Arc::clone(chunk));
        } else if let Some(arriving) = self.arriving.get_mut(&chunk.table) {
            // Written and removed by the same commit: its body stays in the log and is nobody's.
            arriving.retain(|other| other.chunk.id != chunk.id);
        }
        Ok(())
    }

    /// Drops rows of partitions whose objects are gone, as many of a partition as it is named. Oldest marks come first, as
    /// objects are deleted.
    pub(super) fn forget(&mut self, partitions: &[PartitionId]) -> Result<()> {
        let mut wanted: HashMap<PartitionId, usize> = HashMap::new();
        partitions.iter().for_each(|id| *wanted.entry(*id).or_default() += 1);
        let ended = self.head.ended.clone();
        for (key, partition) in &ended {
            if wanted.is_empty() {
                break;
            }
            let Some(rows) = wanted.get_mut(&key.2) else { continue };
            *rows -= 1;
            if *rows == 0 {
                wanted.remove(&key.2);
            }
            self.forget_partition(key.0, partition)?;
        }
        if wanted.is_empty() { Ok(()) } else { Err(Error::Conflict { relation: None }) }
    }

    fn forget_partition(&mut self, ended: Seq, partition: &Partition) -> Result<()> {
        self.touched.insert(partition.table);
        for key in statistics_keys(partition) {
            self.delete(key)?;
        }
        self.delete(Key::EndedPartition(ended, partition.table, partition.id))
    }

    /// Drops layouts in which nothing is written any more; a live table keeps its newest, so that numbers of layouts
    /// are not used again.
    pub(super) fn drop_unused_layouts(&mut self) -> Result<()> {
        for table in std::mem::take(&mut self.touched) {
            let Some(contents) = self.head.contents(table) else { continue };
            let is_live = self.head.relation(table).is_some();
            let newest = contents.layouts.get_max().map(|(id, _)| *id).filter(|_| is_live);
            let unused = contents.layouts.iter().filter(|(id, used)| used.uses == 0 && Some(**id) != newest);
            let unused: Vec<LayoutId> = unused.map(|(id, _)| *id).collect();
            for id in unused {
                self.delete(Key::Layout(table, id))?;
            }
        }
        Ok(())
    }
}
