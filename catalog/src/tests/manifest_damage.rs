//! Manifests that cannot be read are written again from whatever else leads to the same state, and from nothing less.

use bytes::Bytes;

use super::support::{Home, T, append_chunk, append_partition, create_t, describe, merge_chunks, set};
use crate::Error;
use crate::model::{Chunk, Oid};
use crate::offline::{Inspection, RepairOptions, Repaired, inspect, repair};

fn any_body(_: &Chunk, _: &[u8]) -> Result<(), String> {
    Ok(())
}

async fn look(home: &Home) -> Inspection {
    inspect(home.path(), &home.settings, &home.parts(), &any_body).await.unwrap()
}

async fn mend(home: &Home, options: RepairOptions) -> Repaired {
    repair(look(home).await, &home.settings, home.parts(), &options).await.unwrap()
}

/// A base and two deltas, and commits after them; a log whose segments are freed by manifests if they are `short`.
/// With it the state at the end.
async fn written(short: bool) -> (Home, Vec<String>) {
    let mut home = Home::new();
    if short {
        home.settings.log_segment_bytes = 700;
    }
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    for n in 1..=3_u8 {
        catalog.commit(set(vec![append_chunk(T, &[n; 100]), append_partition(T, n.into())])).await.unwrap();
        let chunks = catalog.snapshot().contents(Oid(T)).unwrap().chunks().map(|c| c.id).collect();
        // Nothing holds the log before the manifest.
        catalog.commit(set(vec![merge_chunks(T, u128::from(n) + 100, chunks)])).await.unwrap();
        if n < 3 {
            catalog.checkpoint().await.unwrap();
        }
    }
    let state = describe(&catalog.snapshot());
    (home, state)
}

fn names(home: &Home, kind: &str) -> Vec<String> {
    home.manifests.objects.lock().keys().filter(|name| name.starts_with(kind)).cloned().collect()
}

fn damage(home: &Home, name: &str) {
    let mut objects = home.manifests.objects.lock();
    let mut bytes = objects[name].to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    objects.insert(name.to_owned(), bytes.into());
}

/// The next start and the next check find nothing wrong, with the index that is there and without one.
async fn is_whole(home: &Home, state: &[String]) {
    assert_eq!(look(home).await.faults, []);
    let catalog = home.open().await;
    assert_eq!(describe(&catalog.snapshot()), state);
    drop(catalog);
    home.delete_index();
    let catalog = home.open().await;
    assert_eq!(describe(&catalog.snapshot()), state);
    catalog.commit(set(vec![append_chunk(T, b"on")])).await.unwrap();
}

#[tokio::test]
async fn an_older_manifest_and_the_log_make_a_new_one() {
    let (home, state) = written(false).await;
    home.delete_index();
    let newest = names(&home, "delta").pop().unwrap();
    damage(&home, &newest);
    assert!(matches!(home.try_open().await, Err(Error::Corrupt { .. })));
    let inspection = look(&home).await;
    assert_eq!(inspection.faults.len(), 1, "{:?}", inspection.faults);
    assert_eq!(describe(inspection.head.as_ref().unwrap()).len(), state.len(), "it says what can be mended");
    drop(inspection);
    let before = home.manifests.objects.lock()[&newest].clone();
    let repaired = mend(&home, RepairOptions::default()).await;
    assert_eq!((repaired.done.len(), repaired.left.len()), (2, 0), "{repaired:?}");
    let kept = std::fs::read(home.path().join("damaged-manifests").join(&newest)).unwrap();
    assert_eq!(Bytes::from(kept), before);
    is_whole(&home, &state).await;
}

#[tokio::test]
async fn the_index_makes_a_new_manifest() {
    let (home, state) = written(true).await;
    for base in names(&home, "base") {
        damage(&home, &base);
    }
    let repaired = mend(&home, RepairOptions::default()).await;
    assert!(repaired.done[0].contains("from the index and the log"), "{repaired:?}");
    is_whole(&home, &state).await;
}

#[tokio::test]
async fn a_base_that_was_superseded_serves_if_it_is_still_there() {
    let (home, state) = written(false).await;
    let older: Vec<_> = names(&home, "base")
        .into_iter()
        .map(|name| (name.clone(), home.manifests.objects.lock()[&name].clone()))
        .collect();
    let catalog = home.open().await;
    for n in 10..20_u8 {
        catalog.commit(set(vec![append_partition(T, n.into())])).await.unwrap();
        catalog.checkpoint().await.unwrap();
    }
    let state_then = describe(&catalog.snapshot());
    assert_ne!(state_then, state);
    drop(catalog);
    let newer = names(&home, "base").pop().unwrap();
    damage(&home, &newer);
    home.delete_index();
    home.manifests.objects.lock().extend(older);
    let repaired = mend(&home, RepairOptions::default()).await;
    assert_eq!(repaired.left, [] as [String; 0]);
    is_whole(&home, &state_then).await;
}

#[tokio::test]
async fn what_nothing_stands_in_for_is_left() {
    let (home, _) = written(true).await;
    home.delete_index();
    for delta in names(&home, "delta") {
        damage(&home, &delta);
    }
    let before = home.manifests.objects.lock().clone();
    let all = RepairOptions { cut_log: true, forget_lost: true, ..RepairOptions::default() };
    let inspection = look(&home).await;
    let told = inspection.faults.iter().any(|fault| fault.detail.contains("the log does not go on from there"));
    assert!(told, "{:?}", inspection.faults);
    drop(inspection);
    let repaired = mend(&home, all).await;
    assert_eq!((repaired.done.len(), repaired.left.len()), (0, 1), "{repaired:?}");
    assert_eq!(*home.manifests.objects.lock(), before, "nothing was changed");
}

#[tokio::test]
async fn a_state_that_falls_short_of_the_manifest_is_none() {
    let (home, _) = written(false).await;
    home.delete_index();
    let catalog = home.open().await;
    catalog.checkpoint().await.unwrap();
    drop(catalog);
    home.delete_index();
    damage(&home, &names(&home, "delta").pop().unwrap());
    // The log ends before the commits that only the damaged manifest has.
    let file = home.log_files().pop().unwrap();
    let log = std::fs::read(&file).unwrap();
    let used = log.iter().rposition(|byte| *byte != 0).unwrap();
    std::fs::write(&file, [&log[..used - 60], &vec![0; log.len() - used + 60]].concat()).unwrap();
    let inspection = look(&home).await;
    assert!(inspection.faults.iter().any(|fault| fault.detail.contains("lead to commit")), "{:?}", inspection.faults);
    assert!(inspection.head.is_none());
}

#[tokio::test]
async fn manifests_behind_a_missing_one_are_not_forgotten() {
    let (home, state) = written(true).await;
    let first = names(&home, "delta").remove(0);
    home.manifests.objects.lock().remove(&first);
    let inspection = look(&home).await;
    let told = inspection.faults.iter().any(|fault| fault.detail.contains("do not follow it"));
    assert!(told, "{:?}", inspection.faults);
    assert!(inspection.cut.is_none(), "nothing has to be thrown away");
    drop(inspection);
    let repaired = mend(&home, RepairOptions::default()).await;
    assert_eq!(repaired.left, [] as [String; 0], "{repaired:?}");
    is_whole(&home, &state).await;
}
