use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::path::Path;
use peristyle_catalog::{ManifestStore, TierError};

use super::Store;
use crate::Error;

const FOLDER: &str = "manifest";

/// The store's folder of manifests, as the catalog sees it.
pub struct Manifests(pub Arc<Store>);

fn path(name: &str) -> Path {
    Path::from(format!("{FOLDER}/{name}"))
}

fn tier_error(error: Error) -> TierError {
    TierError(error.to_string())
}

#[async_trait]
impl ManifestStore for Manifests {
    async fn create(&self, name: &str, bytes: Bytes) -> Result<(), TierError> {
        self.0.create(&path(name), bytes).await.map_err(tier_error)
    }

    async fn read(&self, name: &str) -> Result<Option<Bytes>, TierError> {
        match self.0.get(&path(name)).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(tier_error(error)),
        }
    }

    async fn list(&self) -> Result<Vec<String>, TierError> {
        self.0.list_names(&Path::from(FOLDER)).await.map_err(tier_error)
    }

    async fn delete(&self, name: &str) -> Result<(), TierError> {
        self.0.delete(&path(name)).await.map_err(tier_error)
    }
}
