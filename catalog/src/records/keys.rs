//! Keys of rows: a tag byte, then big-endian parts.

use uuid::Uuid;

use super::codec::{Decoded, Input, Malformed};
use crate::model::{ChunkId, ColumnId, IngestId, LayoutId, Oid, PartitionId, Seq};

/// Columns whose statistics share a row: with bounds of at most 32 bytes the row stays well under 4 KiB.
pub(crate) const STATISTICS_COLUMNS_PER_ROW: u32 = 16;

/// Which row. The order of the variants is the order of the tags.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    Counters,
    Role(Oid),
    Database(Oid),
    Schema(Oid),
    Relation(Oid),
    Column(Oid, ColumnId),
    Constraint(Oid, Oid),
    Layout(Oid, LayoutId),
    Partition(Oid, PartitionId),
    /// By the commit that set the end mark, so that the oldest is found first.
    EndedPartition(Seq, Oid, PartitionId),
    Chunk(Oid, ChunkId),
    Statistics(StatisticsKey),
    Ingested(IngestId),
    Commit(Seq),
    /// By the commit that removed the chunk.
    EndedChunk(Seq, Oid, ChunkId),
    /// A definition, by the commit that changed or dropped it.
    PastRelation(Seq, Oid),
    SequencePlace(Oid),
}

/// One group of columns of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StatisticsKey {
    pub(crate) table: Oid,
    pub(crate) partition: PartitionId,
    pub(crate) group: u32,
}

/// The group of columns in whose row a column's statistics are.
pub(crate) fn statistics_group(column: ColumnId) -> u32 {
    column.0 / STATISTICS_COLUMNS_PER_ROW
}

const COUNTERS: u8 = 1;
const ROLE: u8 = 2;
const DATABASE: u8 = 3;
const SCHEMA: u8 = 4;
const RELATION: u8 = 5;
const COLUMN: u8 = 6;
const CONSTRAINT: u8 = 7;
const LAYOUT: u8 = 8;
const PARTITION: u8 = 9;
const ENDED_PARTITION: u8 = 10;
const CHUNK: u8 = 11;
const STATISTICS: u8 = 12;
const INGESTED: u8 = 13;
const COMMIT: u8 = 14;
const ENDED_CHUNK: u8 = 15;
const PAST_RELATION: u8 = 16;
const SEQUENCE_PLACE: u8 = 17;

impl Key {
    /// What every statistics key begins with.
    pub(crate) const STATISTICS_PREFIX: &'static [u8] = &[STATISTICS];

    /// Above every statistics key, not above the next kind's.
    pub(crate) const AFTER_STATISTICS: &'static [u8] = &[STATISTICS + 1];

    /// Whether the row of an encoded key is put once and perhaps deleted, never put again.
    pub(crate) fn is_written_once(encoded: &[u8]) -> bool {
        matches!(encoded.first(), Some(&(CHUNK | COMMIT | ENDED_CHUNK | PAST_RELATION)))
    }

