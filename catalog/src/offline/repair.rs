//! Mends what an inspection found: what costs nothing at once, what loses something only where that is accepted.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::inspect::{IndexState, Inspection, LogCut};
use super::loss::LostRows;
use crate::catalog::{Catalog, Parts, Settings};
use crate::folder::Folder;
use crate::index::Index;
use crate::log::Segments;
use crate::model::{Change, ChangeSet, Chunk, ChunkId, Oid, Partition, PartitionId};
use crate::open::{LostChunks, Machine};
use crate::shipping::Piece;
use crate::{Error, Head, Result};

/// Which losses are accepted.
#[derive(Clone, Debug, Default)]
pub struct RepairOptions {
    /// The log is cut where it cannot be read, and every commit behind that place is lost.
    pub cut_log: bool,
    /// Chunks and partitions whose bytes are gone are taken out of their tables.
    pub forget_lost: bool,
    /// Partitions whose objects are gone or damaged, as `storage` found: live ones, and such as only states of the past see.
    pub lost_partitions: Vec<Arc<Partition>>,
}

/// What a repair did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    pub done: Vec<String>,
    /// What was not done because it loses something that was not accepted.
    pub left: Vec<String>,
    /// What was taken out of tables.
    pub forgotten: LostRows,
}

/// Repairs the inspected folder and opens its catalog once, so that the next start finds it whole.
pub async fn repair(
    inspection: Inspection,
    settings: &Settings,
    parts: Parts,
    options: &RepairOptions,
) -> Result<Repaired> {
    let Inspection { head, index, lost_chunks, cut, mend, folder, segments, machine, .. } = inspection;
    let mut repaired = Repaired::default();
    let Some(head) = head else {
        let advice = "no manifest can be read and nothing stands in for it; bring the store's folder \"manifest\" back \
                      from a copy";
        repaired.left.push(advice.to_owned());
        return Ok(repaired);
    };
    let lost = LostRows::new(&head, &lost_chunks, &options.lost_partitions);
    if let Some(cut) = cut.filter(|_| !options.cut_log) {
        repaired.left.push(format!("--cut-log would end the log at position {}; {}", cut.at, what_goes(&cut)));
    }
    if !lost.is_empty() && !options.forget_lost {
        repaired.left.push(format!("--forget-lost would take out of their tables what cannot be read:\n{lost}"));
    }
    if !repaired.left.is_empty() {
        return Ok(repaired);
    }
    if let Some(mend) = &mend {
        repaired.done.push(mend.run(&folder, &parts).await?);
    }
    if let Some(cut) = cut {
        repaired.done.push(cut_log(&folder, &segments, &cut, &parts).await?);
    }
    if cut.is_some() || mend.is_some() || matches!(index, IndexState::Differs(_)) {
        delete_index(&folder)?;
        repaired.done.push("deleted the index; it was built anew".to_owned());
    }
    if repaired.done.is_empty() && lost.is_empty() {
        return Ok(repaired);
    }
    drop(segments);
    forget(folder, settings, parts, machine, &head, &lost_chunks, &options.lost_partitions).await?;
    if !lost.is_empty() {
        repaired.done.push(format!("took out of their tables what could not be read:\n{lost}"));
    }
    repaired.forgotten = lost;
    Ok(repaired)
}

fn what_goes(cut: &LogCut) -> String {
    match (cut.lost.seqs, cut.lost.at) {
        (Some((first, last)), Some((from, to))) => format!(
            "that loses commits {first} to {last}, {} in all, of which those that can still be read were made from {} \
             to {}",
            cut.lost.count(),
            from,
            to
        ),
        _ => "no commit that can be read lies behind it".to_owned(),
    }
}

/// The files that are cut stay as copies.
async fn cut_log(folder: &Folder, segments: &Arc<Segments>, cut: &LogCut, parts: &Parts) -> Result<String> {
    let copies = folder.path().join(format!("log-before-cut-at-{}", cut.at));
    keep_copies(segments, cut.at, &copies).map_err(|source| io_error(&copies, source))?;
    // Before the log is cut: what the store has of the part that goes would not follow what is written in its place.
    delete_shipped(parts, cut.at).await?;
    let done = segments.cut(cut.at).and_then(|()| segments.continue_at(cut.at));
    done.map_err(|source| io_error(&segments.folder, source))?;
    Ok(format!(
        "cut the log at position {}; {}; the files as they were are in {}",
        cut.at,
        what_goes(cut),
        copies.display()
    ))
}

async fn delete_shipped(parts: &Parts, at: u64) -> Result<()> {
    for piece in Piece::list(parts).await?.iter().filter(|piece| piece.to > at) {
        parts.shipped_log.delete(&piece.name).await?;
    }
    Ok(())
}

fn keep_copies(segments: &Segments, at: u64, copies: &Path) -> io::Result<()> {
    fs::create_dir_all(copies)?;
    let first = segments.holding(at).unwrap_or(at);
    for start in segments.starts().into_iter().filter(|start| *start >= first) {
        let path = segments.path(start);
        let file = segments.disk.open(&path)?;
        let mut bytes = vec![0; usize::try_from(file.size()?).map_err(io::Error::other)?];
        let read = file.read_at(&mut bytes, 0)?;
        fs::write(copies.join(path.file_name().unwrap_or_default()), &bytes[..read])?;
    }
    Ok(())
}

fn delete_index(folder: &Folder) -> Result<()> {
    folder.doubt()?;
    let path = folder.index();
    Index::delete(&path).map_err(|source| io_error(&path, source))
}

/// Opens the catalog, takes out what is lost, and leaves a manifest and the mark of a clean stop.
async fn forget(
    folder: Folder,
    settings: &Settings,
    parts: Parts,
    machine: Machine,
    head: &Head,
    chunks: &[Arc<Chunk>],
    partitions: &[Arc<Partition>],
) -> Result<()> {
    let lost: LostChunks = chunks.iter().map(|chunk| (chunk.table, chunk.id)).collect();
    let catalog = Catalog::open_in(folder, settings.clone(), parts, machine, &lost).await?;
    let changes = removals(head, chunks, partitions);
    if !changes.is_empty() {
        catalog.commit(ChangeSet { changes, ..ChangeSet::default() }).await?;
    }
    catalog.close().await
}

/// Takes live ones out of their tables, and forgets all partitions: states of the past cannot read them either.
fn removals(head: &Head, chunks: &[Arc<Chunk>], partitions: &[Arc<Partition>]) -> Vec<Change> {
    let mut removed: BTreeMap<Oid, (Vec<PartitionId>, Vec<ChunkId>)> = BTreeMap::new();
    chunks.iter().for_each(|chunk| removed.entry(chunk.table).or_default().1.push(chunk.id));
    let is_live = |partition: &&Arc<Partition>| partition.removed.is_none();
    for partition in partitions.iter().filter(is_live) {
        removed.entry(partition.table).or_default().0.push(partition.id);
    }
    let live = removed.into_iter().filter(|(table, _)| head.relation(*table).is_some());
    let removals = live.map(|(table, (partitions, chunks))| Change::Remove { table, partitions, chunks });
    let forgotten = partitions.iter().map(|partition| partition.id).collect::<Vec<_>>();
    removals.chain((!forgotten.is_empty()).then_some(Change::Forget(forgotten))).collect()
}

fn io_error(path: &Path, source: io::Error) -> Error {
    Error::Io { what: PathBuf::from(path).display().to_string(), source }
}
