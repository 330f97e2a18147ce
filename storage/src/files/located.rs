//! Where a path of the server leads: found by its name, compared with what is allowed, and opened by where it really is.

use std::ffi::OsString;
use std::path::{Component, Path as FilePath, PathBuf};

use super::folder::Folder;
use super::{Allowed, FileError, Result};

/// A path without links, cut in two where the allowed folder ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located {
    root: PathBuf,
    below: PathBuf,
}

impl Located {
    /// Where a path leads, which must be allowed. What is there or not is only told of places that are.
    pub(super) fn existing(allowed: &[Allowed], place: &str, path: &FilePath) -> Result<Located> {
        let refused = || FileError::NotAllowed { place: place.to_owned() };
        match path.canonicalize() {
            Ok(real) => below(allowed, &real).ok_or_else(refused),
            Err(source) if leads_into(allowed, path) => {
                Err(FileError::Io { verb: "open", place: place.to_owned(), source })
            }
            Err(_) => Err(refused()),
        }
    }

    /// As a folder.
    pub(super) fn open(&self, place: &str) -> Result<Folder> {
        Folder::open(place, &self.root, &self.below)
    }

    /// The folder that it lies in, and its name there.
    pub(super) fn open_parent(&self, place: &str) -> Result<(Folder, OsString)> {
        match (self.below.parent(), self.below.file_name()) {
            (Some(way), Some(name)) => Ok((Folder::open(place, &self.root, way)?, name.to_owned())),
            _ => Err(FileError::IsFolder { place: place.to_owned() }),
        }
    }
}

/// The folder and the name of a file that is to be written. A link that is there leads to the file that is meant.
pub(super) fn target(allowed: &[Allowed], place: &str, path: &FilePath) -> Result<(Folder, OsString)> {
    if path.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
        return Located::existing(allowed, place, path)?.open_parent(place);
    }
    let is_folder = || FileError::IsFolder { place: place.to_owned() };
    let (folder, name) = path.parent().zip(path.file_name()).ok_or_else(is_folder)?;
    let folder = Located::existing(allowed, place, folder)?.open(place)?;
    // Of which a path forgets that it was written.
    if place.ends_with('/') || place.ends_with("/.") {
        return Err(is_folder());
    }
    Ok((folder, name.to_owned()))
}

fn below(allowed: &[Allowed], real: &FilePath) -> Option<Located> {
    let (root, below) = allowed.iter().find_map(|allowed| allowed.below(real))?;
    Some(Located { root, below })
}

/// Whether what there is of a path, up to the first part that is missing, lies where it may. A link that leads to nothing may
/// lead anywhere.
fn leads_into(allowed: &[Allowed], path: &FilePath) -> bool {
    let climbs = path.components().any(|part| part == Component::ParentDir);
    let there = path.ancestors().find(|part| part.symlink_metadata().is_ok());
    let real = there.filter(|_| !climbs).and_then(|there| there.canonicalize().ok());
    real.is_some_and(|real| below(allowed, &real).is_some())
}
