//! Check, repair and restore: every kind of damage is found, and what comes back is what was not damaged.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::{
    Home, T, append_chunk, append_partition, column, create_t, describe, merge_chunks, rows_of, set, table,
};
use crate::index::Index;
use crate::model::{Change, Chunk, Oid, PgType};
use crate::offline::{CheckBody, IndexState, Inspection, RepairOptions, Repaired, inspect, repair};
use crate::records::RawOp;
use crate::{Error, Head};

fn any_body(_: &Chunk, _: &[u8]) -> Result<(), String> {
    Ok(())
}

async fn look(home: &Home) -> Inspection {
    look_with(home, &any_body).await
}

async fn look_with(home: &Home, check_body: &CheckBody) -> Inspection {
    inspect(home.path(), &home.settings, &home.parts(), check_body).await.unwrap()
}

async fn mend(home: &Home, options: RepairOptions) -> Repaired {
    repair(look(home).await, &home.settings, home.parts(), &options).await.unwrap()
}

fn cut_log() -> RepairOptions {
    RepairOptions { cut_log: true, ..RepairOptions::default() }
}

fn forget_lost() -> RepairOptions {
    RepairOptions { forget_lost: true, ..RepairOptions::default() }
}

fn bodies(head: &Head) -> Vec<u8> {
    let rows = head.contents(Oid(T)).and_then(|contents| contents.real_time());
    rows.map_or(Vec::new(), |rows| rows_of(rows).0.values().map(|body| body[0]).collect())
}

/// Five chunks in small segments, with the head after each.
async fn written() -> (Home, Vec<Vec<String>>) {
    let mut home = Home::new();
    home.settings.log_segment_bytes = 700;
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    let mut heads = vec![describe(&catalog.snapshot())];
    for n in 1..=5_u8 {
        catalog.commit(set(vec![append_chunk(T, &[n; 100])])).await.unwrap();
        heads.push(describe(&catalog.snapshot()));
    }
    (home, heads)
}

/// Where the body of the chunk with these bytes lies.
fn find_body(home: &Home, n: u8) -> (PathBuf, usize) {
    let files = home.log_files().into_iter();
    let mut found = files.filter_map(|file| {
        let bytes = fs::read(&file).unwrap();
        bytes.windows(100).position(|window| window == [n; 100]).map(|at| (file, at))
    });
    found.next().expect("the body is in the log")
}

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 0x40;
    fs::write(file, bytes).unwrap();
}

#[tokio::test]
async fn a_sound_folder_has_no_faults_however_it_was_left() {
    let (home, heads) = written().await;
    let inspection = look(&home).await;
    assert_eq!(inspection.faults, []);
    assert!(matches!(inspection.index, IndexState::Agrees(_)), "{:?}", inspection.index);
    assert_eq!(inspection.head.as_ref().unwrap().contents(Oid(T)).unwrap().rows(), 5);
    assert_eq!(inspection.cut, None);
    assert_eq!(inspection.log.frames, 6);
    drop(inspection);
    let catalog = home.open().await;
    assert_eq!(describe(&catalog.snapshot()), heads[5], "an inspection changes nothing");
    assert!(matches!(
        inspect(home.path(), &home.settings, &home.parts(), &any_body).await,
        Err(Error::FolderInUse { .. })
    ));
    catalog.close().await.unwrap();
    drop(catalog);
    let inspection = look(&home).await;
    assert_eq!(
        (inspection.faults.as_slice(), &inspection.index),
        (&[][..], &IndexState::Agrees(inspection.head.as_ref().unwrap().seq()))
    );
    drop(inspection);
    assert_eq!(mend(&home, cut_log()).await, Repaired::default(), "nothing to do");
    let nowhere = inspect(&home.path().join("no"), &home.settings, &home.parts(), &any_body).await;
    assert!(matches!(nowhere, Err(Error::Mismatch(_))));
    assert!(!home.path().join("no").exists());
}

#[tokio::test]
async fn an_index_with_a_wrong_row_is_found_and_built_anew() {
    let (home, heads) = written().await;
    let index = Index::open(&home.path().join("index"), 1 << 20).unwrap();
    let (key, _) = index.scan(&[], None).last().unwrap().unwrap();
    index.apply(&[RawOp { key, value: Some(vec![1, 2, 3].into()) }], None).unwrap();
    drop(index);
    let inspection = look(&home).await;
    assert!(matches!(inspection.index, IndexState::Differs(_)));
    assert_eq!(inspection.faults.len(), 1, "{:?}", inspection.faults);
    drop(inspection);
    let repaired = mend(&home, RepairOptions::default()).await;
    assert_eq!((repaired.done.len(), repaired.left.len()), (1, 0));
    assert_eq!(look(&home).await.faults, []);
    assert_eq!(describe(&home.open().await.snapshot()), heads[5]);
}

