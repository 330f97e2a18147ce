//! Commits that wait at the same time share a frame and an fsync, and see each other.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::support::{Home, T, append_chunk, create_t, describe, requiring, set, table};
use crate::disk::simulated::SimulatedDisk;
use crate::disk::{Disk, DiskFile, RealDisk};
use crate::model::{Change, ChangeSet, ColumnId, Commit, IngestId, Oid, PgType, Requirement, Seq};
use crate::{Catalog, Error, Result};

/// Commits all at once while a first commit is being synced, so that they make the next groups.
async fn together(catalog: &Arc<Catalog>, disk: &SimulatedDisk, sets: Vec<ChangeSet>) -> Vec<Result<Commit>> {
    disk.hold_syncs(true);
    let first = commit(catalog, set(vec![append_chunk(T, b"first")]));
    let seen = catalog.metrics().groups;
    let rest: Vec<_> = sets.into_iter().map(|changes| commit(catalog, changes)).collect();
    // One thread runs the tasks in turn: after these turns all have queued their sets.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(catalog.metrics().groups, seen, "the first is held");
    disk.hold_syncs(false);
    first.await.unwrap().unwrap();
    let mut results = Vec::new();
    for task in rest {
        results.push(task.await.unwrap());
    }
    results
}

fn commit(catalog: &Arc<Catalog>, changes: ChangeSet) -> JoinHandle<Result<Commit>> {
    let catalog = Arc::clone(catalog);
    tokio::spawn(async move { catalog.commit(changes).await })
}

async fn open_with_t(home: &Home) -> (Arc<Catalog>, SimulatedDisk) {
    let disk = SimulatedDisk::default();
    let catalog = home.try_open_on(Arc::new(disk.clone())).await.unwrap();
    catalog.commit(create_t()).await.unwrap();
    (catalog, disk)
}

#[tokio::test]
async fn waiting_commits_share_one_frame() {
    let home = Home::queueing();
    let (catalog, disk) = open_with_t(&home).await;
    let before = catalog.metrics();
    let sets = (0..20_u8).map(|n| set(vec![append_chunk(T, &[n])])).collect();
    let results = together(&catalog, &disk, sets).await;
    let seqs: Vec<u64> = results.into_iter().map(|result| result.unwrap().seq.0).collect();
    assert_eq!(seqs, (3..23).collect::<Vec<_>>());
    let after = catalog.metrics();
    assert_eq!(after.commits - before.commits, 21);
    assert!(after.groups - before.groups <= 3, "one for the first, and the others hardly apart");
}

#[tokio::test]
async fn requirements_see_the_sets_queued_before() {
    let home = Home::queueing();
    let (catalog, disk) = open_with_t(&home).await;
    let create = |oid| set(vec![Change::CreateRelation(table(oid, "u", Vec::new()))]);
    let version = Requirement::RelationVersion { oid: Oid(T), version: Seq(1) };
    let ensure = Change::EnsureColumn { table: Oid(T), proposed: ColumnId(3), name: "c".to_owned(), ty: PgType::INT4 };
    let ingest = || ChangeSet {
        requires: Vec::new(),
        changes: vec![append_chunk(T, b"once")],
        ingest_id: Some(IngestId("x".to_owned())),
    };
    let sets = vec![
        create(30_000),
        create(30_010),
        requiring(version.clone(), vec![ensure]),
        requiring(version, vec![Change::DropRelation(Oid(T))]),
        ingest(),
        ingest(),
    ];
    let results = together(&catalog, &disk, sets).await;
    assert!(results[0].is_ok());
    assert!(matches!(&results[1], Err(Error::DuplicateRelation(name)) if name == "u"));
    assert!(results[2].is_ok());
    assert!(matches!(&results[3], Err(Error::Conflict { relation: Some(Oid(T)) })));
    assert!(!results[4].as_ref().unwrap().duplicate);
    assert!(results[5].as_ref().unwrap().duplicate);
    assert_eq!(catalog.snapshot().contents(Oid(T)).unwrap().rows(), 2);
}

/// One that fails half way has changed the group's head by then.
#[tokio::test]
async fn a_set_that_fails_half_way_takes_nobody_along() {
    let home = Home::queueing();
    let (catalog, disk) = open_with_t(&home).await;
    let append = |n: u8| set(vec![append_chunk(T, &[n])]);
    let fails = set(vec![append_chunk(T, b"lost"), append_chunk(T + 1, b"no such table")]);
    let results = together(&catalog, &disk, vec![append(1), fails.clone(), append(2), fails, append(3)]).await;
    let seqs: Vec<Option<u64>> = results.iter().map(|result| result.as_ref().ok().map(|commit| commit.seq.0)).collect();
    assert_eq!(seqs, [Some(3), None, Some(4), None, Some(5)]);
    assert!(matches!(&results[1], Err(Error::RelationGone(Oid(oid))) if *oid == T + 1), "{:?}", results[1]);
    let (head, rows) = (catalog.snapshot(), |head: &crate::Head| head.contents(Oid(T)).unwrap().rows());
    assert_eq!(rows(&head), 4, "with the first");
    let described = describe(&head);
    drop((head, catalog));
    home.delete_index();
    let catalog = home.try_open_on(Arc::new(disk.after_crash(1))).await.unwrap();
    assert_eq!(describe(&catalog.snapshot()), described);
}

