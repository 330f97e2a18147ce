//! Builds heads from rows: those of the index, or those of manifests, which then make a new index.

use std::path::Path;

use uuid::Uuid;

use super::Loaded;
use crate::catalog::{Parts, Settings};
use crate::folder::Folder;
use crate::index::{Applied, Index};
use crate::manifest::{Chain, ManifestName, Unexported, decode};
use crate::records::{Key, RawOp, Record, RowOp};
use crate::{Error, Head, Result};

/// The head that the rows of an index make.
fn head_of_index(index: &Index) -> std::result::Result<Head, String> {
    let mut head = Head::default();
    let before = index.scan(&[], Some(Key::STATISTICS_PREFIX));
    let after = index.scan(Key::AFTER_STATISTICS, None);
    for row in before.chain(after) {
        let (key, value) = row.map_err(|error| error.to_string())?;
        let key = Key::decode(&key).map_err(|error| error.to_string())?;
        let record = Record::decode(key, &value).map_err(|error| error.to_string())?;
        head.apply(RowOp::Put(record)).map_err(|error| error.to_string())?;
    }
    Ok(head)
}

/// What an index holds, if it says up to where.
pub(crate) fn load(index: Index) -> std::result::Result<Loaded, String> {
    let applied = index.applied().map_err(|error| error.to_string())?.ok_or("it is not finished")?;
    let head = head_of_index(&index)?;
    if head.seq != applied.seq {
        return Err(format!("its rows are of commit {}, it says {}", head.seq, applied.seq));
    }
    Ok(Loaded { index, head, applied, unexported: Unexported::new(None, 0) })
}

/// Deletes the index and makes a new one from the newest manifests.
pub(super) async fn rebuild(folder: &Folder, settings: &Settings, parts: &Parts, chain: &Chain) -> Result<Loaded> {
    tracing::info!(base = %chain.base.name, deltas = chain.deltas.len(), "building the index from the manifest");
    folder.doubt()?;
    let loaded = build(&folder.index(), folder.id, settings, parts, chain).await?;
    folder.trust_until_boot()?;
    Ok(loaded)
}

/// Makes an index of the manifests in a folder, in place of what is there.
pub(crate) async fn build(
    path: &Path,
    catalog: Uuid,
    settings: &Settings,
    parts: &Parts,
    chain: &Chain,
) -> Result<Loaded> {
    Index::delete(path).map_err(|source| Error::Io { what: path.display().to_string(), source })?;
    let index = Index::open(path, settings.index_cache_bytes)?;
    let unexported = Unexported::new(Some(chain.to()), chain.deltas.len());
    let mut loaded = Loaded { index, head: Head::default(), applied: Applied::default(), unexported };
    for name in std::iter::once(&chain.base).chain(&chain.deltas) {
        add_manifest(&mut loaded, name, catalog, parts).await?;
    }
    loaded.index.apply([], Some(loaded.applied))?;
    Ok(loaded)
}

async fn add_manifest(loaded: &mut Loaded, name: &ManifestName, catalog: Uuid, parts: &Parts) -> Result<()> {
    let corrupt = |detail: String| Error::Corrupt { what: format!("manifest {}", name.name), detail };
    let bytes = parts.manifests.read(&name.name).await?;
    let bytes = bytes.ok_or_else(|| corrupt("it is listed and cannot be read".to_owned()))?;
    let manifest = decode(&name.name, &bytes, catalog)?;
    for ops in manifest.blocks(&name.name) {
        let ops = ops?;
        apply(&mut loaded.head, &ops).map_err(corrupt)?;
        loaded.index.apply(&ops, None)?;
    }
    if loaded.head.seq != manifest.reached.seq || manifest.reached.seq != name.to {
        return Err(corrupt(format!("its rows lead to commit {}", loaded.head.seq)));
    }
    loaded.applied = manifest.reached;
    Ok(())
}

/// Applies operations as bytes to a head.
pub(super) fn apply(head: &mut Head, ops: &[RawOp]) -> std::result::Result<(), String> {
    ops.iter().try_for_each(|op| op.decode().and_then(|op| head.apply(op))).map_err(|error| error.to_string())
}
