//! A whole life of catalog and storage from one seed: actors at work, a store that fails, a disk that forgets what was
//! not synced, and the process, the power or the disk gone at any step. Whatever happens: each acknowledged row is
//! there once, no failed row ever, nothing half, a snapshot does not change, and a state of the past is what it was.
//!
//! A seed that fails prints itself; `PERISTYLE_SIMULATION_SEED=<seed> cargo test -p peristyle-storage simulation` runs
//! it again. The slow lane runs more of them.

#![allow(clippy::unwrap_used)]

mod actors;
mod churn;
mod faulty;
mod model;
mod past;
mod rows;
mod scheduler;
mod tables;
mod world;
mod writers;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::TryStreamExt;
use peristyle_catalog::model::{PartitionId, TimestampMicros};
use peristyle_catalog::simulation::Fault;
use peristyle_catalog::{Clock, Durability, Sources, simulation};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::runtime::Runtime;

use self::actors::{Stage, held, tables};
use self::model::{Model, Tally};
use self::rows::read_all;
use self::scheduler::Scheduler;
use self::world::{Life, ROWS, World, create_tables};
use crate::check::{CheckOptions, check_body, check_objects};
use crate::gc::{self, Sweep};
use crate::objects::{DataObject, catalog_parts};
use crate::settings::GcSettings;

const SEEDS_QUICK: u64 = 200;
const SEEDS_SLOW: u64 = 10_000;
const LIVES_MAX: usize = 5;
const STEPS_MAX: usize = 500;
/// Starts that may fail because of the store before one is let through.
const STARTS_MAX: usize = 3;

struct FarLater;

impl Clock for FarLater {
    fn now(&self) -> TimestampMicros {
        TimestampMicros(i64::MAX)
    }
}

