//! A transaction's own chunks of one table, gathered: a block of very many small writes holds neither a chunk per
//! statement in memory nor sends one per statement to the log.

use std::sync::Arc;

use peristyle_catalog::model::Oid;

use super::replace::replace;
use super::touched::Losses;
use crate::error::SqlError;
use crate::scope::Scope;
use crate::session::SharedTransaction;
use crate::write::{Target, stage};

/// Writes the transaction's chunks of the table again as one chunk, or as partitions if they are many rows.
pub(crate) async fn gather(scope: Arc<Scope>, transaction: SharedTransaction, table: Oid) -> Result<(), SqlError> {
    let (Some(relation), Some(contents)) = (scope.view.relation(table), scope.view.contents(table)) else {
        return Err(SqlError::internal("chunks wait for a table that is not there"));
    };
    let own: Vec<_> = contents.chunks().filter(|chunk| chunk.id.seq > scope.view.committed()).cloned().collect();
    let losses = Losses { chunks: own.iter().map(|chunk| chunk.id).collect(), kept_chunks: own, ..Losses::default() };
    let target = Target::of(&scope, relation)?;
    let changes = replace(&scope, &target, losses).await?;
    stage(&scope.guard, &transaction, changes)
}
