//! Copy on write: what stays of partitions and chunks is written again, each row with its commit, and one change set
//! takes the old ones away and puts the new ones in.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt, TryStreamExt};
use peristyle_catalog::model::{
    Change, ChangeSet, Chunk, ColumnId, NewChunk, NewPartition, Partition, PgType, Requirement,
};
use peristyle_storage::merge::{Group, Pace, Rewrite};
use peristyle_storage::partition::verify;
use peristyle_storage::schema::table_fields;

use super::touched::Losses;
use crate::error::SqlError;
use crate::scope::Scope;
use crate::single_value::parse_missing;
use crate::transaction::delete_appended;
use crate::write::Target;

/// What stays, written; nothing of it is visible yet.
#[derive(Default)]
struct Kept {
    partitions: Vec<NewPartition>,
    chunks: Vec<NewChunk>,
}

/// Writes what stays and makes the change set of it. On an error nothing is left.
pub(super) async fn replace(scope: &Arc<Scope>, target: &Target, losses: Losses) -> Result<ChangeSet, SqlError> {
    let mut kept = Kept::default();
    let written = keep(scope, target, &losses, &mut kept).await;
    let changes = change_set(target, losses, kept);
    match written {
        Ok(()) => Ok(changes),
        Err(error) => {
            delete_appended(scope.engine.store(), &changes.changes).await;
            Err(error)
        }
    }
}

/// The rows of chunks written once more, for another table; nothing of it is visible yet. What became partitions lies under
/// this table's name.
pub(crate) async fn copied_chunks(
    scope: &Arc<Scope>,
    target: &Target,
    chunks: Vec<Arc<Chunk>>,
) -> Result<(Vec<NewPartition>, Vec<NewChunk>), SqlError> {
    let losses = Losses { kept_chunks: chunks, ..Losses::default() };
    let mut kept = Kept::default();
    match keep_chunks(scope, target, &losses, &mut kept).await {
        Ok(()) => Ok((kept.partitions, kept.chunks)),
        Err(error) => {
            let written = Change::Append { table: target.oid(), partitions: kept.partitions, chunks: Vec::new() };
            delete_appended(scope.engine.store(), &[written]).await;
            Err(error)
        }
    }
}

fn change_set(target: &Target, losses: Losses, kept: Kept) -> ChangeSet {
    let table = target.oid();
    let mut requires = vec![
        Requirement::RelationLive(table),
        Requirement::PartitionsLive { table, partitions: losses.partitions.clone() },
        Requirement::ChunksLive { table, chunks: losses.chunks.clone() },
    ];
    let of_chunks = kept.chunks.iter().flat_map(|chunk| &chunk.columns);
    let mut columns: Vec<(ColumnId, PgType)> =
        kept.partitions.iter().flat_map(|partition| &partition.columns).chain(of_chunks).copied().collect();
    columns.sort_unstable();
    columns.dedup();
    let mut changes = vec![Change::Remove { table, partitions: losses.partitions, chunks: losses.chunks }];
    if !columns.is_empty() {
        requires.push(Requirement::ColumnsAccept { table, columns });
        requires.push(target.keyed());
        changes.push(Change::Append { table, partitions: kept.partitions, chunks: kept.chunks });
    }
    ChangeSet { requires, changes, ingest_id: None }
}

async fn keep(scope: &Arc<Scope>, target: &Target, losses: &Losses, kept: &mut Kept) -> Result<(), SqlError> {
    keep_chunks(scope, target, losses, kept).await?;
    verify_all(scope, &losses.read_partitions).await?;
    let streams = scope.engine.limits().streams.max(1);
    let mut rewrites: Vec<BoxFuture<'_, Result<Vec<NewPartition>, SqlError>>> = Vec::new();
    for partition in &losses.kept_partitions {
        rewrites.push(keep_partition(scope, target, losses, partition).boxed());
    }
    let mut rewrites = stream::iter(rewrites).buffer_unordered(streams);
    let mut result = Ok(());
    // After an error those under way are seen to their end, so that what they wrote can be deleted.
    while let Some(rewritten) = rewrites.next().await {
        match rewritten {
            Ok(partitions) => kept.partitions.extend(partitions),
            Err(error) => result = result.and(Err(error)),
        }
    }
    result
}