thread_local! {
    /// What happened to the machine in this run, for whoever looks at a failure.
    static HISTORY: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn tell(event: impl Into<String>) {
    HISTORY.with_borrow_mut(|history| history.push(event.into()));
}

/// One seed.
struct Run {
    world: World,
    model: RefCell<Model>,
    chance: StdRng,
    runtime: Runtime,
    /// The disk was lost and the log was not in the store.
    is_partly_lost: bool,
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut chance = StdRng::seed_from_u64(seed);
        let durability = if chance.random_bool(0.5) { Durability::Object } else { Durability::Local };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Run { world: World::new(seed, durability), model: RefCell::default(), chance, runtime, is_partly_lost: false }
    }

    /// Lives one after another.
    fn run(mut self) -> Tally {
        for _ in 0..self.chance.random_range(1..=LIVES_MAX) {
            let life = self.start();
            self.live(&life);
            self.end(life);
            if self.is_partly_lost {
                // The rows of chunks were in the log only; what is left must be sound, and no more can be said of it.
                self.inspect();
                return self.model.into_inner().tally;
            }
        }
        let life = self.start();
        self.sweep(&life);
        drop(life);
        self.model.into_inner().tally
    }

    /// Starts until it works, and looks what is there.
    fn start(&mut self) -> Life {
        tell("start");
        self.inspect();
        for _ in 0..STARTS_MAX {
            if self.chance.random_bool(0.2) {
                self.world.disk.fail_at(self.world.disk.steps() + self.chance.random_range(1..10), Fault::Crash);
            }
            let started = self.runtime.block_on(self.world.start(&self.world.store));
            if let Err(error) = &started {
                tell(format!("does not start: {error}"));
            }
            if let Ok(life) = started
                && !self.world.disk.is_dead()
            {
                self.world.disk.fail_never();
                return self.settled(life);
            }
            self.crash();
        }
        self.world.disk.fail_never();
        let life = self.runtime.block_on(self.world.start(&self.world.store.without_faults()));
        self.settled(life.expect("a start on a store that works"))
    }

    fn settled(&self, life: Life) -> Life {
        let reader = Life { store: self.world.open_store(&self.world.store.without_faults()), ..life.clone() };
        let snapshot = life.catalog.snapshot();
        if snapshot.relation(ROWS).is_none() {
            self.runtime.block_on(life.catalog.commit(create_tables())).expect("nothing speaks against it");
        }
        let stage = Stage { life: &reader, model: &self.model };
        let rows = self.runtime.block_on(read_all(&reader, &snapshot, ROWS)).expect("the store works");
        self.model.borrow_mut().crashed(&rows);
        self.runtime.block_on(stage.audit_once(&snapshot)).expect("the store works");
        let tables = self.runtime.block_on(stage.audit_tables(&snapshot)).expect("the store works");
        let mut model = self.model.borrow_mut();
        model.settle(snapshot.seq(), &rows);
        model.tables.settle(&snapshot, &tables);
        life
    }

    /// What `peristyle check` does finds nothing wrong, however the last life ended.
    fn inspect(&mut self) {
        let folder = self.world.folder();
        if !folder.exists() || (!self.is_partly_lost && self.chance.random_bool(0.5)) {
            return;
        }
        let store = self.world.open_store(&self.world.store.without_faults());
        let parts = catalog_parts(&store, &self.world.sources);
        let (settings, disk) = (self.world.settings(), self.world.disk.clone());
        let inspection = self.runtime.block_on(simulation::inspect(&folder, &settings, &parts, &check_body, disk));
        let inspection = inspection.expect("the folder can be looked at");
        assert_eq!(inspection.faults, []);
        let Some(head) = &inspection.head else { return };
        let options = CheckOptions { reads_objects: true, objects_at_once: 4 };
        let objects = self.runtime.block_on(check_objects(&store, head, options)).expect("the store works");
        assert_eq!(objects.faults, []);
        assert_eq!(objects.checksums, objects.objects);
    }

    /// In the end nothing is in the store that the catalog does not name.
    fn sweep(&self, life: &Life) {
        let store = self.world.open_store(&self.world.store.without_faults());
        let settings = GcSettings {
            ended_age_seconds: 0,
            history_seconds: 0,
            orphan_age_seconds: 0,
            orphan_page_max: 7,
            ..GcSettings::default()
        };
        self.runtime.block_on(async {
            gc::forget_history(&life.catalog, &life.sources, &settings).await.unwrap();
            while life.catalog.checkpoint().await.is_err() {}
            while gc::run(&store, &life.catalog, &life.sources, &settings).await.unwrap() > 0 {}
            let mut sweep = Sweep::default();
            while !sweep.page(&store, &life.catalog, &self.far_later(life), &settings).await.unwrap().is_end {}
            assert_eq!(gc::orphans(&store, &life.catalog).await.unwrap(), []);
            let objects: Vec<DataObject> = store.list_data().try_collect().await.unwrap();
            let head = life.catalog.snapshot();
            // Clones share theirs.
            let live: BTreeSet<PartitionId> = tables(&head)
                .into_iter()
                .flat_map(|table| held(&head, table).1)
                .map(|partition| partition.id)
                .collect();
            assert_eq!(objects.len(), live.len(), "as many objects as live partitions");
        });
    }

    /// The simulated store's objects bear the machine's time.
    fn far_later(&self, life: &Life) -> Sources {
        Sources { clock: Arc::new(FarLater), ..life.sources.clone() }
    }

    fn live(&mut self, life: &Life) {
        let (disk, chance) = (self.world.disk.clone(), &mut self.chance);
        let soon = disk.steps() + chance.random_range(1..150);
        match chance.random_range(0..10) {
            0..4 => disk.fail_at(soon, Fault::Crash),
            4..6 => disk.fail_at(soon, Fault::Error(io::ErrorKind::StorageFull)),
            _ => {}
        }
        let (stage, seed) = (Stage { life, model: &self.model }, chance.random());
        let mut scheduler = Scheduler::default();
        scheduler.add(stage.write_rows(seed, "one writer"));
        scheduler.add(stage.write_rows(seed, "another writer"));
        scheduler.add(stage.write_deferred(seed));
        scheduler.add(stage.load(seed));
        scheduler.add(stage.replay_loads(seed));
        scheduler.add(stage.churn(seed, "one who changes tables"));
        scheduler.add(stage.churn(seed, "another who changes tables"));
        scheduler.add(stage.update(seed));
        scheduler.add(stage.merge());
        scheduler.add(stage.collect(seed));
        scheduler.add(stage.look_back(seed));
        scheduler.add(stage.checkpoint(seed));
        scheduler.add(stage.audit());
        let steps = chance.random_range(20..STEPS_MAX);
        let _runtime = self.runtime.enter();
        scheduler.run(steps, chance, || disk.is_dead());
    }

    fn end(&mut self, life: Life) {
        if !self.world.disk.is_dead() && self.chance.random_bool(0.2) {
            // A clean stop, as far as the store lets it be one.
            let seq = life.catalog.snapshot().seq();
            let closed = self.runtime.block_on(life.catalog.close());
            if closed.is_ok() {
                self.model.borrow_mut().durable(seq);
            }
            tell(format!("clean stop: {closed:?}"));
        }
        let id = life.catalog.id();
        // From here on nothing is written, not even what waits to be.
        self.world.disk.die();
        drop(life);
        tell(format!("a life ends after {} steps of the disk", self.world.disk.steps()));
        if self.chance.random_bool(0.15) {
            tell("the disk is lost");
            self.world.lose_disk();
            self.model.borrow_mut().disk_lost();
            self.is_partly_lost = self.world.durability == Durability::Local;
            let store = self.world.open_store(&self.world.store.without_faults());
            let parts = catalog_parts(&store, &self.world.sources);
            let (folder, settings, disk) = (self.world.folder(), self.world.settings(), self.world.disk.clone());
            let restored = simulation::restore(&folder, id, &settings, parts, &check_body, disk);
            self.runtime.block_on(restored).expect("a store that works restores");
        } else {
            self.crash();
        }
    }

    fn crash(&mut self) {
        if self.chance.random_bool(0.5) {
            let seed = self.chance.random();
            tell("power loss");
            self.world.power_off(seed);
        } else {
            tell("kill");
            self.world.kill();
        }
    }
}

