//! `peristyle restore`: a data folder from what the store holds.

use std::process::ExitCode;

use peristyle_catalog::offline;
use peristyle_storage::check::check_body;

use super::{Bench, CommandError};
use crate::config::Config;
use crate::fencing;

/// Restores, and prints what came back and what did not.
pub async fn restore(config: &Config) -> Result<ExitCode, CommandError> {
    let bench = Bench::open(config)?;
    let catalog = bench.store.identity().await?.ok_or_else(|| CommandError::Nobodys(config.store_url()))?;
    // First: a restore that is cut off from here on can be run again, and then knows the mark that this one left.
    let place = offline::RestorePlace::take(&config.data_dir)?;
    if let Err(error) = fencing::raise(config, &bench.store, &bench.sources).await {
        place.give_up()?;
        return Err(error.into());
    }
    let restored = offline::restore(place, catalog, &config.catalog, bench.parts(), &check_body).await?;
    println!("restored {catalog} at commit {} of {}", restored.seq, restored.at);
    println!("commits after that one, if there were any, are not in the store");
    if !restored.lost.is_empty() {
        println!("rows that were only in the log of the old data folder are lost:\n{}", restored.lost);
    }
    Ok(ExitCode::SUCCESS)
}
