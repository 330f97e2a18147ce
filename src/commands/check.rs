//! `peristyle check`: is everything there that the catalog names, and is it what was written?

use std::process::ExitCode;

use peristyle_catalog::offline::{Fault, Inspection, inspect};
use peristyle_storage::check::{CheckOptions, ObjectsChecked, check_body, check_objects};

use super::{Bench, CommandError, FOUND_FAULTS, report};
use crate::config::Config;

/// Looks, prints what it finds, changes nothing.
pub async fn check(config: &Config, quick: bool) -> Result<ExitCode, CommandError> {
    let bench = Bench::open(config)?;
    let found = Found::look(config, &bench, quick).await?;
    println!("data folder {}, store {}", config.data_dir.display(), config.store_url());
    report::print(&found);
    Ok(if found.faults().next().is_none() { ExitCode::SUCCESS } else { ExitCode::from(FOUND_FAULTS) })
}

/// What lies in the folder and in the store.
pub(super) struct Found {
    pub(super) inspection: Inspection,
    /// `None` if no catalog could be read that would say what to look for.
    pub(super) objects: Option<ObjectsChecked>,
    /// Of the store as a whole.
    identity: Option<Fault>,
}

impl Found {
    pub(super) async fn look(config: &Config, bench: &Bench, quick: bool) -> Result<Found, CommandError> {
        let inspection = inspect(&config.data_dir, &config.catalog, &bench.parts(), &check_body).await?;
        let identity = match bench.store.identity().await? {
            Some(identity) if identity == inspection.catalog => None,
            Some(other) => {
                let detail = format!("it belongs to data folder {other}, this one is {}", inspection.catalog);
                Some(Fault::new("store", detail))
            }
            None => Some(Fault::new("store", "it belongs to no data folder")),
        };
        let options = CheckOptions { reads_objects: !quick, objects_at_once: config.storage.store.requests_max / 2 };
        let objects = match &inspection.head {
            Some(head) => Some(check_objects(&bench.store, head, options).await?),
            None => None,
        };
        Ok(Found { inspection, objects, identity })
    }

    pub(super) fn faults(&self) -> impl Iterator<Item = &Fault> {
        let of_objects = self.objects.iter().flat_map(|objects| &objects.faults);
        self.inspection.faults.iter().chain(&self.identity).chain(of_objects)
    }
}
