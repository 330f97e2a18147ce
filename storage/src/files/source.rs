//! A file to read, by ranges or from its beginning to its end.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt};
use rustix::fs::OFlags;

use super::folder::Folder;
use super::{FileError, Result, blocking};
use crate::objects::Store;

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
    pub(super) fn file(place: &str, folder: &Folder, name: &OsStr) -> Result<Source> {
        let file = folder.open_file(place, name, OFlags::RDONLY)?;
        let opened = file.metadata();
        let opened = opened.map_err(|source| FileError::Io { verb: "open", place: place.to_owned(), source })?;
        Ok(Source { place: place.into(), size: opened.len(), kind: Kind::File(Arc::new(file)) })
    }

    pub(super) async fn object(place: &str, bucket: &Store, key: Path) -> Result<Source> {
        let objects = Arc::clone(bucket.objects());
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

    /// The bytes of a range, which must be within the size: what a file says of itself need not be so.
    pub async fn range(&self, range: Range<u64>) -> Result<Bytes> {
        let place = Arc::clone(&self.place);
        if range.start > range.end || range.end > self.size {
            let source = io::ErrorKind::UnexpectedEof.into();
            return Err(FileError::Io { verb: "read", place: place.to_string(), source });
        }
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
