//! Looks at a data folder as it lies there, and changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::loss::LostCommits;
use super::salvage::{Mend, Salvage, promised};
use super::{Fault, consistency, index};
use crate::catalog::{Parts, Settings};
use crate::folder::Folder;
use crate::index::Applied;
use crate::log::{LogGap, LogReader, LoggedCommit, Segments, Survey, decode_payload, survey};
use crate::manifest::Chain;
use crate::model::{Chunk, ChunkId, Oid, Seq};
use crate::open::{Loaded, Machine, rebuild, replay};
use crate::{Error, Head, Result, lineage};

/// Looks at the encoded rows of a chunk and says what is wrong with them.
pub type CheckBody = dyn Fn(&Chunk, &[u8]) -> Result<(), String> + Send + Sync;

/// What the manifests in the store say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManifestState {
    pub base: Seq,
    pub deltas: usize,
    pub to: Seq,
    /// Up to where it makes the log unnecessary, but for the rows of chunks.
    pub position: u64,
}

/// What the files of the log hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogState {
    pub from: u64,
    pub to: u64,
    pub frames: u64,
    pub gaps: Vec<LogGap>,
}

/// A place where the log would have to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogCut {
    pub at: u64,
    /// What lies behind it.
    pub lost: LostCommits,
}

/// What the index is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// There is none: the next start builds it.
    Absent,
    /// The last stop was not clean and the machine was booted since: the next start builds it anew.
    InDoubt,
    /// It ends before the manifest: the next start builds it anew.
    Behind(Seq),
    /// Every row is that of manifest and log up to this commit.
    Agrees(Seq),
    /// It is trusted and it is wrong.
    Differs(String),
    /// It could not be compared: manifest or log cannot be read that far.
    Unknown,
}

/// What was found. As long as it lives no server can open the folder.
pub struct Inspection {
    pub catalog: Uuid,
    /// The state after the last commit that can be read, `None` without a manifest that can be.
    pub head: Option<Arc<Head>>,
    pub manifest: Option<ManifestState>,
    pub log: LogState,
    pub index: IndexState,
    pub faults: Vec<Fault>,
    /// Live chunks whose rows cannot be read.
    pub lost_chunks: Vec<Arc<Chunk>>,
    /// The log cannot be replayed unless it is cut.
    pub cut: Option<LogCut>,
    /// What stands in for manifests that cannot be read.
    pub(super) mend: Option<Mend>,
    pub(super) folder: Folder,
    pub(super) segments: Arc<Segments>,
    pub(super) machine: Machine,
}

/// Inspects the folder's log and index and the store's manifests.
///
/// # Errors
/// Where nothing can be looked at: no such folder, a server has it open, the store does not answer or was restored to
/// another folder. What is wrong in the folder is no error but a [`Fault`].
pub async fn inspect(path: &Path, settings: &Settings, parts: &Parts, check_body: &CheckBody) -> Result<Inspection> {
    inspect_on(path, settings, parts, check_body, &Machine::real()).await
}

pub(crate) async fn inspect_on(
    path: &Path,
    settings: &Settings,
    parts: &Parts,
    check_body: &CheckBody,
    machine: &Machine,
) -> Result<Inspection> {
    let folder = Folder::open_existing(path)?;
    lineage::ensure_newest(&folder, parts).await?;
    inspect_in(folder, settings, parts, check_body, machine).await
}

pub(super) async fn inspect_in(
    folder: Folder,
    settings: &Settings,
    parts: &Parts,
    check_body: &CheckBody,
    machine: &Machine,
) -> Result<Inspection> {
    let segments = Segments::open(Arc::clone(&machine.disk), &folder.log());
    let segments = segments.map_err(|source| Error::Io { what: folder.log().display().to_string(), source })?;
    let mut inspection = Inspection {
        catalog: folder.id,
        head: None,
        manifest: None,
        log: LogState::default(),
        index: IndexState::Unknown,
        faults: Vec::new(),
        lost_chunks: Vec::new(),
        cut: None,
        mend: None,
        folder,
        segments: Arc::new(segments),
        machine: machine.clone(),
    };
    inspection.look(settings, parts, check_body).await?;
    let scratch = inspection.folder.scratch();
    drop(fs::remove_dir_all(&scratch));
    Ok(inspection)
}

impl Inspection {
    async fn look(&mut self, settings: &Settings, parts: &Parts, check_body: &CheckBody) -> Result<()> {
        let mut salvage = None;
        let loaded = match self.load_manifest(settings, parts).await {
            Ok(loaded) => loaded,
            Err(Error::Corrupt { what, detail }) => {
                self.faults.push(Fault { what, detail });
                let (found, loaded) = self.salvage(settings, parts).await?;
                salvage = found;
                loaded
            }
            Err(other) => return Err(other),
        };
        let reached = loaded.as_ref().map(|loaded| loaded.applied);
        if let Some(mut loaded) = loaded {
            let replayed = self.replay(settings, &mut loaded);
            self.note(replayed)?;
            self.conclude_rows(loaded, salvage, parts)?;
        }
        self.survey(reached, check_body)
    }

    /// What can stand in for a manifest that cannot be read.
    async fn salvage(&mut self, settings: &Settings, parts: &Parts) -> Result<(Option<Salvage>, Option<Loaded>)> {
        match Salvage::find(&self.folder, settings, parts, &self.segments).await? {
            Ok((salvage, loaded)) => Ok((Some(salvage), Some(loaded))),
            Err(why) => {
                self.faults.push(Fault::new("manifest", why));
                Ok((None, None))
            }
        }
    }

