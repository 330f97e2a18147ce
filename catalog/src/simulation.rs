//! A catalog whose log lies on a simulated disk: what the tests of the rooms above run on.

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

pub use crate::disk::simulated::{Fault, SimulatedDisk};
use crate::offline::{self, CheckBody, Inspection, Restored};
use crate::open::Machine;
use crate::{Catalog, Parts, Result, Settings};

fn machine(disk: SimulatedDisk) -> Machine {
    // The server ends there; a simulated machine is dead.
    let dying = disk.clone();
    Machine { disk: Arc::new(disk), on_sync_failure: Arc::new(move |_| dying.die()) }
}

/// As [`Catalog::open`].
pub async fn open(folder: &Path, settings: Settings, parts: Parts, disk: SimulatedDisk) -> Result<Arc<Catalog>> {
    Catalog::open_on(folder, settings, parts, machine(disk)).await
}

/// As [`offline::inspect`].
pub async fn inspect(
    folder: &Path,
    settings: &Settings,
    parts: &Parts,
    check_body: &CheckBody,
    disk: SimulatedDisk,
) -> Result<Inspection> {
    offline::inspect_on(folder, settings, parts, check_body, &machine(disk)).await
}

/// As [`offline::restore`].
pub async fn restore(
    folder: &Path,
    catalog: Uuid,
    settings: &Settings,
    parts: Parts,
    check_body: &CheckBody,
    disk: SimulatedDisk,
) -> Result<Restored> {
    offline::restore_on(offline::RestorePlace::take(folder)?, catalog, settings, parts, check_body, &machine(disk))
        .await
}
