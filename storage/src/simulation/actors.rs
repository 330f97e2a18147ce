//! Who is at work on a server: each does one thing over and over, until the run ends.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use peristyle_catalog::Head;
use peristyle_catalog::model::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::model::{Model, WORTH};
use super::rows::{self, Row, read_all, read_chunks, read_one, write_partitions};
use super::scheduler::gate;
use super::world::{Life, MIRROR, ROWS};
use crate::gc;
use crate::merge::{MergeSettings, Merger, Pace, State, Urgency, pick};
use crate::settings::GcSettings;
use crate::{Error, ErrorKind, Result};

/// What an actor has to do with.
#[derive(Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) life: &'a Life,
    pub(super) model: &'a RefCell<Model>,
}

/// On the simulated clock, which moves a little whenever somebody looks, most of a life.
const HISTORY_SECONDS: u64 = 1;

pub(super) fn chance(seed: u64, name: &str) -> StdRng {
    StdRng::seed_from_u64(name.bytes().fold(seed, |hash, byte| hash.wrapping_mul(31) + u64::from(byte)))
}

/// Rows appear in a table.
pub(super) fn append(table: Oid, partitions: Vec<NewPartition>, chunks: Vec<NewChunk>) -> Change {
    Change::Append { table, partitions, chunks }
}

