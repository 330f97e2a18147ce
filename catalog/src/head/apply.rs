//! Applies operations on rows to a head. Commit, replay, rebuild and start all go through here, so that they cannot
//! differ.

use std::sync::Arc;

use super::{Head, TableContents};
use crate::model::{Chunk, EndMark, IngestId, Layout, LayoutId, Oid, Partition, Relation, RelationKind, Seq};
use crate::records::codec::Malformed;
use crate::records::{ChunkRow, Counters, Key, PartitionRow, Record, RowOp};
use crate::tier::{ArrivingChunk, RealTimeTier, TierError};

const UNKNOWN_LAYOUT: Malformed = Malformed("a row names a layout that does not exist");
const UNKNOWN_RELATION: Malformed = Malformed("a row belongs to a relation that does not exist");

impl Head {
    /// Applies one operation. Rows of chunks change here; the rows *in* chunks are the caller's to append.
    pub(crate) fn apply(&mut self, op: RowOp) -> Result<(), Malformed> {
        match op {
            RowOp::Put(record) => self.put(record),
            RowOp::Delete(key) => {
                self.delete(key);
                Ok(())
            }
        }
    }

    fn put(&mut self, record: Record) -> Result<(), Malformed> {
        match record {
            Record::Counters(counters) => self.set_counters(counters),
            Record::Role(role) => drop(self.roles.insert(role.oid, Arc::new(role))),
            Record::Database(database) => drop(self.databases.insert(database.oid, Arc::new(database))),
            Record::Schema(schema) => drop(self.schemas.insert(schema.oid, Arc::new(schema))),
            Record::Relation(relation) => self.put_relation(relation),
            Record::Column(oid, column) => {
                let columns = columns_mut(self.relation_mut(oid)?).ok_or(UNKNOWN_RELATION)?;
                columns.retain(|other| other.id != column.id);
                let at = columns.partition_point(|other| (other.attnum, other.id) < (column.attnum, column.id));
                columns.insert(at, column);
            }
            Record::Constraint(oid, constraint) => {
                let table = table_mut(self.relation_mut(oid)?).ok_or(UNKNOWN_RELATION)?;
                table.constraints.retain(|other| other.oid != constraint.oid);
                let at = table.constraints.partition_point(|other| other.oid < constraint.oid);
                table.constraints.insert(at, constraint);
            }
            Record::Layout(table, layout) => self.put_layout(table, layout),
            Record::Partition(row) => self.put_partition(row)?,
            Record::EndedPartition(row, end) => self.put_ended(row, end)?,
            Record::Chunk(row) => self.put_chunk(row)?,
            // Statistics are read from the index when a plan asks for them.
            Record::Statistics(..) => {}
            Record::Ingested(id, seq, at) => {
                self.ingested_by_seq.insert(seq, id.clone());
                self.ingested.insert(id, (seq, at));
            }
            Record::Commit(commit) => {
                if !commit.keeps_history {
                    self.unkept = self.unkept.max(commit.seq);
                }
                self.commits.insert(commit.seq, commit);
            }
            Record::EndedChunk(row, end) => self.put_ended_chunk(row, end)?,
            Record::PastRelation(end, relation) => {
                self.past_relations.insert((end, relation.oid), Arc::from(relation));
            }
            Record::SequencePlace(oid, run, place) => drop(self.sequences.insert(oid, (run, place))),
        }
        Ok(())
    }

    fn delete(&mut self, key: Key) {
        match key {
            Key::Counters | Key::Statistics(_) => {}
            Key::Role(oid) => drop(self.roles.remove(&oid)),
            Key::Database(oid) => drop(self.databases.remove(&oid)),
            Key::Schema(oid) => drop(self.schemas.remove(&oid)),
            Key::Relation(oid) => self.delete_relation(oid),
            Key::Column(oid, column) => {
                if let Some(columns) = self.relation_mut(oid).ok().and_then(columns_mut) {
                    columns.retain(|other| other.id != column);
                }
            }
            Key::Constraint(oid, constraint) => {
                if let Some(table) = self.relation_mut(oid).ok().and_then(table_mut) {
                    table.constraints.retain(|other| other.oid != constraint);
                }
            }
            Key::Layout(table, id) => self.change_contents(table, |contents| drop(contents.layouts.remove(&id))),
            Key::Partition(table, id) => self.change_contents(table, |contents| drop(contents.remove_partition(id))),
            Key::EndedPartition(seq, table, id) => {
                if let Some(partition) = self.ended.remove(&(seq, table, id)) {
                    self.change_contents(table, |contents| contents.unuse_layout(partition.layout.id));
                }
            }
            Key::Chunk(table, id) => self.change_contents(table, |contents| drop(contents.remove_chunk(id))),
            Key::Ingested(id) => self.delete_ingested(&id),
            Key::Commit(seq) => drop(self.commits.remove(&seq)),
            Key::EndedChunk(end, table, id) => {
                if let Some(chunk) = self.ended_chunks.remove(&(end, table, id)) {
                    self.change_contents(table, |contents| contents.unuse_layout(chunk.layout.id));
                }
            }
            Key::PastRelation(end, oid) => drop(self.past_relations.remove(&(end, oid))),
            Key::SequencePlace(oid) => drop(self.sequences.remove(&oid)),
        }
    }

