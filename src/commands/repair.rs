//! `peristyle repair`: does what messages of a refused start promise, and says what it costs.

use std::process::ExitCode;

use peristyle_catalog::offline::{self, RepairOptions, Repaired};

use super::check::Found;
use super::{Bench, CommandError, FOUND_FAULTS, report};
use crate::config::{Config, Repair};
use crate::fencing;

/// Checks, mends, and prints what it did and what it left.
pub async fn repair(config: &Config, accepted: Repair) -> Result<ExitCode, CommandError> {
    let bench = Bench::open(config)?;
    let found = Found::look(config, &bench, accepted.quick).await?;
    println!("data folder {}, store {}", config.data_dir.display(), config.store_url());
    report::print(&found);
    let is_sound = found.faults().next().is_none();
    let options = RepairOptions {
        cut_log: accepted.cut_log,
        forget_lost: accepted.forget_lost,
        lost_partitions: found.objects.map(|objects| objects.lost).unwrap_or_default(),
    };
    fencing::raise(config, &bench.store, &bench.sources).await?;
    let Repaired { done, mut left, .. } =
        offline::repair(found.inspection, &config.catalog, bench.parts(), &options).await?;
    // At once: whatever the look at what is left meets, this is done.
    done.iter().for_each(|done| println!("DONE      {done}"));
    if !is_sound && left.is_empty() {
        left = faults_left(config, &bench, accepted.quick).await?;
    }
    left.iter().for_each(|left| println!("LEFT      {left}"));
    if done.is_empty() && left.is_empty() {
        println!("nothing was done");
    }
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FOUND_FAULTS) })
}

/// What is still wrong: not every fault is one that a repair mends, or says what it would cost.
async fn faults_left(config: &Config, bench: &Bench, quick: bool) -> Result<Vec<String>, CommandError> {
    let found = Found::look(config, bench, quick).await?;
    Ok(found.faults().map(|fault| format!("{fault}; repair does nothing about it")).collect())
}