    /// Whether the row of an encoded key is small and one of very many, written and deleted with its neighbours.
    pub(crate) fn shares_leaf(encoded: &[u8]) -> bool {
        matches!(encoded.first(), Some(&(CHUNK | COMMIT | ENDED_CHUNK)))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32);
        match self {
            Key::Counters => out.push(COUNTERS),
            Key::Role(oid) => numbers(ROLE, &[oid.0], &mut out),
            Key::Database(oid) => numbers(DATABASE, &[oid.0], &mut out),
            Key::Schema(oid) => numbers(SCHEMA, &[oid.0], &mut out),
            Key::Relation(oid) => numbers(RELATION, &[oid.0], &mut out),
            Key::Column(relation, column) => numbers(COLUMN, &[relation.0, column.0], &mut out),
            Key::Constraint(relation, oid) => numbers(CONSTRAINT, &[relation.0, oid.0], &mut out),
            Key::Layout(table, layout) => numbers(LAYOUT, &[table.0, layout.0], &mut out),
            Key::Partition(table, id) => {
                numbers(PARTITION, &[table.0], &mut out);
                out.extend_from_slice(id.0.as_bytes());
            }
            Key::EndedPartition(seq, table, id) => {
                out.push(ENDED_PARTITION);
                out.extend_from_slice(&seq.0.to_be_bytes());
                out.extend_from_slice(&table.0.to_be_bytes());
                out.extend_from_slice(id.0.as_bytes());
            }
            Key::Chunk(table, id) => {
                numbers(CHUNK, &[table.0], &mut out);
                out.extend_from_slice(&id.seq.0.to_be_bytes());
                out.extend_from_slice(&id.ordinal.to_be_bytes());
            }
            Key::Statistics(key) => {
                numbers(STATISTICS, &[key.table.0], &mut out);
                out.extend_from_slice(key.partition.0.as_bytes());
                out.extend_from_slice(&key.group.to_be_bytes());
            }
            Key::Ingested(id) => {
                out.push(INGESTED);
                out.extend_from_slice(id.0.as_bytes());
            }
            Key::Commit(seq) => {
                out.push(COMMIT);
                out.extend_from_slice(&seq.0.to_be_bytes());
            }
            Key::EndedChunk(seq, table, id) => {
                out.push(ENDED_CHUNK);
                out.extend_from_slice(&seq.0.to_be_bytes());
                out.extend_from_slice(&table.0.to_be_bytes());
                out.extend_from_slice(&id.seq.0.to_be_bytes());
                out.extend_from_slice(&id.ordinal.to_be_bytes());
            }
            Key::PastRelation(seq, oid) => {
                out.push(PAST_RELATION);
                out.extend_from_slice(&seq.0.to_be_bytes());
                out.extend_from_slice(&oid.0.to_be_bytes());
            }
            Key::SequencePlace(oid) => numbers(SEQUENCE_PLACE, &[oid.0], &mut out),
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Decoded<Key> {
        let mut input = Input::new(bytes);
        let [tag] = input.array()?;
        let key = match tag {
            COUNTERS => Key::Counters,
            ROLE => Key::Role(oid(&mut input)?),
            DATABASE => Key::Database(oid(&mut input)?),
            SCHEMA => Key::Schema(oid(&mut input)?),
            RELATION => Key::Relation(oid(&mut input)?),
            COLUMN => Key::Column(oid(&mut input)?, ColumnId(number(&mut input)?)),
            CONSTRAINT => Key::Constraint(oid(&mut input)?, oid(&mut input)?),
            LAYOUT => Key::Layout(oid(&mut input)?, LayoutId(number(&mut input)?)),
            PARTITION => Key::Partition(oid(&mut input)?, partition(&mut input)?),
            ENDED_PARTITION => Key::EndedPartition(seq(&mut input)?, oid(&mut input)?, partition(&mut input)?),
            CHUNK => Key::Chunk(oid(&mut input)?, chunk(&mut input)?),
            STATISTICS => Key::Statistics(StatisticsKey {
                table: oid(&mut input)?,
                partition: partition(&mut input)?,
                group: number(&mut input)?,
            }),
            INGESTED => Key::Ingested(ingest_id(&mut input)?),
            COMMIT => Key::Commit(seq(&mut input)?),
            ENDED_CHUNK => Key::EndedChunk(seq(&mut input)?, oid(&mut input)?, chunk(&mut input)?),
            PAST_RELATION => Key::PastRelation(seq(&mut input)?, oid(&mut input)?),
            SEQUENCE_PLACE => Key::SequencePlace(oid(&mut input)?),
            _ => return Err(Malformed("unknown kind of row")),
        };
        input.end()?;
        Ok(key)
    }
}

fn numbers(tag: u8, parts: &[u32], out: &mut Vec<u8>) {
    out.push(tag);
    parts.iter().for_each(|part| out.extend_from_slice(&part.to_be_bytes()));
}

fn number(input: &mut Input<'_>) -> Decoded<u32> {
    input.array().map(u32::from_be_bytes)
}

fn oid(input: &mut Input<'_>) -> Decoded<Oid> {
    number(input).map(Oid)
}

fn seq(input: &mut Input<'_>) -> Decoded<Seq> {
    input.array().map(|bytes| Seq(u64::from_be_bytes(bytes)))
}

fn chunk(input: &mut Input<'_>) -> Decoded<ChunkId> {
    Ok(ChunkId { seq: seq(input)?, ordinal: number(input)? })
}

fn partition(input: &mut Input<'_>) -> Decoded<PartitionId> {
    input.array().map(|bytes| PartitionId(Uuid::from_bytes(bytes)))
}

fn ingest_id(input: &mut Input<'_>) -> Decoded<IngestId> {
    let bytes = input.bytes(input.len())?;
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed("an ingest id is not UTF-8"))?;
    Ok(IngestId(text.to_owned()))
}
