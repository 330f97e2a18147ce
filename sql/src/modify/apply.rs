//! Does what a change plan says: takes rows away, writes their new values, and stages both.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{FieldRef, Int32Type, Int64Type, Schema, SchemaRef};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use peristyle_catalog::model::{ChunkId, Partition, PartitionId};
use peristyle_storage::types::{pg_field, pg_type};

use super::effects::{Changed, Effects};
use super::plan::{Action, ChangePlan, Columns, Verb};
use super::touched::Touched;
use crate::error::SqlError;
use crate::outcome::{ColumnDescription, Outcome, Rows, RowsTag};
use crate::plan::parameters::Bound;
use crate::row_locks;
use crate::scan::{AddressBook, RowSource};
use crate::scope::Scope;
use crate::session::SharedTransaction;
use crate::write::{Existing, Key, Load, Target};

/// Runs a plan to its end; what it does is added to the effects.
pub(super) async fn apply(
    scope: &Arc<Scope>,
    transaction: &SharedTransaction,
    mut plan: ChangePlan<'_>,
    bound: &Bound,
    effects: &mut Effects,
) -> Result<Outcome, SqlError> {
    if plan.takes_all && !effects.are_shared() {
        return take_all(scope, transaction, &plan, effects).await;
    }
    plan.leaves_out = !effects.are_shared();
    let once = std::mem::take(&mut plan.once);
    let physical = plan.physical(bound).await?;
    let proven = plan.modified.book.left_out();
    let sources = plan.modified.book.sources();
    claim(scope, transaction, &sources, &proven)?;
    let schema = physical.schema();
    let before = effects.take(&plan.modified.target.relation);
    let mut work = Work::begin(scope, &plan, once, &physical, sources, before)?;
    work.take_whole(proven);
    let mut batches = execute_stream(physical, plan.planner.task())?;
    while let Some(batch) = batches.next().await {
        let taken = match batch {
            Ok(batch) => work.take(&batch).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = taken {
            work.abort().await;
            return Err(error);
        }
    }
    drop(batches);
    if let Err(error) = scope.lock_changed(plan.modified.target.oid(), work.touched.by_source(&work.sources)).await {
        work.abort().await;
        return Err(error);
    }
    let columns = described(&plan, &schema);
    let (tag, count, returned) = (plan.verb.tag, work.count, std::mem::take(&mut work.returned));
    work.finish(effects).await?;
    Ok(match columns {
        Some(columns) => {
            let batches = Box::pin(futures::stream::iter(returned.into_iter().map(Ok)));
            Outcome::Rows(Rows { columns, batches, tag: RowsTag::Changed(tag) })
        }
        None => Outcome::Command(format!("{tag} {count}")),
    })
}

/// Every row of the table goes, without reading any.
async fn take_all(
    scope: &Arc<Scope>,
    transaction: &SharedTransaction,
    plan: &ChangePlan<'_>,
    effects: &mut Effects,
) -> Result<Outcome, SqlError> {
    let target = &plan.modified.target;
    let mut sources = Vec::new();
    if let Some(contents) = scope.view.contents(target.oid()) {
        sources.extend(contents.partitions().cloned().map(RowSource::Partition));
        sources.extend(contents.chunks().cloned().map(RowSource::Chunk));
    }
    claim(scope, transaction, &sources, &[])?;
    scope.lock_changed(target.oid(), sources.iter().map(|source| (source, row_locks::Rows::All))).await?;
    let mut touched = Touched::default();
    let rows: u64 = sources.into_iter().map(|source| touched.take_whole(source)).sum();
    let mut changed = effects.take(&target.relation);
    touched.add_to(&mut changed.gone, &[]);
    effects.put(changed);
    Ok(Outcome::Command(format!("{} {rows}", plan.verb.tag)))
}

/// Keeps the background merge away from what the statement may replace, until the transaction ends.
pub(crate) fn claim(
    scope: &Scope,
    transaction: &SharedTransaction,
    sources: &[RowSource],
    proven: &[Arc<Partition>],
) -> Result<(), SqlError> {
    let mut partitions: Vec<PartitionId> = proven.iter().map(|partition| partition.id).collect();
    let mut chunks: Vec<ChunkId> = Vec::new();
    for source in sources {
        match source {
            RowSource::Partition(partition) => partitions.push(partition.id),
            RowSource::Chunk(chunk) => chunks.push(chunk.id),
        }
    }
    let claim = scope.engine.catalog().claims().claim(partitions, chunks);
    let mut slot = transaction.lock();
    scope.guard.check()?;
    match &mut *slot {
        Some(transaction) => {
            transaction.hold(claim);
            Ok(())
        }
        None => Err(SqlError::internal("a statement outlived its transaction")),
    }
}

/// The result's columns, if the statement gives rows.
fn described(plan: &ChangePlan<'_>, schema: &SchemaRef) -> Option<Vec<ColumnDescription>> {
    let names = plan.returning.as_ref()?;
    let fields = schema.fields()[plan.columns.returning.clone()].iter();
    Some(fields.zip(names).map(|(field, name)| ColumnDescription::computed(name, pg_type(field))).collect())
}

/// A statement at work.
struct Work<'a> {
    verb: &'a Verb,
    columns: &'a Columns,
    /// What addresses number.
    sources: Vec<RowSource>,
    /// What other parts of the statement did to the table.
    before: Changed,
    touched: Touched,
    load: Option<Load>,
    /// The table's columns as the load takes them.
    new_rows: SchemaRef,
    /// Keys of which the statement inserts each value once.
    once: Vec<Key>,
    /// Rows of RETURNING.
    returned: Vec<RecordBatch>,
    count: u64,
}

