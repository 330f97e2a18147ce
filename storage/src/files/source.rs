//! A file to read, by ranges or from its beginning to its end.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt};

use super::{FileError, Result, blocking};

/// Pieces of a file that are fetched ahead of the one that is taken.
const PIECES_AHEAD: usize = 2;

/// An open file. Its size is that of when it was opened.
#[derive(Clone, Debug)]
pub struct Source {
    place: Arc<str>,
    size: u64,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    File(Arc<File>),
    /// The tag tells whether the object is still the one that was opened.
    Object {
        objects: Arc<dyn ObjectStore>,
        key: Path,
        tag: Option<String>,
    },
}

impl Source {
    /// Opens a path without links, which must still lead to what was opened.
    pub(super) fn file(place: &str, real: &FilePath) -> Result<Source> {
        let failed = |source| FileError::Io { verb: "open", place: place.to_owned(), source };
        let kind = real.metadata().map_err(failed)?;
        if kind.is_dir() {
            return Err(FileError::IsFolder { place: place.to_owned() });
        }
        if !kind.is_file() {
            return Err(FileError::NotRegular { place: place.to_owned() });
        }
        let file = File::open(real).map_err(failed)?;
        let opened = file.metadata().map_err(failed)?;
        let is_same = (opened.dev(), opened.ino()) == (kind.dev(), kind.ino());
        if !is_same || real.canonicalize().map_err(failed)? != real {
            return Err(FileError::NotAllowed { place: place.to_owned() });
        }
        Ok(Source { place: place.into(), size: opened.len(), kind: Kind::File(Arc::new(file)) })
    }

    pub(super) async fn object(place: &str, objects: Arc<dyn ObjectStore>, key: Path) -> Result<Source> {
        let found = objects.head(&key).await;
        let meta = found.map_err(|source| FileError::object("open", place, source))?;
        Ok(Source { place: place.into(), size: meta.size, kind: Kind::Object { objects, key, tag: meta.e_tag } })
    }

    /// The name that it was opened by.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of a range within the size.
    pub async fn range(&self, range: Range<u64>) -> Result<Bytes> {
        let place = Arc::clone(&self.place);
        match &self.kind {
            Kind::File(file) => {
                let file = Arc::clone(file);
                blocking(move || {
                    let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(0)];
                    let read = file.read_exact_at(&mut bytes, range.start);
                    read.map_err(|source| FileError::Io { verb: "read", place: place.to_string(), source })?;
                    Ok(Bytes::from(bytes))
                })
                .await
            }
            Kind::Object { objects, key, tag } => {
                let options = GetOptions { range: Some(range.into()), if_match: tag.clone(), ..GetOptions::default() };
                let failed = |source| FileError::object("read", &place, source);
                objects.get_opts(key, options).await.map_err(failed)?.bytes().await.map_err(failed)
            }
        }
    }

    /// All bytes in order, in pieces of that size; few are fetched ahead.
    pub fn pieces(self, piece_bytes: usize) -> impl Stream<Item = Result<Bytes>> + Send {
        let size = self.size;
        let starts = (0..size).step_by(piece_bytes.max(1));
        let ranges = starts.map(move |start| start..size.min(start + piece_bytes.max(1) as u64));
        stream::iter(ranges)
            .map(move |range| {
                let source = self.clone();
                async move { source.range(range).await }
            })
            .buffered(PIECES_AHEAD)
    }
}
