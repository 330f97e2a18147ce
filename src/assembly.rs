//! Puts the rooms together: store, catalog, engine, background jobs. The one place that knows how.

use std::sync::Arc;

use peristyle_catalog::{Catalog, Sources};
use peristyle_sql::Engine;
use tokio::runtime::Handle;

use crate::background::Job;
use crate::config::Config;
use crate::server::StartError;

/// What is open while the server runs.
pub(crate) struct Assembly {
    pub(crate) engine: Arc<Engine>,
    pub(crate) catalog: Arc<Catalog>,
    /// Merge, checkpoint, deletion of ended objects.
    pub(crate) jobs: Vec<Job>,
}

/// Opens the store and checks that it is the data folder's, opens the catalog (which replays the log), and makes the
/// engine, whose work runs on `cpu`.
pub(crate) async fn assemble(_config: &Config, _sources: &Sources, _cpu: &Handle) -> Result<Assembly, StartError> {
    Err(StartError::Incomplete)
}
