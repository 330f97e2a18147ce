//! A file in the making: it has another name beside its target until it is whole. A lock tells it from what a killed server
//! left, which the next file to the same target removes.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

use rustix::fs::{Mode, OFlags};

use super::folder::Folder;
use super::{FileError, Result};

/// Bytes of the target's name that the file's has: names have an end.
const NAME_BYTES_MAX: usize = 200;
/// Files to one target that are written at once.
const AT_ONCE_MAX: usize = 1000;
/// Before the umask. PostgreSQL's files, too, are for everybody to read.
const NEW_MODE: Mode = Mode::from_raw_mode(0o644);
const PRIVATE_MODE: Mode = Mode::from_raw_mode(0o600);

/// Removed when dropped, if it has not become its target.
pub(super) struct Part {
    folder: Folder,
    name: OsString,
    target: OsString,
    pub(super) file: File,
}

impl Part {
    /// Begins a file that will be the target. It gets the owner and the mode of what is there, which must be a file that may
    /// be written.
    pub(super) fn begin(place: &str, folder: Folder, target: OsString) -> Result<Part> {
        let failed = |source| FileError::Io { verb: "open", place: place.to_owned(), source };
        let replaced = match folder.open_file(place, &target, OFlags::WRONLY) {
            Ok(file) => Some(file.metadata().map_err(failed)?),
            Err(FileError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mode = if replaced.is_some() { PRIVATE_MODE } else { NEW_MODE };
        let (name, file) = claimed(&folder, &target.to_string_lossy(), mode).map_err(failed)?;
        let part = Part { folder, name, target, file };
        if let Some(replaced) = replaced {
            // Who is not the superuser gives nothing away: then it is the server's.
            let _ = fchown(&part.file, Some(replaced.uid()), Some(replaced.gid()));
            part.file.set_permissions(Permissions::from_mode(replaced.mode() & 0o777)).map_err(failed)?;
        }
        Ok(part)
    }

    /// Makes it durable in the place of its target.
    pub(super) fn publish(&self, place: &str) -> Result<()> {
        let failed = |source| FileError::Io { verb: "write", place: place.to_owned(), source };
        self.file.sync_all().map_err(failed)?;
        match self.folder.check_file(place, &self.target) {
            Err(FileError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            found => found?,
        }
        self.folder.rename(&self.name, &self.target).map_err(failed)?;
        self.folder.sync().map_err(failed)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After it was renamed the name may be another's.
        if self.folder.leads_to(&self.name, &self.file) {
            let _ = self.folder.remove(&self.name);
        }
    }
}

/// A new file under a name that nobody who is writing to the target has.
fn claimed(folder: &Folder, target: &str, mode: Mode) -> io::Result<(OsString, File)> {
    let stem = &target[..target.floor_char_boundary(NAME_BYTES_MAX)];
    for number in 0..AT_ONCE_MAX {
        let name = OsString::from(format!(".{stem}.peristyle-{number}.part"));
        remove_leftover(folder, &name);
        match folder.create_file(&name, mode) {
            Ok(file) if is_own(&file)? => return Ok((name, file)),
            // Another's that is being written, or that took this one for a leftover.
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Locks a file that was just made. It may have been taken for a leftover before.
fn is_own(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(file.metadata()?.nlink() > 0),
        Err(TryLockError::WouldBlock) => Ok(false),
        // A file system without locks, on which nobody finds leftovers either.
        Err(TryLockError::Error(_)) => Ok(true),
    }
}

/// Removes a file that nobody is writing.
fn remove_leftover(folder: &Folder, name: &OsStr) {
    let Ok(file) = folder.open_file("", name, OFlags::WRONLY) else { return };
    if file.try_lock().is_ok() && folder.leads_to(name, &file) {
        let _ = folder.remove(name);
    }
}
