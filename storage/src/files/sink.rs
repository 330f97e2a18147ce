//! A file to write. Nothing is seen of it before it is finished; then it takes the place of what was there.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use super::{FileError, Result, blocking};
use crate::settings::StoreSettings;

/// A file in the making.
pub struct Sink {
    place: Arc<str>,
    bytes: u64,
    kind: Kind,
}

enum Kind {
    File { unfinished: Arc<Unfinished>, target: PathBuf },
    Object(Box<BufWriter>),
}

/// A file under another name beside its target; removed when dropped, since by then it has its own name or is given up.
struct Unfinished {
    file: File,
    path: PathBuf,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After it was renamed there is nothing of that name.
        let _ = fs::remove_file(&self.path);
    }
}

impl Sink {
    pub(super) fn file(place: &str, target: &FilePath, id: Uuid) -> Result<Sink> {
        if target.is_dir() {
            return Err(FileError::IsFolder { place: place.to_owned() });
        }
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = target.with_file_name(format!(".{name}.{id}.part"));
        let opened = File::options().write(true).create_new(true).open(&path);
        let file = opened.map_err(|source| FileError::Io { verb: "open", place: place.to_owned(), source })?;
        let unfinished = Arc::new(Unfinished { file, path });
        Ok(Sink { place: place.into(), bytes: 0, kind: Kind::File { unfinished, target: target.to_owned() } })
    }

    pub(super) fn object(place: &str, objects: Arc<dyn ObjectStore>, key: Path, settings: &StoreSettings) -> Sink {
        let writer = BufWriter::with_capacity(objects, key, settings.upload_part_bytes)
            .with_max_concurrency(settings.upload_parts_max.max(1));
        Sink { place: place.into(), bytes: 0, kind: Kind::Object(Box::new(writer)) }
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
            Kind::File { unfinished, .. } => {
                let unfinished = Arc::clone(unfinished);
                blocking(move || {
                    let written = (&unfinished.file).write_all(&bytes);
                    written.map_err(|source| FileError::Io { verb: "write", place: place.to_string(), source })
                })
                .await
            }
            Kind::Object(writer) => {
                let written = writer.put(bytes).await;
                written.map_err(|source| FileError::object("write", &place, source))
            }
        }
    }

    /// Makes the file durable under its name. Returns its size.
    pub async fn finish(self) -> Result<u64> {
        let place = self.place;
        match self.kind {
            Kind::File { unfinished, target } => {
                blocking(move || {
                    let failed = |source| FileError::Io { verb: "write", place: place.to_string(), source };
                    unfinished.file.sync_all().map_err(failed)?;
                    fs::rename(&unfinished.path, &target).map_err(failed)?;
                    let folder = target.parent().map(File::open).transpose().map_err(failed)?;
                    folder.map_or(Ok(()), |folder| folder.sync_all()).map_err(failed)
                })
                .await?;
            }
            Kind::Object(mut writer) => {
                let finished = writer.shutdown().await;
                finished.map_err(|source| FileError::Io { verb: "write", place: place.to_string(), source })?;
            }
        }
        Ok(self.bytes)
    }

    /// Gives up what was written; best effort in a bucket, whose owner sweeps uploads that were not finished.
    pub async fn abort(self) {
        if let Kind::Object(mut writer) = self.kind
            && let Err(error) = writer.abort().await
        {
            tracing::warn!(place = %self.place, %error, "could not give up an upload");
        }
    }
}
