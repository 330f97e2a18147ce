//! LOCK TABLE. Nothing is locked and nobody waits: what a lock promises, that others leave the table alone until the
//! transaction ends, is required when it commits. Who commits second gets 40001.

use peristyle_catalog::Claim;
use peristyle_catalog::model::{Change, ChangeSet, ChunkId, PartitionId, Relation, Requirement};
use sqlparser::ast::{Lock, LockTableMode};

use super::Session;
use super::block::needs_block;
use crate::error::{SqlError, SqlState};
use crate::names::QualifiedName;
use crate::scope::Scope;
use crate::transaction::Looks;

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
    /// NOWAIT is what every lock does here.
    pub(super) fn lock_tables(&mut self, lock: &Lock) -> Result<(), SqlError> {
        if self.block.is_none() {
            return Err(needs_block("LOCK TABLE"));
        }
        let promise = promise(lock.lock_mode.as_ref().unwrap_or(&LockTableMode::AccessExclusive));
        let scope = self.scope(if promise.is_some() { Looks::AtRows } else { Looks::AtDefinitions })?;
        for table in &lock.tables {
            let name = QualifiedName::of(&scope, &table.name)?;
            let relation = scope.require_relation(name.schema(), &name.name)?;
            let Some(promise) = &promise else { continue };
            let (claim, changes) = promise.kept(&scope, relation)?;
            self.in_transaction(|transaction| {
                transaction.hold(claim);
                transaction.stage(changes)
            })?;
        }
        Ok(())
    }
}

impl Promise {
    /// What must hold at the commit, and a claim that keeps the background merge from breaking it.
    fn kept(&self, scope: &Scope, relation: &Relation) -> Result<(Claim, ChangeSet), SqlError> {
        if relation.as_materialized().is_some() {
            let message = format!("\"{}\" is not a table or view", relation.name);
            return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        if relation.as_table().is_none() {
            let message = format!("cannot lock view or index \"{}\" against others", relation.name);
            return Err(SqlError::unsupported(message).hint("Lock the tables that it reads."));
        }
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
        Ok((scope.engine.catalog().claims().claim(partitions, chunks), changes))
    }
}

/// What the table holds for all to see.
fn held(scope: &Scope, relation: &Relation) -> (Vec<PartitionId>, Vec<ChunkId>) {
    let Some(contents) = scope.view.contents(relation.oid) else { return (Vec::new(), Vec::new()) };
    let committed = scope.view.committed();
    let chunks = contents.chunks().map(|chunk| chunk.id).filter(|id| id.seq <= committed);
    (contents.partitions().map(|partition| partition.id).collect(), chunks.collect())
}
