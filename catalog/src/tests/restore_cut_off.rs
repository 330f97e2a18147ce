//! A restore that is cut off at any step leaves a folder that nobody opens, and the next one restores all the same.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::support::{Home, T, append_chunk, create_t, describe, set};
use crate::disk::simulated::{Fault, SimulatedDisk};
use crate::model::Chunk;
use crate::offline::{RestorePlace, Restored, inspect_on, restore_on};
use crate::open::Machine;
use crate::{Catalog, Durability, Error, Result};

fn any_body(_: &Chunk, _: &[u8]) -> std::result::Result<(), String> {
    Ok(())
}

fn machine(disk: &SimulatedDisk) -> Machine {
    Machine { disk: Arc::new(disk.clone()), on_sync_failure: Arc::new(|_| {}) }
}

async fn restore_at(home: &Home, id: uuid::Uuid, place: &Path, disk: &SimulatedDisk) -> Result<Restored> {
    restore_on(RestorePlace::take(place)?, id, &home.settings, home.parts(), &any_body, &machine(disk)).await
}

async fn open_at(home: &Home, place: &Path, disk: &SimulatedDisk) -> Result<Arc<Catalog>> {
    Catalog::open_on(place, home.settings.clone(), home.parts(), machine(disk)).await
}

fn is_refused<V>(result: Result<V>) -> bool {
    matches!(result, Err(Error::Mismatch(detail)) if detail.contains("\"peristyle restore\" did not end"))
}

/// Six commits, all of them shipped, in three pieces.
async fn shipped() -> (Home, uuid::Uuid, Vec<String>) {
    let mut home = Home::new();
    home.settings.durability = Durability::Object;
    home.settings.log_segment_bytes = 700;
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    for n in 0..6_u8 {
        catalog.commit(set(vec![append_chunk(T, &[n; 100])])).await.unwrap();
        if n % 2 == 1 {
            catalog.ship_log().await.unwrap();
        }
    }
    let described = describe(&catalog.snapshot());
    let id = catalog.id();
    drop(catalog);
    (home, id, described)
}

#[tokio::test]
async fn at_every_step_of_the_disk() {
    let (home, id, described) = shipped().await;
    let mut cut_off = 0;
    for step in 1.. {
        let (place, disk) = (tempfile::tempdir().unwrap(), SimulatedDisk::default());
        let place = place.path().join("new");
        disk.fail_at(step, Fault::Crash);
        if restore_at(&home, id, &place, &disk).await.is_ok() {
            break;
        }
        cut_off += 1;
        let disk = if step % 2 == 0 { disk.after_kill() } else { disk.after_crash(step) };
        assert!(is_refused(open_at(&home, &place, &disk).await), "step {step}: a server");
        let inspected = inspect_on(&place, &home.settings, &home.parts(), &any_body, &machine(&disk)).await;
        assert!(is_refused(inspected), "step {step}: check and repair");
        let restored = restore_at(&home, id, &place, &disk).await.unwrap();
        assert!(restored.lost.is_empty(), "step {step}: {}", restored.lost);
        let catalog = open_at(&home, &place, &disk).await.unwrap();
        assert_eq!(describe(&catalog.snapshot()), described, "step {step}");
    }
    assert!(cut_off > 6, "{cut_off}");
}

#[tokio::test]
async fn before_its_format_was_written_or_after_all_else() {
    let (home, id, described) = shipped().await;
    let (place, disk) = (tempfile::tempdir().unwrap(), SimulatedDisk::default());
    fs::write(place.path().join("LOCK"), "1\n").unwrap();
    drop(RestorePlace::take(place.path()).unwrap());
    fs::write(place.path().join("RESTORING"), "").unwrap();
    assert!(is_refused(open_at(&home, place.path(), &disk).await));
    assert!(is_refused(inspect_on(place.path(), &home.settings, &home.parts(), &any_body, &machine(&disk)).await));
    restore_at(&home, id, place.path(), &disk).await.unwrap();
    assert!(!place.path().join("RESTORING").exists());
    fs::write(place.path().join("RESTORING"), "").unwrap();
    assert!(is_refused(open_at(&home, place.path(), &disk).await));
    restore_at(&home, id, place.path(), &disk).await.unwrap();
    assert_eq!(describe(&open_at(&home, place.path(), &disk).await.unwrap().snapshot()), described);
}

#[tokio::test]
async fn only_what_a_restore_left_is_cleared() {
    let (home, id, _) = shipped().await;
    let (place, disk) = (tempfile::tempdir().unwrap(), SimulatedDisk::default());
    for name in ["RESTORING", "FORMAT", "LINEAGE", "FENCE"] {
        fs::write(place.path().join(name), "").unwrap();
    }
    for name in ["log-before-cut-at-7", "objects"] {
        fs::create_dir_all(place.path().join(name)).unwrap();
    }
    let refused = restore_at(&home, id, place.path(), &disk).await;
    assert!(matches!(refused, Err(Error::Mismatch(detail)) if detail.contains("is not empty")), "a store lies there");
    fs::remove_dir(place.path().join("objects")).unwrap();
    restore_at(&home, id, place.path(), &disk).await.unwrap();
    assert!(place.path().join("log-before-cut-at-7").exists(), "copies stay");
    assert!(place.path().join("FENCE").exists(), "the store has a mark that it names");
    let refused = restore_at(&home, id, place.path(), &disk).await;
    assert!(matches!(refused, Err(Error::Mismatch(detail)) if detail.contains("is not empty")), "it is whole");
}
