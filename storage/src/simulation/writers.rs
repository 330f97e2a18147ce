//! Writers who do not wait for the disk, and writers who send the same load again.

use peristyle_catalog::model::*;
use rand::Rng;

use super::actors::{Stage, append, chance};
use super::model::WORTH;
use super::rows::{self, Row};
use super::scheduler::gate;
use super::world::{MIRROR, ROWS};

/// Rows of a load.
const LOAD_ROWS_MAX: i64 = 5;
/// Loads with an id, of which each is sent again and again.
const LOADS_MAX: usize = 12;

/// The rows in both tables, through the log.
fn in_both(numbers: &[i64]) -> Vec<Change> {
    let rows: Vec<Row> = numbers.iter().map(|number| (*number, WORTH)).collect();
    let chunk = || vec![rows::chunk_of(&rows).expect("integers can be encoded")];
    vec![append(ROWS, Vec::new(), chunk()), append(MIRROR, Vec::new(), chunk())]
}

impl Stage<'_> {
    /// Single rows that nobody waits for.
    pub(super) async fn write_deferred(self, seed: u64) {
        let mut chance = chance(seed, "deferred");
        loop {
            for _ in 0..chance.random_range(0..10) {
                gate().await;
            }
            let numbers = self.model.borrow_mut().begin(chance.random_range(1..3));
            let changes = ChangeSet { changes: in_both(&numbers), ..ChangeSet::default() };
            match self.life.catalog.commit_deferred(changes).await {
                Ok(commit) => self.model.borrow_mut().deferred(&numbers, commit.seq),
                Err(error) if error.left_nothing() && !self.life.is_dead() => {
                    self.model.borrow_mut().failed(&numbers);
                }
                Err(_) => {}
            }
            gate().await;
        }
    }

    /// Loads with an id, new ones and ones that were sent before, in this life or another.
    pub(super) async fn replay_loads(self, seed: u64) {
        let mut chance = chance(seed, "replays");
        loop {
            for _ in 0..chance.random_range(0..10) {
                gate().await;
            }
            let known = self.model.borrow().loads();
            let is_new = known == 0 || (known < LOADS_MAX && chance.random_bool(0.4));
            let load = if is_new {
                self.model.borrow_mut().begin_load(chance.random_range(1..=LOAD_ROWS_MAX))
            } else {
                chance.random_range(0..known)
            };
            self.send(load).await;
            gate().await;
        }
    }

    async fn send(&self, load: usize) {
        let (rows, had_failed) = {
            let mut model = self.model.borrow_mut();
            (model.rows_of_load(load), model.begin_again(load))
        };
        let id = Some(IngestId(format!("load {load}")));
        match self
            .life
            .catalog
            .commit(ChangeSet { changes: in_both(&rows), ingest_id: id, ..ChangeSet::default() })
            .await
        {
            Ok(commit) => {
                let mut model = self.model.borrow_mut();
                model.loaded(load, &commit);
                if !commit.duplicate {
                    model.durable(commit.seq);
                }
            }
            // Whether an earlier try was taken nobody knows better than before.
            Err(error) if error.left_nothing() && !self.life.is_dead() && had_failed => {
                self.model.borrow_mut().failed(&rows);
            }
            Err(_) => {}
        }
    }
}
