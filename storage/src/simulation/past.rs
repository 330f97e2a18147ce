//! Who reads states of the past: each is what it was when it was the newest, or it is forgotten.

use peristyle_catalog::model::{Oid, Seq};
use rand::Rng;

use super::actors::{Stage, chance};
use super::rows::{Row, read_all};
use super::scheduler::gate;
use super::world::{MIRROR, ROWS};
use crate::Result;

impl Stage<'_> {
    /// Looks at one commit after another, wherever it lies.
    pub(super) async fn look_back(self, seed: u64) {
        let mut chance = chance(seed, "one who looks back");
        loop {
            for _ in 0..chance.random_range(0..8) {
                gate().await;
            }
            let commits: Vec<Seq> = self.life.catalog.snapshot().commits().map(|(seq, _)| seq).collect();
            if !commits.is_empty() {
                // An error is one of the store, or says that the state was forgotten meanwhile.
                drop(self.audit_past(commits[chance.random_range(0..commits.len())]).await);
            }
            gate().await;
        }
    }

    async fn audit_past(&self, seq: Seq) -> Result<()> {
        if let Some(rows) = self.read_past(seq, ROWS).await? {
            self.model.borrow().check(seq, &rows);
            let mirror = self.read_past(seq, MIRROR).await?.expect("both tables were made by one commit");
            let numbers = |rows: &[Row]| -> Vec<i64> { rows.iter().map(|(number, _)| *number).collect() };
            assert_eq!(numbers(&rows), numbers(&mirror), "a commit to two tables was in one");
        }
        let tables = self.model.borrow().tables.oids();
        for oid in tables {
            let rows = self.read_past(seq, oid).await?;
            let numbers = rows.map(|rows| rows.iter().map(|(number, _)| *number).collect::<Vec<i64>>());
            self.model.borrow().tables.check(seq, oid, numbers.as_deref());
        }
        self.model.borrow_mut().tally.looks_back += 1;
        Ok(())
    }

    /// The rows of a table after a commit; `None` if there was no such table.
    async fn read_past(&self, seq: Seq, oid: Oid) -> Result<Option<Vec<Row>>> {
        let found = self.life.catalog.snapshot_at(seq, |then| then.relation(oid).map(|_| oid));
        let found = match found {
            Err(error) if !matches!(error, peristyle_catalog::Error::NotInHistory { .. }) && !self.life.is_dead() => {
                panic!("the state of commit {seq} cannot be read: {error}")
            }
            found => found?,
        };
        let Some((snapshot, _)) = found else { return Ok(None) };
        // Merges and the collector of garbage go on meanwhile.
        gate().await;
        self.must_be_there(read_all(self.life, &snapshot, oid).await).map(Some)
    }
}