/// Which rows of a batch count, and which of them have new values to write.
struct Accepted {
    counted: BooleanArray,
    written: BooleanArray,
}

impl<'a> Work<'a> {
    fn begin(
        scope: &Arc<Scope>,
        plan: &'a ChangePlan<'_>,
        once: Vec<Key>,
        physical: &Arc<dyn ExecutionPlan>,
        sources: Vec<RowSource>,
        mut before: Changed,
    ) -> Result<Work<'a>, SqlError> {
        let target = &plan.modified.target;
        let planned = physical.schema();
        let values = planned.fields()[plan.columns.values.clone()].iter();
        // The table's own types, whatever the plan made of a value; a bare numeric has the digits of its values.
        let field = |(field, column): (&FieldRef, &peristyle_storage::schema::TableField)| {
            pg_field(column.field.name(), column.ty, field.data_type().clone(), true)
        };
        let new_rows: Vec<FieldRef> = values.zip(&target.fields).map(field).collect();
        let load = match new_rows.is_empty() {
            true => None,
            false => {
                let load = Load::begin(scope, Target::of(scope, &target.relation)?, &new_rows)?;
                Some(load.with_keys(before.keys.take()))
            }
        };
        Ok(Work {
            verb: &plan.verb,
            columns: &plan.columns,
            sources,
            before,
            touched: Touched::default(),
            load,
            new_rows: Arc::new(Schema::new(new_rows)),
            once,
            returned: Vec::new(),
            count: 0,
        })
    }

    /// Takes whole partitions away.
    fn take_whole(&mut self, partitions: Vec<Arc<Partition>>) {
        let sources = partitions.into_iter().map(RowSource::Partition);
        self.count += sources.map(|source| self.touched.take_whole(source)).sum::<u64>();
    }

    async fn take(&mut self, batch: &RecordBatch) -> Result<(), SqlError> {
        let accepted = self.accept(batch)?;
        self.count += accepted.counted.true_count() as u64;
        if !self.columns.returning.is_empty() && accepted.counted.true_count() > 0 {
            let returned: Vec<usize> = self.columns.returning.clone().collect();
            self.returned.push(filter_record_batch(&batch.project(&returned)?, &accepted.counted)?);
        }
        if let Some(load) = &mut self.load
            && accepted.written.true_count() > 0
        {
            let values: Vec<ArrayRef> = batch.columns()[self.columns.values.clone()].to_vec();
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let rows = RecordBatch::try_new_with_options(Arc::clone(&self.new_rows), values, &options)?;
            load.push(&filter_record_batch(&rows, &accepted.written)?, false).await?;
        }
        Ok(())
    }

    /// Takes rows away, and says what else is to do with a batch.
    fn accept(&mut self, batch: &RecordBatch) -> Result<Accepted, SqlError> {
        let addresses = batch.column(0).as_primitive::<Int64Type>();
        let actions = self.columns.action.map(|at| batch.column(at).as_primitive::<Int32Type>());
        let (mut counted, mut written) = (Vec::with_capacity(batch.num_rows()), Vec::with_capacity(batch.num_rows()));
        let values = &batch.columns()[self.columns.values.clone()];
        let keys = self.once.iter().map(|key| key.encode(&key.written(values))).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let action = match (self.verb.action, actions) {
                (Some(action), _) => action,
                (None, Some(actions)) => Action::of_code(actions.value(row))?,
                (None, None) => return Err(SqlError::internal("rows without an action")),
            };
            let is_done = match action {
                Action::Insert => self.take_keys(&keys, values, row)?,
                _ => self.take_row(action, addresses, row)?,
            };
            counted.push(is_done);
            written.push(is_done && matches!(action, Action::Update | Action::Insert));
        }
        Ok(Accepted { counted: counted.into(), written: written.into() })
    }

    /// Takes the keys of a row to insert; false if the statement has inserted one of them.
    fn take_keys(
        &mut self,
        keys: &[Vec<Option<Box<[u8]>>>],
        values: &[ArrayRef],
        row: usize,
    ) -> Result<bool, SqlError> {
        for (key, encoded) in self.once.iter_mut().zip(keys) {
            let Some(encoded) = &encoded[row] else { continue };
            if !key.take(encoded.clone(), &key.written(values)[0], row)? {
                return self.verb.twice.met();
            }
        }
        Ok(true)
    }

    fn take_row(&mut self, action: Action, addresses: &Int64Array, row: usize) -> Result<bool, SqlError> {
        match action {
            Action::Nothing | Action::Insert => Ok(false),
            Action::Update | Action::Delete if addresses.is_null(row) => {
                Err(SqlError::internal("a row to change has no address"))
            }
            Action::Update | Action::Delete if self.take_address(addresses.value(row)) => Ok(true),
            Action::Update | Action::Delete => self.verb.twice.met(),
        }
    }

    /// False if the row was taken away before, by this part of the statement or another.
    fn take_address(&mut self, address: i64) -> bool {
        let (number, position) = AddressBook::place(address);
        let is_there = |source: &RowSource| !self.before.gone.contains(source.id(), position);
        self.sources.get(number).is_none_or(is_there) && self.touched.take(address)
    }

    /// Adds what was done to the effects; nothing if that was nothing.
    async fn finish(mut self, effects: &mut Effects) -> Result<(), SqlError> {
        if let Some(mut load) = self.load {
            self.before.keys = load.take_keys();
            if self.count > 0 {
                effects.add(load.finish(Existing::Nothing).await?.1);
            }
        }
        self.touched.add_to(&mut self.before.gone, &self.sources);
        effects.put(self.before);
        Ok(())
    }

    async fn abort(self) {
        if let Some(load) = self.load {
            load.abort().await;
        }
    }
}
