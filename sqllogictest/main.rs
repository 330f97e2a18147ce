//! Runs the suites under `sqllogictest/suites` on every engine: one trial per (file, engine).
//!
//! `cargo test --test sqllogictest -- [FILTER …] [--engine NAME …] [--complete] [--list] [--jobs N]`
//!
//! Files named `pg_*` run on PostgreSQL 15 too, which says what is expected; the others hold what is Peristyle's own.
//! See `README.md` in this folder for the form of a suite.

mod cell;
mod column;
mod engines;
mod failure;
mod suites;
mod trial;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;

use engines::{EngineKind, Oracle};
use failure::Failure;
use suites::Suite;
use trial::Trial;

/// Runs the SQL suites.
#[derive(Parser)]
struct Arguments {
    /// Run only trials whose `<engine> <topic>/<file>` contains one of these.
    filters: Vec<String>,
    /// Run only on these engines; all if none is given.
    #[arg(long, value_enum)]
    engine: Vec<EngineKind>,
    /// Write what comes back into the files: from PostgreSQL for `pg_*`, else in-process, or from `--engine`.
    #[arg(long)]
    complete: bool,
    /// Print the trials and their number of statements, and run nothing.
    #[arg(long)]
    list: bool,
    /// Trials that run at once.
    #[arg(long, alias = "test-threads", default_value_t = 2)]
    jobs: usize,
    /// Taken from `cargo test`, without effect: nothing is captured.
    #[arg(long, hide = true)]
    nocapture: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the arguments say; the number of failed trials.
fn run(arguments: &Arguments) -> Result<usize, Failure> {
    let suites = suites::all()?;
    if arguments.complete {
        return complete(arguments, suites).map(|()| 0);
    }
    let trials = selected_trials(arguments, suites);
    if arguments.list {
        list(&trials);
        return Ok(0);
    }
    run_trials(arguments, trials)
}

fn selected_trials(arguments: &Arguments, suites: Vec<Suite>) -> Vec<Trial> {
    let engines = if arguments.engine.is_empty() { &EngineKind::ALL[..] } else { &arguments.engine };
    let trials = engines.iter().flat_map(|&engine| {
        let suites = suites.iter().filter(move |suite| suite.runs_on(engine));
        suites.map(move |suite| Trial { suite: suite.clone(), engine })
    });
    trials.filter(|trial| is_selected(arguments, &format!("{} {}", trial.engine, trial.suite.name))).collect()
}

fn is_selected(arguments: &Arguments, name: &str) -> bool {
    arguments.filters.is_empty() || arguments.filters.iter().any(|filter| name.contains(filter))
}

fn list(trials: &[Trial]) {
    for Trial { suite, engine } in trials {
        println!("{engine:<17} {} ({} statements)", suite.name, trial::count_statements(&suite.path));
    }
}

fn complete(arguments: &Arguments, suites: Vec<Suite>) -> Result<(), Failure> {
    let suites: Vec<Suite> = suites.into_iter().filter(|suite| is_selected(arguments, &suite.name)).collect();
    let engine_of = |suite: &Suite| arguments.engine.first().copied().unwrap_or_else(|| suite.authority());
    let needs_oracle = suites.iter().any(|suite| engine_of(suite).is_oracle());
    let oracle = if needs_oracle { Oracle::start()? } else { None };
    for suite in suites {
        let trial = Trial { engine: engine_of(&suite), suite };
        trial.complete(oracle.as_ref())?;
        println!("completed {} from {}", trial.suite.name, trial.engine);
    }
    Ok(())
}

fn run_trials(arguments: &Arguments, mut trials: Vec<Trial>) -> Result<usize, Failure> {
    let needs_oracle = trials.iter().any(|trial| trial.engine.is_oracle());
    let oracle = if needs_oracle { Oracle::start()? } else { None };
    if needs_oracle && oracle.is_none() && arguments.engine.is_empty() {
        trials.retain(|trial| !trial.engine.is_oracle());
        println!("PostgreSQL 15 was not found: its trials are left out");
    }
    let failed = run_on_threads(arguments.jobs, &trials, oracle.as_ref());
    println!();
    println!("{} passed, {failed} failed", trials.len() - failed);
    Ok(failed)
}

/// Runs the trials, `jobs` at once, and prints each when it is done; the number that failed.
fn run_on_threads(jobs: usize, trials: &[Trial], oracle: Option<&Oracle>) -> usize {
    let next = AtomicUsize::new(0);
    let failed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some(trial) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
                    failed.fetch_add(usize::from(!run_and_print(trial, oracle)), Ordering::Relaxed);
                }
            });
        }
    });
    failed.into_inner()
}

/// Whether the trial passed.
fn run_and_print(trial: &Trial, oracle: Option<&Oracle>) -> bool {
    let report = trial.run(oracle);
    let Trial { suite, engine } = trial;
    if report.failed == 0 {
        println!("ok    {engine:<17} {} ({} statements)", suite.name, report.statements);
        return true;
    }
    let counts = format!("{} failures in {} statements", report.failed, report.statements);
    println!("FAIL  {engine:<17} {} ({counts})\n{}", suite.name, report.details);
    false
}
