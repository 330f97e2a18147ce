//! One object written piece by piece: small ones go in one request, larger ones in parts of one size (some stores
//! ask for that), a bounded number of them under way at once.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutMode, PutPayload};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::Store;
use crate::{Error, Result};

/// An object in the making. Nothing is visible until [`Upload::finish`]; one that is dropped before is given up.
pub struct Upload {
    store: Arc<Store>,
    path: Path,
    /// How a small one is put.
    mode: PutMode,
    pending: VecDeque<Bytes>,
    pending_bytes: usize,
    written: u64,
    checksum: u32,
    parts: Option<Parts>,
}

/// What was sent of a large object. The store keeps it, and asks money for it, until it is completed or given up.
struct Parts {
    /// `None` once it is completed or given up.
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
    pub(super) fn new(store: Arc<Store>, path: Path, mode: PutMode) -> Upload {
        Upload { store, path, mode, pending: VecDeque::new(), pending_bytes: 0, written: 0, checksum: 0, parts: None }
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
        if self.parts.is_none() {
            self.store.put(&self.path, rest, self.mode).await?;
            return Ok(uploaded);
        }
        self.send_part(rest).await?;
        let Some(parts) = &mut self.parts else { return Ok(uploaded) };
        parts.drain(0).await?;
        let _permit = self.store.permit().await;
        parts.complete().await?;
        Ok(uploaded)
    }

    /// Gives up what was uploaded so far, and waits until that is done. The object must not have been finished.
    pub async fn abort(mut self) -> Result<()> {
        match self.parts.take() {
            Some(mut parts) => parts.abort().await,
            None => Ok(()),
        }
    }

    async fn send_part(&mut self, part: Bytes) -> Result<()> {
        let most = self.store.settings.upload_parts_max.max(1);
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => self.parts.insert(Parts::begin(&self.store, &self.path).await?),
        };
        parts.drain(most - 1).await?;
        parts.send(&self.store, part);
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

impl Parts {
    /// On a task of its own: who is dropped while the store answers could not give up what it began.
    async fn begin(store: &Arc<Store>, path: &Path) -> Result<Parts> {
        let (store, path) = (Arc::clone(store), path.clone());
        let begun = tokio::spawn(async move {
            let _permit = store.permit().await;
            let multipart = store.objects.put_multipart(&path).await?;
            Ok(Parts { multipart: Some(multipart), in_flight: JoinSet::new() })
        });
        begun.await.map_err(|error| Error::Internal(format!("begin of an upload: {error}")))?
    }

    fn send(&mut self, store: &Arc<Store>, part: Bytes) {
        let Some(multipart) = &mut self.multipart else { return };
        let length = part.len() as u64;
        let request = multipart.put_part(PutPayload::from(part));
        let store = Arc::clone(store);
        self.in_flight.spawn(async move {
            let _permit = store.permit().await;
            request.await?;
            store.counters.wrote(length);
            Ok(())
        });
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

    async fn complete(&mut self) -> Result<()> {
        if let Some(multipart) = &mut self.multipart {
            multipart.complete().await?;
        }
        self.multipart = None;
        Ok(())
    }

    async fn abort(&mut self) -> Result<()> {
        match self.multipart.take() {
            Some(multipart) => give_up(multipart, std::mem::take(&mut self.in_flight)).await,
            None => Ok(()),
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let Some(multipart) = self.multipart.take() else { return };
        let in_flight = std::mem::take(&mut self.in_flight);
        // Without a runtime there is nobody to ask the store.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = give_up(multipart, in_flight).await {
                tracing::warn!(%error, "could not give up an upload");
            }
        });
    }
}

async fn give_up(mut multipart: Box<dyn MultipartUpload>, mut in_flight: JoinSet<Result<()>>) -> Result<()> {
    // A part that arrives after the end would stay.
    in_flight.shutdown().await;
    Ok(multipart.abort().await?)
}
