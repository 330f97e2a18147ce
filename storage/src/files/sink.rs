//! A file to write. Nothing is seen of it before it is finished; then it takes the place of what was there. One that is dropped
//! before leaves nothing.

use std::ffi::OsString;
use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;

use super::folder::Folder;
use super::part::Part;
use super::{FileError, Result, blocking};
use crate::objects::{Store, Upload};

/// A file in the making.
pub struct Sink {
    place: Arc<str>,
    bytes: u64,
    kind: Kind,
}

enum Kind {
    File(Arc<Part>),
    Object(Box<Upload>),
}

impl Sink {
    pub(super) fn file(place: &str, folder: Folder, target: OsString) -> Result<Sink> {
        let part = Part::begin(place, folder, target)?;
        Ok(Sink { place: place.into(), bytes: 0, kind: Kind::File(Arc::new(part)) })
    }

    pub(super) fn object(place: &str, bucket: &Arc<Store>, key: Path) -> Sink {
        Sink { place: place.into(), bytes: 0, kind: Kind::Object(Box::new(bucket.replacement(key))) }
    }

    /// Bytes taken so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next bytes; waits while the disk or the bucket is behind.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.bytes += bytes.len() as u64;
        let place = Arc::clone(&self.place);
        match &mut self.kind {
            Kind::File(part) => {
                let part = Arc::clone(part);
                blocking(move || {
                    let written = (&part.file).write_all(&bytes);
                    written.map_err(|source| FileError::Io { verb: "write", place: place.to_string(), source })
                })
                .await
            }
            Kind::Object(upload) => upload.write(bytes).await.map_err(|error| FileError::upload(&place, error)),
        }
    }

    /// Makes the file durable under its name. Returns its size.
    pub async fn finish(self) -> Result<u64> {
        let place = self.place;
        match self.kind {
            Kind::File(part) => blocking(move || part.publish(&place)).await?,
            Kind::Object(upload) => {
                upload.finish().await.map_err(|error| FileError::upload(&place, error))?;
            }
        }
        Ok(self.bytes)
    }

    /// Gives up what was written, and waits until that is done as well as it goes.
    pub async fn abort(self) {
        if let Kind::Object(upload) = self.kind
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(place = %self.place, %error, "could not give up an upload");
        }
    }
}
