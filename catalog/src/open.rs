//! Opening a data folder: trust the index or rebuild it, replay the log, fetch the rows of live chunks.

mod bodies;
pub(crate) mod rebuild;
pub(crate) mod replay;

pub(crate) use bodies::{LostChunks, read as read_bodies};

use std::sync::Arc;

use crate::catalog::{Durability, Parts, Settings};
use crate::disk::{Disk, RealDisk};
use crate::fail_points::{self, Step};
use crate::folder::Folder;
use crate::head::bootstrap;
use crate::index::{Applied, Index};
use crate::log::{Segments, SyncFailure};
use crate::manifest::{Chain, Unexported, create_first};
use crate::shared::Opened;
use crate::shipping::{Piece, Shipping, covered_to};
use crate::{Error, Head, Result, lineage};

/// What tests put in the place of the machine.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) on_sync_failure: SyncFailure,
}

impl Machine {
    /// The real disk; a failed fsync ends the process.
    pub(crate) fn real() -> Machine {
        let on_sync_failure: SyncFailure = Arc::new(|error| {
            tracing::error!(%error, "fsync of the log failed; what is durable is unknown, so the server stops now");
            std::process::abort();
        });
        Machine { disk: Arc::new(RealDisk), on_sync_failure }
    }
}

/// The rows of an index or of a manifest, and how far they reach.
pub(crate) struct Loaded {
    pub(crate) index: Index,
    pub(crate) head: Head,
    pub(crate) applied: Applied,
    pub(crate) unexported: Unexported,
}

/// Opens what is in a data folder, without the rows of lost chunks.
pub(crate) async fn open(
    folder: Folder,
    settings: &Settings,
    parts: &Parts,
    machine: &Machine,
    lost: &LostChunks,
) -> Result<Opened> {
    let segments = Segments::open(Arc::clone(&machine.disk), &folder.log());
    let segments = segments.map_err(|source| Error::Io { what: folder.log().display().to_string(), source })?;
    let segments = Arc::new(segments);
    fail_points::reach(Step::StartLocked)?;
    lineage::ensure_newest(&folder, parts).await?;
    let chain = find_or_create_manifest(&folder, &segments, parts).await?;
    let mut loaded = match load_trusted(&folder, settings, &chain)? {
        Some(loaded) => loaded,
        None => rebuild::rebuild(&folder, settings, parts, &chain).await?,
    };
    fail_points::reach(Step::StartLoaded)?;
    let end = replay::replay(&mut loaded, &segments, folder.id, None)?;
    fail_points::reach(Step::StartReplayed)?;
    bodies::fetch(&mut loaded.head, &segments, folder.id, parts, lost)?;
    fail_points::reach(Step::StartFetched)?;
    let Loaded { index, head, unexported, .. } = loaded;
    let shipping = shipping(settings, parts, &segments, end.position).await?;
    Ok(Opened { folder, index, segments, head, end, unexported, shipping, exported: chain.to() })
}

/// How far the log is in the store, if it is to be there.
async fn shipping(settings: &Settings, parts: &Parts, segments: &Segments, end: u64) -> Result<Option<Shipping>> {
    if settings.durability == Durability::Local {
        return Ok(None);
    }
    let pieces = Piece::list(parts).await?;
    // What lies below the first piece was needed no more.
    let needed_from = pieces.first().map_or(0, |piece| piece.from).max(segments.first().unwrap_or(end));
    let shipped_to = covered_to(&pieces, needed_from);
    if shipped_to > end {
        let detail = format!(
            "it ends at position {end}, and the store has the log up to position {shipped_to}: the data folder is older \
             than the store; see \"peristyle restore\""
        );
        return Err(Error::Corrupt { what: format!("log in {}", segments.folder.display()), detail });
    }
    Ok(Some(Shipping::new(shipped_to, end, parts.sources.clock.now())))
}

/// The newest manifest. A catalog that was only just created has none: then the first one is written.
async fn find_or_create_manifest(folder: &Folder, segments: &Segments, parts: &Parts) -> Result<Chain> {
    if let Some(chain) = Chain::find(&parts.manifests.list().await?) {
        return Ok(chain);
    }
    if segments.last().is_some() || folder.index().is_dir() {
        let detail = "the store holds no manifest of it; start with the store that the folder belongs to";
        return Err(Error::Mismatch(format!("data folder {}: {detail}", path_of(folder))));
    }
    create_first(parts, folder.id, &bootstrap(parts.sources.clock.now())).await?;
    let chain = Chain::find(&parts.manifests.list().await?);
    chain.ok_or_else(|| Error::Mismatch("the store does not list a manifest that was just written".to_owned()))
}

fn path_of(folder: &Folder) -> String {
    folder.path().display().to_string()
}

/// Loads the index if nothing speaks against it.
fn load_trusted(folder: &Folder, settings: &Settings, chain: &Chain) -> Result<Option<Loaded>> {
    if !folder.is_index_trusted() {
        return Ok(None);
    }
    folder.trust_until_boot()?;
    match load_index(folder, settings, chain) {
        Ok(loaded) => Ok(Some(loaded)),
        Err(doubt) => {
            tracing::warn!(%doubt, "the index is rebuilt");
            Ok(None)
        }
    }
}

fn load_index(folder: &Folder, settings: &Settings, chain: &Chain) -> std::result::Result<Loaded, String> {
    let index = Index::open(&folder.index(), settings.index_cache_bytes).map_err(|error| error.to_string())?;
    let loaded = rebuild::load(index)?;
    let seq = loaded.applied.seq;
    if seq < chain.to() {
        return Err(format!("it ends at commit {seq}, before the manifest at {}", chain.to()));
    }
    let from = (seq == chain.to()).then_some(seq);
    Ok(Loaded { unexported: Unexported::new(from, chain.deltas.len()), ..loaded })
}
