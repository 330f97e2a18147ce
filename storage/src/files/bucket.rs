//! Buckets that COPY reads and writes; each is opened once, by the usual AWS variables.

use std::collections::HashMap;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;
use parking_lot::Mutex;

use super::{FileError, Result};
use crate::objects::open_bucket;
use crate::settings::StoreSettings;

pub(super) const SCHEME: &str = "s3://";

/// Open buckets by name.
pub(super) struct Buckets {
    settings: StoreSettings,
    open: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

impl Buckets {
    pub(super) fn new(settings: StoreSettings) -> Buckets {
        Buckets { settings, open: Mutex::default() }
    }

    pub(super) fn settings(&self) -> &StoreSettings {
        &self.settings
    }

    pub(super) fn open(&self, place: &str, name: &str) -> Result<Arc<dyn ObjectStore>> {
        let mut open = self.open.lock();
        if let Some(bucket) = open.get(name) {
            return Ok(Arc::clone(bucket));
        }
        let opened = open_bucket(place, name, &self.settings);
        let bucket = opened.map_err(|error| FileError::Invalid { place: place.to_owned(), why: error.to_string() })?;
        open.insert(name.to_owned(), Arc::clone(&bucket));
        Ok(bucket)
    }
}

/// Bucket and key of what stands behind the scheme.
pub(super) fn parse(place: &str, rest: &str) -> Result<(String, Path)> {
    let invalid = |why: &str| FileError::Invalid { place: place.to_owned(), why: why.to_owned() };
    let (bucket, key) = rest.split_once('/').ok_or_else(|| invalid("it names no object"))?;
    let key = Path::parse(key).map_err(|error| invalid(&error.to_string()))?;
    if bucket.is_empty() || key.as_ref().is_empty() {
        return Err(invalid("it names no object"));
    }
    Ok((bucket.to_owned(), key))
}
