//! From a store's URL to its backend.

use std::env;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use super::local::DurableLocal;
use crate::settings::StoreSettings;
use crate::{Error, Result};

/// The S3-only endpoint of the usual AWS variables; it wins over `AWS_ENDPOINT_URL`.
const ENDPOINT_S3: &str = "AWS_ENDPOINT_URL_S3";
const ENDPOINTS: [&str; 3] = [ENDPOINT_S3, "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// An opened backend, and its folder if it is a local one.
pub(super) struct Backend {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) folder: Option<PathBuf>,
}

/// Opens `file:///folder` or `s3://bucket/prefix`.
pub(super) fn open(url: &str, settings: &StoreSettings) -> Result<Backend> {
    if let Some(folder) = url.strip_prefix("file://") {
        return open_folder(url, folder);
    }
    if let Some(rest) = url.strip_prefix("s3://") {
        return open_s3(url, rest, settings);
    }
    Err(invalid(url, "must start with file:/// or s3://"))
}

fn open_folder(url: &str, folder: &str) -> Result<Backend> {
    if !folder.starts_with('/') {
        return Err(invalid(url, "must name an absolute folder (file:///...)"));
    }
    let folder = PathBuf::from(folder);
    let objects = DurableLocal::open(&folder)?;
    Ok(Backend { objects: Arc::new(objects), folder: Some(folder) })
}

/// Removes half-written files of an earlier process.
pub(super) fn sweep(folder: &FilePath) -> Result<()> {
    DurableLocal::sweep_staging(folder).map_err(|source| Error::io("sweep staging folder of", folder, source))
}

fn open_s3(url: &str, rest: &str, settings: &StoreSettings) -> Result<Backend> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(invalid(url, "names no bucket"));
    }
    let bucket = open_bucket(url, bucket, settings)?;
    let prefix = Path::parse(prefix.trim_matches('/')).map_err(|error| invalid(url, &error.to_string()))?;
    let objects: Arc<dyn ObjectStore> =
        if prefix.as_ref().is_empty() { bucket } else { Arc::new(PrefixStore::new(bucket, prefix)) };
    Ok(Backend { objects, folder: None })
}

/// A whole bucket; `url` is what errors name.
pub(crate) fn open_bucket(url: &str, bucket: &str, settings: &StoreSettings) -> Result<Arc<dyn ObjectStore>> {
    let client = ClientOptions::new()
        .with_timeout(Duration::from_secs(settings.request_seconds))
        .with_connect_timeout(Duration::from_secs(settings.connect_seconds));
    let endpoint = ENDPOINTS.iter().find_map(|name| env::var(name).ok()).filter(|value| !value.is_empty());
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_retry(retry(settings))
        .with_conditional_put(S3ConditionalPut::ETagMatch);
    if let Some(endpoint) = endpoint {
        let is_http = endpoint.starts_with("http://");
        builder =
            builder.with_endpoint(endpoint.trim_end_matches('/')).with_client_options(client.with_allow_http(is_http));
    } else {
        builder = builder.with_client_options(client);
    }
    Ok(Arc::new(builder.build().map_err(|error| invalid(url, &error.to_string()))?))
}

fn retry(settings: &StoreSettings) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig { init_backoff: FIRST_RETRY, max_backoff: LONGEST_WAIT, ..BackoffConfig::default() },
        max_retries: settings.retries_max,
        retry_timeout: Duration::from_secs(settings.retry_seconds),
    }
}

fn invalid(url: &str, why: &str) -> Error {
    Error::Settings(format!("store \"{url}\": {why}"))
}
