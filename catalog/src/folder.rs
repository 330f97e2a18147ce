//! The data folder: its lock, its format and identity, and whether its index can be trusted.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::disk::sync_folder;
use crate::{Error, Result, Sources};

mod restoring;

pub use restoring::RestorePlace;

const LOCK_FILE: &str = "LOCK";
const FORMAT_FILE: &str = "FORMAT";
const TRUST_FILE: &str = "INDEX";
const LOG_FOLDER: &str = "log";
const INDEX_FOLDER: &str = "index";
/// Where the server keeps the nonces of its marks in the store.
pub const FENCE_FILE: &str = "FENCE";
/// What does not fit in memory; emptied by each start of the server.
pub const SPILL_FOLDER: &str = "spill";
/// Where a repair puts manifests that cannot be read.
pub(crate) const DAMAGED_MANIFESTS_FOLDER: &str = "damaged-manifests";
/// How the names of folders begin where a repair puts what it cuts off the log.
pub(crate) const CUT_LOG_PREFIX: &str = "log-before-cut-at-";
/// In the folder that a start of the server empties.
const SCRATCH_FOLDER: &str = "spill/check";
/// First word of the format file.
const FORMAT_NAME: &str = "peristyle-catalog";
/// The folder's format that this server writes and the newest that it reads.
pub(crate) const FORMAT_VERSION: u32 = 4;
/// Linux makes a new one at every boot.
const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";
const CLEAN_STOP: &str = "clean";
const REBUILDING: &str = "rebuilding";

/// A data folder that this process holds.
pub(crate) struct Folder {
    path: PathBuf,
    /// Locked while it is open.
    _lock: File,
    pub(crate) id: Uuid,
}

impl Folder {
    /// Locks the folder and reads what it is; a new one gets an identity.
    pub(crate) fn open(path: &Path, sources: &Sources) -> Result<Folder> {
        fs::create_dir_all(path).map_err(|source| io_error(path, source))?;
        let lock = lock(path)?;
        restoring::ensure_ended(path)?;
        let id = match read_format(path)? {
            Some(Format { id, version }) => {
                if version < FORMAT_VERSION {
                    // Before anything is written that an older server would not read.
                    write_format(path, id)?;
                }
                id
            }
            None => create_format(path, sources)?,
        };
        Ok(Folder { path: path.to_owned(), _lock: lock, id })
    }

    /// Locks a folder that is one already, and changes nothing in it.
    pub(crate) fn open_existing(path: &Path) -> Result<Folder> {
        let not_one = || Error::Mismatch(format!("{} is not a data folder", path.display()));
        if !restoring::has_mark(path)? {
            read_format(path)?.ok_or_else(not_one)?;
        }
        let lock = lock(path)?;
        restoring::ensure_ended(path)?;
        let Format { id, .. } = read_format(path)?.ok_or_else(not_one)?;
        Ok(Folder { path: path.to_owned(), _lock: lock, id })
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A place for files that are worthless after this process.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.path.join(SCRATCH_FOLDER)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join(LOG_FOLDER)
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.path.join(INDEX_FOLDER)
    }

    /// Whether the index holds what was written to it: after a clean stop, or while the kernel that has its pages
    /// in memory runs.
    pub(crate) fn is_index_trusted(&self) -> bool {
        let Ok(mark) = fs::read_to_string(self.path.join(TRUST_FILE)) else { return false };
        self.index().is_dir() && (mark == CLEAN_STOP || boot_id().is_some_and(|boot| boot == mark))
    }

    /// From now on the index is trusted until the next boot. To be called before it is changed.
    pub(crate) fn trust_until_boot(&self) -> Result<()> {
        self.mark(boot_id().as_deref().unwrap_or(REBUILDING))
    }

    /// From now on the index is in doubt.
    pub(crate) fn doubt(&self) -> Result<()> {
        self.mark(REBUILDING)
    }

    /// The index's files are durable and nothing changes them any more.
    pub(crate) fn trust_after_clean_stop(&self) -> Result<()> {
        self.mark(CLEAN_STOP)
    }

    fn mark(&self, text: &str) -> Result<()> {
        replace_file(&self.path, TRUST_FILE, text)
    }
}

fn lock(path: &Path) -> Result<File> {
    let file_path = path.join(LOCK_FILE);
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&file_path);
    let file = open.map_err(|source| io_error(&file_path, source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(&file_path).unwrap_or_default();
            return Err(Error::FolderInUse { folder: path.to_owned(), holder: holder.trim().to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(io_error(&file_path, source)),
    }
    let written = file.set_len(0).and_then(|()| writeln!(&file, "{}", std::process::id()));
    written.map_err(|source| io_error(&file_path, source))?;
    Ok(file)
}

/// What the format file says.
struct Format {
    version: u32,
    id: Uuid,
}

fn read_format(path: &Path) -> Result<Option<Format>> {
    let file = path.join(FORMAT_FILE);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error(&file, source)),
    };
    let what = || file.display().to_string();
    let damaged = || Error::Corrupt { what: what(), detail: "it does not name a format and an identity".to_owned() };
    let mut words = text.split_ascii_whitespace();
    if words.next() != Some(FORMAT_NAME) {
        return Err(damaged());
    }
    let found: u32 = words.next().and_then(|word| word.parse().ok()).ok_or_else(damaged)?;
    if found > FORMAT_VERSION {
        return Err(Error::NewerFormat { what: what(), found, known: FORMAT_VERSION });
    }
    let id = words.next().and_then(|word| word.parse().ok()).ok_or_else(damaged)?;
    Ok(Some(Format { version: found, id }))
}

fn create_format(path: &Path, sources: &Sources) -> Result<Uuid> {
    let has_log = fs::read_dir(path.join(LOG_FOLDER)).is_ok_and(|mut entries| entries.next().is_some());
    if has_log {
        let what = path.join(FORMAT_FILE).display().to_string();
        return Err(Error::Corrupt { what, detail: "it is missing, but the folder holds a log".to_owned() });
    }
    let id = sources.uuid();
    write_format(path, id)?;
    Ok(id)
}

fn write_format(path: &Path, id: Uuid) -> Result<()> {
    replace_file(path, FORMAT_FILE, &format!("{FORMAT_NAME} {FORMAT_VERSION} {id}\n"))
}

/// Gives a file in a folder this text, durably and never half: a new file takes the old one's name.
pub fn replace_file(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    let new = folder.join(format!("{name}.new"));
    let replaced = File::create(&new)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&new, &path))
        .and_then(|()| sync_folder(folder));
    replaced.map_err(|source| io_error(&path, source))
}

fn boot_id() -> Option<String> {
    fs::read_to_string(BOOT_ID_FILE).ok().map(|id| id.trim().to_owned())
}

fn io_error(path: &Path, source: io::Error) -> Error {
    Error::Io { what: path.display().to_string(), source }
}
