//! Checkpoints: what is written, what is freed, and that the catalog comes back from it.

use std::sync::atomic::Ordering;

use uuid::Uuid;

use super::support::{Home, T, append_chunk, create_t, describe, merge_chunks, set};
use crate::model::{Oid, PartitionId};
use crate::{Catalog, Error};

fn names(home: &Home) -> Vec<String> {
    let objects = home.manifests.objects.lock();
    objects.keys().map(|name| name.split('-').next().unwrap().to_owned()).collect()
}

/// Merges all chunks into a partition with that id.
async fn merge(catalog: &Catalog, id: u128) {
    let chunks = catalog.snapshot().contents(Oid(T)).unwrap().chunks().map(|chunk| chunk.id).collect();
    catalog.commit(set(vec![merge_chunks(T, id, chunks)])).await.unwrap();
}

async fn write_some(catalog: &Catalog, count: u8) {
    for n in 0..count {
        catalog.commit(set(vec![append_chunk(T, &[n; 100])])).await.unwrap();
    }
}

fn with_small_segments() -> Home {
    let mut home = Home::new();
    home.settings.log_segment_bytes = 1000;
    home
}

#[tokio::test]
async fn deltas_follow_the_base_until_a_new_one() {
    let home = Home::new();
    let catalog = home.open().await;
    assert_eq!(names(&home), ["base"]);
    catalog.checkpoint().await.unwrap();
    assert_eq!(names(&home), ["base"], "nothing is new");
    catalog.commit(create_t()).await.unwrap();
    for deltas in 1..=3 {
        write_some(&catalog, 2).await;
        catalog.checkpoint().await.unwrap();
        assert_eq!(names(&home).len(), 1 + deltas);
    }
    write_some(&catalog, 2).await;
    catalog.checkpoint().await.unwrap();
    assert_eq!(names(&home), ["base"], "after manifest_deltas_max, and what it replaces is gone");
    write_some(&catalog, 1).await;
    catalog.checkpoint().await.unwrap();
    assert_eq!(names(&home), ["base", "delta"]);
    let described = describe(&catalog.snapshot());
    drop(catalog);
    home.delete_index();
    assert_eq!(describe(&home.open().await.snapshot()), described);
}

#[tokio::test]
async fn the_catalog_is_rebuilt_after_log_segments_were_freed() {
    let home = with_small_segments();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    for id in 1..=3 {
        write_some(&catalog, 8).await;
        merge(&catalog, id).await;
        catalog.checkpoint().await.unwrap();
    }
    write_some(&catalog, 3).await;
    let (end, kept_from) = catalog.log_extent();
    assert!(kept_from > 3000 && kept_from < end, "at least three segments were freed: {kept_from}");
    let described = describe(&catalog.snapshot());
    drop(catalog);
    home.delete_index();
    let catalog = home.open().await;
    assert_eq!(describe(&catalog.snapshot()), described);
    assert_eq!(catalog.log_extent(), (end, kept_from));
}

#[tokio::test]
async fn the_log_is_kept_for_chunks_that_are_in_no_partition() {
    let home = with_small_segments();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    write_some(&catalog, 20).await;
    catalog.checkpoint().await.unwrap();
    assert_eq!(catalog.log_extent().1, 0);
    merge(&catalog, 1).await;
    write_some(&catalog, 1).await;
    let oldest = catalog.snapshot().oldest_chunk_position().unwrap();
    catalog.checkpoint().await.unwrap();
    let kept_from = catalog.log_extent().1;
    assert!(kept_from > 0 && kept_from <= oldest);
    let described = describe(&catalog.snapshot());
    catalog.close().await.unwrap();
    drop(catalog);
    assert_eq!(describe(&home.open().await.snapshot()), described, "after a clean stop");
    home.delete_index();
    assert_eq!(describe(&home.open().await.snapshot()), described, "from the manifest");
}

#[tokio::test]
async fn a_store_that_fails_costs_a_base_and_no_commit() {
    let home = with_small_segments();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    home.manifests.fails_before.store(true, Ordering::Relaxed);
    assert!(matches!(catalog.checkpoint().await, Err(Error::Tier(_))));
    home.manifests.fails_before.store(false, Ordering::Relaxed);
    write_some(&catalog, 2).await;
    home.manifests.fails_after.store(true, Ordering::Relaxed);
    assert!(matches!(catalog.checkpoint().await, Err(Error::Tier(_))));
    home.manifests.fails_after.store(false, Ordering::Relaxed);
    write_some(&catalog, 2).await;
    catalog.checkpoint().await.unwrap();
    assert_eq!(names(&home), ["base"], "the one that was thought to have failed is replaced, too");
    let described = describe(&catalog.snapshot());
    drop(catalog);
    home.delete_index();
    assert_eq!(describe(&home.open().await.snapshot()), described);
}

#[tokio::test]
async fn damaged_or_missing_manifests_are_refused() {
    let home = with_small_segments();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    write_some(&catalog, 10).await;
    merge(&catalog, 1).await;
    catalog.checkpoint().await.unwrap();
    drop(catalog);
    let whole = home.manifests.objects.lock().clone();
    let (newest, bytes) = whole.last_key_value().unwrap();
    for at in 0..bytes.len() {
        let mut damaged = bytes.to_vec();
        damaged[at] ^= 4;
        home.manifests.objects.lock().insert(newest.clone(), damaged.into());
        home.delete_index_if_there();
        assert!(home.try_open().await.is_err(), "byte {at}");
    }
    // Without the delta, the log does not reach back to the base any more.
    *home.manifests.objects.lock() = whole.clone();
    home.manifests.objects.lock().remove(newest);
    home.delete_index_if_there();
    assert!(matches!(home.try_open().await.err(), Some(Error::Corrupt { .. })));
    *home.manifests.objects.lock() = whole;
    let catalog = home.open().await;
    let partition = PartitionId(Uuid::from_u128(1));
    assert!(catalog.snapshot().contents(Oid(T)).unwrap().partition(partition).is_some());
}

#[tokio::test]
async fn an_index_that_is_behind_the_manifest_is_rebuilt() {
    let home = with_small_segments();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    catalog.close().await.unwrap();
    drop(catalog);
    let old = home.path().join("old");
    std::fs::rename(home.path().join("index"), &old).unwrap();
    let catalog = home.open().await;
    write_some(&catalog, 10).await;
    merge(&catalog, 1).await;
    let described = describe(&catalog.snapshot());
    catalog.close().await.unwrap();
    drop(catalog);
    home.delete_index();
    std::fs::rename(old, home.path().join("index")).unwrap();
    assert_eq!(describe(&home.open().await.snapshot()), described);
}

#[tokio::test]
async fn a_checkpoint_that_was_cut_off_is_not_built_upon() {
    let home = with_small_segments();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    catalog.checkpoint().await.unwrap();
    // As the supervisor cuts off background work when a server stops: the future is dropped half way. Now and then the
    // thread that encodes the manifest is done before it can be.
    let mut was_cut_off = false;
    for _ in 0..10 {
        write_some(&catalog, 20).await;
        let mut cut_off = std::pin::pin!(catalog.checkpoint());
        let waker = std::task::Waker::noop();
        was_cut_off = cut_off.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending();
        if was_cut_off {
            break;
        }
    }
    assert!(was_cut_off, "the manifest is being encoded");
    merge(&catalog, 1).await;
    catalog.close().await.unwrap();
    let described = describe(&catalog.snapshot());
    drop(catalog);
    home.delete_index();
    assert_eq!(describe(&home.open().await.snapshot()), described);
}
