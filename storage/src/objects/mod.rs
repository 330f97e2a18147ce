//! The object store: where partitions and manifests lie. Objects are created once and never overwritten; when a
//! write returns, the object is durable. Requests are bounded in number, time and retries, and counted.
//!
//! | path | what |
//! |---|---|
//! | `data/<table oid>/<partition uuid>.parquet` | a partition |
//! | `manifest/<name>` | the exported catalog |
//! | `log/<name>` | copies of the log |
//! | `identity` | the uuid of the data folder that owns the store |
//! | `fence/<number>` | the mark of the server that writes to the store |

mod backend;
mod counters;
#[cfg(test)]
pub(crate) mod faults;
mod fence;
mod folders;
mod intents;
mod local;
mod upload;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use peristyle_catalog::model::{Oid, Partition, PartitionId, TimestampMicros};
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

pub(crate) use backend::open_bucket;
pub use counters::{CounterValues, Counters};
pub use fence::{Claimant, Mark};
pub use folders::catalog_parts;
pub use intents::{Intent, Intents};
pub use upload::{Upload, Uploaded};

use crate::partition::FooterCache;
use crate::settings::StoreSettings;
use crate::{Error, Result};

const IDENTITY: &str = "identity";
const PROBE: &str = "probe";
const DATA: &str = "data";
const EXTENSION: &str = ".parquet";

/// The store of one data folder.
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    folder: Option<PathBuf>,
    requests: Semaphore,
    counters: Counters,
    footers: FooterCache,
    settings: StoreSettings,
    fence: fence::Held,
    intents: Intents,
}

/// What [`Store::probe`] found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Whether the store refuses to overwrite an object that is to be created.
    pub honours_create: bool,
}

/// An object under `data/` as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataObject {
    pub path: String,
    /// What the path says; `None` for a name that is not a partition's.
    pub partition: Option<(Oid, PartitionId)>,
    pub bytes: u64,
    pub modified: TimestampMicros,
}

impl Store {
    /// Opens `file:///folder` or `s3://bucket/prefix`; for S3 the endpoint, region, path style and credentials come
    /// from the usual AWS variables. Sends no request.
    pub fn open(url: &str, settings: StoreSettings) -> Result<Arc<Store>> {
        let backend = backend::open(url, &settings)?;
        Ok(Store::assemble(backend.objects, backend.folder, settings))
    }

    /// A store over any backend, for tests that inject faults.
    pub fn over(objects: Arc<dyn ObjectStore>, settings: StoreSettings) -> Arc<Store> {
        Store::assemble(objects, None, settings)
    }

    fn assemble(objects: Arc<dyn ObjectStore>, folder: Option<PathBuf>, settings: StoreSettings) -> Arc<Store> {
        Arc::new(Store {
            objects,
            folder,
            requests: Semaphore::new(settings.requests_max.max(1)),
            counters: Counters::default(),
            footers: FooterCache::new(settings.footer_cache_bytes),
            settings,
            fence: fence::Held::default(),
            intents: Intents::default(),
        })
    }

    /// The backend, for those who ask it something of their own.
    pub(crate) fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// What was asked of the store so far.
    pub fn counters(&self) -> CounterValues {
        self.counters.values()
    }

    /// Footers of partitions, filled as partitions are written and read.
    pub fn footers(&self) -> &FooterCache {
        &self.footers
    }

    /// Objects of partitions that are being written.
    pub fn intents(&self) -> &Intents {
        &self.intents
    }

