//! Puts the rooms together: store, catalog, engine, background jobs. The one place that knows how.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use peristyle_catalog::fail_points::{self, Step};
use peristyle_catalog::{Catalog, Durability, SPILL_FOLDER, Sources};
use peristyle_sql::{Engine, EngineParts};
use peristyle_storage::Store;
use peristyle_storage::objects::{Probe, catalog_parts};
use tokio::runtime::Handle;
use tracing::{info, warn};

use crate::background::{
    Job, checkpoint_job, dropped_job, fence_job, gc_job, merge_job, orphans_job, retention_job, shipping_job,
};
use crate::config::Config;
use crate::fencing;
use crate::server::StartError;

const INTENTS_FILE: &str = "INTENTS";

/// What is open while the server runs.
pub struct Assembly {
    /// Makes sessions.
    pub engine: Arc<Engine>,
    /// What a stop closes.
    pub catalog: Arc<Catalog>,
    /// The fence on it is given up at the end of a stop.
    pub store: Arc<Store>,
    /// What works in the background.
    pub jobs: Vec<Job>,
}

/// Opens the store and checks that it is the data folder's, opens the catalog (which replays the log), and makes the
/// engine, whose work runs on `cpu`.
pub async fn assemble(config: &Config, sources: &Sources, cpu: &Handle) -> Result<Assembly, StartError> {
    let store = open_store(config, sources).await?;
    let parts = catalog_parts(&store, sources);
    let foreign = |error| of_store(config, error);
    let opened = Catalog::open(&config.data_dir, config.catalog.clone(), parts).await;
    let catalog = opened.map_err(StartError::from).map_err(foreign)?;
    fail_points::reach(Step::StartOpened)?;
    store.claim_identity(catalog.id()).await.map_err(StartError::from).map_err(foreign)?;
    fencing::raise(config, &store, sources).await?;
    keep_intents(config, &store)?;
    fail_points::reach(Step::StartFenced)?;
    let engine_parts = EngineParts {
        catalog: Arc::clone(&catalog),
        store: Arc::clone(&store),
        sources: sources.clone(),
        cpu: cpu.clone(),
    };
    let mut storage = config.storage.clone();
    // Only now: before the catalog is open the folder may be another server's, which is spilling to it.
    storage.write.spill_folder = empty_spill_folder(&config.data_dir)?;
    let engine = Engine::new(engine_parts, config.engine.clone(), storage)?;
    engine.prepare().await?;
    engine.drop_all_temporary().await;
    let mut jobs = vec![
        merge_job(&catalog, &store, config, sources, cpu, engine.merge_log()),
        retention_job(&catalog, config, sources),
        dropped_job(&catalog, config, sources),
        checkpoint_job(Arc::clone(&catalog), &config.background, sources.clone()),
        gc_job(&catalog, &store, config, sources),
        orphans_job(&catalog, &store, config, sources),
        fence_job(&store, config),
    ];
    if config.catalog.durability == Durability::Object {
        jobs.push(shipping_job(&catalog, config));
    }
    Ok(Assembly { engine, catalog, store, jobs })
}

/// Where the objects are noted that are being written.
fn keep_intents(config: &Config, store: &Store) -> Result<(), StartError> {
    let path = config.data_dir.join(INTENTS_FILE);
    store.intents().keep_in(&path).map_err(|source| StartError::Intents { path, source })
}

/// Names folder and store when they do not belong together.
fn of_store(config: &Config, error: StartError) -> StartError {
    let detail = match error {
        StartError::Catalog(peristyle_catalog::Error::Mismatch(detail)) => detail,
        StartError::Storage(peristyle_storage::Error::Mismatch(detail)) => detail,
        other => return other,
    };
    StartError::ForeignStore { store: config.store_url(), data_dir: config.data_dir.clone(), detail }
}

/// The folder for what does not fit in memory; what an earlier process left there is worthless.
fn empty_spill_folder(data_dir: &Path) -> Result<PathBuf, StartError> {
    let folder = data_dir.join(SPILL_FOLDER);
    let emptied = match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => std::fs::create_dir_all(&folder),
    };
    emptied.map_err(|source| StartError::SpillFolder { folder: folder.clone(), source })?;
    Ok(folder)
}

async fn open_store(config: &Config, sources: &Sources) -> Result<Arc<Store>, StartError> {
    let url = config.store_url();
    let store = Store::open(&url, config.storage.store.clone())?;
    let probe = store.probe(sources.uuid()).await?;
    info!(store = %url, "store answers");
    admit(probe, config.catalog.durability, &url)?;
    Ok(store)
}

/// Whether a store will do.
fn admit(probe: Probe, durability: Durability, url: &str) -> Result<(), StartError> {
    match (probe.honours_create, durability) {
        (true, _) => {}
        (false, Durability::Object) => return Err(StartError::UnconditionalStore { store: url.to_owned() }),
        (false, Durability::Local) => warn!(
            store = %url,
            "the store ignores conditional creation: of two servers that start on it in the same moment, the loser \
             learns only later that it lost"
        ),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durability_in_the_store_needs_one_that_honours_conditions() {
        let admitted = |honours_create, durability| admit(Probe { honours_create }, durability, "s3://b").is_ok();
        assert!(admitted(true, Durability::Object) && admitted(true, Durability::Local));
        assert!(admitted(false, Durability::Local) && !admitted(false, Durability::Object));
    }
}
