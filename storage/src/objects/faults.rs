//! A store that fails on purpose, for tests.

#![allow(clippy::unwrap_used)]

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use futures::FutureExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

/// Whether a failing write happened although it is reported as failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Before,
    After,
}

/// Counts writes (puts, parts, completions) down and fails the one that is due.
#[derive(Debug)]
pub(crate) struct Faults {
    writes_left: AtomicI64,
    fault: Fault,
    /// Uploads in parts that were begun and neither completed nor given up.
    open_uploads: AtomicI64,
}

impl Faults {
    fn is_due(&self) -> bool {
        self.writes_left.fetch_sub(1, Ordering::Relaxed) == 0
    }

    /// Whether the fault has happened.
    pub(crate) fn has_struck(&self) -> bool {
        self.writes_left.load(Ordering::Relaxed) < 0
    }

    /// Uploads that the store still keeps.
    pub(crate) fn open_uploads(&self) -> i64 {
        self.open_uploads.load(Ordering::Relaxed)
    }
}

fn failure() -> object_store::Error {
    object_store::Error::Generic { store: "faulty", source: "injected".into() }
}

#[derive(Debug)]
pub(crate) struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    faults: Arc<Faults>,
    /// As some stores do: what is to be created is written over what is there.
    ignores_conditions: bool,
}

impl FaultyStore {
    /// Lets `writes` writes pass and fails the next one.
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, writes: i64, fault: Fault) -> (FaultyStore, Arc<Faults>) {
        let faults = Arc::new(Faults { writes_left: AtomicI64::new(writes), fault, open_uploads: AtomicI64::new(0) });
        (FaultyStore { inner, faults: faults.clone(), ignores_conditions: false }, faults)
    }

    /// Lets everything pass, and creates objects that exist.
    pub(crate) fn ignoring_conditions(inner: Arc<dyn ObjectStore>) -> FaultyStore {
        let (store, _) = FaultyStore::new(inner, i64::MAX, Fault::Before);
        FaultyStore { ignores_conditions: true, ..store }
    }
}

/// Runs a write as the faults have it.
async fn write<T>(faults: &Faults, work: impl Future<Output = Result<T>>) -> Result<T> {
    if !faults.is_due() {
        return work.await;
    }
    if faults.fault == Fault::After {
        work.await?;
    }
    Err(failure())
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, mut options: PutOptions) -> Result<PutResult> {
        if self.ignores_conditions {
            options.mode = PutMode::Overwrite;
        }
        write(&self.faults, self.inner.put_opts(location, payload, options)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.inner.put_multipart_opts(location, options).await?;
        self.faults.open_uploads.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(FaultyUpload { inner, faults: self.faults.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
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

#[derive(Debug)]
struct FaultyUpload {
    inner: Box<dyn MultipartUpload>,
    faults: Arc<Faults>,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, faults) = (self.inner.put_part(data), self.faults.clone());
        async move { write(&faults, part).await }.boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let done = write(&self.faults, self.inner.complete()).await?;
        self.faults.open_uploads.fetch_sub(1, Ordering::Relaxed);
        Ok(done)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await?;
        self.faults.open_uploads.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}
