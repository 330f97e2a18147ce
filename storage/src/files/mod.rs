//! Files that are not the store's: what COPY reads and writes on the server's disks and in buckets, under the folders and
//! prefixes that a setting allows. Places are compared after links are resolved.

mod allowed;
mod bucket;
mod error;
mod parquet_in;
mod parquet_out;
mod parquet_types;
mod sink;
mod source;
#[cfg(test)]
mod tests;

use std::path::{Component, Path as FilePath, PathBuf};

use peristyle_catalog::Sources;

pub use allowed::Allowed;
pub use error::FileError;
pub use parquet_in::ParquetFile;
pub use parquet_out::ParquetEncoder;
pub use sink::Sink;
pub use source::Source;

use self::bucket::Buckets;
use crate::settings::StoreSettings;

/// The room's result for files.
pub type Result<T, E = FileError> = std::result::Result<T, E>;

/// The files that COPY may read and write.
pub struct Files {
    allowed: Vec<Allowed>,
    buckets: Buckets,
}

impl Files {
    /// Files at these places and nowhere else.
    pub fn new(allowed: Vec<Allowed>, settings: StoreSettings) -> Files {
        Files { allowed, buckets: Buckets::new(settings) }
    }

    /// Opens a file to read: an absolute path or `s3://bucket/key`.
    pub async fn open(&self, place: &str) -> Result<Source> {
        if let Some(rest) = place.strip_prefix(bucket::SCHEME) {
            let (name, key) = bucket::parse(place, rest)?;
            self.check_object(place, &name, &key)?;
            return Source::object(place, self.buckets.open(place, &name)?, key).await;
        }
        let path = absolute(place)?;
        let allowed = self.allowed.clone();
        let place = place.to_owned();
        blocking(move || {
            let real = existing(&allowed, &place, &path)?;
            Source::file(&place, &real)
        })
        .await
    }

    /// Begins a file that takes the place of what is there once it is finished.
    pub async fn create(&self, place: &str, sources: &Sources) -> Result<Sink> {
        if let Some(rest) = place.strip_prefix(bucket::SCHEME) {
            let (name, key) = bucket::parse(place, rest)?;
            self.check_object(place, &name, &key)?;
            return Ok(Sink::object(place, self.buckets.open(place, &name)?, key, self.buckets.settings()));
        }
        let path = absolute(place)?;
        let (allowed, place, id) = (self.allowed.clone(), place.to_owned(), sources.uuid());
        blocking(move || {
            let (folder, name) = match (path.parent(), path.file_name()) {
                (Some(folder), Some(name)) => (folder, name.to_owned()),
                _ => return Err(FileError::IsFolder { place }),
            };
            let real = existing(&allowed, &place, folder)?.join(name);
            Sink::file(&place, &real, id)
        })
        .await
    }

    fn check_object(&self, place: &str, bucket: &str, key: &object_store::path::Path) -> Result<()> {
        if self.allowed.iter().any(|allowed| allowed.has_object(bucket, key)) {
            return Ok(());
        }
        Err(FileError::NotAllowed { place: place.to_owned() })
    }
}

fn absolute(place: &str) -> Result<PathBuf> {
    let path = PathBuf::from(place);
    if path.is_absolute() { Ok(path) } else { Err(FileError::Relative { place: place.to_owned() }) }
}

/// Where a path leads, which must be allowed. What is there or not is only told of places that are.
fn existing(allowed: &[Allowed], place: &str, path: &FilePath) -> Result<PathBuf> {
    let refused = || FileError::NotAllowed { place: place.to_owned() };
    match path.canonicalize() {
        Ok(real) if allowed.iter().any(|allowed| allowed.has_real_path(&real)) => Ok(real),
        Ok(_) => Err(refused()),
        Err(source) if leads_into(allowed, path) => {
            Err(FileError::Io { verb: "open", place: place.to_owned(), source })
        }
        Err(_) => Err(refused()),
    }
}

/// Whether what there is of a path, up to the first part that is missing, lies where it may.
fn leads_into(allowed: &[Allowed], path: &FilePath) -> bool {
    let is_known = |real: PathBuf| allowed.iter().any(|allowed| allowed.has_real_path(&real));
    let climbs = path.components().any(|part| part == Component::ParentDir);
    !climbs && path.ancestors().find_map(|part| part.canonicalize().ok()).is_some_and(is_known)
}

/// Runs what waits for a disk where it holds up nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(FileError::Internal(format!("work on a file stopped: {error}"))),
    }
}
