#![allow(clippy::unwrap_used)]

use futures::FutureExt;

use super::*;

fn open(folder: &tempfile::TempDir) -> Arc<Store> {
    Store::open(&format!("file://{}", folder.path().display()), StoreSettings::default()).unwrap()
}

#[tokio::test]
async fn an_object_is_created_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let path = Path::from("data/1/x");
    store.create(&path, Bytes::from_static(b"first")).await.unwrap();
    let again = store.create(&path, Bytes::from_static(b"second")).await;
    assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
    assert_eq!(store.get(&path).await.unwrap(), "first");
    assert_eq!(store.counters().puts, 1);
    assert_eq!(store.counters().bytes_read, 5);
}

#[tokio::test]
async fn large_objects_arrive_whole_and_leave_no_staging_file() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StoreSettings { upload_part_bytes: 1000, upload_parts_max: 3, ..StoreSettings::default() };
    let store = Store::open(&format!("file://{}", folder.path().display()), settings).unwrap();
    let body: Vec<u8> = (0..10_500_u32).map(|i| (i % 251) as u8).collect();
    let mut upload = store.upload(Path::from("data/1/large"));
    for piece in body.chunks(777) {
        upload.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    assert_eq!(upload.finish().await.unwrap().bytes, 10_500);
    assert_eq!(store.get(&Path::from("data/1/large")).await.unwrap(), body);
    assert_eq!(std::fs::read_dir(folder.path().join("staging")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_upload_given_up_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StoreSettings { upload_part_bytes: 10, ..StoreSettings::default() };
    let store = Store::open(&format!("file://{}", folder.path().display()), settings).unwrap();
    let mut upload = store.upload(Path::from("data/1/given-up"));
    upload.write(Bytes::from(vec![7; 100])).await.unwrap();
    upload.abort().await.unwrap();
    assert_eq!(store.list_data().try_collect::<Vec<_>>().await.unwrap(), []);
    assert_eq!(std::fs::read_dir(folder.path().join("staging")).unwrap().count(), 0);
}

/// Uploads that are left in a store after this was done with one of its own.
async fn left_after<F: Future<Output = ()>>(writes: i64, act: impl FnOnce(Upload) -> F) -> i64 {
    let memory = Arc::new(object_store::memory::InMemory::new());
    let (faulty, faults) = faults::FaultyStore::new(memory, writes, faults::Fault::Before);
    let settings = StoreSettings { upload_part_bytes: 10, ..StoreSettings::default() };
    act(Store::over(Arc::new(faulty), settings).upload(Path::from("data/1/x"))).await;
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    faults.open_uploads()
}

#[tokio::test]
async fn an_upload_that_fails_or_is_dropped_leaves_no_parts() {
    let write = async |upload: &mut Upload| upload.write(Bytes::from(vec![7; 100])).await;
    let finished = left_after(i64::MAX, async |mut upload: Upload| {
        write(&mut upload).await.unwrap();
        upload.finish().await.unwrap();
    });
    assert_eq!(finished.await, 0);
    let dropped = left_after(i64::MAX, async |mut upload: Upload| write(&mut upload).await.unwrap());
    assert_eq!(dropped.await, 0);
    let part_fails = left_after(3, async |mut upload: Upload| {
        let written = write(&mut upload).await;
        assert!(written.is_err() || upload.finish().await.is_err());
    });
    assert_eq!(part_fails.await, 0);
    let completion_fails = left_after(10, async |mut upload: Upload| {
        write(&mut upload).await.unwrap();
        assert!(upload.finish().await.is_err());
    });
    assert_eq!(completion_fails.await, 0);
    let stopped_as_it_begins = left_after(i64::MAX, async |mut upload: Upload| {
        assert!(write(&mut upload).now_or_never().is_none(), "it waits for the store");
    });
    assert_eq!(stopped_as_it_begins.await, 0);
}

#[tokio::test]
async fn the_identity_is_claimed_once_and_compared_ever_after() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    std::fs::create_dir_all(folder.path().join("staging")).unwrap();
    std::fs::write(folder.path().join("staging/1-1"), b"half").unwrap();
    store.claim_identity(Uuid::from_u128(1)).await.unwrap();
    assert!(!folder.path().join("staging/1-1").exists(), "the claim sweeps what a crash left");
    store.claim_identity(Uuid::from_u128(1)).await.unwrap();
    let other = store.claim_identity(Uuid::from_u128(2)).await;
    assert!(matches!(other, Err(Error::Mismatch(_))), "{other:?}");
}

#[tokio::test]
async fn the_probe_tells_that_a_folder_honours_create() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(open(&folder).probe(Uuid::from_u128(9)).await.unwrap(), Probe { honours_create: true });
}

