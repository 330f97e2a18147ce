//! Rows as typed records.

use super::Key;
use super::codec::{Decoded, Field, Input, Malformed, fields};
use super::keys::StatisticsKey;
use super::values::{put_without_rule, take_without_rule};
use crate::model::{
    ChunkId, Column, ColumnId, ColumnRemap, ColumnRule, ColumnStatistics, Constraint, Database, EndMark, IngestId,
    KeyRange, Layout, LayoutId, Oid, PartitionId, PgType, Relation, Role, Schema, Seq, SequencePlace, TimestampMicros,
};

/// Room for the values of chunks and commits, of which there are the most, in bytes.
const VALUE_BYTES_USUAL: usize = 64;
/// The version of most kinds of value so far.
const VALUE_VERSION: u8 = 1;
/// The version of partitions' values; the first had no checksum.
const PARTITION_VERSION: u8 = 2;
/// The version of values of partitions whose object lies under another table's name.
const SHARED_VERSION: u8 = 3;
/// The version of commits that keep what they end.
const HISTORY_VERSION: u8 = 2;
/// The version of values of columns that have a rule.
const RULED_VERSION: u8 = 2;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    Counters(Counters),
    Role(Role),
    Database(Database),
    Schema(Schema),
    /// Without its columns and constraints: they have rows of their own.
    Relation(Relation),
    Column(Oid, Column),
    Constraint(Oid, Constraint),
    Layout(Oid, Layout),
    Partition(PartitionRow),
    EndedPartition(PartitionRow, EndMark),
    Chunk(ChunkRow),
    Statistics(StatisticsKey, Vec<ColumnStatistics>),
    Ingested(IngestId, Seq, TimestampMicros),
    Commit(CommitRow),
    EndedChunk(ChunkRow, Seq),
    /// With its columns and constraints.
    PastRelation(Seq, Box<Relation>),
    /// How far a run of a sequence's values has come: (sequence, run, place).
    SequencePlace(Oid, Oid, SequencePlace),
}

/// A commit that is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CommitRow {
    pub(crate) seq: Seq,
    pub(crate) at: TimestampMicros,
    /// Whether what it ended is kept, as servers do that can read the past.
    pub(crate) keeps_history: bool,
}

/// What the head counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) seq: Seq,
    pub(crate) at: TimestampMicros,
    pub(crate) next_oid: u32,
}

/// A partition whose layout is a number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PartitionRow {
    pub(crate) id: PartitionId,
    pub(crate) table: Oid,
    pub(crate) home: Oid,
    pub(crate) layout: LayoutId,
    pub(crate) remap: Vec<ColumnRemap>,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) checksum: Option<u32>,
    pub(crate) added: Seq,
    pub(crate) row_seqs: (Seq, Seq),
    pub(crate) key: KeyRange,
    pub(crate) level: u8,
}

/// A chunk whose layout is a number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ChunkRow {
    pub(crate) id: ChunkId,
    pub(crate) table: Oid,
    pub(crate) layout: LayoutId,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) key: KeyRange,
    pub(crate) log_position: u64,
    pub(crate) at: TimestampMicros,
}

fields!(Counters { seq, at, next_oid });

/// A layout's columns: the number is in the key.
type LayoutColumns = Vec<(ColumnId, PgType)>;

impl Record {
    pub(crate) fn key(&self) -> Key {
        match self {
            Record::Counters(_) => Key::Counters,
            Record::Role(role) => Key::Role(role.oid),
            Record::Database(database) => Key::Database(database.oid),
            Record::Schema(schema) => Key::Schema(schema.oid),
            Record::Relation(relation) => Key::Relation(relation.oid),
            Record::Column(relation, column) => Key::Column(*relation, column.id),
            Record::Constraint(relation, constraint) => Key::Constraint(*relation, constraint.oid),
            Record::Layout(table, layout) => Key::Layout(*table, layout.id),
            Record::Partition(row) => Key::Partition(row.table, row.id),
            Record::EndedPartition(row, end) => Key::EndedPartition(end.seq, row.table, row.id),
            Record::Chunk(row) => Key::Chunk(row.table, row.id),
            Record::Statistics(key, _) => Key::Statistics(*key),
            Record::Ingested(id, ..) => Key::Ingested(id.clone()),
            Record::Commit(commit) => Key::Commit(commit.seq),
            Record::EndedChunk(row, end) => Key::EndedChunk(*end, row.table, row.id),
            Record::PastRelation(end, relation) => Key::PastRelation(*end, relation.oid),
            Record::SequencePlace(sequence, ..) => Key::SequencePlace(*sequence),
        }
    }

    fn version(&self) -> u8 {
        match self {
            Record::Partition(row) | Record::EndedPartition(row, _) if row.home != row.table => SHARED_VERSION,
            Record::Commit(commit) if !commit.keeps_history => VALUE_VERSION,
            Record::Column(_, column) if column.rule != ColumnRule::Plain => RULED_VERSION,
            _ => newest_version(&self.key()),
        }
    }

