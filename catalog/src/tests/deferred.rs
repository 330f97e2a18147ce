//! Commits that nobody waits for: seen at once, durable a little later, and lost whole or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::support::{Home, T, append_chunk, append_partition, create_t, describe, set};
use crate::disk::simulated::SimulatedDisk;
use crate::model::Oid;
use crate::open::Machine;
use crate::{Catalog, Head};

async fn opened(home: &Home, disk: &SimulatedDisk) -> Arc<Catalog> {
    drop(std::fs::remove_dir_all(home.path().join("index")));
    home.try_open_on(Arc::new(disk.clone())).await.unwrap()
}

fn chunks(head: &Head) -> usize {
    head.contents(Oid(T)).map_or(0, |contents| contents.chunk_count())
}

#[tokio::test]
async fn a_deferred_commit_is_seen_at_once_and_durable_later() {
    let (home, disk) = (Home::new(), SimulatedDisk::default());
    let catalog = opened(&home, &disk).await;
    catalog.commit(create_t()).await.unwrap();
    let (steps, groups) = (disk.steps(), catalog.metrics().groups);
    for number in 0..10 {
        catalog.commit_deferred(set(vec![append_chunk(T, &[number])])).await.unwrap();
    }
    assert_eq!(chunks(&catalog.snapshot()), 10);
    assert_eq!(disk.steps(), steps, "nothing was written");
    let lost = opened(&Home::new(), &disk.after_crash(1)).await;
    assert_eq!(chunks(&lost.snapshot()), 0, "what nobody waited for is lost with the power");
    drop(lost);
    let delay = Duration::from_millis(home.settings.deferred_write_milliseconds);
    tokio::time::sleep(delay * 2).await;
    // The committer is a thread of its own.
    while catalog.metrics().groups == groups {
        tokio::time::sleep(delay).await;
    }
    assert_eq!(catalog.metrics().groups, groups + 1, "all in one frame");
    let described = describe(&catalog.snapshot());
    drop(catalog);
    let catalog = opened(&home, &disk.after_crash(1)).await;
    assert_eq!(describe(&catalog.snapshot()), described);
}

#[tokio::test]
async fn a_commit_that_is_awaited_makes_those_before_it_durable() {
    let (home, disk) = (Home::new(), SimulatedDisk::default());
    let catalog = opened(&home, &disk).await;
    catalog.commit(create_t()).await.unwrap();
    catalog.commit_deferred(set(vec![append_chunk(T, b"first")])).await.unwrap();
    catalog.commit(set(vec![append_chunk(T, b"second")])).await.unwrap();
    let described = describe(&catalog.snapshot());
    catalog.commit_deferred(set(vec![append_chunk(T, b"lost")])).await.unwrap();
    assert_eq!(chunks(&catalog.snapshot()), 3);
    let crashed = disk.after_crash(1);
    drop(catalog);
    let catalog = opened(&home, &crashed).await;
    assert_eq!(describe(&catalog.snapshot()), described);
}

#[tokio::test]
async fn partitions_are_never_deferred_and_a_stop_writes_what_is() {
    let (home, disk) = (Home::new(), SimulatedDisk::default());
    let catalog = opened(&home, &disk).await;
    catalog.commit(create_t()).await.unwrap();
    let groups = catalog.metrics().groups;
    catalog.commit_deferred(set(vec![append_partition(T, 1)])).await.unwrap();
    assert_eq!(catalog.metrics().groups, groups + 1);
    catalog.commit_deferred(set(vec![append_chunk(T, b"last")])).await.unwrap();
    let described = describe(&catalog.snapshot());
    catalog.close().await.unwrap();
    drop(catalog);
    let catalog = opened(&home, &disk.after_crash(1)).await;
    assert_eq!(describe(&catalog.snapshot()), described);
}

#[tokio::test]
async fn a_checkpoint_makes_durable_what_it_exports() {
    let (home, disk) = (Home::new(), SimulatedDisk::default());
    let catalog = opened(&home, &disk).await;
    catalog.commit(create_t()).await.unwrap();
    catalog.commit_deferred(set(vec![append_chunk(T, b"kept")])).await.unwrap();
    let durable = describe(&catalog.snapshot());
    catalog.checkpoint().await.unwrap();
    let crashed = disk.after_crash(1);
    drop(catalog);
    let catalog = opened(&home, &crashed).await;
    assert_eq!(describe(&catalog.snapshot()), durable);
}

#[tokio::test]
async fn what_was_seen_and_cannot_be_written_stops_everything() {
    let (home, disk) = (Home::new(), SimulatedDisk::default());
    let failures = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&failures);
    let machine = Machine {
        disk: Arc::new(disk.clone()),
        on_sync_failure: Arc::new(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        }),
    };
    let catalog = Catalog::open_on(home.path(), home.settings.clone(), home.parts(), machine).await.unwrap();
    catalog.commit(create_t()).await.unwrap();
    catalog.commit_deferred(set(vec![append_chunk(T, b"seen")])).await.unwrap();
    disk.fail_next(std::io::ErrorKind::StorageFull);
    assert!(catalog.commit(set(vec![append_chunk(T, b"fails")])).await.is_err());
    assert_eq!(failures.load(Ordering::Relaxed), 1, "the process would have ended");
    assert!(catalog.commit(set(vec![append_chunk(T, b"refused")])).await.is_err());
}
