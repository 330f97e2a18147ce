//! Tables come, are filled, emptied, cloned, put away, taken back and go for good.

use std::sync::Arc;

use peristyle_catalog::Head;
use peristyle_catalog::model::*;
use rand::Rng;
use rand::rngs::StdRng;

use super::actors::{Stage, append, chance, held};
use super::model::WORTH;
use super::rows::{self, Row, read_all, read_chunks, read_one, write_partitions};
use super::scheduler::gate;
use super::tables::Attempt;
use super::world::{DROPPED, PUBLIC, table};
use crate::Result;
use crate::merge::Group;

/// Tables that there are at once.
const TABLES_MAX: usize = 4;

/// Rows and where they are kept, for who takes them away.
#[derive(Default)]
struct Taken {
    partitions: Vec<PartitionId>,
    chunks: Vec<ChunkId>,
    rows: Vec<Row>,
}

fn numbers(rows: &[Row]) -> Vec<i64> {
    rows.iter().map(|(number, _)| *number).collect()
}

impl Stage<'_> {
    /// Changes tables as DDL, TRUNCATE, retention and clones do.
    pub(super) async fn churn(self, seed: u64, name: &str) {
        let mut chance = chance(seed, name);
        loop {
            let snapshot = self.life.catalog.snapshot();
            let head = Arc::clone(snapshot.head());
            gate().await;
            // An error is one of the store: then nothing was changed.
            drop(self.change_tables(&head, &mut chance).await);
            drop(snapshot);
            gate().await;
        }
    }

    async fn change_tables(&self, head: &Head, chance: &mut StdRng) -> Result<()> {
        let there = |oid: &Oid| head.relation(*oid).is_some();
        let tables: Vec<Oid> = self.model.borrow().tables.oids().into_iter().filter(there).collect();
        let has_room = tables.len() < TABLES_MAX;
        if tables.is_empty() || (has_room && chance.random_bool(0.1)) {
            self.make().await;
            return Ok(());
        }
        let oid = tables[chance.random_range(0..tables.len())];
        match chance.random_range(0..20) {
            0..6 => self.add_chunk(oid, chance).await,
            6..11 => self.add_partitions(oid, chance).await?,
            11 => self.truncate(head, oid).await?,
            12..14 => self.expire(head, oid, chance).await?,
            14..17 if has_room => self.clone_table(oid).await?,
            14..19 => self.put_away_or_back(head, oid).await,
            _ => self.drop_for_good(head, oid).await,
        }
        Ok(())
    }

    /// Whether it was committed, as far as this is known.
    async fn attempt(&self, attempt: Attempt, requires: Vec<Requirement>, changes: Vec<Change>) -> bool {
        let committed = self.life.catalog.commit(ChangeSet { requires, changes, ingest_id: None }).await;
        let mut model = self.model.borrow_mut();
        match committed {
            Ok(commit) => {
                model.tables.committed(attempt, commit.seq);
                model.durable(commit.seq);
                return true;
            }
            Err(error) if error.left_nothing() && !self.life.is_dead() => model.tables.failed(attempt),
            Err(_) => {}
        }
        false
    }

    async fn make(&self) {
        let (oid, made) = self.model.borrow_mut().tables.make(&[]);
        self.attempt(made, Vec::new(), vec![Change::CreateRelation(table(oid, &format!("table {oid}")))]).await;
    }

    async fn add_chunk(&self, oid: Oid, chance: &mut StdRng) {
        let (rows, added) = self.model.borrow_mut().tables.add(oid, chance.random_range(1..4));
        let rows: Vec<Row> = rows.iter().map(|number| (*number, WORTH)).collect();
        let chunk = rows::chunk_of(&rows).expect("integers can be encoded");
        self.attempt(added, vec![Requirement::RelationLive(oid)], vec![append(oid, Vec::new(), vec![chunk])]).await;
    }

    async fn add_partitions(&self, oid: Oid, chance: &mut StdRng) -> Result<()> {
        let (rows, added) = self.model.borrow_mut().tables.add(oid, chance.random_range(1..20));
        let rows: Vec<Row> = rows.iter().map(|number| (*number, WORTH)).collect();
        match write_partitions(self.life, oid, &rows).await {
            Ok((_, partitions)) => {
                let changes = vec![append(oid, partitions, Vec::new())];
                self.attempt(added, vec![Requirement::RelationLive(oid)], changes).await;
                Ok(())
            }
            Err(error) => {
                self.model.borrow_mut().tables.failed(added);
                Err(error)
            }
        }
    }

    /// Everything that the snapshot saw goes.
    async fn truncate(&self, head: &Head, oid: Oid) -> Result<()> {
        let (chunks, partitions) = held(head, oid);
        let taken = Taken {
            partitions: partitions.iter().map(|partition| partition.id).collect(),
            chunks: chunks.iter().map(|chunk| chunk.id).collect(),
            rows: read_all(self.life, head, oid).await?,
        };
        self.take(oid, taken).await;
        Ok(())
    }

    /// One partition or chunk goes, as what retention no longer shows.
    async fn expire(&self, head: &Head, oid: Oid, chance: &mut StdRng) -> Result<()> {
        let (chunks, partitions) = held(head, oid);
        let mut taken = Taken::default();
        if !partitions.is_empty() && (chunks.is_empty() || chance.random_bool(0.7)) {
            let partition = &partitions[chance.random_range(0..partitions.len())];
            taken.partitions.push(partition.id);
            taken.rows = read_one(self.life, head, partition).await?;
        } else if let Some(oldest) = chunks.first() {
            taken.chunks.push(oldest.id);
            taken.rows = read_chunks(head, oid, |chunk| chunk == oldest.id)?;
        } else {
            return Ok(());
        }
        self.take(oid, taken).await;
        Ok(())
    }

    async fn take(&self, oid: Oid, taken: Taken) {
        gate().await;
        let removed = self.model.borrow_mut().tables.remove(oid, &numbers(&taken.rows));
        let Taken { partitions, chunks, .. } = taken;
        let requires = vec![
            Requirement::RelationLive(oid),
            Requirement::PartitionsLive { table: oid, partitions: partitions.clone() },
            Requirement::ChunksLive { table: oid, chunks: chunks.clone() },
        ];
        self.attempt(removed, requires, vec![Change::Remove { table: oid, partitions, chunks }]).await;
    }

    /// Another table with the same objects. What is in the log is brought into partitions first.
    async fn clone_table(&self, oid: Oid) -> Result<()> {
        let (chunks, _) = held(&self.life.catalog.snapshot(), oid);
        if !chunks.is_empty() {
            self.merger().run(oid, &Group { chunks, partitions: Vec::new() }).await?;
        }
        let snapshot = self.life.catalog.snapshot();
        let (chunks, partitions) = held(&snapshot, oid);
        if !chunks.is_empty() {
            return Ok(());
        }
        let rows = read_all(self.life, &snapshot, oid).await?;
        gate().await;
        let (clone, made) = self.model.borrow_mut().tables.make(&numbers(&rows));
        let requires = vec![
            Requirement::RelationLive(oid),
            Requirement::PartitionsLive { table: oid, partitions: partitions.iter().map(|each| each.id).collect() },
        ];
        let changes = vec![
            Change::CreateRelation(table(clone, &format!("table {clone}"))),
            append(clone, partitions.iter().map(|partition| shared(partition)).collect(), Vec::new()),
        ];
        if self.attempt(made, requires, changes).await {
            self.model.borrow_mut().tally.clones += 1;
        }
        Ok(())
    }

    /// DROP TABLE and UNDROP TABLE: rows stay where they are.
    async fn put_away_or_back(&self, head: &Head, oid: Oid) {
        let Some(relation) = head.relation(oid) else { return };
        let schema = if relation.schema == DROPPED { PUBLIC } else { DROPPED };
        let moved = Relation { schema, ..Relation::clone(relation) };
        let requires = vec![Requirement::RelationVersion { oid, version: relation.version }];
        let changes = vec![Change::ReplaceRelation(moved)];
        drop(self.life.catalog.commit(ChangeSet { requires, changes, ingest_id: None }).await);
    }

    /// Only what was put away goes for good.
    async fn drop_for_good(&self, head: &Head, oid: Oid) {
        let Some(relation) = head.relation(oid).filter(|relation| relation.schema == DROPPED) else { return };
        let gone = self.model.borrow_mut().tables.drop_table(oid);
        let requires = vec![Requirement::RelationVersion { oid, version: relation.version }];
        self.attempt(gone, requires, vec![Change::DropRelation(oid)]).await;
    }
}

/// A partition as another table has it.
fn shared(partition: &Partition) -> NewPartition {
    NewPartition {
        id: partition.id,
        columns: partition.layout.columns.clone(),
        rows: partition.rows,
        bytes: partition.bytes,
        checksum: partition.checksum,
        row_seqs: Some(partition.row_seqs),
        key: partition.key,
        level: partition.level,
        statistics: Vec::new(),
        shared: Some(SharedObject { home: partition.home, remap: partition.remap.clone() }),
    }
}
