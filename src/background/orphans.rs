//! The orphan job: objects that nothing names are searched for and deleted, a page of the listing at a time.

use std::sync::Arc;
use std::time::Duration;

use peristyle_catalog::{Catalog, Sources};
use peristyle_storage::gc::{Sweep, Swept};
use peristyle_storage::{Error, Store};
use tokio::sync::Mutex;
use tracing::info;

use super::{Job, Progress};
use crate::config::Config;

/// One search through the whole store per interval; pages follow each other.
pub(crate) fn orphans_job(catalog: &Arc<Catalog>, store: &Arc<Store>, config: &Config, sources: &Sources) -> Job {
    let interval = Duration::from_secs(config.background.orphan_interval_seconds);
    let settings = config.storage.gc.clone();
    let (catalog, store, sources) = (Arc::clone(catalog), Arc::clone(store), sources.clone());
    let sweep = Arc::new(Mutex::new(Sweep::default()));
    Job::new("orphans", interval, move || {
        let (catalog, store) = (Arc::clone(&catalog), Arc::clone(&store));
        let (sources, settings, sweep) = (sources.clone(), settings.clone(), Arc::clone(&sweep));
        async move {
            let Swept { deleted, is_end } = sweep.lock().await.page(&store, &catalog, &sources, &settings).await?;
            if deleted > 0 {
                info!(deleted, "deleted objects that nothing named");
            }
            Ok::<_, Error>(if is_end { Progress::Nothing } else { Progress::Worked })
        }
    })
}
