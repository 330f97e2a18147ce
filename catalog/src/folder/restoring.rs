//! A restore on its way. Its mark is there before anything else and goes when all else is durable, so that nobody takes
//! what a restore that was cut off left for the catalog.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::{
    CUT_LOG_PREFIX, DAMAGED_MANIFESTS_FOLDER, FENCE_FILE, FORMAT_FILE, Folder, INDEX_FOLDER, LOCK_FILE, LOG_FOLDER,
    SPILL_FOLDER, TRUST_FILE, io_error, lock, write_format,
};
use crate::disk::sync_folder;
use crate::{Error, Result, lineage};

const MARK: &str = "RESTORING";
/// What a repair puts aside, which a restore does too; it is kept over another try.
const COPIES: [&str; 2] = [CUT_LOG_PREFIX, DAMAGED_MANIFESTS_FOLDER];

impl Folder {
    /// Begins a folder with the identity of one that is gone: at an empty place, or at that of a restore that was cut
    /// off, of which nothing but the log's segments stays. [`Folder::end_restore`] makes it one that can be opened.
    pub(crate) fn begin_restore(place: RestorePlace, id: Uuid) -> Result<Folder> {
        let RestorePlace { path, lock, .. } = place;
        clear(&path).map_err(|source| io_error(&path, source))?;
        write_format(&path, id)?;
        Ok(Folder { path, _lock: lock, id })
    }

    /// From now on the folder can be opened. Everything in it must be durable, and nobody may hold it.
    pub(crate) fn end_restore(path: &Path) -> Result<()> {
        let _lock = lock(path)?;
        let removed = fs::remove_file(path.join(MARK)).and_then(|()| sync_folder(path));
        removed.map_err(|source| io_error(path, source))
    }
}

/// [`Error::Mismatch`] if a restore into that folder did not end.
pub(super) fn ensure_ended(path: &Path) -> Result<()> {
    if !has_mark(path)? {
        return Ok(());
    }
    Err(Error::Mismatch(format!(
        "data folder {} holds a part only of what is to be restored, because \"peristyle restore\" did not end; run it \
         again, it begins anew",
        path.display()
    )))
}

/// Whether there is the mark of a restore that is on its way or was cut off.
pub(super) fn has_mark(path: &Path) -> Result<bool> {
    path.join(MARK).try_exists().map_err(|source| io_error(path, source))
}

/// A place that a restore has for itself. What is put there is a part of it, as its mark says.
pub struct RestorePlace {
    path: PathBuf,
    lock: File,
    /// Whether nothing was there before.
    is_new: bool,
}

impl RestorePlace {
    /// Takes a place, and makes it if need be.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if something is there that no restore left, [`Error::FolderInUse`] if another has it.
    pub fn take(path: &Path) -> Result<RestorePlace> {
        ensure_restorable(path)?;
        fs::create_dir_all(path).map_err(|source| io_error(path, source))?;
        let lock = lock(path)?;
        // Again, since another restore may have ended before this one had the lock.
        ensure_restorable(path)?;
        let is_new = !has_mark(path)?;
        put_mark(path).map_err(|source| io_error(path, source))?;
        Ok(RestorePlace { path: path.to_owned(), lock, is_new })
    }

    /// Leaves the place as it was, if nothing was restored to it yet.
    pub fn give_up(self) -> Result<()> {
        if !self.is_new {
            return Ok(());
        }
        let remove = || {
            for name in names(&self.path)?.iter().filter(|name| is_fence(name)) {
                fs::remove_file(self.path.join(name))?;
            }
            fs::remove_file(self.path.join(MARK))?;
            sync_folder(&self.path)
        };
        remove().map_err(|source| io_error(&self.path, source))
    }
}

fn ensure_restorable(path: &Path) -> Result<()> {
    let is_restoring = has_mark(path)?;
    for name in names(path).map_err(|source| io_error(path, source))? {
        let is_harmless = name == LOCK_FILE || is_restoring && is_of_restore(&name);
        if !is_harmless {
            return Err(Error::Mismatch(format!("{} is not empty", path.display())));
        }
    }
    Ok(())
}

fn is_of_restore(name: &str) -> bool {
    let is_kept =
        name == MARK || name == LOG_FOLDER || is_fence(name) || COPIES.iter().any(|copies| name.starts_with(copies));
    is_kept || is_file(name) || is_folder(name)
}

fn is_fence(name: &str) -> bool {
    name.strip_suffix(".new").unwrap_or(name) == FENCE_FILE
}

fn is_file(name: &str) -> bool {
    [FORMAT_FILE, TRUST_FILE, lineage::FILE].contains(&name.strip_suffix(".new").unwrap_or(name))
}

fn is_folder(name: &str) -> bool {
    [INDEX_FOLDER, SPILL_FOLDER].contains(&name)
}

fn names(path: &Path) -> io::Result<Vec<String>> {
    match fs::read_dir(path) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn put_mark(path: &Path) -> io::Result<()> {
    File::create(path.join(MARK))?.sync_all()?;
    sync_folder(path)
}

/// Takes away what an earlier try left, by name: whatever else lies there is not a restore's to delete.
fn clear(path: &Path) -> io::Result<()> {
    for name in names(path)? {
        if is_file(&name) {
            fs::remove_file(path.join(&name))?;
        } else if is_folder(&name) {
            fs::remove_dir_all(path.join(&name))?;
        }
    }
    sync_folder(path)
}