/// Compares objects with their checksums, whose rows a statement has read to write them with other values: a damage must
/// not become data.
pub(crate) async fn verify_all(scope: &Scope, partitions: &[Arc<Partition>]) -> Result<(), SqlError> {
    let store = scope.engine.store();
    let mut checks: Vec<BoxFuture<'_, _>> = Vec::new();
    for partition in partitions {
        checks.push(verify(store, partition).boxed());
    }
    let streams = scope.engine.limits().streams.max(1);
    Ok(stream::iter(checks).buffer_unordered(streams).try_collect().await?)
}

async fn keep_partition(
    scope: &Arc<Scope>,
    target: &Target,
    losses: &Losses,
    partition: &Arc<Partition>,
) -> Result<Vec<NewPartition>, SqlError> {
    let group = Group { chunks: Vec::new(), partitions: vec![Arc::clone(partition)] };
    rewritten(scope, target, losses, &group, partition.level, !is_own(scope, partition)).await
}

/// Few rows stay a chunk, many become partitions. Rows of this transaction have no commit yet.
async fn keep_chunks(scope: &Arc<Scope>, target: &Target, losses: &Losses, kept: &mut Kept) -> Result<(), SqlError> {
    let (own, others): (Vec<_>, Vec<_>) =
        losses.kept_chunks.iter().cloned().partition(|chunk| is_own_chunk(scope, chunk));
    for (chunks, keeps_seqs) in [(own, false), (others, true)] {
        if chunks.is_empty() {
            continue;
        }
        if is_few(scope, losses, &chunks) {
            kept.chunks.push(rewrite(scope, target, losses, keeps_seqs)?.chunk(&chunks)?);
        } else {
            let group = Group { chunks, partitions: Vec::new() };
            kept.partitions.extend(rewritten(scope, target, losses, &group, 0, keeps_seqs).await?);
        }
    }
    Ok(())
}

fn is_few(scope: &Scope, losses: &Losses, chunks: &[Arc<Chunk>]) -> bool {
    let limits = scope.engine.limits();
    let gone = |chunk: &Chunk| losses.removed.chunks.get(&chunk.id).map_or(0, |rows| rows.len());
    let rows: u64 = chunks.iter().map(|chunk| chunk.rows - gone(chunk)).sum();
    let bytes: u64 = chunks.iter().map(|chunk| chunk.bytes).sum();
    rows <= limits.chunk_rows_max as u64 && bytes <= limits.chunk_bytes_max as u64
}

async fn rewritten(
    scope: &Arc<Scope>,
    target: &Target,
    losses: &Losses,
    group: &Group,
    level: u8,
    keeps_seqs: bool,
) -> Result<Vec<NewPartition>, SqlError> {
    let rewrite = rewrite(scope, target, losses, keeps_seqs)?;
    Ok(rewrite.run(group, level).await?.partitions)
}

fn rewrite<'a>(
    scope: &'a Scope,
    target: &'a Target,
    losses: &'a Losses,
    keeps_seqs: bool,
) -> Result<Rewrite<'a>, SqlError> {
    let contents = scope.view.contents(target.oid()).map(Arc::as_ref);
    Ok(Rewrite {
        store: scope.engine.store(),
        sources: scope.engine.sources(),
        options: &scope.engine.storage().write,
        parse_missing: &parse_missing,
        oid: target.oid(),
        table: target.table(),
        fields: table_fields(target.table(), contents)?,
        real_time: contents.and_then(|contents| contents.real_time()),
        keeps_seqs,
        without: &losses.removed,
        pace: &Pace::UNLIMITED,
    })
}

/// Whether the transaction wrote the partition's rows itself; those that it rewrote kept their commits.
fn is_own(scope: &Scope, partition: &Partition) -> bool {
    partition.row_seqs.1 > scope.view.committed()
}

fn is_own_chunk(scope: &Scope, chunk: &Chunk) -> bool {
    let has_seqs = chunk.layout.columns.iter().any(|(id, _)| *id == ColumnId::ROW_SEQ);
    chunk.id.seq > scope.view.committed() && !has_seqs
}