    async fn permit(&self) -> SemaphorePermit<'_> {
        self.requests.acquire().await.expect("the semaphore of requests is never closed")
    }

    /// The whole object.
    pub async fn get(&self, path: &Path) -> Result<Bytes> {
        let _permit = self.permit().await;
        let bytes = self.objects.get(path).await?.bytes().await?;
        self.counters.read(bytes.len() as u64);
        Ok(bytes)
    }

    /// Ranges of an object, near ones fetched together.
    pub async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let _permit = self.permit().await;
        let parts = self.objects.get_ranges(path, ranges).await?;
        self.counters.read(parts.iter().map(|part| part.len() as u64).sum());
        Ok(parts)
    }

    /// Creates a durable object; an error if it exists.
    pub async fn create(&self, path: &Path, bytes: Bytes) -> Result<()> {
        self.put(path, bytes, PutMode::Create).await
    }

    async fn put(&self, path: &Path, bytes: Bytes, mode: PutMode) -> Result<()> {
        let _permit = self.permit().await;
        let length = bytes.len() as u64;
        self.objects.put_opts(path, bytes.into(), PutOptions::from(mode)).await?;
        self.counters.wrote(length);
        Ok(())
    }

    /// Starts a large object whose bytes come piece by piece.
    pub fn upload(self: &Arc<Self>, path: Path) -> Upload {
        Upload::new(self.clone(), path, PutMode::Create)
    }

    /// The same for an object that takes the place of one of that name: a file of a COPY, never one of the store's own.
    pub(crate) fn replacement(self: &Arc<Self>, path: Path) -> Upload {
        Upload::new(self.clone(), path, PutMode::Overwrite)
    }

    /// Deletes an object; it may be gone already.
    pub async fn delete(&self, path: &Path) -> Result<()> {
        let _permit = self.permit().await;
        self.counters.deleted();
        match self.objects.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {
                self.intents.settle(parse_partition_path(path.as_ref()));
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The first objects under `data/` by their paths, after that one if one is given.
    pub(crate) async fn data_page(&self, after: Option<&str>, count: usize) -> Result<Vec<DataObject>> {
        let data = Path::from(DATA);
        let mut listed = match after {
            Some(after) => self.objects.list_with_offset(Some(&data), &Path::from(after)),
            None => self.objects.list(Some(&data)),
        };
        let mut page = BTreeMap::new();
        while let Some(meta) = listed.try_next().await? {
            let is_sorted = self.folder.is_none();
            if page.len() < count {
                page.insert(meta.location.clone(), meta);
            } else if is_sorted {
                // S3 lists in the order of the paths, a folder in any.
                break;
            } else if page.last_key_value().is_some_and(|(last, _)| meta.location < *last) {
                page.insert(meta.location.clone(), meta);
                page.pop_last();
            }
        }
        Ok(page.into_values().map(DataObject::from).collect())
    }

    /// Every object under `data/`.
    pub fn list_data(&self) -> BoxStream<'static, Result<DataObject>> {
        let objects = self.objects.list(Some(&Path::from(DATA)));
        objects.map_ok(DataObject::from).map_err(Error::from).boxed()
    }

    async fn list_names(&self, folder: &Path) -> Result<Vec<String>> {
        let _permit = self.permit().await;
        let objects: Vec<_> = self.objects.list(Some(folder)).try_collect().await?;
        let mut names: Vec<_> = objects.iter().filter_map(|o| o.location.filename().map(str::to_owned)).collect();
        names.sort();
        Ok(names)
    }

    /// Whose store it is, if anybody's.
    pub async fn identity(&self) -> Result<Option<Uuid>> {
        let bytes = match self.get(&Path::from(IDENTITY)).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            other => other?,
        };
        let identity = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
        identity.map(Some).ok_or_else(|| Error::corrupt("object \"identity\"", "it does not hold a uuid"))
    }

    /// Makes the store that of this uuid, or checks that it is; then sweeps what an earlier process left half written.
    pub async fn claim_identity(&self, identity: Uuid) -> Result<()> {
        let found = match self.identity().await? {
            Some(found) => found,
            None => match self.create(&Path::from(IDENTITY), identity.to_string().into()).await {
                Ok(()) | Err(Error::AlreadyExists { .. }) => self.identity().await?.unwrap_or_default(),
                Err(error) => return Err(error),
            },
        };
        if found != identity {
            return Err(Error::Mismatch(format!(
                "object store belongs to data folder {found}, this one is {identity}"
            )));
        }
        self.folder.as_deref().map_or(Ok(()), backend::sweep)
    }

    /// Writes, reads and deletes a small object of that name, to fail at start and not at the first load.
    pub async fn probe(&self, name: Uuid) -> Result<Probe> {
        let path = Path::from(format!("{PROBE}/{name}"));
        let body = Bytes::from_static(b"peristyle");
        self.create(&path, body.clone()).await?;
        if self.get(&path).await? != body {
            return Err(Error::corrupt(format!("object \"{path}\""), "it reads otherwise than it was written"));
        }
        let honours_create = matches!(self.create(&path, body).await, Err(Error::AlreadyExists { .. }));
        self.delete(&path).await?;
        Ok(Probe { honours_create })
    }
}

/// Where a partition's object lies.
pub fn partition_path(table: Oid, partition: PartitionId) -> Path {
    Path::from(format!("{DATA}/{table}/{partition}{EXTENSION}"))
}

/// Where the object of a partition that the catalog knows lies.
pub fn path_of(partition: &Partition) -> Path {
    partition_path(partition.home, partition.id)
}

fn parse_partition_path(path: &str) -> Option<(Oid, PartitionId)> {
    let (table, name) = path.strip_prefix(DATA)?.strip_prefix('/')?.split_once('/')?;
    let id = Uuid::parse_str(name.strip_suffix(EXTENSION)?).ok()?;
    Some((Oid(table.parse().ok()?), PartitionId(id)))
}

impl From<object_store::ObjectMeta> for DataObject {
    fn from(meta: object_store::ObjectMeta) -> DataObject {
        let path = meta.location.to_string();
        DataObject {
            partition: parse_partition_path(&path),
            path,
            bytes: meta.size,
            modified: TimestampMicros(meta.last_modified.timestamp_micros()),
        }
    }
}

#[cfg(test)]
mod tests;
