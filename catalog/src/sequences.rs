//! Values of sequences. They are given from memory, outside of transactions, up to a place that is in the log: so a crash
//! may leave values out, and gives none twice. A clean stop writes the exact places and leaves none out.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use crate::model::{Change, ChangeSet, Oid, Relation, RelationKind, Sequence, SequencePlace, SequenceRule};
use crate::pins::Pins;
use crate::{Catalog, Error, Head, Result};

/// Values that an append to the log allows beyond those that are asked for, as many as in PostgreSQL.
const LOGGED_AHEAD: u64 = 32;

/// The runs of values that were given from since the start.
#[derive(Default)]
pub(crate) struct Sequences {
    runs: Mutex<HashMap<Oid, Arc<Run>>>,
}

struct Run {
    id: Oid,
    given: Mutex<Given>,
    /// Held by who logs, so that others wait for its append and not for one of their own.
    turn: Arc<Turn<()>>,
}

#[derive(Clone, Copy)]
struct Given {
    place: SequencePlace,
    /// A place that the log has.
    logged: SequencePlace,
    /// Values from `place` to `logged`.
    ahead: u64,
}

/// A run that an open transaction began.
#[derive(Clone, Copy, Debug)]
pub struct NewRun {
    /// How far the transaction itself came in it.
    pub place: SequencePlace,
    /// Whether it goes on where the run before it ends.
    pub continues: bool,
}

