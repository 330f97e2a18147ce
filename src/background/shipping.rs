//! The shipping job: the log goes to the store, so that the loss of the local disk is bounded.

use std::sync::Arc;
use std::time::Duration;

use peristyle_catalog::{Catalog, Error};
use tracing::debug;

use super::{Job, Progress};
use crate::config::Config;

/// Shipments within the time that may be lost: one may be slow, or fail and be tried again, before commits wait.
const SHIPMENTS: u32 = 4;

/// Ships what was committed since the last time.
pub(crate) fn shipping_job(catalog: &Arc<Catalog>, config: &Config) -> Job {
    let interval = Duration::from_secs(config.catalog.log_loss_seconds_max) / SHIPMENTS;
    let catalog = Arc::clone(catalog);
    Job::new("shipping", interval, move || {
        let catalog = Arc::clone(&catalog);
        async move {
            let bytes = catalog.ship_log().await?;
            if bytes > 0 {
                debug!(bytes, "shipped the log");
            }
            Ok::<_, Error>(Progress::Nothing)
        }
    })
    .steady()
}
