//! What is gone, in terms that its owner knows: commits with their times, rows by table.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::Head;
use crate::log::LoggedCommit;
use crate::model::{Chunk, Oid, Partition, Seq, TimestampMicros};
use crate::records::{Record, RowOp};

/// Commits that a log loses when it is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LostCommits {
    /// The first and the last, as far as the frames that can still be read tell.
    pub seqs: Option<(Seq, Seq)>,
    /// When the first and the last that can still be read were committed.
    pub at: Option<(TimestampMicros, TimestampMicros)>,
}

impl LostCommits {
    /// `after` is the last commit that stays.
    pub(super) fn add(&mut self, after: Seq, commit: &LoggedCommit) {
        if commit.seq <= after {
            return;
        }
        self.seqs = Some((after.next(), self.seqs.map_or(commit.seq, |(_, last)| last.max(commit.seq))));
        if let Some(at) = time_of(commit) {
            self.at = Some((self.at.map_or(at, |(first, _)| first), at));
        }
    }

    /// How many there are, as far as can be known.
    pub fn count(&self) -> u64 {
        self.seqs.map_or(0, |(first, last)| last.0 + 1 - first.0)
    }
}

fn time_of(commit: &LoggedCommit) -> Option<TimestampMicros> {
    commit.ops.iter().find_map(|op| match op.decode() {
        Ok(RowOp::Put(Record::Commit(commit))) => Some(commit.at),
        _ => None,
    })
}

/// Rows of chunks and partitions whose bytes are gone, by table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LostRows {
    tables: BTreeMap<Oid, LostOfTable>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct LostOfTable {
    name: String,
    rows: u64,
    chunks: usize,
    partitions: usize,
    /// Partitions that only states of the past see.
    of_the_past: usize,
}

impl LostRows {
    pub(super) fn new(head: &Head, chunks: &[Arc<Chunk>], partitions: &[Arc<Partition>]) -> LostRows {
        let mut lost = LostRows::default();
        for chunk in chunks {
            let table = lost.table(head, chunk.table);
            table.rows += chunk.rows;
            table.chunks += 1;
        }
        for partition in partitions {
            let table = lost.table(head, partition.table);
            match partition.removed {
                None => {
                    table.rows += partition.rows;
                    table.partitions += 1;
                }
                Some(_) => table.of_the_past += 1,
            }
        }
        lost
    }

    fn table(&mut self, head: &Head, oid: Oid) -> &mut LostOfTable {
        self.tables.entry(oid).or_insert_with(|| LostOfTable { name: name_of(head, oid), ..LostOfTable::default() })
    }

    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Of all tables together.
    pub fn rows(&self) -> u64 {
        self.tables.values().map(|table| table.rows).sum()
    }
}

/// One line per table.
impl fmt::Display for LostRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, table) in self.tables.values().enumerate() {
            let LostOfTable { name, rows, chunks, partitions, of_the_past } = table;
            let end = if at + 1 < self.tables.len() { "\n" } else { "" };
            write!(f, "{name}: {rows} rows, in {chunks} chunks and {partitions} partitions")?;
            if *of_the_past > 0 {
                write!(f, "; {of_the_past} partitions that only states of the past have")?;
            }
            f.write_str(end)?;
        }
        Ok(())
    }
}

/// `schema.table`, or the number if there is no such relation. A table that was dropped has no schema any more.
pub(super) fn name_of(head: &Head, oid: Oid) -> String {
    let Some(relation) = head.relation(oid) else { return format!("relation {oid}") };
    if head.is_dropped(relation) {
        return format!("dropped {}", relation.former_name());
    }
    let schema = head.schema(relation.schema).map_or("?", |schema| &schema.name);
    format!("{schema}.{}", relation.name)
}