/// Keeps others from taking values of runs that a commit is about to end, until it is dropped.
#[must_use]
pub struct HeldRuns(#[allow(dead_code, reason = "it is held")] Vec<OwnedMutexGuard<()>>);

impl Catalog {
    /// The sequence's next values; the log comes to allow as many more as are expected to be asked for.
    pub async fn next_values(&self, sequence: Oid, count: usize, expected: usize) -> Result<Vec<i64>> {
        let mut values = Vec::with_capacity(count);
        loop {
            let (relation, run) = self.sequences.run(&self.shared.pins, sequence)?;
            let definition = definition(&relation)?;
            run.take(&definition.rule, count, &mut values);
            match count - values.len() {
                0 => return Ok(values),
                missing => self.log_ahead(&relation, &run, missing.max(expected) as u64).await?,
            }
        }
    }

    /// Has the log allow more values. Whether somebody else did, or began another run, the caller sees when it looks again.
    async fn log_ahead(&self, relation: &Relation, run: &Run, missing: u64) -> Result<()> {
        let _turn = run.turn.lock().await;
        let Sequence { rule, run: id, .. } = definition(relation)?;
        let given = *run.given.lock();
        if given.ahead > 0 {
            return Ok(());
        }
        let (logged, more) =
            rule.advanced(given.logged, missing + LOGGED_AHEAD).ok_or_else(|| ended(relation, rule))?;
        match self.commit(advance(relation.oid, *id, logged)).await {
            Ok(_) => {
                let mut given = run.given.lock();
                given.logged = logged;
                given.ahead += more;
                Ok(())
            }
            Err(Error::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Has the sequence go on from a place (`setval`).
    pub async fn set_sequence(self: &Arc<Self>, sequence: Oid, place: SequencePlace) -> Result<()> {
        loop {
            let (relation, run) = self.sequences.run(&self.shared.pins, sequence)?;
            let turn = Arc::clone(&run.turn).lock_owned().await;
            // To its end even if who asked goes away: a queued commit goes through, and the run must know of it.
            let (catalog, change) = (Arc::clone(self), advance(relation.oid, run.id, place));
            let set = tokio::spawn(async move {
                let _turn = turn;
                let committed = catalog.commit(change).await;
                if committed.is_ok() {
                    *run.given.lock() = Given::exactly(place);
                }
                committed
            });
            match set.await.map_err(|_| Error::Closed)? {
                Ok(_) => return Ok(()),
                Err(Error::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// How far a sequence has come, and how many values the log allows beyond that.
    pub fn sequence_place(&self, head: &Head, oid: Oid, sequence: &Sequence) -> (SequencePlace, u64) {
        match self.sequences.runs.lock().get(&oid).filter(|run| run.id == sequence.run) {
            Some(run) => {
                let given = run.given.lock();
                (given.place, given.ahead)
            }
            None => (head.sequence_place(oid, sequence), 0),
        }
    }

    /// Before a transaction commits: its new runs begin where it came to in them, and where they go on with another,
    /// where that one has come to. That one gives no more values until the commit is through.
    pub async fn settle_runs(&self, changes: &mut [Change], new: impl Fn(Oid) -> Option<NewRun>) -> HeldRuns {
        let mut begun: Vec<(Oid, &mut Sequence, NewRun)> = changes
            .iter_mut()
            .filter_map(sequence_of)
            .filter_map(|(oid, s)| {
                let run = new(s.run)?;
                Some((oid, s, run))
            })
            .collect();
        // In one order, so that two commits do not wait for each other.
        begun.sort_by_key(|(oid, ..)| *oid);
        let mut held = HeldRuns(Vec::new());
        let mut last_held = None;
        for (oid, sequence, new) in begun {
            sequence.begin = new.place;
            let Ok((_, before)) = self.sequences.run(&self.shared.pins, oid) else { continue };
            if last_held != Some(oid) {
                held.0.push(Arc::clone(&before.turn).lock_owned().await);
                last_held = Some(oid);
            }
            let mut given = before.given.lock();
            given.ahead = 0;
            given.logged = given.place;
            if new.continues {
                sequence.begin = sequence.rule.later(new.place, given.place);
            }
        }
        held
    }

    /// Writes the places that runs have really come to, in one commit, so that the next start leaves no value out.
    pub(crate) async fn write_exact_places(&self) {
        let runs = self.sequences.runs_of(&self.snapshot());
        let (mut held, mut changes) = (HeldRuns(Vec::new()), Vec::new());
        for (sequence, run) in runs {
            held.0.push(Arc::clone(&run.turn).lock_owned().await);
            let mut given = run.given.lock();
            if given.ahead > 0 {
                *given = Given::exactly(given.place);
                changes.push(Change::AdvanceSequence { sequence, run: run.id, place: given.place });
            }
        }
        // The store may be slow or away; a clean stop does not wait for it more than once.
        if let Err(error) = self.make_last(ChangeSet { changes, ..ChangeSet::default() }, false).await {
            tracing::warn!(%error, "could not write how far sequences have come; they will leave values out");
        }
    }
}

impl Sequences {
    /// The runs that are known and that a head still has, in the order of their sequences.
    fn runs_of(&self, head: &Head) -> Vec<(Oid, Arc<Run>)> {
        let runs = self.runs.lock();
        let is_current = |oid: Oid, run: &Run| {
            head.relation(oid)
                .and_then(|relation| relation.as_sequence())
                .is_some_and(|sequence| sequence.run == run.id)
        };
        let current = runs.iter().filter(|(oid, run)| is_current(**oid, run));
        let mut current: Vec<(Oid, Arc<Run>)> = current.map(|(oid, run)| (*oid, Arc::clone(run))).collect();
        current.sort_unstable_by_key(|(oid, _)| *oid);
        current
    }

    /// A sequence as the newest head has it, and its run.
    fn run(&self, pins: &Pins, oid: Oid) -> Result<(Arc<Relation>, Arc<Run>)> {
        let mut runs = self.runs.lock();
        // Read under the lock: it has all that was logged for a run that is not known here.
        let head = pins.head();
        let relation = head.relation(oid).ok_or(Error::RelationGone(oid))?;
        let sequence = definition(relation)?;
        if let Some(run) = runs.get(&oid).filter(|run| run.id == sequence.run) {
            return Ok((Arc::clone(relation), Arc::clone(run)));
        }
        if runs.len().is_power_of_two() {
            runs.retain(|oid, _| head.relation(*oid).is_some());
        }
        let given = Mutex::new(Given::exactly(head.sequence_place(oid, sequence)));
        let run = Arc::new(Run { id: sequence.run, given, turn: Arc::default() });
        runs.insert(oid, Arc::clone(&run));
        Ok((Arc::clone(relation), run))
    }
}

impl Run {
    /// Takes values that the log allows, up to `count` of them in all.
    fn take(&self, rule: &SequenceRule, count: usize, values: &mut Vec<i64>) {
        let mut given = self.given.lock();
        while values.len() < count && given.ahead > 0 {
            let Some(next) = rule.after(given.place) else { return };
            values.push(next);
            given.place = SequencePlace { last: next, is_called: true };
            given.ahead -= 1;
        }
    }
}

impl Given {
    fn exactly(place: SequencePlace) -> Given {
        Given { place, logged: place, ahead: 0 }
    }
}

fn definition(relation: &Relation) -> Result<&Sequence> {
    relation.as_sequence().ok_or(Error::RelationGone(relation.oid))
}

fn sequence_of(change: &mut Change) -> Option<(Oid, &mut Sequence)> {
    let (Change::CreateRelation(relation) | Change::ReplaceRelation(relation)) = change else { return None };
    match &mut relation.kind {
        RelationKind::Sequence(sequence) => Some((relation.oid, sequence)),
        RelationKind::Table(_) | RelationKind::View(_) | RelationKind::Index(_) | RelationKind::Enum(_) => None,
    }
}

fn advance(sequence: Oid, run: Oid, place: SequencePlace) -> ChangeSet {
    ChangeSet { changes: vec![Change::AdvanceSequence { sequence, run, place }], ..ChangeSet::default() }
}

fn ended(relation: &Relation, rule: &SequenceRule) -> Error {
    let is_ascending = rule.increment > 0;
    let limit = if is_ascending { rule.max } else { rule.min };
    Error::SequenceEnded { name: relation.name.clone(), limit, is_ascending }
}
