//! Where manifests cannot be read: what else leads to the newest state. An older manifest does, or a shorter chain of them,
//! with the log behind it; or the index, if it is trusted. The state is then written as a new base.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::index::copy_index;
use crate::catalog::{Parts, Settings};
use crate::disk::sync_folder;
use crate::folder::Folder;
use crate::index::Index;
use crate::log::{LogReader, Segments};
use crate::manifest::{Chain, ManifestName, decode, encode_base};
use crate::model::Seq;
use crate::open::{Loaded, rebuild};
use crate::{Error, Result};

/// Where damaged manifests are kept in the data folder.
const COPIES: &str = "damaged-manifests";

/// Manifests that cannot be read, and what stands in for them.
pub(super) struct Salvage {
    damaged: Vec<String>,
    /// The commit that the manifests went to.
    promised: Seq,
    /// What the state was taken from.
    source: String,
}

/// A base that is to take the place of damaged manifests.
pub(super) struct Mend {
    damaged: Vec<String>,
    source: String,
    name: ManifestName,
    bytes: Bytes,
}

impl Salvage {
    /// What the log can be replayed on, or why there is nothing.
    pub(super) async fn find(
        folder: &Folder,
        settings: &Settings,
        parts: &Parts,
        segments: &Arc<Segments>,
    ) -> Result<Result<(Salvage, Loaded), String>> {
        let names = parts.manifests.list().await?;
        let promised = promised(&names);
        let (chain, damaged) = sound_chain(names, parts, folder.id).await?;
        let salvage = |source| Salvage { damaged, promised, source };
        let of_manifests = match &chain {
            Some(chain) => of_chain(chain, folder, settings, parts, segments).await?,
            None => Err("no older one is there".to_owned()),
        };
        let why = match of_manifests {
            Ok((loaded, source)) => return Ok(Ok((salvage(source), loaded))),
            Err(why) => why,
        };
        Ok(match of_index(folder, settings, segments)? {
            Ok(loaded) => Ok((salvage("the index and the log".to_owned()), loaded)),
            Err(other) => Err(format!("nothing stands in for it: {why}, and the index {other}")),
        })
    }

    /// The base to write of the state that was reached, or why it is not what the manifests held.
    pub(super) fn mend(self, loaded: &Loaded, catalog: Uuid, parts: &Parts) -> Result<Result<Mend, String>> {
        let Salvage { damaged, promised, source } = self;
        let reached = loaded.applied;
        if reached.seq < promised {
            return Ok(Err(format!("it went to commit {promised}, and {source} lead to commit {} only", reached.seq)));
        }
        let bytes = encode_base(catalog, &loaded.head, &loaded.index, reached)?;
        let name = ManifestName::new(None, reached.seq, parts.sources.uuid());
        Ok(Ok(Mend { damaged, source, name, bytes }))
    }
}

impl Mend {
    /// Writes the base and takes the damaged manifests out of the store; copies of them stay in the data folder.
    pub(super) async fn run(&self, folder: &Folder, parts: &Parts) -> Result<String> {
        let copies = folder.path().join(COPIES);
        for name in &self.damaged {
            if let Some(bytes) = parts.manifests.read(name).await? {
                keep(&copies, name, &bytes)?;
            }
        }
        parts.manifests.create(&self.name.name, self.bytes.clone()).await?;
        for name in &self.damaged {
            parts.manifests.delete(name).await?;
        }
        let done = format!("wrote manifest {} from {}", self.name.name, self.source);
        Ok(match self.damaged.is_empty() {
            true => done,
            false => format!("{done}; what could not be read is in {}", copies.display()),
        })
    }
}

/// The commit that the manifests of these names went to, whether or not they follow each other.
pub(super) fn promised(names: &[String]) -> Seq {
    names.iter().filter_map(|name| ManifestName::parse(name)).map(|name| name.to).max().unwrap_or(Seq::ZERO)
}

/// Durable before the original is deleted.
fn keep(copies: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let write = || {
        fs::create_dir_all(copies)?;
        let mut file = fs::File::create(copies.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        sync_folder(copies)
    };
    write().map_err(|source| io_error(copies, source))
}

/// The newest chain of which every manifest can be read, and those that cannot.
async fn sound_chain(mut names: Vec<String>, parts: &Parts, catalog: Uuid) -> Result<(Option<Chain>, Vec<String>)> {
    let mut damaged = Vec::new();
    while let Some(chain) = Chain::find(&names) {
        let Some(name) = first_damaged(&chain, parts, catalog).await? else { return Ok((Some(chain), damaged)) };
        names.retain(|other| *other != name);
        damaged.push(name);
    }
    Ok((None, damaged))
}

async fn first_damaged(chain: &Chain, parts: &Parts, catalog: Uuid) -> Result<Option<String>> {
    for ManifestName { name, .. } in std::iter::once(&chain.base).chain(&chain.deltas) {
        let Some(bytes) = parts.manifests.read(name).await? else { return Ok(Some(name.clone())) };
        let is_sound = match decode(name, &bytes, catalog) {
            Ok(manifest) => manifest.blocks(name).all(|ops| ops.is_ok()),
            Err(Error::Corrupt { .. }) => false,
            Err(other) => return Err(other),
        };
        if !is_sound {
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}

async fn of_chain(
    chain: &Chain,
    folder: &Folder,
    settings: &Settings,
    parts: &Parts,
    segments: &Arc<Segments>,
) -> Result<Result<(Loaded, String), String>> {
    let loaded = match rebuild::build(&folder.scratch().join("built"), folder.id, settings, parts, chain).await {
        Ok(loaded) => loaded,
        Err(Error::Corrupt { what, detail }) => return Ok(Err(format!("{what}: {detail}"))),
        Err(other) => return Err(other),
    };
    Ok(match log_gap(&loaded, segments, folder.id)? {
        None => Ok((loaded, format!("the manifests up to commit {} and the log", chain.to()))),
        Some(gap) => Err(format!("the newest that can be read goes to commit {}, and {gap}", chain.to())),
    })
}

/// The state of a copy of the index, since sled writes to what it opens.
fn of_index(folder: &Folder, settings: &Settings, segments: &Arc<Segments>) -> Result<Result<Loaded, String>> {
    if !folder.is_index_trusted() {
        return Ok(Err("is in doubt or not there".to_owned()));
    }
    let copy = folder.scratch().join("salvaged");
    copy_index(folder, &copy)?;
    let index = Index::open(&copy, settings.index_cache_bytes).map_err(|error| error.to_string());
    Ok(match index.and_then(rebuild::load) {
        Ok(loaded) => match log_gap(&loaded, segments, folder.id)? {
            None => Ok(loaded),
            Some(gap) => Err(format!("ends at commit {}, and {gap}", loaded.applied.seq)),
        },
        Err(why) => Err(format!("cannot be read: {why}")),
    })
}

/// Why the log cannot be replayed on it, if it cannot.
fn log_gap(loaded: &Loaded, segments: &Arc<Segments>, log: Uuid) -> Result<Option<String>> {
    let point = loaded.applied.point;
    let reaches = LogReader::from_point(Arc::clone(segments), log, point).reaches()?;
    Ok((!reaches).then(|| format!("the log does not go on from there, position {}", point.position)))
}

fn io_error(path: &Path, source: std::io::Error) -> Error {
    Error::Io { what: path.display().to_string(), source }
}
