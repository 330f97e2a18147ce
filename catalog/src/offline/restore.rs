//! Makes a data folder anew from the store alone: the manifests, and the log as far as it was shipped.

use std::sync::Arc;

use uuid::Uuid;

use super::inspect::{CheckBody, inspect_in};
use super::loss::LostRows;
use super::repair::{RepairOptions, repair};
use crate::catalog::{Parts, Settings};
use crate::folder::{Folder, RestorePlace};
use crate::log::Segments;
use crate::manifest::{Chain, read_reached};
use crate::model::{Seq, TimestampMicros};
use crate::open::Machine;
use crate::shipping::Piece;
use crate::{Error, Result, lineage};

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The last commit that the store knows, and its time.
    pub seq: Seq,
    pub at: TimestampMicros,
    /// Rows of commits that the store knows, whose bytes were only in the log that is gone.
    pub lost: LostRows,
}

/// Restores the catalog of that identity into a folder that is not there yet, or empty, or of a restore that was cut off.
pub async fn restore(
    place: RestorePlace,
    catalog: Uuid,
    settings: &Settings,
    parts: Parts,
    check_body: &CheckBody,
) -> Result<Restored> {
    restore_on(place, catalog, settings, parts, check_body, &Machine::real()).await
}

pub(crate) async fn restore_on(
    place: RestorePlace,
    catalog: Uuid,
    settings: &Settings,
    parts: Parts,
    check_body: &CheckBody,
    machine: &Machine,
) -> Result<Restored> {
    let chain = Chain::find(&parts.manifests.list().await?);
    let chain = chain.ok_or_else(|| Error::Mismatch("the store holds no manifest to restore from".to_owned()))?;
    let reached = read_reached(&parts, catalog, &chain).await?;
    let folder = Folder::begin_restore(place, catalog)?;
    let path = folder.path().to_owned();
    lay_log(&folder, machine, &parts, reached.point.position).await?;
    let inspection = inspect_in(folder, settings, &parts, check_body, machine).await?;
    let restored = inspection.head.as_ref().map(|head| (head.seq(), head.at()));
    if restored.is_some() {
        // Before anything is written to the store that the folder of before knows nothing of.
        lineage::begin(&inspection.folder, &parts).await?;
    }
    let options = RepairOptions { cut_log: true, forget_lost: true, lost_partitions: Vec::new() };
    let repaired = repair(inspection, settings, parts, &options).await?;
    let (seq, at) = restored.ok_or_else(|| Error::Mismatch(repaired.left.join("; ")))?;
    Folder::end_restore(&path)?;
    Ok(Restored { seq, at, lost: repaired.forgotten })
}

/// The log as far as it was shipped, at least a place to go on where the manifest ends.
async fn lay_log(folder: &Folder, machine: &Machine, parts: &Parts, end: u64) -> Result<()> {
    let io_error = |source| Error::Io { what: folder.log().display().to_string(), source };
    let segments = Segments::open(Arc::clone(&machine.disk), &folder.log()).map_err(io_error)?;
    // What a restore that was cut off laid.
    segments.clear().map_err(io_error)?;
    for piece in Piece::list(parts).await? {
        if let Some(bytes) = parts.shipped_log.read(&piece.name).await? {
            segments.lay(piece.from, &bytes).map_err(io_error)?;
        }
    }
    segments.continue_at(end).map_err(io_error)
}
