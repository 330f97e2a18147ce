//! Batches whose columns differ → loads of one shape each.
//!
//! Every piece of an open table's data has the columns and types that its values show. The first pieces are kept until
//! there are enough to know the shape; a later piece that needs more begins a new load with a wider one. All loads of a
//! statement are one change set, in which the committer brings their columns together by name.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, FieldRef, Schema};
use peristyle_catalog::model::{ChangeSet, PgType, widen};
use peristyle_storage::partition::widening::widen_array;
use peristyle_storage::shape::is_shaped;
use peristyle_storage::types::{arrow_type, decimal_type, pg_field, pg_type};
use sqlparser::ast;

use super::Target;
use super::keys::{Existing, KeyGuard};
use super::load::Load;
use super::value_rows::wider;
use crate::copy::Decoded;
use crate::error::SqlError;
use crate::functions::decimal::decimal_parts;
use crate::functions::signature::decimal_of;
use crate::scope::Scope;
use crate::session::SharedTransaction;

/// Bytes of pieces that are kept before the shape is settled.
const SHAPE_BYTES_MAX: usize = 16 << 20;

/// A write of pieces that may differ in shape.
pub(super) struct ShapedLoad<'a> {
    scope: &'a Arc<Scope>,
    target: &'a Target,
    condition: Option<&'a ast::Expr>,
    /// The columns that the current load takes.
    shape: Vec<FieldRef>,
    waiting: Vec<RecordBatch>,
    waiting_bytes: usize,
    load: Option<Load>,
    /// The keys of all loads, while none is under way.
    keys: Option<KeyGuard>,
    transaction: &'a SharedTransaction,
    /// Rows of loads that ended.
    rows: u64,
    /// Rows that loads were given.
    given: u64,
    changes: ChangeSet,
}

impl<'a> ShapedLoad<'a> {
    pub(super) fn new(
        scope: &'a Arc<Scope>,
        target: &'a Target,
        transaction: &'a SharedTransaction,
        condition: Option<&'a ast::Expr>,
    ) -> Self {
        ShapedLoad {
            scope,
            target,
            condition,
            shape: Vec::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            load: None,
            keys: None,
            transaction,
            rows: 0,
            given: 0,
            changes: ChangeSet::default(),
        }
    }

    /// Rows taken so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows + self.load.as_ref().map_or(0, Load::rows)
    }

    /// Rows that the condition left out so far.
    pub(super) fn excluded(&self) -> u64 {
        self.given - self.rows()
    }

    /// Takes a piece; its batch has the piece's own columns.
    pub(super) async fn push(&mut self, piece: Decoded) -> Result<(), SqlError> {
        if piece.rows == 0 {
            return Ok(());
        }
        let batch = piece.into_batch()?;
        let wider = join_shapes(&self.shape, batch.schema_ref().fields());
        if wider != self.shape {
            self.end_load().await?;
            self.shape = wider;
        }
        match &mut self.load {
            Some(load) => {
                self.given += batch.num_rows() as u64;
                load.push(&fit(&self.shape, &batch)?, false).await
            }
            None => self.wait(batch).await,
        }
    }

    async fn wait(&mut self, batch: RecordBatch) -> Result<(), SqlError> {
        self.waiting_bytes += batch.get_array_memory_size();
        self.waiting.push(batch);
        if self.waiting_bytes < SHAPE_BYTES_MAX { Ok(()) } else { self.begin_load().await }
    }

    async fn begin_load(&mut self) -> Result<(), SqlError> {
        let target = Target::of(self.scope, &self.target.relation)?;
        let mut load = Load::begin(self.scope, target, &self.shape)?.with_keys(self.keys.take());
        if let Some(condition) = self.condition {
            load = load.only_where(self.scope, condition)?;
        }
        self.waiting_bytes = 0;
        for batch in std::mem::take(&mut self.waiting) {
            self.given += batch.num_rows() as u64;
            let fitted = fit(&self.shape, &batch);
            let pushed = match fitted {
                Ok(fitted) => load.push(&fitted, false).await,
                Err(error) => Err(error),
            };
            if let Err(error) = pushed {
                load.abort().await;
                return Err(error);
            }
        }
        self.load = Some(load);
        Ok(())
    }

    /// Ends the load of the current shape. Rows that wait stay and go to the next one.
    async fn end_load(&mut self) -> Result<(), SqlError> {
        let Some(mut load) = self.load.take() else { return Ok(()) };
        self.keys = load.take_keys();
        let (rows, changes) = load.finish(Existing::AllOf(self.transaction)).await?;
        self.rows += rows;
        self.changes.requires.extend(changes.requires);
        self.changes.changes.extend(changes.changes);
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<(u64, ChangeSet), SqlError> {
        if !self.waiting.is_empty() {
            self.begin_load().await?;
        }
        self.end_load().await?;
        if let Some(keys) = self.keys.take() {
            match keys.check(self.scope, Existing::AllOf(self.transaction)).await {
                Ok(requirement) => self.changes.requires.push(requirement),
                Err(error) => {
                    self.abort().await;
                    return Err(error);
                }
            }
        }
        Ok((self.rows, self.changes))
    }

    /// Deletes what was written, by this load and by those that ended.
    pub(super) async fn abort(self) {
        if let Some(load) = self.load {
            load.abort().await;
        }
        crate::transaction::delete_appended(self.scope.engine.store(), &self.changes.changes).await;
    }
}

