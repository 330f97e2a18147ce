//! The garbage job: objects whose end mark, horizon and minimum age have passed are deleted.

use std::sync::Arc;
use std::time::Duration;

use peristyle_catalog::{Catalog, Sources};
use peristyle_storage::{Error, Store, gc};
use tracing::debug;

use super::{Job, Progress};
use crate::config::Config;

/// Deletes what is due, a bounded batch at a time.
pub(crate) fn gc_job(catalog: &Arc<Catalog>, store: &Arc<Store>, config: &Config, sources: &Sources) -> Job {
    let interval = Duration::from_secs(config.background.gc_interval_seconds);
    let settings = config.storage.gc.clone();
    let (catalog, store, sources) = (Arc::clone(catalog), Arc::clone(store), sources.clone());
    Job::new("gc", interval, move || {
        let (catalog, store) = (Arc::clone(&catalog), Arc::clone(&store));
        let (sources, settings) = (sources.clone(), settings.clone());
        async move {
            let swept = gc::sweep_intents(&store, &catalog, &settings).await?;
            if swept > 0 {
                debug!(swept, "looked at objects that an earlier process was writing");
            }
            gc::forget_history(&catalog, &sources, &settings).await?;
            let deleted = gc::run(&store, &catalog, &sources, &settings).await?;
            if deleted > 0 {
                debug!(deleted, "deleted ended objects");
            }
            Ok::<_, Error>(if deleted.max(swept) == settings.batch_max { Progress::Worked } else { Progress::Nothing })
        }
    })
}
