//! A folder of the server, held open: what is opened in it lies where it was when it was compared with what is allowed,
//! whatever becomes of the names on the way there.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path as FilePath;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, fsync, open, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::{FileError, Result};

/// Who may go through a folder may open what is in it, whether or not he may list it.
#[cfg(target_os = "linux")]
const SEARCH: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const SEARCH: OFlags = OFlags::RDONLY;
/// Of folders on the way: none is a link, since the way was resolved before.
const STEP: OFlags = SEARCH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Of files: neither a link nor anything that makes the server wait or becomes its terminal.
const LAST: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// An open folder.
pub(super) struct Folder(OwnedFd);

impl Folder {
    /// Goes from an allowed folder to one below it, part by part.
    pub(super) fn open(place: &str, root: &FilePath, way: &FilePath) -> Result<Folder> {
        let mut folder = open(root, STEP, Mode::empty()).map_err(|error| refusal(place, error))?;
        for part in way {
            folder = openat(&folder, part, STEP, Mode::empty()).map_err(|error| refusal(place, error))?;
        }
        Ok(Folder(folder))
    }

    /// Opens a regular file. What is none is refused before it is opened, as opening alone can do something, and after it,
    /// as it may have become another.
    pub(super) fn open_file(&self, place: &str, name: &OsStr, access: OFlags) -> Result<File> {
        self.check_file(place, name)?;
        let opened = openat(&self.0, name, access | LAST, Mode::empty()).map_err(|error| refusal(place, error))?;
        let stat = fstat(&opened).map_err(|error| refusal(place, error))?;
        check_kind(place, &stat)?;
        Ok(File::from(opened))
    }

    /// Refuses a name that is there and no regular file's.
    pub(super) fn check_file(&self, place: &str, name: &OsStr) -> Result<()> {
        let found = statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| refusal(place, error))?;
        check_kind(place, &found)
    }

    /// Makes a file that is not there.
    pub(super) fn create_file(&self, name: &OsStr, mode: Mode) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | LAST;
        Ok(File::from(openat(&self.0, name, flags, mode)?))
    }

    /// Whether the name is that of this very file.
    pub(super) fn leads_to(&self, name: &OsStr, file: &File) -> bool {
        let found = statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW);
        let (Ok(found), Ok(file)) = (found, fstat(file)) else { return false };
        (found.st_dev, found.st_ino) == (file.st_dev, file.st_ino)
    }

    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.0, from, &self.0, to)?)
    }

    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Makes names durable, where the server may read the folder.
    pub(super) fn sync(&self) -> io::Result<()> {
        match openat(&self.0, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(folder) => Ok(fsync(&folder)?),
            Err(Errno::ACCESS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn check_kind(place: &str, stat: &Stat) -> Result<()> {
    let place = || place.to_owned();
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(FileError::IsFolder { place: place() }),
        FileType::Symlink => Err(FileError::NotAllowed { place: place() }),
        _ => Err(FileError::NotRegular { place: place() }),
    }
}

/// A link where there was none when the path was resolved leads wherever somebody wanted it to.
fn refusal(place: &str, error: Errno) -> FileError {
    match error {
        Errno::LOOP => FileError::NotAllowed { place: place.to_owned() },
        other => FileError::Io { verb: "open", place: place.to_owned(), source: other.into() },
    }
}
