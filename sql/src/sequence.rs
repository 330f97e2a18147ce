//! Values of sequences as a session takes them: what it remembers of them (`currval`), and the runs that its transaction
//! began, which nobody else sees before it commits.

mod names;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use futures::FutureExt;
use parking_lot::Mutex;
use peristyle_catalog::NewRun;
use peristyle_catalog::model::{Column, ColumnRule, Oid, Relation, Sequence, SequencePlace, SequenceRule};

pub(crate) use names::{by_oids, required, sequences_in, shown, with_another};

use crate::error::{SqlError, SqlState};
use crate::scope::{Scope, undefined_table};
use crate::temporary;

/// The values that a session took last.
#[derive(Default)]
pub(crate) struct TakenValues {
    by_sequence: HashMap<Oid, i64>,
    last: Option<Oid>,
}

pub(crate) type SharedTaken = Arc<Mutex<TakenValues>>;

/// The runs that an open transaction began, by their oids.
pub(crate) type SharedRuns = Arc<Mutex<HashMap<Oid, BegunRun>>>;

/// A run of values of a sequence that an open transaction made or changed.
#[derive(Clone, Debug)]
pub(crate) struct BegunRun {
    sequence: Oid,
    rule: SequenceRule,
    pub(crate) new: NewRun,
}

/// The default of a column that takes its values from a sequence. It names the sequence by its oid, so that it follows a
/// rename.
pub(crate) fn next_call(sequence: Oid) -> String {
    format!("nextval('{sequence}'::regclass)")
}

/// The expression of what a column gets that is not given: its default, or the next value of its own sequence. None for a
/// generated column, which is computed when the rest of the row is known.
pub(crate) fn column_default(column: &Column) -> Option<Cow<'_, str>> {
    match column.rule {
        ColumnRule::Identity { sequence, .. } => Some(next_call(sequence).into()),
        ColumnRule::Plain => column.default.as_ref().map(|default| (&*default.expression).into()),
        ColumnRule::Generated => None,
    }
}

/// The sequence that a default of that form takes its values from.
pub(crate) fn sequence_of_default(expression: &str) -> Option<Oid> {
    let oid = expression.strip_prefix("nextval('")?.strip_suffix("'::regclass)")?;
    oid.parse().ok().map(Oid)
}

impl Scope {
    /// The sequence's next values; `expected` tells how many more the statement will probably ask for.
    pub(crate) fn next_values(&self, oid: Oid, count: usize, expected: usize) -> Result<Vec<i64>, SqlError> {
        self.refuse_if_read_only("nextval()", oid)?;
        let values = match self.next_of_begun_run(oid, count)? {
            Some(values) => values,
            None => {
                let catalog = self.engine.catalog();
                wait(self.guard.watch(async { Ok(catalog.next_values(oid, count, expected).await?) }))?
            }
        };
        if let Some(last) = values.last() {
            let mut taken = self.taken.lock();
            taken.by_sequence.insert(oid, *last);
            taken.last = Some(oid);
        }
        Ok(values)
    }

