//! The local backend made durable (law 6): object_store 0.13's `LocalFileSystem` never calls fsync. Bytes go to a
//! staging file, which is fsynced, linked under its name and made findable by an fsync of the folders.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::FutureExt;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

/// Folder of files that are not yet objects; what a crash left there is swept at the next start.
const STAGING: &str = "staging";
const STORE: &str = "local";

/// A folder as an object store whose puts are durable when they return.
#[derive(Debug)]
pub(super) struct DurableLocal {
    inner: LocalFileSystem,
    root: PathBuf,
    next_staging: AtomicU64,
}

impl DurableLocal {
    /// Opens the folder, creating it if it is not there.
    pub(super) fn open(root: &FilePath) -> Result<DurableLocal> {
        make_folders(root).map_err(generic)?;
        let inner = LocalFileSystem::new_with_prefix(root)?;
        let root = root.canonicalize().map_err(generic)?;
        Ok(DurableLocal { inner, root, next_staging: AtomicU64::new(0) })
    }

    /// Removes what an earlier process left behind half written. Only for the folder's one owner.
    pub(super) fn sweep_staging(root: &FilePath) -> io::Result<()> {
        match fs::remove_dir_all(root.join(STAGING)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn stage(&self) -> io::Result<Staged> {
        let number = self.next_staging.fetch_add(1, Ordering::Relaxed);
        let folder = self.root.join(STAGING);
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}-{number}", std::process::id()));
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok(Staged { file: Arc::new(file), path })
    }
}

/// A file on its way to become an object; removed when dropped, since by then it is linked or given up.
#[derive(Debug)]
struct Staged {
    file: Arc<File>,
    path: PathBuf,
}

impl Staged {
    /// Makes the bytes durable under their name.
    fn publish(&self, target: &FilePath, mode: &PutMode) -> io::Result<()> {
        self.file.sync_all()?;
        let folder = target.parent().ok_or(io::ErrorKind::InvalidInput)?;
        make_folders(folder)?;
        match mode {
            PutMode::Overwrite => fs::rename(&self.path, target)?,
            PutMode::Create | PutMode::Update(_) => fs::hard_link(&self.path, target)?,
        }
        sync_folder(folder)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Gone already after a rename; anything else is swept at the next start.
        let _ = fs::remove_file(&self.path);
    }
}

fn sync_folder(folder: &FilePath) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Creates the folder and its parents so that a crash does not lose them.
fn make_folders(folder: &FilePath) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().ok_or(io::ErrorKind::InvalidInput)?;
    make_folders(parent)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_folder(parent)
}

fn generic(source: io::Error) -> object_store::Error {
    object_store::Error::Generic { store: STORE, source: Box::new(source) }
}

fn publish_error(location: &Path, source: io::Error) -> object_store::Error {
    if source.kind() == io::ErrorKind::AlreadyExists {
        return object_store::Error::AlreadyExists { path: location.to_string(), source: Box::new(source) };
    }
    generic(source)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await?
}

fn done() -> PutResult {
    PutResult { e_tag: None, version: None }
}

impl fmt::Display for DurableLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DurableLocal({})", self.root.display())
    }
}

#[async_trait]
impl ObjectStore for DurableLocal {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if matches!(options.mode, PutMode::Update(_)) {
            return Err(object_store::Error::NotImplemented {
                operation: "put in update mode".into(),
                implementer: self.to_string(),
            });
        }
        let target = self.inner.path_to_filesystem(location)?;
        let staged = self.stage().map_err(generic)?;
        let location = location.clone();
        blocking(move || {
            payload.iter().try_for_each(|bytes| (&*staged.file).write_all(bytes)).map_err(generic)?;
            staged.publish(&target, &options.mode).map_err(|error| publish_error(&location, error))?;
            Ok(done())
        })
        .await
    }

    async fn put_multipart_opts(&self, location: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let target = self.inner.path_to_filesystem(location)?;
        let staged = self.stage().map_err(generic)?;
        Ok(Box::new(LocalUpload { staged: Some(Arc::new(staged)), location: location.clone(), target, offset: 0 }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[std::ops::Range<u64>]) -> Result<Vec<bytes::Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A large object in the making: its parts are written where they belong in one staging file.
#[derive(Debug)]
struct LocalUpload {
    staged: Option<Arc<Staged>>,
    location: Path,
    target: PathBuf,
    offset: u64,
}

#[async_trait]
impl MultipartUpload for LocalUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let Some(staged) = self.staged.clone() else {
            return async { Err(generic(io::ErrorKind::BrokenPipe.into())) }.boxed();
        };
        let mut at = self.offset;
        self.offset += data.content_length() as u64;
        blocking(move || {
            for bytes in &data {
                staged.file.write_all_at(bytes, at).map_err(generic)?;
                at += bytes.len() as u64;
            }
            Ok(())
        })
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let staged = self.staged.take().ok_or_else(|| generic(io::ErrorKind::BrokenPipe.into()))?;
        let (target, location) = (self.target.clone(), self.location.clone());
        blocking(move || {
            staged.publish(&target, &PutMode::Create).map_err(|error| publish_error(&location, error))?;
            Ok(done())
        })
        .await
    }

    async fn abort(&mut self) -> Result<()> {
        let Some(staged) = self.staged.take() else { return Ok(()) };
        // A part that is still being written has the file open, and goes with it.
        blocking(move || fs::remove_file(&staged.path).map_err(generic)).await
    }
}
