//! Open, commit, read, close, open again.

use super::support::{Home, T, append_chunk, append_partition, create_t, describe, rows_of, set};
use crate::Error;
use crate::model::{Change, ChangeSet, IngestId, Oid, Seq, TimestampMicros};

#[tokio::test]
async fn a_new_catalog_has_its_databases_and_schemas() {
    let home = Home::new();
    let catalog = home.open().await;
    let head = catalog.snapshot();
    assert_eq!(head.seq(), Seq::ZERO);
    let database = head.database_by_name("peristyle").unwrap();
    assert_eq!(head.schema_by_name(database.oid, "public").unwrap().oid, Oid(2200));
    let database = head.database_by_name("postgres").unwrap();
    assert_eq!(database.oid, Oid(5));
    assert!(head.schema_by_name(database.oid, "public").is_some());
    assert!(head.role_by_name("peristyle").unwrap().superuser);
    assert!(catalog.reserve_oids(1) > Oid(16385), "the first databases took numbers");
}

#[tokio::test]
async fn commits_are_seen_and_come_back_after_a_kill() {
    let home = Home::new();
    let catalog = home.open().await;
    let mut newest = catalog.subscribe();
    assert_eq!(catalog.commit(create_t()).await.unwrap().seq, Seq(1));
    catalog.commit(set(vec![append_chunk(T, b"one"), append_partition(T, 1)])).await.unwrap();
    let before = catalog.snapshot();
    assert_eq!(*newest.borrow_and_update(), Seq(2));
    let contents = before.contents(Oid(T)).unwrap();
    assert_eq!((contents.rows(), contents.bytes(), contents.chunk_count()), (11, 1000, 1));
    assert_eq!(rows_of(contents.real_time().unwrap()).0.values().next().unwrap(), "one");
    let described = describe(&before);
    drop(before);
    drop(catalog);
    let catalog = home.open().await;
    assert_eq!(describe(&catalog.snapshot()), described, "with the index");
    drop(catalog);
    home.delete_index();
    let catalog = home.open().await;
    assert_eq!(describe(&catalog.snapshot()), described, "from the manifest and the log");
    assert_eq!(catalog.commit(set(vec![append_chunk(T, b"two")])).await.unwrap().seq, Seq(3));
}

#[tokio::test]
async fn closing_refuses_commits_and_keeps_what_was_committed() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    catalog.commit(set(vec![append_chunk(T, b"one")])).await.unwrap();
    let described = describe(&catalog.snapshot());
    catalog.close().await.unwrap();
    assert!(matches!(catalog.commit(create_t()).await, Err(Error::Closed)));
    assert!(matches!(catalog.statistics(&[], &[]), Err(Error::Closed)));
    drop(catalog);
    assert_eq!(std::fs::read_to_string(home.path().join("INDEX")).unwrap(), "clean");
    let catalog = home.open().await;
    assert_eq!(describe(&catalog.snapshot()), described);
    assert_ne!(std::fs::read_to_string(home.path().join("INDEX")).unwrap(), "clean", "as long as it is open");
}

#[tokio::test]
async fn snapshots_stay_and_hold_the_horizon() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    let old = catalog.snapshot();
    let copy = old.clone();
    catalog.commit(set(vec![append_chunk(T, b"one")])).await.unwrap();
    assert!(old.contents(Oid(T)).is_none());
    assert_eq!(catalog.horizon(), Seq(1));
    drop(old);
    assert_eq!(catalog.horizon(), Seq(1), "the copy still holds it");
    drop(copy);
    assert_eq!(catalog.horizon(), Seq(2));
}

#[tokio::test]
async fn a_snapshot_that_is_held_too_long_holds_nothing_any_more() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    let old = catalog.snapshot();
    let superseded = catalog.commit(set(vec![append_chunk(T, b"one")])).await.unwrap().at;
    let newest = catalog.snapshot();
    assert_eq!(catalog.expire_snapshots(TimestampMicros(superseded.0 - 1)), 0);
    assert_eq!((old.is_expired(), catalog.horizon()), (false, Seq(1)));
    assert_eq!(catalog.expire_snapshots(superseded), 1);
    assert_eq!(catalog.expire_snapshots(superseded), 0, "it is told once");
    assert!(old.is_expired() && old.clone().is_expired());
    assert_eq!(catalog.horizon(), Seq(2));
    assert!(!newest.is_expired(), "the newest is as old as the last commit, and holds nothing back");
    drop(old);
    assert_eq!((newest.is_expired(), catalog.horizon()), (false, Seq(2)));
}

#[tokio::test]
async fn an_ingest_id_commits_once_until_it_expires() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    let load = || ChangeSet {
        changes: vec![append_chunk(T, b"one")],
        ingest_id: Some(IngestId("load-1".to_owned())),
        requires: Vec::new(),
    };
    assert!(!catalog.commit(load()).await.unwrap().duplicate);
    assert!(catalog.commit(load()).await.unwrap().duplicate);
    drop(catalog);
    home.delete_index();
    let catalog = home.open().await;
    let again = catalog.commit(load()).await.unwrap();
    assert!(again.duplicate, "after a restart, too");
    assert_eq!((again.seq, catalog.snapshot().contents(Oid(T)).unwrap().rows()), (Seq(2), 1));
    home.clock.0.fetch_add(3_601_000_000, std::sync::atomic::Ordering::Relaxed);
    catalog.commit(set(vec![append_chunk(T, b"two")])).await.unwrap();
    assert!(!catalog.commit(load()).await.unwrap().duplicate, "the id was forgotten");
}

#[tokio::test]
async fn used_oids_are_not_given_again_after_a_restart() {
    let home = Home::new();
    let catalog = home.open().await;
    let first = catalog.reserve_oids(3);
    assert_eq!(catalog.reserve_oids(1), Oid(first.0 + 3));
    catalog.commit(create_t()).await.unwrap();
    drop(catalog);
    let catalog = home.open().await;
    assert_eq!(catalog.reserve_oids(1), Oid(T + 3), "after the table, its row type and its array type");
    assert_eq!(catalog.reserve_columns(Oid(T), 2).0, 3);
    assert_eq!(catalog.reserve_columns(Oid(T), 1).0, 5);
}

#[tokio::test]
async fn commit_times_never_go_back() {
    let home = Home::new();
    let catalog = home.open().await;
    let first = catalog.commit(create_t()).await.unwrap();
    home.clock.0.fetch_sub(1_000_000, std::sync::atomic::Ordering::Relaxed);
    let second = catalog.commit(set(vec![append_chunk(T, b"one")])).await.unwrap();
    assert_eq!(second.at, first.at);
    let commits: Vec<_> = catalog.snapshot().commits().collect();
    assert_eq!(commits, [(Seq(1), first.at), (Seq(2), second.at)]);
}

#[tokio::test]
async fn a_set_without_changes_commits_nothing() {
    let home = Home::new();
    let catalog = home.open().await;
    assert_eq!(catalog.commit(ChangeSet::default()).await.unwrap().seq, Seq::ZERO);
    assert_eq!(catalog.commit(set(vec![Change::Forget(Vec::new())])).await.unwrap().seq, Seq(1));
}