    /// Has the sequence go on from a value (`setval`).
    pub(crate) fn set_sequence(&self, oid: Oid, last: i64, is_called: bool) -> Result<(), SqlError> {
        self.refuse_if_read_only("setval()", oid)?;
        let (relation, sequence) = self.sequence(oid)?;
        let SequenceRule { min, max, .. } = sequence.rule;
        if !(min..=max).contains(&last) {
            let message =
                format!("setval: value {last} is out of bounds for sequence \"{}\" ({min}..{max})", relation.name);
            return Err(SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message));
        }
        let place = SequencePlace { last, is_called };
        // The lock is not held while the commit is waited for.
        if let Some(run) = self.begun_runs.lock().get_mut(&sequence.run) {
            run.new = NewRun { place, continues: false };
        } else {
            let catalog = self.engine.catalog();
            wait(self.guard.watch(async { Ok(catalog.set_sequence(oid, place).await?) }))?;
        }
        if is_called {
            self.taken.lock().by_sequence.insert(oid, last);
        }
        Ok(())
    }

    /// The value that the session took last (`currval`).
    pub(crate) fn current_value(&self, oid: Oid) -> Result<i64, SqlError> {
        let (relation, _) = self.sequence(oid)?;
        self.taken.lock().by_sequence.get(&oid).copied().ok_or_else(|| {
            let message = format!("currval of sequence \"{}\" is not yet defined in this session", relation.name);
            not_yet(message)
        })
    }

    /// The value that the session took last of any sequence (`lastval`).
    pub(crate) fn last_value(&self) -> Result<i64, SqlError> {
        let taken = self.taken.lock();
        let last = taken.last.filter(|oid| self.view.relation(*oid).is_some());
        let value = last.and_then(|oid| taken.by_sequence.get(&oid)).copied();
        value.ok_or_else(|| not_yet("lastval is not yet defined in this session".to_owned()))
    }

    /// How far a sequence has come, and how many values the log allows beyond that.
    pub(crate) fn sequence_place(&self, oid: Oid, sequence: &Sequence) -> (SequencePlace, u64) {
        match self.begun_runs.lock().get(&sequence.run) {
            Some(run) => (run.new.place, 0),
            None => self.engine.catalog().sequence_place(&self.view, oid, sequence),
        }
    }

    /// Takes note of a run that this statement's changes begin, and of the run that it goes on with, if with any.
    pub(crate) fn begin_run(&self, oid: Oid, sequence: &Sequence, goes_on_with: Option<Oid>) {
        let mut runs = self.begun_runs.lock();
        // What goes on with a run that this transaction began anew, begins anew too.
        let continues = goes_on_with.is_some_and(|run| runs.get(&run).is_none_or(|run| run.new.continues));
        let new = NewRun { place: sequence.begin, continues };
        runs.insert(sequence.run, BegunRun { sequence: oid, rule: sequence.rule.clone(), new });
    }

    fn sequence(&self, oid: Oid) -> Result<(&Relation, &Sequence), SqlError> {
        let relation = self.view.relation(oid).ok_or_else(|| undefined_table(None, &oid.to_string()))?;
        match relation.as_sequence() {
            Some(sequence) => Ok((relation, sequence)),
            None => {
                let message = format!("\"{}\" is not a sequence", relation.name);
                Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message))
            }
        }
    }

    /// Values of a run that the transaction began itself; `None` for one that others take from too.
    fn next_of_begun_run(&self, oid: Oid, count: usize) -> Result<Option<Vec<i64>>, SqlError> {
        let mut runs = self.begun_runs.lock();
        // A sequence that this very statement makes is in no view yet.
        let run = match self.view.relation(oid) {
            Some(_) => runs.get_mut(&self.sequence(oid)?.1.run),
            None => runs.values_mut().find(|run| run.sequence == oid),
        };
        let Some(run) = run else { return Ok(None) };
        let mut values = Vec::with_capacity(count);
        while values.len() < count {
            let next = run.rule.after(run.new.place);
            let Some(next) = next else { return Err(self.ended(oid, &run.rule)) };
            run.new.place = SequencePlace { last: next, is_called: true };
            values.push(next);
        }
        Ok(Some(values))
    }

    fn ended(&self, oid: Oid, rule: &SequenceRule) -> SqlError {
        let name = self.view.relation(oid).map_or_else(|| oid.to_string(), |relation| relation.name.clone());
        let is_ascending = rule.increment > 0;
        let limit = if is_ascending { rule.max } else { rule.min };
        peristyle_catalog::Error::SequenceEnded { name, limit, is_ascending }.into()
    }

    fn refuse_if_read_only(&self, call: &str, oid: Oid) -> Result<(), SqlError> {
        let relation = self.view.relation(oid);
        let is_temporary = relation.is_some_and(|relation| temporary::is_temporary(self.schema_name(relation.schema)));
        if is_temporary || self.settings.get("transaction_read_only").is_ok_and(|value| value != "on") {
            return Ok(());
        }
        let message = format!("cannot execute {call} in a read-only transaction");
        Err(SqlError::new(SqlState::READ_ONLY_SQL_TRANSACTION, message))
    }
}

impl TakenValues {
    /// DISCARD SEQUENCES
    pub(crate) fn forget(&mut self) {
        *self = TakenValues::default();
    }
}

fn not_yet(message: String) -> SqlError {
    SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
}

/// Runs a future to its end where the caller cannot wait for it. Most values are in memory; for the log the thread gives
/// its other tasks away.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().now_or_never() {
        Some(done) => done,
        None => tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_names_its_sequence_by_oid() {
        assert_eq!(sequence_of_default(&next_call(Oid(16390))), Some(Oid(16390)));
        assert_eq!(sequence_of_default("nextval('s'::regclass)"), None);
        assert_eq!(sequence_of_default("nextval('16390'::regclass) + 1"), None);
    }
}
