//! Buckets that COPY reads and writes; each is opened once, by the usual AWS variables.

use std::collections::HashMap;
use std::sync::Arc;

use object_store::path::Path;
use parking_lot::Mutex;

use super::{FileError, Result};
use crate::objects::{Store, open_bucket};
use crate::settings::StoreSettings;

pub(super) const SCHEME: &str = "s3://";

/// Open buckets by name.
pub(super) struct Buckets {
    settings: StoreSettings,
    open: Mutex<HashMap<String, Arc<Store>>>,
}

impl Buckets {
    pub(super) fn new(settings: StoreSettings) -> Buckets {
        Buckets { settings, open: Mutex::default() }
    }

    pub(super) fn open(&self, place: &str, name: &str) -> Result<Arc<Store>> {
        let mut open = self.open.lock();
        if let Some(bucket) = open.get(name) {
            return Ok(Arc::clone(bucket));
        }
        let opened = open_bucket(place, name, &self.settings);
        let opened = opened.map_err(|error| FileError::Invalid { place: place.to_owned(), why: error.to_string() })?;
        let bucket = Store::over(opened, self.settings.clone());
        open.insert(name.to_owned(), Arc::clone(&bucket));
        Ok(bucket)
    }
}

/// Bucket and key of what stands behind the scheme.
pub(super) fn parse(place: &str, rest: &str) -> Result<(String, Path)> {
    let invalid = |why: &str| FileError::Invalid { place: place.to_owned(), why: why.to_owned() };
    let (bucket, key) = rest.split_once('/').ok_or_else(|| invalid("it names no object"))?;
    if key.ends_with('/') {
        return Err(invalid("it names a prefix and no object"));
    }
    // Where it is left out, the object of another name would be taken.
    if key.starts_with('/') {
        return Err(invalid("it has an empty part"));
    }
    let key = Path::parse(key).map_err(|error| invalid(&error.to_string()))?;
    if bucket.is_empty() || key.as_ref().is_empty() {
        return Err(invalid("it names no object"));
    }
    Ok((bucket.to_owned(), key))
}
