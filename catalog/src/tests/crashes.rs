//! The power goes at every step that changes the disk; writes and syncs fail.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::support::{Home, T, append_chunk, create_t, describe, merge_chunks, rows_of, set};
use crate::disk::simulated::{Fault, SimulatedDisk};
use crate::model::{Change, Oid};
use crate::open::Machine;
use crate::{Catalog, Error, Head};

const COMMITS: u8 = 14;

/// Commits numbered chunks, checkpoints and drops old chunks on the way; returns the acknowledged numbers.
async fn work(catalog: &Catalog) -> Vec<u8> {
    let mut acknowledged = Vec::new();
    if catalog.commit(create_t()).await.is_err() {
        return acknowledged;
    }
    for number in 1..=COMMITS {
        let mut changes = vec![append_chunk(T, &[number; 100])];
        changes.extend(merge_all_but_last(&catalog.snapshot(), number));
        if catalog.commit(set(changes)).await.is_err() {
            return acknowledged;
        }
        acknowledged.push(number);
        // A checkpoint that fails (it cannot free the log) is no loss.
        if number % 5 == 0 {
            drop(catalog.checkpoint().await);
        }
    }
    acknowledged
}

/// Every third commit merges what is there into a partition.
fn merge_all_but_last(head: &Head, number: u8) -> Vec<Change> {
    let Some(contents) = head.contents(Oid(T)).filter(|_| number.is_multiple_of(3)) else { return Vec::new() };
    let chunks = contents.chunks().map(|chunk| chunk.id).collect();
    vec![merge_chunks(T, numbers_in_memory(head).into_iter().fold(0, |bits, n| bits | 1 << n), chunks)]
}

fn numbers_in_memory(head: &Head) -> Vec<u8> {
    let rows = head.contents(Oid(T)).and_then(|contents| contents.real_time());
    rows.map_or(Vec::new(), |rows| rows_of(rows).0.values().map(|body| body[0]).collect())
}

/// The numbers that a head holds: in chunks, and as bits in the ids of partitions.
fn numbers(head: &Head) -> Vec<u8> {
    let mut numbers = numbers_in_memory(head);
    for partition in head.contents(Oid(T)).into_iter().flat_map(|contents| contents.partitions()) {
        numbers.extend((0..=COMMITS).filter(|n| partition.id.0.as_u128() >> n & 1 == 1));
    }
    numbers.sort_unstable();
    numbers
}

fn small_segments() -> Home {
    let mut home = Home::new();
    home.settings.log_segment_bytes = 900;
    home
}

async fn reopen(home: &Home, disk: &SimulatedDisk) -> Arc<Catalog> {
    drop(std::fs::remove_dir_all(home.path().join("index")));
    home.try_open_on(Arc::new(disk.clone())).await.expect("a crash never makes a log unreadable")
}

#[tokio::test]
async fn acknowledged_commits_survive_a_crash_at_every_step() {
    let whole = small_segments();
    let disk = SimulatedDisk::default();
    let catalog = whole.try_open_on(Arc::new(disk.clone())).await.unwrap();
    assert_eq!(work(&catalog).await.len(), usize::from(COMMITS));
    assert!(catalog.log_extent().1 > 0, "segments were freed");
    for step in 1..=disk.steps() {
        let home = small_segments();
        let disk = SimulatedDisk::default();
        disk.fail_at(step, Fault::Crash);
        let catalog = home.try_open_on(Arc::new(disk.clone())).await.unwrap();
        let acknowledged = work(&catalog).await;
        drop(catalog);
        let disk = disk.after_crash(step);
        let catalog = reopen(&home, &disk).await;
        let found = numbers(&catalog.snapshot());
        let next = acknowledged.len() as u8 + 1;
        let one_more: Vec<u8> = (1..=next).collect();
        assert!(found == acknowledged || found == one_more, "step {step}: {acknowledged:?} became {found:?}");
        if catalog.snapshot().relation(Oid(T)).is_some() {
            catalog.commit(set(vec![append_chunk(T, b"after")])).await.unwrap();
        }
        let described = describe(&catalog.snapshot());
        drop(catalog);
        let catalog = reopen(&home, &disk.after_crash(0)).await;
        assert_eq!(describe(&catalog.snapshot()), described, "step {step}: what came after the crash stays");
    }
}

#[tokio::test]
async fn a_failed_write_fails_its_commits_and_nothing_else() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        let home = Home::new();
        let disk = SimulatedDisk::default();
        let catalog = home.try_open_on(Arc::new(disk.clone())).await.unwrap();
        catalog.commit(create_t()).await.unwrap();
        let before = describe(&catalog.snapshot());
        disk.fail_next(kind);
        let error = catalog.commit(set(vec![append_chunk(T, b"lost")])).await.unwrap_err();
        match kind {
            io::ErrorKind::StorageFull => assert!(matches!(error, Error::DiskFull)),
            _ => assert!(matches!(error, Error::LogWrite(_))),
        }
        assert_eq!(describe(&catalog.snapshot()), before);
        catalog.commit(set(vec![append_chunk(T, b"kept")])).await.unwrap();
        let described = describe(&catalog.snapshot());
        drop(catalog);
        let catalog = reopen(&home, &disk.after_crash(1)).await;
        assert_eq!(describe(&catalog.snapshot()), described);
    }
}

#[tokio::test]
async fn a_full_disk_fails_commits_until_there_is_space() {
    let home = small_segments();
    let disk = SimulatedDisk::default();
    let catalog = home.try_open_on(Arc::new(disk.clone())).await.unwrap();
    catalog.commit(create_t()).await.unwrap();
    disk.limit_space(Some(2000));
    let mut committed = 0;
    let error = loop {
        match catalog.commit(set(vec![append_chunk(T, &[7; 100])])).await {
            Ok(_) => committed += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::DiskFull), "{error}");
    assert_eq!(catalog.snapshot().contents(Oid(T)).unwrap().rows(), committed, "reads go on");
    disk.limit_space(None);
    catalog.commit(set(vec![append_chunk(T, b"more")])).await.unwrap();
    let described = describe(&catalog.snapshot());
    drop(catalog);
    assert_eq!(describe(&reopen(&home, &disk.after_crash(3)).await.snapshot()), described);
}

#[tokio::test]
async fn a_failed_sync_stops_everything() {
    let home = Home::new();
    let disk = SimulatedDisk::default();
    let told = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&told);
    let machine = Machine {
        disk: Arc::new(disk.clone()),
        on_sync_failure: Arc::new(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        }),
    };
    let catalog = Catalog::open_on(home.path(), home.settings.clone(), home.parts(), machine).await.unwrap();
    catalog.commit(create_t()).await.unwrap();
    let steps_of_a_commit = {
        let before = disk.steps();
        catalog.commit(set(vec![append_chunk(T, b"one")])).await.unwrap();
        disk.steps() - before
    };
    assert_eq!(steps_of_a_commit, 2, "a write and a sync");
    disk.fail_at(disk.steps() + 2, Fault::Error(io::ErrorKind::Other));
    assert!(matches!(catalog.commit(set(vec![append_chunk(T, b"two")])).await, Err(Error::LogWrite(_))));
    assert_eq!(told.load(Ordering::Relaxed), 1);
    assert!(matches!(catalog.commit(set(vec![append_chunk(T, b"three")])).await, Err(Error::LogWrite(_))));
    assert_eq!(catalog.snapshot().contents(Oid(T)).unwrap().rows(), 1);
}