/// The columns of both, each with a type that takes the values of both.
fn join_shapes(shape: &[FieldRef], piece: &[FieldRef]) -> Vec<FieldRef> {
    let mut joined = shape.to_vec();
    for field in piece {
        match joined.iter_mut().find(|known| known.name() == field.name()) {
            Some(known) => *known = join_fields(known, field),
            None => joined.push(Arc::clone(field)),
        }
    }
    joined
}

fn join_fields(a: &FieldRef, b: &FieldRef) -> FieldRef {
    if a == b || *b.data_type() == DataType::Null {
        return Arc::clone(a);
    }
    if *a.data_type() == DataType::Null {
        return Arc::clone(b);
    }
    let ty = widen(pg_type(a), pg_type(b));
    let arrow = match ty.element() {
        None if ty == PgType::NUMERIC => joined_decimal(a, b),
        Some(PgType::NUMERIC) => wider(a.data_type(), b.data_type()),
        Some(_) if [a, b].iter().any(|field| is_shaped(field.data_type())) => arrow_type(ty.shaped(), None),
        _ => arrow_type(ty, None),
    };
    pg_field(a.name(), ty, arrow, true)
}

/// The decimal that holds the numbers of both sides.
fn joined_decimal(a: &FieldRef, b: &FieldRef) -> DataType {
    let sides = [a, b].map(|field| decimal_parts(&decimal_of(field.data_type())).unwrap_or_default());
    let scale = sides.iter().map(|(_, scale)| *scale).max().unwrap_or(0);
    let whole = sides.iter().map(|(precision, scale)| i16::from(*precision) - i16::from(*scale)).max().unwrap_or(0);
    decimal_type((whole + i16::from(scale)).clamp(38, 76) as u8, scale)
}

/// The batch with the shape's columns: widened, or NULL where it lacks them.
fn fit(shape: &[FieldRef], batch: &RecordBatch) -> Result<RecordBatch, SqlError> {
    let schema = batch.schema();
    let column = |field: &FieldRef| -> Result<ArrayRef, SqlError> {
        match schema.column_with_name(field.name()) {
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
            Some((at, own)) if own.data_type() == field.data_type() => Ok(Arc::clone(batch.column(at))),
            Some((at, own)) => Ok(widen_array(batch.column(at), pg_type(own), field)?),
        }
    };
    let arrays = shape.iter().map(column).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(shape.to_vec())), arrays, &options)?)
}