impl Stage<'_> {
    async fn commit(&self, changes: ChangeSet, numbers: &[i64]) -> std::result::Result<(), peristyle_catalog::Error> {
        match self.life.catalog.commit(changes).await {
            Ok(commit) => {
                self.model.borrow_mut().committed(numbers, commit.seq);
                Ok(())
            }
            Err(error) => {
                if error.left_nothing() && !self.life.is_dead() {
                    self.model.borrow_mut().failed(numbers);
                }
                Err(error)
            }
        }
    }

    /// Single rows, to both tables through the log.
    pub(super) async fn write_rows(self, seed: u64, name: &str) {
        let mut chance = chance(seed, name);
        loop {
            let numbers = self.model.borrow_mut().begin(chance.random_range(1..4));
            let rows: Vec<Row> = numbers.iter().map(|number| (*number, WORTH)).collect();
            let chunk = || vec![rows::chunk_of(&rows).expect("integers can be encoded")];
            let changes = vec![append(ROWS, Vec::new(), chunk()), append(MIRROR, Vec::new(), chunk())];
            drop(self.commit(ChangeSet { changes, ..ChangeSet::default() }, &numbers).await);
            gate().await;
        }
    }

    /// Loads, to both tables through partitions.
    pub(super) async fn load(self, seed: u64) {
        let mut chance = chance(seed, "loader");
        loop {
            let numbers = self.model.borrow_mut().begin(chance.random_range(1..60));
            let rows: Vec<Row> = numbers.iter().map(|number| (*number, WORTH)).collect();
            if self.load_once(&rows, &numbers).await.is_err() && !self.life.is_dead() {
                gate().await;
            }
            for _ in 0..chance.random_range(0..30) {
                gate().await;
            }
        }
    }

    async fn load_once(&self, rows: &[Row], numbers: &[i64]) -> Result<()> {
        let (writer, partitions) = match write_partitions(self.life, ROWS, rows).await {
            Ok(written) => written,
            Err(error) => {
                self.model.borrow_mut().failed(numbers);
                return Err(error);
            }
        };
        let (mirror_writer, mirrored) = match write_partitions(self.life, MIRROR, rows).await {
            Ok(written) => written,
            Err(error) => {
                writer.abort().await;
                self.model.borrow_mut().failed(numbers);
                return Err(error);
            }
        };
        let changes = vec![append(ROWS, partitions, Vec::new()), append(MIRROR, mirrored, Vec::new())];
        let committed = self.commit(ChangeSet { changes, ..ChangeSet::default() }, numbers).await;
        if let Err(error) = committed {
            if error.left_nothing() {
                writer.abort().await;
                mirror_writer.abort().await;
            }
            return Err(error.into());
        }
        Ok(())
    }

    /// Moves worth between the rows of some chunks or of a partition, in both tables.
    pub(super) async fn update(self, seed: u64) {
        let mut chance = chance(seed, "updater");
        loop {
            let snapshot = self.life.catalog.snapshot();
            let head = Arc::clone(snapshot.head());
            gate().await;
            if let Ok(Some(changes)) = self.transfer(&head, &mut chance).await {
                gate().await;
                drop(self.commit(changes, &[]).await);
            }
            drop(snapshot);
            gate().await;
        }
    }

    async fn transfer(&self, head: &Head, chance: &mut StdRng) -> Result<Option<ChangeSet>> {
        let Some(contents) = head.contents(ROWS) else { return Ok(None) };
        let partitions: Vec<_> = contents.partitions().cloned().collect();
        let chunks: Vec<ChunkId> = contents.chunks().map(|chunk| chunk.id).collect();
        let from_partition = !partitions.is_empty() && (chunks.is_empty() || chance.random_bool(0.5));
        let (replaced, ids, rows) = if from_partition {
            let partition = &partitions[chance.random_range(0..partitions.len())];
            (vec![partition.id], Vec::new(), read_one(self.life, head, partition).await?)
        } else if !chunks.is_empty() {
            let some: Vec<ChunkId> = chunks.into_iter().filter(|_| chance.random_bool(0.5)).collect();
            let rows = read_chunks(head, ROWS, |chunk| some.contains(&chunk))?;
            (Vec::new(), some, rows)
        } else {
            return Ok(None);
        };
        if rows.len() < 2 {
            return Ok(None);
        }
        let moved = moved(rows, chance);
        let changes = vec![
            Change::Remove { table: ROWS, partitions: replaced.clone(), chunks: ids.clone() },
            append(ROWS, Vec::new(), vec![rows::chunk_of(&moved)?]),
        ];
        let requires = vec![
            Requirement::PartitionsLive { table: ROWS, partitions: replaced },
            Requirement::ChunksLive { table: ROWS, chunks: ids },
        ];
        Ok(Some(ChangeSet { requires, changes, ingest_id: None }))
    }

    /// What a merge works with.
    pub(super) fn merger(&self) -> Merger {
        Merger {
            store: Arc::clone(&self.life.store),
            catalog: Arc::clone(&self.life.catalog),
            sources: self.life.sources.clone(),
            options: rows::options(self.life),
            parse_missing: Arc::new(|_, _| Err(Error::Internal("no column has a missing value".into()))),
            pace: Pace::UNLIMITED,
            settings: MergeSettings::default(),
            urgency: Urgency::Normal,
            log: Arc::default(),
        }
    }

    /// Makes partitions of chunks and larger ones of small ones.
    pub(super) async fn merge(self) {
        let merger = self.merger();
        let settings = MergeSettings { chunks_max: 4, partitions_fan_in: 2, ..MergeSettings::default() };
        loop {
            for table in tables(&self.life.catalog.snapshot()) {
                let group = {
                    let snapshot = self.life.catalog.snapshot();
                    let (chunks, partitions) = held(&snapshot, table);
                    let now = self.life.sources.clock.now();
                    let state = State {
                        key: &PartitionKey::None,
                        chunks: &chunks,
                        partitions: &partitions,
                        now,
                        urgency: Urgency::Normal,
                    };
                    pick(&state, &settings, &merger.options)
                };
                if let Some(group) = group {
                    gate().await;
                    drop(merger.run(table, &group).await);
                }
                gate().await;
            }
        }
    }

    /// Deletes what no reader needs. In every other life states of the past are kept for a while, or as far as there is
    /// room.
    pub(super) async fn collect(self, seed: u64) {
        let mut chance = chance(seed, "collector");
        let settings = GcSettings {
            ended_age_seconds: 0,
            history_seconds: if chance.random_bool(0.5) { 0 } else { HISTORY_SECONDS },
            history_rows_max: chance.random_range(10..200),
            history_log_bytes_max: chance.random_range(2_000..100_000),
            batch_max: 5,
            deletes_max: 2,
            ..GcSettings::default()
        };
        loop {
            drop(gc::sweep_intents(&self.life.store, &self.life.catalog, &settings).await);
            drop(gc::forget_history(&self.life.catalog, &self.life.sources, &settings).await);
            drop(gc::run(&self.life.store, &self.life.catalog, &self.life.sources, &settings).await);
            gate().await;
        }
    }

    /// Exports the catalog and ships the log.
    pub(super) async fn checkpoint(self, seed: u64) {
        let mut chance = chance(seed, "checkpoint");
        loop {
            for _ in 0..chance.random_range(0..15) {
                gate().await;
            }
            if chance.random_bool(0.3) {
                let seq = self.life.catalog.snapshot().seq();
                if self.life.catalog.checkpoint().await.is_ok() {
                    self.model.borrow_mut().durable(seq);
                }
            } else {
                // The newest head may be of commits that nobody was told of yet and that are not in the log.
                let seq = self.model.borrow().newest_durable();
                if self.life.catalog.ship_log().await.is_ok() && self.life.ships {
                    self.model.borrow_mut().shipped(seq);
                }
            }
            gate().await;
        }
    }

    /// Reads everything, again and again, now and then twice from one snapshot.
    pub(super) async fn audit(self) {
        loop {
            let snapshot = self.life.catalog.snapshot();
            if let Ok(first) = self.audit_once(&snapshot).await {
                for _ in 0..8 {
                    gate().await;
                }
                if let Ok(again) = read_all(self.life, &snapshot, ROWS).await {
                    assert_eq!(first, again, "a snapshot changed");
                }
            }
            drop(snapshot);
            gate().await;
        }
    }

    /// An error is one of the store.
    pub(super) async fn audit_once(&self, head: &Head) -> Result<Vec<Row>> {
        let rows = self.must_be_there(read_all(self.life, head, ROWS).await)?;
        self.model.borrow().check(head.seq(), &rows);
        let mirror = self.must_be_there(read_all(self.life, head, MIRROR).await)?;
        let numbers = |rows: &[Row]| -> Vec<i64> { rows.iter().map(|(number, _)| *number).collect() };
        assert_eq!(numbers(&rows), numbers(&mirror), "a commit to two tables is in one");
        self.audit_tables(head).await?;
        Ok(rows)
    }

    /// The tables that come and go; their rows.
    pub(super) async fn audit_tables(&self, head: &Head) -> Result<BTreeMap<Oid, Vec<i64>>> {
        let oids = self.model.borrow().tables.oids();
        let mut seen = BTreeMap::new();
        for oid in oids {
            let rows = self.must_be_there(read_all(self.life, head, oid).await)?;
            let numbers: Vec<i64> = rows.iter().map(|(number, _)| *number).collect();
            let there = head.relation(oid).map(|_| numbers.as_slice());
            self.model.borrow().tables.check(head.seq(), oid, there);
            seen.insert(oid, numbers);
        }
        Ok(seen)
    }

    /// A store may fail, but what a snapshot names it has.
    pub(super) fn must_be_there(&self, read: Result<Vec<Row>>) -> Result<Vec<Row>> {
        if let Err(error) = &read
            && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Corrupt)
        {
            panic!("a reader's partition cannot be read: {error}");
        }
        read
    }
}

fn moved(mut rows: Vec<Row>, chance: &mut StdRng) -> Vec<Row> {
    let (from, to) = (chance.random_range(0..rows.len()), chance.random_range(0..rows.len()));
    let amount = chance.random_range(1..50);
    rows[from].1 -= amount;
    rows[to].1 += amount;
    rows
}

/// Every table that there is.
pub(super) fn tables(head: &Head) -> Vec<Oid> {
    head.relations().filter(|relation| relation.as_table().is_some()).map(|relation| relation.oid).collect()
}

pub(super) fn held(head: &Head, table: Oid) -> (Vec<Arc<Chunk>>, Vec<Arc<Partition>>) {
    let contents = head.contents(table);
    let chunks = contents.into_iter().flat_map(|contents| contents.chunks()).cloned().collect();
    let partitions = contents.into_iter().flat_map(|contents| contents.partitions()).cloned().collect();
    (chunks, partitions)
}
