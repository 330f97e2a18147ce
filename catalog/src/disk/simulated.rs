//! A disk in memory that loses what was not synced, fails when told, and runs out of space.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Disk, DiskFile};

/// What is torn at a crash: a write may reach the disk in part, sector by sector.
const SECTOR_BYTES: usize = 64;

/// What happens at a step that changes the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The power goes: nothing works any more.
    Crash,
    /// The step fails; a write has written half.
    Error(io::ErrorKind),
}

/// Clones are the same disk.
#[derive(Clone, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

#[derive(Default)]
struct State {
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    files: Vec<Content>,
    /// Steps so far that change the disk.
    steps: u64,
    fault: Option<(u64, Fault)>,
    is_dead: bool,
    space_bytes: Option<usize>,
}

#[derive(Clone, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
}

struct SimulatedFile {
    disk: SimulatedDisk,
    file: usize,
}

impl SimulatedDisk {
    /// Lets a fault happen at that step, counted from the first.
    pub fn fail_at(&self, step: u64, fault: Fault) {
        self.state.lock().fault = Some((step, fault));
    }

    /// The next step fails.
    #[cfg(test)]
    pub(crate) fn fail_next(&self, kind: io::ErrorKind) {
        let next = self.steps() + 1;
        self.fail_at(next, Fault::Error(kind));
    }

    pub fn steps(&self) -> u64 {
        self.state.lock().steps
    }

    /// No fault happens any more.
    pub fn fail_never(&self) {
        self.state.lock().fault = None;
    }

    /// The power goes now.
    pub fn die(&self) {
        self.state.lock().is_dead = true;
    }

    /// Whether the power is gone.
    pub fn is_dead(&self) -> bool {
        self.state.lock().is_dead
    }

    /// Bytes that all files together may have.
    #[cfg(test)]
    pub(crate) fn limit_space(&self, bytes: Option<usize>) {
        self.state.lock().space_bytes = bytes;
    }

    /// Whether syncs wait.
    #[cfg(test)]
    pub(crate) fn hold_syncs(&self, hold: bool) {
        *self.gate.0.lock() = hold;
        self.gate.1.notify_all();
    }

    /// The disk as the next boot finds it: what was synced, and of the rest some sectors.
    pub fn after_crash(&self, seed: u64) -> SimulatedDisk {
        let mut chance = StdRng::seed_from_u64(seed);
        let state = self.state.lock();
        let mut names = state.durable_names.clone();
        for (name, file) in &state.names {
            if chance.random_bool(0.5) {
                names.insert(name.clone(), *file);
            }
        }
        let files = state.files.iter().map(|content| Content::same(content.torn(&mut chance))).collect();
        let state = State { durable_names: names.clone(), names, files, ..State::default() };
        SimulatedDisk { state: Arc::new(Mutex::new(state)), gate: Arc::default() }
    }

    /// The disk as the next process finds it when only this one ended: all that was written.
    pub fn after_kill(&self) -> SimulatedDisk {
        let state = self.state.lock();
        let files = state.files.clone();
        let state =
            State { names: state.names.clone(), durable_names: state.durable_names.clone(), files, ..State::default() };
        SimulatedDisk { state: Arc::new(Mutex::new(state)), gate: Arc::default() }
    }

    /// Counts a step; the error if it is to fail.
    fn step(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.is_dead {
            return Err(io::Error::other("the power is gone"));
        }
        state.steps += 1;
        match state.fault {
            Some((step, fault)) if step == state.steps => match fault {
                Fault::Crash => {
                    state.is_dead = true;
                    Err(io::Error::other("the power went"))
                }
                Fault::Error(kind) => Err(kind.into()),
            },
            Some(_) | None => Ok(()),
        }
    }

    fn wait_at_gate(&self) {
        let mut is_held = self.gate.0.lock();
        while *is_held {
            self.gate.1.wait(&mut is_held);
        }
    }
}

impl Content {
    fn same(bytes: Vec<u8>) -> Content {
        Content { now: bytes.clone(), durable: bytes }
    }

    fn torn(&self, chance: &mut StdRng) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        if chance.random_bool(0.5) {
            bytes.resize(self.now.len(), 0);
        }
        for (sector, written) in bytes.chunks_mut(SECTOR_BYTES).zip(self.now.chunks(SECTOR_BYTES)) {
            if chance.random_bool(0.5) {
                let both = sector.len().min(written.len());
                sector[..both].copy_from_slice(&written[..both]);
            }
        }
        bytes
    }
}

impl State {
    /// Grows a file, if there is space.
    fn grow(&mut self, file: usize, bytes: usize) -> io::Result<()> {
        let used: usize = self.names.values().map(|file| self.files[*file].now.len()).sum();
        let more = bytes.saturating_sub(self.files[file].now.len());
        if self.space_bytes.is_some_and(|space| used + more > space) && more > 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let content = &mut self.files[file].now;
        content.resize(content.len().max(bytes), 0);
        Ok(())
    }
}

impl Disk for SimulatedDisk {
    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state.lock();
        let inside = state.names.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.step()?;
        let mut state = self.state.lock();
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = state.files.len();
        state.files.push(Content::default());
        state.names.insert(path.to_owned(), file);
        Ok(Box::new(SimulatedFile { disk: self.clone(), file }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.state.lock().names.get(path).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), file }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        self.state.lock().names.remove(path).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step()?;
        let mut state = self.state.lock();
        let names = state.names.iter().filter(|(path, _)| path.parent() == Some(folder));
        state.durable_names = names.map(|(path, file)| (path.clone(), *file)).collect();
        Ok(())
    }
}

impl DiskFile for SimulatedFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.state.lock().files[self.file].now.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state.lock();
        let content = &state.files[self.file].now;
        let rest = content.get(offset as usize..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let step = self.disk.step();
        let written = if step.is_ok() { bytes.len() } else { bytes.len() / 2 };
        let offset = offset as usize;
        let mut state = self.disk.state.lock();
        state.grow(self.file, offset + written)?;
        state.files[self.file].now[offset..offset + written].copy_from_slice(&bytes[..written]);
        step
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.disk.step()?;
        self.disk.state.lock().grow(self.file, bytes as usize)
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.disk.step()?;
        self.disk.state.lock().files[self.file].now.resize(bytes as usize, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.wait_at_gate();
        self.disk.step()?;
        let content = &mut self.disk.state.lock().files[self.file];
        content.durable.clone_from(&content.now);
        Ok(())
    }
}
