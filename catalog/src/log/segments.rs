//! The log's files: which there are, and freeing those that nothing needs.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::Disk;

const SUFFIX: &str = ".log";
/// Digits of a position in a file's name: u64 needs at most 20.
const POSITION_DIGITS: usize = 20;

/// The files of one log by the position at which each starts.
pub(crate) struct Segments {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) folder: PathBuf,
    starts: Mutex<BTreeSet<u64>>,
}

impl Segments {
    /// Lists the folder.
    pub(crate) fn open(disk: Arc<dyn Disk>, folder: &Path) -> io::Result<Segments> {
        let starts = disk.list(folder)?.iter().filter_map(|name| start_of(name)).collect();
        Ok(Segments { disk, folder: folder.to_owned(), starts: Mutex::new(starts) })
    }

    pub(crate) fn path(&self, start: u64) -> PathBuf {
        self.folder.join(format!("{start:0POSITION_DIGITS$}{SUFFIX}"))
    }

    pub(crate) fn starts(&self) -> Vec<u64> {
        self.starts.lock().iter().copied().collect()
    }

    /// The position from which on the log is kept.
    pub(crate) fn first(&self) -> Option<u64> {
        self.starts.lock().first().copied()
    }

    pub(crate) fn last(&self) -> Option<u64> {
        self.starts.lock().last().copied()
    }

    /// The start of the segment that the position lies in or behind.
    pub(crate) fn holding(&self, position: u64) -> Option<u64> {
        self.starts.lock().range(..=position).next_back().copied()
    }

    /// Makes the log end at a position: later segments go, newest first, then the rest of the one that it lies in.
    pub(crate) fn cut(&self, position: u64) -> io::Result<()> {
        for start in self.starts().into_iter().rev().filter(|start| *start > position) {
            self.disk.remove(&self.path(start))?;
            self.starts.lock().remove(&start);
        }
        if let Some(start) = self.holding(position) {
            let file = self.disk.open(&self.path(start))?;
            file.truncate(file.size()?.min(position - start))?;
            file.sync()?;
        }
        self.disk.sync_folder(&self.folder)
    }

    /// Deletes every segment.
    pub(crate) fn clear(&self) -> io::Result<()> {
        for start in self.starts() {
            self.disk.remove(&self.path(start))?;
            self.starts.lock().remove(&start);
        }
        self.disk.sync_folder(&self.folder)
    }

    /// Makes sure that the next frame can go to a position, whatever is missing before it.
    pub(crate) fn continue_at(&self, position: u64) -> io::Result<()> {
        let reaches = match self.holding(position) {
            Some(start) => self.disk.open(&self.path(start))?.size()? >= position - start,
            None => false,
        };
        if reaches { Ok(()) } else { self.begin(position) }
    }

    /// The first stretch of the log from a position on that lies in the files without a gap: from where to where.
    pub(crate) fn stretch(&self, from: u64, end: u64) -> io::Result<(u64, u64)> {
        let mut from = from;
        while from < end {
            let next = self.starts.lock().range(from + 1..).next().copied();
            if let Some(start) = self.holding(from) {
                let reach = start + self.disk.open(&self.path(start))?.size()?;
                let until = next.map_or(reach, |next| reach.min(next)).min(end);
                if until > from {
                    return Ok((from, until));
                }
            }
            from = next.unwrap_or(end);
        }
        Ok((end, end))
    }

    /// The bytes of the log between two positions that it has.
    pub(crate) fn read(&self, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(to - from).map_err(io::Error::other)?];
        let mut at = from;
        while at < to {
            let start = self.holding(at).ok_or(io::ErrorKind::NotFound)?;
            let next = self.starts.lock().range(at + 1..).next().copied();
            let until = next.map_or(to, |next| next.min(to));
            let part = &mut bytes[(at - from) as usize..(until - from) as usize];
            if self.disk.open(&self.path(start))?.read_at(part, at - start)? < part.len() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            at = until;
        }
        Ok(bytes)
    }

    /// Puts bytes of the log at their position, after or over those that are there already.
    pub(crate) fn lay(&self, from: u64, bytes: &[u8]) -> io::Result<()> {
        if let Some(start) = self.holding(from) {
            let file = self.disk.open(&self.path(start))?;
            if start + file.size()? >= from {
                file.write_all_at(bytes, from - start)?;
                return file.sync();
            }
        }
        self.begin(from)?;
        let file = self.disk.open(&self.path(from))?;
        file.write_all_at(bytes, 0)?;
        file.sync()
    }

    /// Begins a segment.
    fn begin(&self, position: u64) -> io::Result<()> {
        self.disk.create(&self.path(position))?.sync()?;
        self.disk.sync_folder(&self.folder)?;
        self.added(position);
        Ok(())
    }

    pub(crate) fn added(&self, start: u64) {
        self.starts.lock().insert(start);
    }

    /// Deletes the segments that lie wholly below the position; the one being written never does. Returns how many.
    pub(crate) fn free_below(&self, position: u64) -> io::Result<usize> {
        let starts = self.starts();
        let mut freed = 0;
        for pair in starts.windows(2).take_while(|pair| pair[1] <= position) {
            self.disk.remove(&self.path(pair[0]))?;
            self.starts.lock().remove(&pair[0]);
            freed += 1;
        }
        if freed > 0 {
            self.disk.sync_folder(&self.folder)?;
        }
        Ok(freed)
    }
}

fn start_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    (digits.len() == POSITION_DIGITS).then(|| digits.parse().ok())?
}
