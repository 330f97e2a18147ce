//! The data folder of before a restore comes back: it is refused, and nothing of the restored one's changes.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::support::{Home, T, append_chunk, create_t, describe, set};
use crate::model::Chunk;
use crate::offline::inspect;
use crate::{Catalog, Durability, Error, Result};

fn any_body(_: &Chunk, _: &[u8]) -> std::result::Result<(), String> {
    Ok(())
}

async fn restored(home: &Home, id: uuid::Uuid, place: &Path) -> Arc<Catalog> {
    home.restore_to(place, id, &any_body).await.unwrap();
    open_at(home, place).await.unwrap()
}

async fn open_at(home: &Home, place: &Path) -> Result<Arc<Catalog>> {
    Catalog::open(place, home.settings.clone(), home.parts()).await
}

async fn is_refused(home: &Home, place: &Path) -> bool {
    let of_before =
        |error: &Error| matches!(error, Error::Mismatch(detail) if detail.contains("is of before a restore"));
    let inspected = inspect(place, &home.settings, &home.parts(), &any_body).await.err();
    let opened = open_at(home, place).await.err();
    opened.as_ref().is_some_and(of_before) && inspected.as_ref().is_some_and(of_before)
}

async fn write(catalog: &Catalog, n: u8) {
    catalog.commit(set(vec![append_chunk(T, &[n; 100])])).await.unwrap();
}

/// A catalog that commits further than its manifest and is dropped; returns its identity.
async fn left_behind(home: &Home) -> uuid::Uuid {
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    catalog.checkpoint().await.unwrap();
    for n in 0..4 {
        write(&catalog, n).await;
    }
    catalog.id()
}

#[tokio::test]
async fn the_old_disk_comes_back_after_a_restore() {
    for durability in [Durability::Local, Durability::Object] {
        let mut home = Home::new();
        home.settings.durability = durability;
        let id = left_behind(&home).await;
        let place = tempfile::tempdir().unwrap();
        let (second, third) = (place.path().join("second"), place.path().join("third"));
        let catalog = restored(&home, id, &second).await;
        assert!(is_refused(&home, home.path()).await, "the restored one has not written anything yet");
        write(&catalog, 9).await;
        catalog.close().await.unwrap();
        let described = describe(&catalog.snapshot());
        drop(catalog);
        let stored = home.manifests.objects.lock().clone();
        assert!(is_refused(&home, home.path()).await, "with a trusted index");
        home.delete_index();
        assert!(is_refused(&home, home.path()).await, "with none");
        assert_eq!(*home.manifests.objects.lock(), stored, "nothing was written");
        assert_eq!(describe(&open_at(&home, &second).await.unwrap().snapshot()), described);
        drop(restored(&home, id, &third).await);
        assert!(is_refused(&home, &second).await, "there was another restore");
        open_at(&home, &third).await.unwrap();
    }
}

#[tokio::test]
async fn with_the_store_of_before_the_old_disk_is_read() {
    let home = Home::new();
    let id = left_behind(&home).await;
    let stored = home.manifests.objects.lock().clone();
    let place = tempfile::tempdir().unwrap();
    drop(restored(&home, id, &place.path().join("new")).await);
    assert!(is_refused(&home, home.path()).await);
    *home.manifests.objects.lock() = stored;
    assert_eq!(home.open().await.snapshot().contents(crate::model::Oid(T)).unwrap().rows(), 4);
}

#[tokio::test]
async fn a_lineage_that_cannot_be_written_leaves_the_old_folder_in() {
    let home = Home::new();
    let id = left_behind(&home).await;
    let place = tempfile::tempdir().unwrap();
    home.manifests.fails_before.store(true, std::sync::atomic::Ordering::Relaxed);
    home.restore_to(place.path(), id, &any_body).await.unwrap_err();
    assert!(place.path().join("RESTORING").exists());
    home.manifests.fails_before.store(false, std::sync::atomic::Ordering::Relaxed);
    drop(home.open().await);
    drop(restored(&home, id, place.path()).await);
    assert!(is_refused(&home, home.path()).await);
    fs::write(place.path().join("LINEAGE"), "nonsense").unwrap();
    assert!(matches!(open_at(&home, place.path()).await, Err(Error::Corrupt { .. })));
}
