use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::path::Path;
use peristyle_catalog::{ObjectFolder, Parts, Sources, TierError};

use super::Store;
use crate::{Error, real_time};

const MANIFESTS: &str = "manifest";
const SHIPPED_LOG: &str = "log";

/// A folder of the store, as the catalog sees it.
pub(super) struct Folder {
    store: Arc<Store>,
    name: &'static str,
}

/// What a catalog is built from whose objects are in this store.
pub fn catalog_parts(store: &Arc<Store>, sources: &Sources) -> Parts {
    let folder = |name| Arc::new(Folder { store: Arc::clone(store), name });
    Parts {
        sources: sources.clone(),
        real_time: Arc::new(real_time::Tier),
        manifests: folder(MANIFESTS),
        shipped_log: folder(SHIPPED_LOG),
    }
}

impl Folder {
    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.name))
    }
}

fn tier_error(error: Error) -> TierError {
    TierError(error.to_string())
}

#[async_trait]
impl ObjectFolder for Folder {
    /// Only while the store is this server's: what is written here is what a restore takes for the truth.
    async fn create(&self, name: &str, bytes: Bytes) -> Result<(), TierError> {
        self.store.ensure_ours().await.map_err(tier_error)?;
        self.store.create(&self.path(name), bytes).await.map_err(tier_error)
    }

    async fn read(&self, name: &str) -> Result<Option<Bytes>, TierError> {
        match self.store.get(&self.path(name)).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(tier_error(error)),
        }
    }

    async fn list(&self) -> Result<Vec<String>, TierError> {
        self.store.list_names(&Path::from(self.name)).await.map_err(tier_error)
    }

    async fn delete(&self, name: &str) -> Result<(), TierError> {
        self.store.delete(&self.path(name)).await.map_err(tier_error)
    }
}
