//! A restore on its way. Its mark is there before anything else and goes when all else is durable, so that nobody takes
//! what a restore that was cut off left for the catalog.

use std::fs::{self, File};
use std::io;
use std::path::Path;

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
    pub(crate) fn begin_restore(path: &Path, id: Uuid) -> Result<Folder> {
        ensure_restorable(path)?;
        fs::create_dir_all(path).map_err(|source| io_error(path, source))?;
        let lock = lock(path)?;
        // Again, since another restore may have ended before this one had the lock.
        ensure_restorable(path)?;
        put_mark(path).and_then(|()| clear(path)).map_err(|source| io_error(path, source))?;
        write_format(path, id)?;
        Ok(Folder { path: path.to_owned(), _lock: lock, id })
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

/// Makes the place for a restore, if need be: what is put there from now on is a part of one.
///
/// # Errors
/// [`Error::Mismatch`] if something is there that no restore left.
pub fn mark_restoring(path: &Path) -> Result<()> {
    ensure_restorable(path)?;
    fs::create_dir_all(path).and_then(|()| put_mark(path)).map_err(|source| io_error(path, source))
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
    let is_fence = name.strip_suffix(".new").unwrap_or(name) == FENCE_FILE;
    let is_kept =
        name == MARK || name == LOG_FOLDER || is_fence || COPIES.iter().any(|copies| name.starts_with(copies));
    is_kept || is_file(name) || is_folder(name)
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
