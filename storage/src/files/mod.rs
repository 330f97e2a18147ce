//! Files that are not the store's: what COPY reads and writes on the server's disks and in buckets, under the folders and
//! prefixes that a setting allows. Places are compared after links are resolved, and what was compared is what is opened:
//! who may write there leads nobody out by what he does in between. Those who may write beside an allowed folder are trusted.

mod allowed;
mod bucket;
mod error;
mod folder;
mod located;
mod parquet_in;
mod parquet_out;
mod parquet_types;
mod part;
mod sink;
mod source;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use allowed::Allowed;
pub use error::{FileError, Refusal};
pub use parquet_in::ParquetFile;
pub use parquet_out::ParquetEncoder;
pub use sink::Sink;
pub use source::Source;

use self::bucket::Buckets;
use self::located::Located;
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
            return Source::object(place, &*self.buckets.open(place, &name)?, key).await;
        }
        let path = absolute(place)?;
        let allowed = self.allowed.clone();
        let place = place.to_owned();
        blocking(move || {
            let (folder, name) = Located::existing(&allowed, &place, &path)?.open_parent(&place)?;
            Source::file(&place, &folder, &name)
        })
        .await
    }

    /// Begins a file that takes the place of what is there once it is finished.
    pub async fn create(&self, place: &str) -> Result<Sink> {
        if let Some(rest) = place.strip_prefix(bucket::SCHEME) {
            let (name, key) = bucket::parse(place, rest)?;
            self.check_object(place, &name, &key)?;
            return Ok(Sink::object(place, &self.buckets.open(place, &name)?, key));
        }
        let path = absolute(place)?;
        let (allowed, place) = (self.allowed.clone(), place.to_owned());
        blocking(move || {
            let (folder, name) = located::target(&allowed, &place, &path)?;
            Sink::file(&place, folder, name)
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

/// Runs what waits for a disk where it holds up nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(FileError::Internal(format!("work on a file stopped: {error}"))),
    }
}