    fn set_counters(&mut self, counters: Counters) {
        self.seq = counters.seq;
        self.at = counters.at;
        self.next_oid = counters.next_oid;
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters { seq: self.seq, at: self.at, next_oid: self.next_oid }
    }

    /// A header keeps the columns and constraints that the relation has: they come and go by their own rows.
    fn put_relation(&mut self, mut relation: Relation) {
        if let Some(before) = self.relations.get(&relation.oid) {
            keep_parts(before, &mut relation);
            let name = (before.schema, before.name.clone());
            self.forget_name(&name, relation.oid);
        }
        self.names.insert((relation.schema, relation.name.clone()), relation.oid);
        self.relations.insert(relation.oid, Arc::new(relation));
    }

    pub(crate) fn delete_relation(&mut self, oid: Oid) {
        let Some(relation) = self.relations.remove(&oid) else { return };
        self.forget_name(&(relation.schema, relation.name.clone()), oid);
    }

    /// Frees a name, unless another relation took it earlier in the same commit.
    fn forget_name(&mut self, name: &(Oid, String), oid: Oid) {
        if self.names.get(name) == Some(&oid) {
            self.names.remove(name);
        }
    }

    fn relation_mut(&mut self, oid: Oid) -> Result<&mut Relation, Malformed> {
        self.relations.get_mut(&oid).map(Arc::make_mut).ok_or(UNKNOWN_RELATION)
    }

    fn put_layout(&mut self, table: Oid, layout: Layout) {
        let used = super::contents::LayoutUse { layout: Arc::new(layout), uses: 0 };
        let contents = Arc::make_mut(self.contents.entry(table).or_default());
        contents.layouts.insert(used.layout.id, used);
    }

    fn put_partition(&mut self, row: PartitionRow) -> Result<(), Malformed> {
        let contents = self.contents_of(row.table)?;
        let layout = contents.layout(row.layout).ok_or(UNKNOWN_LAYOUT)?;
        contents.insert_partition(Arc::new(row.into_partition(layout, None)));
        Ok(())
    }

    fn put_ended(&mut self, row: PartitionRow, end: EndMark) -> Result<(), Malformed> {
        let contents = self.contents_of(row.table)?;
        let layout = contents.layout(row.layout).ok_or(UNKNOWN_LAYOUT)?;
        let key = (end.seq, row.table, row.id);
        let is_new = !self.ended.contains_key(&key);
        if is_new {
            self.contents_of(row.table)?.use_layout(layout.id);
        }
        self.ended.insert(key, Arc::new(row.into_partition(layout, Some(end))));
        Ok(())
    }

    fn put_chunk(&mut self, row: ChunkRow) -> Result<(), Malformed> {
        let contents = self.contents_of(row.table)?;
        let layout = contents.layout(row.layout).ok_or(UNKNOWN_LAYOUT)?;
        contents.insert_chunk(Arc::new(row.into_chunk(layout)));
        Ok(())
    }

    fn put_ended_chunk(&mut self, row: ChunkRow, end: Seq) -> Result<(), Malformed> {
        let layout = self.contents_of(row.table)?.layout(row.layout).ok_or(UNKNOWN_LAYOUT)?;
        let key = (end, row.table, row.id);
        if !self.ended_chunks.contains_key(&key) {
            self.contents_of(row.table)?.use_layout(layout.id);
        }
        self.ended_chunks.insert(key, Arc::new(row.into_chunk(layout)));
        Ok(())
    }

    fn contents_of(&mut self, table: Oid) -> Result<&mut TableContents, Malformed> {
        self.contents.get_mut(&table).map(Arc::make_mut).ok_or(UNKNOWN_LAYOUT)
    }