#[tokio::test]
async fn manifests_are_listed_in_order_and_may_be_deleted_twice() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = catalog_parts(&open(&folder), &crate::testing::sources()).manifests;
    assert_eq!(manifests.list().await.unwrap(), Vec::<String>::new());
    for name in ["000002.delta", "000001.base"] {
        manifests.create(name, Bytes::from_static(b"m")).await.unwrap();
    }
    assert!(manifests.create("000001.base", Bytes::new()).await.is_err());
    assert_eq!(manifests.list().await.unwrap(), ["000001.base", "000002.delta"]);
    assert_eq!(manifests.read("nothing").await.unwrap(), None);
    manifests.delete("000001.base").await.unwrap();
    manifests.delete("000001.base").await.unwrap();
    assert_eq!(manifests.list().await.unwrap(), ["000002.delta"]);
}

#[tokio::test]
async fn listed_objects_know_their_partition() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let id = PartitionId(Uuid::from_u128(5));
    store.create(&partition_path(Oid(16384), id), Bytes::from_static(b"abc")).await.unwrap();
    let listed: Vec<_> = store.list_data().try_collect().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].partition, listed[0].bytes), (Some((Oid(16384), id)), 3));
}

#[test]
fn a_url_of_another_kind_is_refused_by_name() {
    for url in ["http://x", "file://relative", "s3://"] {
        let error = Store::open(url, StoreSettings::default()).err().unwrap();
        assert!(error.to_string().contains(url), "{error}");
    }
}

/// Run against a server that the usual AWS variables name, with a bucket `peristyle-test`.
#[tokio::test]
#[ignore = "needs an S3 server"]
async fn an_s3_store_does_what_a_folder_does() {
    let store = Store::open("s3://peristyle-test/some/prefix", StoreSettings::default()).unwrap();
    let identity = Uuid::from_u128(1);
    store.claim_identity(identity).await.unwrap();
    store.claim_identity(identity).await.unwrap();
    assert!(matches!(store.claim_identity(Uuid::from_u128(2)).await, Err(Error::Mismatch(_))));
    println!("{:?}", store.probe(Uuid::from_u128(3)).await.unwrap());
    let path = partition_path(Oid(16384), PartitionId(Uuid::from_u128(4)));
    let body: Vec<u8> = (0..20_000_000_u32).map(|i| (i % 251) as u8).collect();
    let mut upload = store.upload(path.clone());
    for piece in body.chunks(3_000_000) {
        upload.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    assert_eq!(upload.finish().await.unwrap().bytes, 20_000_000);
    let parts = store.get_ranges(&path, &[5..10, 19_999_990..20_000_000]).await.unwrap();
    assert_eq!((&parts[0][..], &parts[1][..]), (&body[5..10], &body[19_999_990..]));
    let listed: Vec<_> = store.list_data().try_collect().await.unwrap();
    assert_eq!((listed.len(), listed[0].partition.is_some(), listed[0].bytes), (1, true, 20_000_000));
    store.delete(&path).await.unwrap();
    store.delete(&path).await.unwrap();
    assert!(matches!(store.get(&path).await, Err(Error::NotFound { .. })));
}