#[tokio::test]
async fn a_bad_frame_is_cut_only_when_its_loss_is_accepted() {
    let (home, heads) = written().await;
    let (file, at) = find_body(&home, 3);
    flip(&file, at);
    home.delete_index();
    assert!(home.try_open().await.is_err());
    let inspection = look(&home).await;
    let cut = inspection.cut.expect("the log cannot be replayed");
    assert_eq!(cut.lost.count(), 3, "commits 4, 5 and 6 made chunks 3, 4 and 5");
    assert!(!inspection.faults.is_empty());
    drop(inspection);
    let refused = mend(&home, forget_lost()).await;
    assert_eq!((refused.done.len(), refused.left.len()), (0, 1));
    assert!(refused.left[0].contains("loses commits 4 to 6, 3 in all"), "{}", refused.left[0]);
    assert!(home.try_open().await.is_err(), "nothing was changed");
    let before = fs::read(&file).unwrap();
    let repaired = mend(&home, cut_log()).await;
    assert_eq!(repaired.left, [] as [String; 0]);
    let copies = home.path().join(format!("log-before-cut-at-{}", cut.at));
    assert_eq!(fs::read(copies.join(file.file_name().unwrap())).unwrap(), before);
    assert_eq!(look(&home).await.faults, []);
    let catalog = home.open().await;
    assert_eq!(describe(&catalog.snapshot()), heads[2]);
    catalog.commit(set(vec![append_chunk(T, b"on")])).await.unwrap();
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_forgotten_and_no_others() {
    let (home, heads) = written().await;
    let catalog = home.open().await;
    catalog.checkpoint().await.unwrap();
    catalog.commit(set(vec![append_chunk(T, &[6; 100])])).await.unwrap();
    drop(catalog);
    let (file, at) = find_body(&home, 2);
    flip(&file, at);
    assert!(home.try_open().await.is_err());
    let inspection = look(&home).await;
    assert_eq!(inspection.cut, None, "the manifest has every commit before it");
    assert_eq!(inspection.lost_chunks.len(), 1);
    drop(inspection);
    let refused = mend(&home, cut_log()).await;
    assert!(refused.left[0].contains("public.t: 1 rows, in 1 chunks"), "{:?}", refused.left);
    let repaired = mend(&home, forget_lost()).await;
    assert_eq!((repaired.left.len(), repaired.forgotten.rows()), (0, 1));
    let catalog = home.open().await;
    assert_eq!(bodies(&catalog.snapshot()), [1, 3, 4, 5, 6]);
    assert_eq!(catalog.snapshot().contents(Oid(T)).unwrap().rows(), 5);
    drop((catalog, heads));
    home.delete_index();
    assert_eq!(bodies(&home.open().await.snapshot()), [1, 3, 4, 5, 6], "it is in the log and the manifest too");
}

#[tokio::test]
async fn a_body_that_storage_does_not_read_is_lost_too() {
    let (home, _) = written().await;
    let third = |_: &Chunk, body: &[u8]| if body[0] == 3 { Err("it is the third".to_owned()) } else { Ok(()) };
    let inspection = look_with(&home, &third).await;
    assert_eq!(inspection.lost_chunks.len(), 1);
    assert!(inspection.faults.iter().any(|fault| fault.detail == "it is the third"), "{:?}", inspection.faults);
}

#[tokio::test]
async fn without_its_log_a_folder_goes_on_from_the_manifest() {
    let (home, _) = written().await;
    let catalog = home.open().await;
    let chunks = catalog.snapshot().contents(Oid(T)).unwrap().chunks().take(2).map(|chunk| chunk.id).collect();
    catalog.commit(set(vec![merge_chunks(T, 9, chunks)])).await.unwrap();
    catalog.checkpoint().await.unwrap();
    drop(catalog);
    fs::remove_dir_all(home.path().join("log")).unwrap();
    assert!(home.try_open().await.is_err());
    let both = RepairOptions { forget_lost: true, ..cut_log() };
    let repaired = mend(&home, both).await;
    assert_eq!((repaired.left.len(), repaired.forgotten.rows()), (0, 3));
    assert_eq!(look(&home).await.faults, []);
    let catalog = home.open().await;
    assert_eq!(catalog.snapshot().contents(Oid(T)).unwrap().rows(), 10, "the partition");
    catalog.commit(set(vec![append_chunk(T, b"on")])).await.unwrap();
}

#[tokio::test]
async fn a_server_comes_back_from_the_store_alone() {
    let (home, _) = written().await;
    let catalog = home.open().await;
    catalog.commit(set(vec![append_partition(T, 9)])).await.unwrap();
    catalog.checkpoint().await.unwrap();
    let seq = catalog.snapshot().seq();
    catalog.commit(set(vec![append_chunk(T, b"after the manifest")])).await.unwrap();
    let id = catalog.id();
    drop(catalog);
    let mut other = Home::new();
    other.manifests = home.manifests.clone();
    let place = other.path().join("new");
    let restored = other.restore_to(&place, id, &any_body).await.unwrap();
    assert_eq!((restored.seq, restored.lost.rows()), (seq, 5), "chunks were in the log only");
    let again = other.restore_to(&place, id, &any_body).await;
    assert!(matches!(again, Err(Error::Mismatch(_))), "not into a folder that holds something");
    let catalog = crate::Catalog::open(&place, other.settings.clone(), other.parts()).await.unwrap();
    assert_eq!(catalog.id(), id);
    assert_eq!(catalog.snapshot().contents(Oid(T)).unwrap().rows(), 10);
    catalog.commit(set(vec![append_chunk(T, b"on")])).await.unwrap();
}

#[tokio::test]
async fn contradictions_between_rows_are_found() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    let other = table(T + 10, "other", vec![column(1, "a", PgType::INT4)]);
    catalog.commit(set(vec![Change::CreateRelation(other)])).await.unwrap();
    catalog.commit(set(vec![append_partition(T, 5), append_partition(T + 10, 5)])).await.unwrap();
    drop(catalog);
    let faults = look(&home).await.faults;
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].detail.contains("public.t, public.other all name it"), "{}", faults[0]);
}
