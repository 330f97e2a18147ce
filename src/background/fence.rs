//! The fence job: a server whose store was taken over stops before it acknowledges much that nobody will see.

use std::sync::Arc;
use std::time::Duration;

use peristyle_storage::{Error, Store};
use tracing::error;

use super::{Job, Progress};
use crate::config::Config;

/// Exit code of a server that was taken over.
const TAKEN_OVER_EXIT_CODE: i32 = 3;

/// Looks at the store and ends the process if it is another server's.
pub(crate) fn fence_job(store: &Arc<Store>, config: &Config) -> Job {
    let interval = Duration::from_secs(config.background.fence_check_seconds);
    let store = Arc::clone(store);
    Job::new("fence", interval, move || {
        let store = Arc::clone(&store);
        async move {
            if !store.is_still_ours().await? {
                error!("another server took the store over; this one stops, and what it committed since is not there");
                std::process::exit(TAKEN_OVER_EXIT_CODE);
            }
            Ok::<_, Error>(Progress::Nothing)
        }
    })
    .steady()
}
