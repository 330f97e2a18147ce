//! The log in the store: what comes back without the local disk, and when commits are refused instead.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::support::{Home, T, append_chunk, create_t, describe, merge_chunks, set};
use crate::model::{Chunk, Oid};
use crate::offline::{RepairOptions, Restored, inspect, repair};
use crate::{Catalog, Durability, Error};

const SECOND: i64 = 1_000_000;

fn any_body(_: &Chunk, _: &[u8]) -> Result<(), String> {
    Ok(())
}

fn shipping() -> Home {
    let mut home = Home::new();
    home.settings.durability = Durability::Object;
    home.settings.log_segment_bytes = 700;
    home
}

async fn write(catalog: &Catalog, n: u8) {
    catalog.commit(set(vec![append_chunk(T, &[n; 100])])).await.unwrap();
}

/// A catalog at a new place, from what the home's store holds.
async fn restored(home: &Home, place: &Path) -> (Restored, Arc<Catalog>) {
    let id = fs::read_to_string(home.path().join("FORMAT")).unwrap();
    let id = id.split_ascii_whitespace().last().unwrap().parse().unwrap();
    let restored = home.restore_to(place, id, &any_body).await.unwrap();
    (restored, Catalog::open(place, home.settings.clone(), home.parts()).await.unwrap())
}

#[tokio::test]
async fn what_was_shipped_comes_back_without_the_disk() {
    let home = shipping();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    for n in 0..4 {
        write(&catalog, n).await;
        assert!(catalog.ship_log().await.unwrap() > 0);
        if n == 1 {
            catalog.checkpoint().await.unwrap();
        }
    }
    let described = describe(&catalog.snapshot());
    assert_eq!(catalog.ship_log().await.unwrap(), 0, "nothing is new");
    write(&catalog, 9).await;
    drop(catalog);
    let place = tempfile::tempdir().unwrap();
    let (restored, catalog) = restored(&home, &place.path().join("new")).await;
    assert!(restored.lost.is_empty(), "{}", restored.lost);
    assert_eq!(describe(&catalog.snapshot()), described, "all but what was committed after the last shipment");
    write(&catalog, 10).await;
    catalog.ship_log().await.unwrap();
}

#[tokio::test]
async fn commits_are_refused_while_the_store_lacks_older_ones() {
    let home = shipping();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    home.shipped_log.fails_before.store(true, Ordering::Relaxed);
    write(&catalog, 1).await;
    assert!(catalog.ship_log().await.is_err());
    home.clock.0.fetch_add(9 * SECOND, Ordering::Relaxed);
    write(&catalog, 2).await;
    home.clock.0.fetch_add(SECOND, Ordering::Relaxed);
    let refused = catalog.commit(set(vec![append_chunk(T, b"3")])).await;
    assert!(matches!(refused, Err(Error::LogNotShipped { seconds: 10 })), "{refused:?}");
    home.shipped_log.fails_before.store(false, Ordering::Relaxed);
    catalog.ship_log().await.unwrap();
    write(&catalog, 4).await;
    assert_eq!(catalog.snapshot().contents(Oid(T)).unwrap().rows(), 3);
}

#[tokio::test]
async fn a_shipment_whose_answer_was_lost_does_no_harm() {
    let home = shipping();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    home.shipped_log.fails_after.store(true, Ordering::Relaxed);
    assert!(catalog.ship_log().await.is_err());
    write(&catalog, 1).await;
    assert!(catalog.ship_log().await.is_err());
    home.shipped_log.fails_after.store(false, Ordering::Relaxed);
    write(&catalog, 2).await;
    catalog.ship_log().await.unwrap();
    assert_eq!(home.shipped_log.objects.lock().len(), 3);
    let described = describe(&catalog.snapshot());
    drop(catalog);
    let place = tempfile::tempdir().unwrap();
    assert_eq!(describe(&restored(&home, &place.path().join("new")).await.1.snapshot()), described);
}

#[tokio::test]
async fn shipped_log_goes_when_manifest_and_partitions_have_it() {
    let home = shipping();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    for n in 0..6 {
        write(&catalog, n).await;
        catalog.ship_log().await.unwrap();
    }
    catalog.checkpoint().await.unwrap();
    assert_eq!(home.shipped_log.objects.lock().len(), 6, "chunks need theirs");
    let chunks = catalog.snapshot().contents(Oid(T)).unwrap().chunks().map(|chunk| chunk.id).collect();
    catalog.commit(set(vec![merge_chunks(T, 1, chunks)])).await.unwrap();
    catalog.ship_log().await.unwrap();
    catalog.checkpoint().await.unwrap();
    assert_eq!(home.shipped_log.objects.lock().len(), 0);
}

#[tokio::test]
async fn a_data_folder_older_than_the_store_is_refused() {
    let home = shipping();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    catalog.ship_log().await.unwrap();
    drop(catalog);
    let files: Vec<_> = home.log_files().into_iter().map(|file| (fs::read(&file).unwrap(), file)).collect();
    let catalog = home.open().await;
    write(&catalog, 1).await;
    catalog.ship_log().await.unwrap();
    drop(catalog);
    home.log_files().iter().for_each(|file| fs::remove_file(file).unwrap());
    files.iter().for_each(|(bytes, file)| fs::write(file, bytes).unwrap());
    home.delete_index();
    let refused = home.try_open().await.err();
    assert!(
        matches!(&refused, Some(Error::Corrupt { detail, .. }) if detail.contains("older than the store")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_a_cut_took_does_not_come_back() {
    let home = shipping();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    for n in 1..5 {
        write(&catalog, n).await;
        catalog.ship_log().await.unwrap();
    }
    drop(catalog);
    let damaged = home.log_files().into_iter().find(|file| fs::read(file).unwrap().windows(9).any(|w| w == [2; 9]));
    let damaged = damaged.unwrap();
    let mut bytes = fs::read(&damaged).unwrap();
    let at = bytes.windows(9).position(|window| window == [2; 9]).unwrap();
    bytes[at] = 7;
    fs::write(&damaged, bytes).unwrap();
    home.delete_index();
    let options = RepairOptions { cut_log: true, ..RepairOptions::default() };
    let inspection = inspect(home.path(), &home.settings, &home.parts(), &any_body).await.unwrap();
    assert_eq!(repair(inspection, &home.settings, home.parts(), &options).await.unwrap().left, [] as [String; 0]);
    let catalog = home.open().await;
    write(&catalog, 8).await;
    catalog.ship_log().await.unwrap();
    let described = describe(&catalog.snapshot());
    assert_eq!(catalog.snapshot().contents(Oid(T)).unwrap().rows(), 2);
    drop(catalog);
    let place = tempfile::tempdir().unwrap();
    assert_eq!(describe(&restored(&home, &place.path().join("new")).await.1.snapshot()), described);
}
