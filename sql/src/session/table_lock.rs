//! LOCK TABLE. Who locks waits for others who have locked, but no writer does: what a lock promises, that others leave the
//! table alone until the transaction ends, is required when it commits.

use std::sync::Arc;

use peristyle_catalog::Claim;
use peristyle_catalog::model::{Change, ChangeSet, ChunkId, PartitionId, Relation, Requirement};
use sqlparser::ast::{Lock, LockTableMode, ObjectName};

use super::block::needs_block;
use super::{LockMode, Session};
use crate::error::{SqlError, SqlState};
use crate::names::QualifiedName;
use crate::scope::Scope;
use crate::transaction::{Looks, Transaction};

/// What a mode keeps others from.
struct Promise {
    /// From changing rows.
    keeps_rows: bool,
    /// From the same mode.
    is_alone: bool,
}

/// `None` for the modes that promise what a snapshot gives anyway.
fn promise(mode: &LockTableMode) -> Option<Promise> {
    let (keeps_rows, is_alone) = match mode {
        LockTableMode::AccessShare | LockTableMode::RowShare | LockTableMode::RowExclusive => return None,
        LockTableMode::ShareUpdateExclusive => (false, true),
        LockTableMode::Share => (true, false),
        LockTableMode::ShareRowExclusive | LockTableMode::Exclusive | LockTableMode::AccessExclusive => (true, true),
    };
    Some(Promise { keeps_rows, is_alone })
}

impl Session {
    pub(super) async fn lock_tables(&mut self, lock: &Lock) -> Result<(), SqlError> {
        if self.block.is_none() {
            return Err(needs_block("LOCK TABLE"));
        }
        let Some(promise) = promise(lock.lock_mode.as_ref().unwrap_or(&LockTableMode::AccessExclusive)) else {
            return lock.tables.iter().try_for_each(|table| self.lockable(&table.name, Looks::AtDefinitions).map(drop));
        };
        let is_first = !self.in_transaction(|transaction| transaction.is_used());
        for table in &lock.tables {
            let (scope, relation) = self.lockable(&table.name, Looks::AtDefinitions)?;
            check_kind(&relation)?;
            self.wait_for_table(&scope, &relation, promise.mode(), lock.nowait).await?;
        }
        if is_first {
            // What those did for whom it waited, it sees.
            self.in_transaction(Transaction::forget_snapshot);
        }
        lock.tables.iter().try_for_each(|table| self.promise(&table.name, &promise))
    }

    fn promise(&mut self, name: &ObjectName, promise: &Promise) -> Result<(), SqlError> {
        let (scope, relation) = self.lockable(name, Looks::AtRows)?;
        let (claim, changes) = promise.kept(&scope, &relation);
        self.in_transaction(|transaction| {
            transaction.hold(claim);
            transaction.stage(changes)
        })
    }

    fn lockable(&mut self, name: &ObjectName, looks: Looks) -> Result<(Arc<Scope>, Arc<Relation>), SqlError> {
        let scope = self.scope(looks)?;
        let name = QualifiedName::of(&scope, name)?;
        let relation = Arc::clone(scope.require_relation(name.schema(), &name.name)?);
        Ok((scope, relation))
    }

    async fn wait_for_table(
        &self,
        scope: &Scope,
        relation: &Relation,
        mode: LockMode,
        nowait: bool,
    ) -> Result<(), SqlError> {
        if !nowait {
            return scope.guard.watch(self.locks.take_table(relation.oid, mode, scope.lock_wait_max())).await;
        }
        if self.locks.try_take_table(relation.oid, mode) {
            return Ok(());
        }
        let message = format!("could not obtain lock on relation \"{}\"", relation.name);
        Err(SqlError::new(SqlState::LOCK_NOT_AVAILABLE, message))
    }
}

fn check_kind(relation: &Relation) -> Result<(), SqlError> {
    if relation.as_materialized().is_some() {
        let message = format!("\"{}\" is not a table or view", relation.name);
        return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message));
    }
    if relation.as_table().is_none() {
        let message = format!("cannot lock view or index \"{}\" against others", relation.name);
        return Err(SqlError::unsupported(message).hint("Lock the tables that it reads."));
    }
    Ok(())
}

impl Promise {
    /// Only SHARE goes with itself.
    fn mode(&self) -> LockMode {
        if self.is_alone { LockMode::Exclusive } else { LockMode::Shared }
    }

    /// What must hold at the commit, and a claim that keeps the background merge from breaking it.
    fn kept(&self, scope: &Scope, relation: &Relation) -> (Claim, ChangeSet) {
        let (oid, version) = (relation.oid, relation.version);
        let mut requires = vec![Requirement::RelationVersion { oid, version }];
        let (partitions, chunks) = if self.keeps_rows { held(scope, relation) } else { (Vec::new(), Vec::new()) };
        if self.keeps_rows {
            requires.push(Requirement::NoRowsSince { table: oid, since: scope.view.committed() });
            requires.push(Requirement::PartitionsLive { table: oid, partitions: partitions.clone() });
            requires.push(Requirement::ChunksLive { table: oid, chunks: chunks.clone() });
        }
        let mut changes = ChangeSet { requires, ..ChangeSet::default() };
        if self.is_alone {
            // A new version of the same definition, which the next who has such a lock does not find.
            changes.changes.push(Change::ReplaceRelation(relation.clone()));
        }
        (scope.engine.catalog().claims().claim(partitions, chunks), changes)
    }
}

/// What the table holds for all to see.
fn held(scope: &Scope, relation: &Relation) -> (Vec<PartitionId>, Vec<ChunkId>) {
    let Some(contents) = scope.view.contents(relation.oid) else { return (Vec::new(), Vec::new()) };
    let committed = scope.view.committed();
    let chunks = contents.chunks().map(|chunk| chunk.id).filter(|id| id.seq <= committed);
    (contents.partitions().map(|partition| partition.id).collect(), chunks.collect())
}
