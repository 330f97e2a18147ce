//! Which objects this server is about to create or created lately, on the local disk: what a crash leaves in the store
//! is found by looking at these and not at the whole store.
//!
//! An object is noted before its upload begins and forgotten when it is deleted or when the catalog names it. The file
//! survives the end of the process but not always that of the power, since it is not fsynced; what is missing then is
//! found by the listing.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path as FilePath, PathBuf};

use parking_lot::Mutex;
use peristyle_catalog::model::{Oid, PartitionId};

/// Lines of the file that name nothing any more, from which on it is written anew.
const STALE_LINES_MAX: usize = 10_000;

/// An object by its table and its id.
pub type Intent = (Oid, PartitionId);

/// The intents of one data folder. Without a file they are kept in memory only.
#[derive(Default)]
pub struct Intents {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    path: Option<PathBuf>,
    file: Option<File>,
    lines: usize,
    /// Of this process.
    own: BTreeSet<Intent>,
    /// Of processes before it: nobody works on them any more.
    left: BTreeSet<Intent>,
}

impl Intents {
    /// Reads what earlier processes left, and notes to the same file from now on.
    pub fn keep_in(&self, path: &FilePath) -> io::Result<()> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            other => other?,
        };
        let mut state = self.state.lock();
        state.left.extend(text.lines().filter_map(parse));
        state.path = Some(path.to_owned());
        state.rewrite()
    }

    /// Notes an object whose upload is about to begin.
    pub(crate) fn note(&self, intent: Intent) {
        let mut state = self.state.lock();
        state.own.insert(intent);
        let noted = state.append(intent);
        warn(noted);
    }

    /// An object that is gone, or that the catalog names, is nobody's intent.
    pub(crate) fn settle(&self, intents: impl IntoIterator<Item = Intent>) {
        let mut state = self.state.lock();
        for intent in intents {
            state.own.remove(&intent);
            state.left.remove(&intent);
        }
        if state.lines > state.own.len() + state.left.len() + STALE_LINES_MAX
            || (state.lines > 0 && state.own.is_empty() && state.left.is_empty())
        {
            let written = state.rewrite();
            warn(written);
        }
    }

    /// Whether this process may still commit the object.
    pub(crate) fn is_own(&self, intent: &Intent) -> bool {
        self.state.lock().own.contains(intent)
    }

    /// Objects that this process noted.
    pub(crate) fn own(&self) -> Vec<Intent> {
        self.state.lock().own.iter().copied().collect()
    }

    /// Some of the objects that earlier processes noted.
    pub(crate) fn left(&self, count: usize) -> Vec<Intent> {
        self.state.lock().left.iter().take(count).copied().collect()
    }
}

/// A line that is missing is found by the listing.
fn warn(written: io::Result<()>) {
    if let Err(error) = written {
        tracing::warn!(%error, "could not note which objects are being written");
    }
}

impl State {
    fn append(&mut self, intent: Intent) -> io::Result<()> {
        self.lines += 1;
        match &mut self.file {
            Some(file) => file.write_all(line(intent).as_bytes()),
            None => Ok(()),
        }
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let all: String = self.left.iter().chain(&self.own).map(|intent| line(*intent)).collect();
        let new = path.with_extension("new");
        fs::write(&new, &all)?;
        fs::rename(&new, path)?;
        self.file = Some(File::options().append(true).open(path)?);
        self.lines = self.left.len() + self.own.len();
        Ok(())
    }
}

fn line((table, id): Intent) -> String {
    format!("{table} {id}\n")
}

fn parse(line: &str) -> Option<Intent> {
    let (table, id) = line.split_once(' ')?;
    Some((Oid(table.parse().ok()?), PartitionId(id.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use uuid::Uuid;

    use super::*;

    fn intent(id: u128) -> Intent {
        (Oid(7), PartitionId(Uuid::from_u128(id)))
    }

    #[test]
    fn what_was_not_settled_is_left_to_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("INTENTS");
        let first = Intents::default();
        first.keep_in(&path).unwrap();
        (1..=3).for_each(|id| first.note(intent(id)));
        first.settle([intent(2)]);
        assert!(first.is_own(&intent(1)) && !first.is_own(&intent(2)));
        assert_eq!(first.left(9), []);
        drop(first);
        // A line that was cut short by the end of the process.
        File::options().append(true).open(&path).unwrap().write_all(b"7 0000").unwrap();
        let second = Intents::default();
        second.keep_in(&path).unwrap();
        assert_eq!(second.left(2), [intent(1), intent(2)], "a settled line stays until the file is written anew");
        second.note(intent(4));
        second.settle([intent(1), intent(2), intent(3), intent(4)]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "", "nothing is left to look for");
    }

    #[test]
    fn the_file_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("INTENTS");
        let intents = Intents::default();
        intents.keep_in(&path).unwrap();
        intents.note(intent(0));
        for id in 1..=2 * STALE_LINES_MAX as u128 {
            intents.note(intent(id));
            intents.settle([intent(id)]);
        }
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= STALE_LINES_MAX + 2, "{lines}");
    }
}