    /// Takes over what manifest and log came to, unless something else stood in for the manifest and falls short of it.
    fn conclude_rows(&mut self, loaded: Loaded, salvage: Option<Salvage>, parts: &Parts) -> Result<()> {
        if let Some(salvage) = salvage {
            match salvage.mend(&loaded, self.folder.id, parts)? {
                Ok(mend) => self.mend = Some(mend),
                Err(why) => {
                    self.faults.push(Fault::new("manifest", why));
                    return Ok(());
                }
            }
        }
        self.faults.extend(consistency::faults(&loaded.head));
        self.head = Some(Arc::new(loaded.head));
        Ok(())
    }

    async fn load_manifest(&mut self, settings: &Settings, parts: &Parts) -> Result<Option<Loaded>> {
        let names = parts.manifests.list().await?;
        let promised = promised(&names);
        let Some(chain) = Chain::find(&names) else {
            if promised > Seq::ZERO {
                let detail = format!("the base is gone to which those up to commit {promised} belong");
                return Err(Error::Corrupt { what: "manifest".to_owned(), detail });
            }
            self.faults.push(Fault::new("store", "it holds no manifest of this data folder"));
            return Ok(None);
        };
        let to = chain.to();
        if to < promised {
            let detail = format!("those behind commit {to} do not follow it, though they go to commit {promised}");
            return Err(Error::Corrupt { what: "manifest".to_owned(), detail });
        }
        let scratch = self.folder.scratch().join("built");
        let loaded = rebuild::build(&scratch, self.folder.id, settings, parts, &chain).await?;
        let position = loaded.applied.point.position;
        self.manifest =
            Some(ManifestState { base: chain.base.to, deltas: chain.deltas.len(), to: chain.to(), position });
        Ok(Some(loaded))
    }

    /// Compares the index on the way.
    fn replay(&mut self, settings: &Settings, loaded: &mut Loaded) -> Result<()> {
        self.index = index::compare(&self.folder, settings, &self.segments, loaded)?;
        if let IndexState::Differs(detail) = &self.index {
            self.faults.push(Fault::new("index", detail));
        }
        replay::replay(loaded, &self.segments, self.folder.id, None).map(drop)
    }

    fn note(&mut self, result: Result<()>) -> Result<()> {
        match result {
            Err(Error::Corrupt { what, detail }) => self.faults.push(Fault { what, detail }),
            other => return other,
        }
        Ok(())
    }

    /// Reads the whole log, looks at the rows of every live chunk and at what lies behind damage.
    fn survey(&mut self, reached: Option<Applied>, check_body: &CheckBody) -> Result<()> {
        let mut bodies = Bodies::of(self.head.as_deref());
        let last = self.head.as_ref().map_or(Seq::ZERO, |head| head.seq);
        let (mut lost, mut faults) = (LostCommits::default(), Vec::new());
        let surveyed = survey(&self.segments, self.folder.id, |frame| {
            match decode_payload(&frame.payload) {
                Ok(commits) => commits.iter().for_each(|commit| {
                    lost.add(last, commit);
                    bodies.check(commit, check_body);
                }),
                Err(error) => {
                    faults.push(Fault::new(format!("log frame at position {}", frame.position), error.to_string()));
                }
            }
            Ok(())
        })?;
        self.faults.extend(faults);
        self.conclude(surveyed, reached, lost)?;
        self.faults.append(&mut bodies.faults);
        self.lost_chunks = bodies.missing.into_values().collect();
        if !self.lost_chunks.is_empty() {
            let detail = format!("the rows of {} chunks cannot be read", self.lost_chunks.len());
            self.faults.push(Fault::new("log", detail));
        }
        Ok(())
    }

    fn conclude(&mut self, surveyed: Survey, reached: Option<Applied>, lost: LostCommits) -> Result<()> {
        let Survey { frames, end, gaps } = surveyed;
        let from = self.segments.first().unwrap_or(end.position);
        self.log = LogState { from, to: end.position, frames, gaps };
        if let Some(reached) = reached {
            let at = self.cut_at(reached.point.position)?;
            self.cut = at.map(|at| LogCut { at, lost });
        }
        Ok(())
    }

    /// Where the log would have to end to be replayed from that position on.
    fn cut_at(&self, replayed_from: u64) -> Result<Option<u64>> {
        let segments = Arc::clone(&self.segments);
        if !LogReader::from_position(segments, self.folder.id, replayed_from).reaches()? {
            return Ok(Some(replayed_from));
        }
        let blocking = self.log.gaps.iter().find(|gap| gap.until > replayed_from);
        Ok(blocking.map(|gap| gap.from.max(replayed_from)))
    }
}

/// The live chunks whose rows were not seen yet.
struct Bodies {
    missing: BTreeMap<(Oid, ChunkId), Arc<Chunk>>,
    faults: Vec<Fault>,
}

impl Bodies {
    fn of(head: Option<&Head>) -> Bodies {
        let tables = head.into_iter().flat_map(|head| &head.contents);
        let chunks = tables
            .flat_map(|(table, contents)| contents.chunks().map(move |chunk| ((*table, chunk.id), Arc::clone(chunk))));
        Bodies { missing: chunks.collect(), faults: Vec::new() }
    }

    fn check(&mut self, commit: &LoggedCommit, check_body: &CheckBody) {
        for (table, ordinal, body) in &commit.bodies {
            let id = ChunkId { seq: commit.seq, ordinal: *ordinal };
            let Some(chunk) = self.missing.get(&(*table, id)) else { continue };
            let checked = if body.len() as u64 == chunk.bytes {
                check_body(chunk, body)
            } else {
                Err(format!("it has {} bytes, its row says {}", body.len(), chunk.bytes))
            };
            match checked {
                Ok(()) => drop(self.missing.remove(&(*table, id))),
                Err(detail) => self.faults.push(Fault::new(format!("chunk {id} of relation {table}"), detail)),
            }
        }
    }
}
