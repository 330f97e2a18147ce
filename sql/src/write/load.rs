//! A write in progress: rows go through the shaper into the sink.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::FieldRef;
use datafusion::physical_plan::PhysicalExpr;
use peristyle_catalog::model::{Change, ChangeSet};
use sqlparser::ast;

use super::Target;
use super::evolve::{Evolution, evolve};
use super::keys::{Existing, KeyGuard};
use super::returning::Returned;
use super::shaper::{Computes, Shaper};
use super::sink::{Sink, SinkPlan};
use crate::error::SqlError;
use crate::scope::Scope;

/// What a write of columns like these needs to know of its table; made once for any number of batches.
pub(crate) struct LoadPlan {
    target: Target,
    shaper: Shaper,
    sink: Arc<SinkPlan>,
    /// What makes the table take the columns.
    evolution: Vec<Change>,
}

impl LoadPlan {
    /// For batches with these fields. Columns that an open table lacks are to be added.
    pub(super) fn new(scope: &Arc<Scope>, target: Target, given: &[FieldRef]) -> Result<LoadPlan, SqlError> {
        let Evolution { fields, changes } = evolve(scope, &target, given)?;
        let names: Vec<String> = given.iter().map(|field| field.name().clone()).collect();
        let shaper = Shaper::new(scope, &target, &fields, &names)?;
        let sink = Arc::new(SinkPlan::new(&target, shaper.fields())?);
        Ok(LoadPlan { target, shaper, sink, evolution: changes })
    }

    /// The table as it was found.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Whether it holds for later statements, as long as the table's definition does: it changes nothing, and no column's
    /// type depends on the rows that are there. What it computes holds as long as all definitions and settings do.
    pub(super) fn is_lasting(&self) -> bool {
        self.evolution.is_empty()
            && self.shaper.computes() != Computes::Passing
            && !self.target.fields.iter().any(|field| field.ty.is_bare_numeric())
    }

    /// Whether it computes values.
    pub(super) fn computes(&self) -> bool {
        self.shaper.computes() != Computes::Nothing
    }
}

/// A write with its rows taken, and what RETURNING gives of them.
pub(super) type Written = (Load, Option<Returned>);

/// A write in progress.
pub(crate) struct Load {
    scope: Arc<Scope>,
    plan: Arc<LoadPlan>,
    /// The keys of its rows, if the table enforces any.
    keys: Option<KeyGuard>,
    /// Which rows are taken; all if there is none.
    condition: Option<Arc<dyn PhysicalExpr>>,
    sink: Sink,
    /// Shaped batches, kept while RETURNING may want them.
    pub(super) kept: Vec<RecordBatch>,
}

impl Load {
    /// Begins a write of batches with these fields. Columns that an open table lacks are added.
    pub(crate) fn begin(scope: &Arc<Scope>, target: Target, given: &[FieldRef]) -> Result<Load, SqlError> {
        Load::of(scope, Arc::new(LoadPlan::new(scope, target, given)?))
    }

    /// Begins a write that was planned before.
    pub(super) fn of(scope: &Arc<Scope>, plan: Arc<LoadPlan>) -> Result<Load, SqlError> {
        let keys = KeyGuard::new(scope, &plan.target, plan.sink.columns())?;
        let sink = Sink::new(scope, &plan.sink);
        Ok(Load { scope: Arc::clone(scope), plan, keys, condition: None, sink, kept: Vec::new() })
    }

    /// The write with the keys of rows that were written before, if there are any: it compares its own with them.
    pub(crate) fn with_keys(mut self, keys: Option<KeyGuard>) -> Load {
        if let (Some(own), Some(keys)) = (&mut self.keys, keys) {
            own.take_over(keys);
        }
        self
    }

    /// The keys of all rows, for a later write; this one does not compare them with those that are there.
    pub(crate) fn take_keys(&mut self) -> Option<KeyGuard> {
        self.keys.take()
    }

    /// The table as it was found.
    pub(super) fn target(&self) -> &Target {
        &self.plan.target
    }

    /// Rows taken so far.
    pub(super) fn rows(&self) -> u64 {
        self.sink.rows()
    }

    /// Takes only rows for which the condition holds.
    pub(super) fn only_where(mut self, scope: &Arc<Scope>, condition: &ast::Expr) -> Result<Load, SqlError> {
        self.condition = Some(self.plan.shaper.condition(scope, condition)?);
        Ok(self)
    }

    /// The write with these rows; one that fails leaves no object.
    pub(super) async fn with(mut self, batch: &RecordBatch, keep: bool) -> Result<Load, SqlError> {
        match self.push(batch, keep).await {
            Ok(()) => Ok(self),
            Err(error) => {
                self.abort().await;
                Err(error)
            }
        }
    }

    /// The write with what RETURNING gave of it; one that fails leaves no object.
    pub(super) async fn giving(mut self, returned: Result<Option<Returned>, SqlError>) -> Result<Written, SqlError> {
        self.kept = Vec::new();
        match returned {
            Ok(returned) => Ok((self, returned)),
            Err(error) => {
                self.abort().await;
                Err(error)
            }
        }
    }

    pub(crate) async fn push(&mut self, batch: &RecordBatch, keep: bool) -> Result<(), SqlError> {
        let shaped = self.plan.shaper.shape(&self.scope, batch, self.condition.as_deref())?;
        if let Some(keys) = &mut self.keys {
            keys.add(&shaped)?;
        }
        if keep {
            self.kept.push(shaped.clone());
        }
        self.sink.write(shaped).await
    }

    /// Compares keys with those of the rows that are there, and makes the change set.
    pub(crate) async fn finish(mut self, existing: Existing<'_>) -> Result<(u64, ChangeSet), SqlError> {
        let requirement = match self.keys.take() {
            None => None,
            Some(keys) => match Box::pin(keys.check(&self.scope, existing)).await {
                Ok(requirement) => Some(requirement),
                Err(error) => {
                    self.abort().await;
                    return Err(error);
                }
            },
        };
        let written = self.sink.finish().await?;
        let rows = written.rows;
        let mut changes = self.plan.target.append(written, self.plan.evolution.clone());
        changes.requires.extend(requirement);
        Ok((rows, changes))
    }

    pub(crate) async fn abort(self) {
        self.sink.abort().await;
    }
}
