//! One object written piece by piece: small ones go in one request, larger ones in parts of one size (some stores
//! ask for that), a bounded number of them under way at once.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};

use tokio::task::JoinSet;

use super::Store;
use crate::{Error, Result};

/// An object in the making. Nothing is visible until [`Upload::finish`].
pub struct Upload {
    store: Arc<Store>,
    path: Path,
    pending: VecDeque<Bytes>,
    pending_bytes: usize,
    written: u64,
    checksum: u32,
    multipart: Option<Box<dyn MultipartUpload>>,
    /// On tasks of their own, so that they go on while the next part is encoded.
    in_flight: JoinSet<Result<()>>,
}

/// A finished object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uploaded {
    pub bytes: u64,
    /// CRC-32C of all its bytes.
    pub checksum: u32,
}

impl Upload {
    pub(super) fn new(store: Arc<Store>, path: Path) -> Upload {
        Upload {
            store,
            path,
            pending: VecDeque::new(),
            pending_bytes: 0,
            written: 0,
            checksum: 0,
            multipart: None,
            in_flight: JoinSet::new(),
        }
    }

    /// The object's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the next bytes; waits while too many parts are under way.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.written += bytes.len() as u64;
        self.checksum = crc32c::crc32c_append(self.checksum, &bytes);
        self.pending_bytes += bytes.len();
        self.pending.push_back(bytes);
        let part_bytes = self.store.settings.upload_part_bytes;
        while self.pending_bytes > part_bytes {
            let part = self.take(part_bytes);
            self.send_part(part).await?;
        }
        Ok(())
    }

    /// Makes the object durable.
    pub async fn finish(mut self) -> Result<Uploaded> {
        let uploaded = Uploaded { bytes: self.written, checksum: self.checksum };
        let rest = self.take(self.pending_bytes);
        if self.multipart.is_none() {
            self.store.create(&self.path, rest).await?;
            return Ok(uploaded);
        }
        self.send_part(rest).await?;
        self.drain(0).await?;
        let mut multipart = self.multipart.take().expect("a multipart upload was begun");
        let _permit = self.store.permit().await;
        multipart.complete().await?;
        Ok(uploaded)
    }

    /// Gives up what was uploaded so far. The object must not have been finished.
    pub async fn abort(mut self) -> Result<()> {
        self.in_flight.shutdown().await;
        match self.multipart.take() {
            Some(mut multipart) => Ok(multipart.abort().await?),
            None => Ok(()),
        }
    }

    async fn send_part(&mut self, part: Bytes) -> Result<()> {
        self.drain(self.store.settings.upload_parts_max.max(1) - 1).await?;
        if self.multipart.is_none() {
            let _permit = self.store.permit().await;
            self.multipart = Some(self.store.objects.put_multipart(&self.path).await?);
        }
        let multipart = self.multipart.as_mut().expect("it was begun just above");
        let length = part.len() as u64;
        let request = multipart.put_part(PutPayload::from(part));
        let store = self.store.clone();
        self.in_flight.spawn(async move {
            let _permit = store.permit().await;
            request.await?;
            store.counters.wrote(length);
            Ok(())
        });
        Ok(())
    }

    /// Waits until no more than `left` parts are under way.
    async fn drain(&mut self, left: usize) -> Result<()> {
        while self.in_flight.len() > left {
            if let Some(done) = self.in_flight.join_next().await {
                done.map_err(|error| Error::Internal(format!("upload of a part: {error}")))??;
            }
        }
        Ok(())
    }

    /// Takes the first bytes off what is pending.
    fn take(&mut self, bytes: usize) -> Bytes {
        let mut part = BytesMut::with_capacity(bytes);
        while part.len() < bytes {
            let Some(mut first) = self.pending.pop_front() else { break };
            let wanted = (bytes - part.len()).min(first.len());
            part.extend_from_slice(&first[..wanted]);
            first.advance(wanted);
            if !first.is_empty() {
                self.pending.push_front(first);
            }
        }
        self.pending_bytes -= part.len();
        part.freeze()
    }
}