fn run(seed: u64) -> Result<Tally, String> {
    HISTORY.take();
    let ran = catch_unwind(AssertUnwindSafe(|| Run::new(seed).run()));
    ran.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let (text, history) = (text.unwrap_or_default(), HISTORY.take().join(", "));
        format!("seed {seed}: {text}\n  {history}\n  PERISTYLE_SIMULATION_SEED={seed} runs it again")
    })
}

/// The seeds to run: one that was asked for, or as many as the lane has.
fn seeds() -> std::ops::Range<u64> {
    let asked = std::env::var("PERISTYLE_SIMULATION_SEED").ok().and_then(|seed| seed.parse().ok());
    let is_slow = std::env::var("PERISTYLE_TEST_LANE").is_ok_and(|lane| lane == "slow");
    match asked {
        Some(seed) => seed..seed + 1,
        None => 0..if is_slow { SEEDS_SLOW } else { SEEDS_QUICK },
    }
}

#[test]
fn nothing_is_lost_whatever_happens() {
    let seeds = seeds();
    let next = AtomicU64::new(seeds.start);
    let (mut tally, mut failures) = (Tally::default(), Vec::new());
    let work = || {
        let mut done = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return done;
            }
            let result = run(seed);
            if let Err(failure) = &result {
                eprintln!("{failure}");
            }
            done.push(result);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            for result in worker.join().unwrap() {
                match result {
                    Ok(more) => tally.add(more),
                    Err(failure) => failures.push(failure),
                }
            }
        }
    });
    assert!(failures.is_empty(), "{} seeds failed:\n{}", failures.len(), failures.join("\n"));
    if seeds.end - seeds.start > 1 {
        let Tally { acknowledged, deferred_lost, duplicates, clones, looks_back } = tally;
        let counts = [acknowledged, deferred_lost, duplicates, clones, looks_back];
        assert!(counts.iter().all(|count| *count > 0), "{tally:?}");
    }
}

#[test]
fn a_seed_always_runs_the_same() {
    let told = |seed| (run(seed), HISTORY.take());
    for seed in [3, 8] {
        assert_eq!(told(seed), told(seed));
    }
}
