//! Whether the index on disk holds the rows that manifest and log make.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::inspect::IndexState;
use crate::catalog::Settings;
use crate::folder::Folder;
use crate::index::{Index, IndexError};
use crate::log::Segments;
use crate::open::Loaded;
use crate::open::replay::replay;
use crate::{Error, Result};

/// Compares the folder's index with `expected`, which is brought to the commit that the index reaches.
pub(super) fn compare(
    folder: &Folder,
    settings: &Settings,
    segments: &Arc<Segments>,
    expected: &mut Loaded,
) -> Result<IndexState> {
    if !folder.index().is_dir() {
        return Ok(IndexState::Absent);
    }
    if !folder.is_index_trusted() {
        return Ok(IndexState::InDoubt);
    }
    // A copy, since sled writes to what it opens.
    let copy = folder.scratch().join("index");
    copy_index(folder, &copy)?;
    match compare_copy(&copy, folder, settings, segments, expected) {
        Ok(state) => Ok(state),
        Err(Failure::Index(error)) => Ok(IndexState::Differs(error.to_string())),
        Err(Failure::Log(error)) => Err(error),
    }
}

enum Failure {
    /// It is the index that cannot be read.
    Index(IndexError),
    Log(Error),
}

impl From<IndexError> for Failure {
    fn from(error: IndexError) -> Failure {
        Failure::Index(error)
    }
}

fn compare_copy(
    copy: &Path,
    folder: &Folder,
    settings: &Settings,
    segments: &Arc<Segments>,
    expected: &mut Loaded,
) -> Result<IndexState, Failure> {
    let index = Index::open(copy, settings.index_cache_bytes)?;
    let Some(applied) = index.applied()? else { return Ok(IndexState::InDoubt) };
    if applied.seq < expected.applied.seq {
        return Ok(IndexState::Behind(applied.seq));
    }
    replay(expected, segments, folder.id, Some(applied.seq)).map_err(Failure::Log)?;
    if expected.applied != applied {
        let reached = expected.applied.seq;
        return Ok(IndexState::Differs(format!("it is at commit {}, the log ends at commit {reached}", applied.seq)));
    }
    Ok(match first_difference(&index, &expected.index)? {
        None => IndexState::Agrees(applied.seq),
        Some(difference) => IndexState::Differs(difference),
    })
}

fn first_difference(index: &Index, expected: &Index) -> Result<Option<String>, IndexError> {
    let (mut rows, mut wanted) = (index.scan(&[], None), expected.scan(&[], None));
    loop {
        match (rows.next().transpose()?, wanted.next().transpose()?) {
            (None, None) => return Ok(None),
            (Some(row), Some(other)) if row == other => {}
            (row, other) => {
                let key = row.or(other).map_or_else(String::new, |(key, _)| hex(&key));
                return Ok(Some(format!("it differs from manifest and log at row {key}")));
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Copies the folder's index to where an earlier look may have left one that it did not finish.
pub(super) fn copy_index(folder: &Folder, copy: &Path) -> Result<()> {
    let copied = Index::delete(copy).and_then(|()| copy_tree(&folder.index(), copy));
    copied.map_err(|source| io_error(copy, source))
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn io_error(path: &Path, source: io::Error) -> Error {
    Error::Io { what: path.display().to_string(), source }
}