#[tokio::test]
async fn a_group_larger_than_a_frame_becomes_several() {
    let mut home = Home::queueing();
    home.settings.log_frame_bytes_max = 2000;
    let (catalog, disk) = open_with_t(&home).await;
    let before = catalog.metrics().groups;
    let sets = (0..10_u8).map(|n| set(vec![append_chunk(T, &[n; 600])])).collect();
    assert!(together(&catalog, &disk, sets).await.iter().all(Result::is_ok));
    assert!(catalog.metrics().groups - before >= 5, "two of them fill a frame");
    let large = catalog.commit(set(vec![append_chunk(T, &[1; 2000])])).await.unwrap_err();
    assert!(matches!(large, Error::CommitTooLarge { limit: 2000, bytes } if bytes > 2000));
    let described = describe(&catalog.snapshot());
    drop(catalog);
    home.delete_index();
    let catalog = home.try_open_on(Arc::new(disk.after_crash(1))).await.unwrap();
    assert_eq!(describe(&catalog.snapshot()), described);
}

#[tokio::test]
async fn a_commit_that_nobody_waits_for_is_made() {
    let home = Home::queueing();
    let (catalog, disk) = open_with_t(&home).await;
    disk.hold_syncs(true);
    let task = commit(&catalog, set(vec![append_chunk(T, b"x")]));
    tokio::task::yield_now().await;
    task.abort();
    disk.hold_syncs(false);
    catalog.commit(ChangeSet::default()).await.unwrap();
    assert_eq!(catalog.snapshot().contents(Oid(T)).unwrap().rows(), 1);
}

/// The machine's disk with a slow fsync, and which threads called it.
#[derive(Default)]
struct SlowDisk {
    syncs: Arc<Syncs>,
}

type Syncs = Mutex<Vec<Option<String>>>;

struct SlowFile(Box<dyn DiskFile>, Arc<Syncs>);

impl Disk for SlowDisk {
    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(folder)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(SlowFile(RealDisk.create(path)?, Arc::clone(&self.syncs))))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(SlowFile(RealDisk.open(path)?, Arc::clone(&self.syncs))))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        RealDisk.sync_folder(folder)
    }
}

impl DiskFile for SlowFile {
    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.0.allocate(bytes)
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.0.truncate(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.1.lock().push(std::thread::current().name().map(str::to_owned));
        std::thread::sleep(Duration::from_millis(5));
        self.0.sync()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn eight_writers_share_fsyncs() {
    const WRITERS: u64 = 8;
    const COMMITS_EACH: u64 = 25;
    let home = Home::queueing();
    let catalog = home.try_open_on(Arc::new(SlowDisk::default())).await.unwrap();
    catalog.commit(create_t()).await.unwrap();
    let before = catalog.metrics();
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let catalog = Arc::clone(&catalog);
            tokio::spawn(async move {
                for n in 0..COMMITS_EACH {
                    catalog.commit(set(vec![append_chunk(T, &n.to_le_bytes())])).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let after = catalog.metrics();
    let (commits, groups) = (after.commits - before.commits, after.groups - before.groups);
    assert_eq!(commits, WRITERS * COMMITS_EACH);
    assert!(commits > 3 * groups, "{commits} commits took {groups} fsyncs");
    assert_eq!(catalog.snapshot().contents(Oid(T)).unwrap().rows(), commits);
}

/// Commits after which a thread that answered one must have let go of the committer once.
const COMMITS_MAX: u64 = 50;

/// Which thread made a small commit last: the first other than the committer's own, if there is one.
async fn committing_thread(mut home: Home, group_microseconds_max: u64) -> Option<String> {
    home.settings.commit_here_microseconds_max = group_microseconds_max;
    let disk = SlowDisk::default();
    let syncs = Arc::clone(&disk.syncs);
    let catalog = home.try_open_on(Arc::new(disk)).await.unwrap();
    catalog.commit(create_t()).await.unwrap();
    for commits in 1..=COMMITS_MAX {
        syncs.lock().clear();
        catalog.commit(set(vec![append_chunk(T, b"x")])).await.unwrap();
        assert_eq!(catalog.snapshot().contents(Oid(T)).unwrap().rows(), commits);
        assert_eq!(syncs.lock().len(), 1);
        let thread = syncs.lock().pop().flatten();
        // The committer's thread answers a commit before it lets go of what the next one asks for.
        if thread.as_deref() != Some("committer") {
            return thread;
        }
    }
    Some("committer".to_owned())
}

#[tokio::test]
async fn a_small_commit_that_finds_no_other_changes_no_thread_on_a_quick_disk() {
    let here = std::thread::current().name().map(str::to_owned);
    assert_eq!(committing_thread(Home::new(), u64::MAX).await, here);
    assert_eq!(committing_thread(Home::new(), 0).await.as_deref(), Some("committer"));
}

#[tokio::test]
async fn nothing_is_committed_here_after_the_stop() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    catalog.close().await.unwrap();
    let late = catalog.make_last(set(vec![append_chunk(T, b"late")]), false).await;
    assert!(matches!(late, Err(Error::Closed)), "{late:?}");
}