    pub(crate) fn value(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(VALUE_BYTES_USUAL);
        out.push(self.version());
        match self {
            Record::Counters(counters) => counters.put(&mut out),
            Record::Role(role) => role.put(&mut out),
            Record::Database(database) => database.put(&mut out),
            Record::Schema(schema) => schema.put(&mut out),
            Record::Relation(relation) => relation.put(&mut out),
            Record::Column(_, column) => put_column(column, &mut out),
            Record::Constraint(_, constraint) => constraint.put(&mut out),
            Record::Layout(_, layout) => layout.columns.put(&mut out),
            Record::Partition(row) => put_partition(row, &mut out),
            Record::EndedPartition(row, end) => {
                put_partition(row, &mut out);
                end.at.put(&mut out);
            }
            Record::Chunk(row) => put_chunk(row, &mut out),
            Record::Statistics(_, columns) => columns.put(&mut out),
            Record::Ingested(_, seq, at) => (*seq, *at).put(&mut out),
            Record::Commit(commit) => commit.at.put(&mut out),
            Record::EndedChunk(row, _) => put_chunk(row, &mut out),
            Record::PastRelation(_, relation) => relation.put(&mut out),
            Record::SequencePlace(_, run, place) => (*run, *place).put(&mut out),
        }
        out
    }

    pub(crate) fn decode(key: Key, value: &[u8]) -> Decoded<Record> {
        let mut input = Input::new(value);
        let version = u8::take(&mut input)?;
        if version == 0 || version > newest_version(&key).max(special_version(&key)) {
            return Err(Malformed("a row has a version that this server does not know"));
        }
        let record = Record::take(key, version, &mut input)?;
        input.end()?;
        Ok(record)
    }

    fn take(key: Key, version: u8, input: &mut Input<'_>) -> Decoded<Record> {
        Ok(match key {
            Key::Counters => Record::Counters(Field::take(input)?),
            Key::Role(_) => Record::Role(Field::take(input)?),
            Key::Database(_) => Record::Database(Field::take(input)?),
            Key::Schema(_) => Record::Schema(Field::take(input)?),
            Key::Relation(_) => Record::Relation(Field::take(input)?),
            Key::Column(relation, _) => Record::Column(relation, take_column(version, input)?),
            Key::Constraint(relation, _) => Record::Constraint(relation, Field::take(input)?),
            Key::Layout(table, id) => Record::Layout(table, Layout { id, columns: LayoutColumns::take(input)? }),
            Key::Partition(table, id) => Record::Partition(take_partition(table, id, version, input)?),
            Key::EndedPartition(seq, table, id) => {
                let row = take_partition(table, id, version, input)?;
                Record::EndedPartition(row, EndMark { seq, at: Field::take(input)? })
            }
            Key::Chunk(table, id) => Record::Chunk(take_chunk(table, id, input)?),
            Key::Statistics(key) => Record::Statistics(key, Field::take(input)?),
            Key::Ingested(id) => Record::Ingested(id, Field::take(input)?, Field::take(input)?),
            Key::Commit(seq) => {
                let keeps_history = version >= HISTORY_VERSION;
                Record::Commit(CommitRow { seq, at: Field::take(input)?, keeps_history })
            }
            Key::EndedChunk(seq, table, id) => Record::EndedChunk(take_chunk(table, id, input)?, seq),
            Key::PastRelation(seq, _) => Record::PastRelation(seq, Box::new(Field::take(input)?)),
            Key::SequencePlace(sequence) => Record::SequencePlace(sequence, Field::take(input)?, Field::take(input)?),
        })
    }
}

/// The version that some values of the kind have.
fn special_version(key: &Key) -> u8 {
    match key {
        Key::Column(..) => RULED_VERSION,
        Key::Partition(..) | Key::EndedPartition(..) => SHARED_VERSION,
        _ => 0,
    }
}

fn newest_version(key: &Key) -> u8 {
    match key {
        Key::Partition(..) | Key::EndedPartition(..) => PARTITION_VERSION,
        Key::Commit(_) => HISTORY_VERSION,
        _ => VALUE_VERSION,
    }
}

fn put_column(column: &Column, out: &mut Vec<u8>) {
    match column.rule {
        ColumnRule::Plain => put_without_rule(column, out),
        ColumnRule::Identity { .. } | ColumnRule::Generated => column.put(out),
    }
}

fn take_column(version: u8, input: &mut Input<'_>) -> Decoded<Column> {
    if version == RULED_VERSION { Column::take(input) } else { take_without_rule(input) }
}

fn put_partition(row: &PartitionRow, out: &mut Vec<u8>) {
    row.layout.put(out);
    row.remap.put(out);
    row.rows.put(out);
    row.bytes.put(out);
    row.added.put(out);
    row.row_seqs.put(out);
    row.key.put(out);
    row.level.put(out);
    row.checksum.put(out);
    if row.home != row.table {
        row.home.put(out);
    }
}

fn take_partition(table: Oid, id: PartitionId, version: u8, input: &mut Input<'_>) -> Decoded<PartitionRow> {
    let mut row = PartitionRow {
        id,
        table,
        home: table,
        layout: Field::take(input)?,
        remap: Field::take(input)?,
        rows: Field::take(input)?,
        bytes: Field::take(input)?,
        added: Field::take(input)?,
        row_seqs: Field::take(input)?,
        key: Field::take(input)?,
        level: Field::take(input)?,
        checksum: if version < PARTITION_VERSION { None } else { Field::take(input)? },
    };
    if version == SHARED_VERSION {
        row.home = Field::take(input)?;
    }
    Ok(row)
}

fn put_chunk(row: &ChunkRow, out: &mut Vec<u8>) {
    row.layout.put(out);
    row.rows.put(out);
    row.bytes.put(out);
    row.key.put(out);
    row.log_position.put(out);
    row.at.put(out);
}

fn take_chunk(table: Oid, id: ChunkId, input: &mut Input<'_>) -> Decoded<ChunkRow> {
    Ok(ChunkRow {
        id,
        table,
        layout: Field::take(input)?,
        rows: Field::take(input)?,
        bytes: Field::take(input)?,
        key: Field::take(input)?,
        log_position: Field::take(input)?,
        at: Field::take(input)?,
    })
}
