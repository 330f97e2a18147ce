//! The data folder: its lock, its format, whose store it belongs to, and when its index is trusted.

use super::support::{Home, T, append_chunk, create_t, describe, set};
use crate::Error;

#[tokio::test]
async fn a_folder_in_use_says_who_holds_it() {
    let home = Home::new();
    let _catalog = home.open().await;
    match home.try_open().await.err() {
        Some(Error::FolderInUse { holder, .. }) => assert_eq!(holder, std::process::id().to_string()),
        other => panic!("expected FolderInUse, not {other:?}"),
    }
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let home = Home::new();
    drop(home.open().await);
    let path = home.path().join("FORMAT");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(" 4 ", " 5 ")).unwrap();
    let error = home.try_open().await.err();
    assert!(matches!(error, Some(Error::NewerFormat { found: 5, known: 4, .. })));
    std::fs::write(&path, "something else").unwrap();
    assert!(matches!(home.try_open().await.err(), Some(Error::Corrupt { .. })));
    std::fs::remove_file(&path).unwrap();
    drop(std::fs::write(home.path().join("log").join("00000000000000000000.log"), ""));
    assert!(matches!(home.try_open().await.err(), Some(Error::Corrupt { .. })), "a log without a format");
}

#[tokio::test]
async fn an_older_format_becomes_the_newest() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    let described = describe(&catalog.snapshot());
    drop(catalog);
    let path = home.path().join("FORMAT");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(" 4 ", " 1 ")).unwrap();
    assert_eq!(describe(&home.open().await.snapshot()), described);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "an older server must not read what is written now");
}

#[tokio::test]
async fn the_identity_stays() {
    let home = Home::new();
    let catalog = home.open().await;
    let id = catalog.id();
    drop(catalog);
    assert_eq!(home.open().await.id(), id);
    assert_ne!(Home::new().open().await.id(), uuid::Uuid::nil());
}

#[tokio::test]
async fn a_creation_that_was_cut_short_is_finished() {
    let home = Home::new();
    home.manifests.fails_before.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(home.try_open().await.is_err());
    home.manifests.fails_before.store(false, std::sync::atomic::Ordering::Relaxed);
    home.manifests.fails_after.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(home.try_open().await.is_err());
    home.manifests.fails_after.store(false, std::sync::atomic::Ordering::Relaxed);
    let catalog = home.open().await;
    assert!(catalog.snapshot().role_by_name("peristyle").is_some());
    catalog.commit(create_t()).await.unwrap();
}

#[tokio::test]
async fn another_catalogs_store_is_refused() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    drop(catalog);
    let other = Home::new();
    // The other home's random numbers are the same; another clock makes another identity.
    other.clock.0.fetch_add(5_000_000, std::sync::atomic::Ordering::Relaxed);
    drop(other.open().await);
    home.delete_index();
    *home.manifests.objects.lock() = other.manifests.objects.lock().clone();
    assert!(matches!(home.try_open().await.err(), Some(Error::Mismatch(_))));
    home.manifests.objects.lock().clear();
    assert!(matches!(home.try_open().await.err(), Some(Error::Mismatch(_))), "an empty store");
}

#[tokio::test]
async fn an_index_in_doubt_is_rebuilt() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    catalog.commit(set(vec![append_chunk(T, b"one")])).await.unwrap();
    let described = describe(&catalog.snapshot());
    drop(catalog);
    // Another boot: what sled wrote may be lost in part.
    std::fs::write(home.path().join("INDEX"), "another boot").unwrap();
    assert_eq!(describe(&home.open().await.snapshot()), described);
    // Damage that sled notices.
    std::fs::write(home.path().join("index").join("db"), vec![0x5a; 100_000]).unwrap();
    assert_eq!(describe(&home.open().await.snapshot()), described);
    // No mark at all.
    std::fs::remove_file(home.path().join("INDEX")).unwrap();
    assert_eq!(describe(&home.open().await.snapshot()), described);
    // A snapshot that sled was writing when it was killed.
    std::fs::write(home.path().join("index").join("snap.00000000.generating"), "half").unwrap();
    assert_eq!(describe(&home.open().await.snapshot()), described);
}