    /// Changes what a table holds and forgets the table when nothing of it is left.
    pub(crate) fn change_contents(&mut self, table: Oid, change: impl FnOnce(&mut TableContents)) {
        let Some(contents) = self.contents.get_mut(&table).map(Arc::make_mut) else { return };
        let before = contents.real_time_bytes();
        change(contents);
        let is_empty = contents.is_empty();
        let after = if is_empty { 0 } else { contents.real_time_bytes() };
        if is_empty {
            self.contents.remove(&table);
        }
        self.real_time_bytes = self.real_time_bytes - before + after;
    }

    /// Appends the rows of chunks that the head has already; those of a table that is gone are nobody's.
    pub(crate) fn append_rows(
        &mut self,
        table: Oid,
        arriving: Vec<ArrivingChunk>,
        tier: &dyn RealTimeTier,
    ) -> Result<(), TierError> {
        let mut result = Ok(());
        if !arriving.is_empty() {
            self.change_contents(table, |contents| match tier.append(contents.real_time.as_ref(), arriving) {
                Ok(rows) => contents.real_time = Some(rows),
                Err(error) => result = Err(error),
            });
        }
        result
    }

    fn delete_ingested(&mut self, id: &IngestId) {
        if let Some((seq, _)) = self.ingested.remove(id) {
            self.ingested_by_seq.remove(&seq);
        }
    }
}

fn keep_parts(before: &Relation, after: &mut Relation) {
    match (&before.kind, &mut after.kind) {
        (RelationKind::Table(before), RelationKind::Table(after)) => {
            after.columns.clone_from(&before.columns);
            after.constraints.clone_from(&before.constraints);
        }
        (RelationKind::View(before), RelationKind::View(after)) => after.columns.clone_from(&before.columns),
        (
            RelationKind::Table(_)
            | RelationKind::View(_)
            | RelationKind::Index(_)
            | RelationKind::Sequence(_)
            | RelationKind::Enum(_),
            _,
        ) => {}
    }
}

fn columns_mut(relation: &mut Relation) -> Option<&mut Vec<crate::model::Column>> {
    match &mut relation.kind {
        RelationKind::Table(table) => Some(&mut table.columns),
        RelationKind::View(view) => Some(&mut view.columns),
        RelationKind::Index(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => None,
    }
}

fn table_mut(relation: &mut Relation) -> Option<&mut crate::model::Table> {
    match &mut relation.kind {
        RelationKind::Table(table) => Some(table),
        RelationKind::View(_) | RelationKind::Index(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => None,
    }
}

impl PartitionRow {
    fn into_partition(self, layout: Arc<Layout>, removed: Option<EndMark>) -> Partition {
        Partition {
            id: self.id,
            table: self.table,
            home: self.home,
            layout,
            remap: self.remap,
            rows: self.rows,
            bytes: self.bytes,
            checksum: self.checksum,
            added: self.added,
            removed,
            row_seqs: self.row_seqs,
            key: self.key,
            level: self.level,
        }
    }
}

impl From<&Partition> for PartitionRow {
    fn from(partition: &Partition) -> PartitionRow {
        PartitionRow {
            id: partition.id,
            table: partition.table,
            home: partition.home,
            layout: partition.layout.id,
            remap: partition.remap.clone(),
            rows: partition.rows,
            bytes: partition.bytes,
            checksum: partition.checksum,
            added: partition.added,
            row_seqs: partition.row_seqs,
            key: partition.key,
            level: partition.level,
        }
    }
}

impl ChunkRow {
    fn into_chunk(self, layout: Arc<Layout>) -> Chunk {
        Chunk {
            id: self.id,
            table: self.table,
            layout,
            rows: self.rows,
            bytes: self.bytes,
            key: self.key,
            log_position: self.log_position,
            at: self.at,
        }
    }
}

impl From<&Chunk> for ChunkRow {
    fn from(chunk: &Chunk) -> ChunkRow {
        ChunkRow {
            id: chunk.id,
            table: chunk.table,
            layout: chunk.layout.id,
            rows: chunk.rows,
            bytes: chunk.bytes,
            key: chunk.key,
            log_position: chunk.log_position,
            at: chunk.at,
        }
    }
}

/// The number that a table's next layout gets. The newest layout is never dropped while the table lives, so numbers
/// are not used again.
pub(crate) fn next_layout(contents: Option<&Arc<TableContents>>) -> LayoutId {
    let newest = contents.and_then(|contents| contents.layouts.get_max()).map_or(0, |(id, _)| id.0);
    LayoutId(newest + 1)
}
