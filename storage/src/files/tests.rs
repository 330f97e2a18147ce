#![allow(clippy::unwrap_used)]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Int8Array, Int32Array, RecordBatch, StringArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int16Type, Schema};
use bytes::Bytes;
use futures::TryStreamExt;
use parquet::arrow::ArrowWriter;
use peristyle_catalog::model::PgType;

use super::*;
use crate::partition::WriteOptions;
use crate::types::{arrow_type, pg_field, pg_type};

/// Files under `inside` of a fresh folder, beside which `outside` is not allowed.
fn bed() -> (tempfile::TempDir, Files) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["inside", "outside"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    let allowed = Allowed::parse(folder.path().join("inside").to_str().unwrap()).unwrap();
    (folder, Files::new(vec![allowed], StoreSettings::default()))
}

fn place(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

async fn text(files: &Files, place: &str) -> Result<String> {
    let pieces: Vec<Bytes> = files.open(place).await?.pieces(3).try_collect().await?;
    Ok(String::from_utf8(pieces.concat()).unwrap())
}

#[tokio::test]
async fn links_are_resolved_before_places_are_compared() {
    let (folder, files) = bed();
    for name in ["inside/a", "outside/a"] {
        std::fs::write(folder.path().join(name), "some text").unwrap();
    }
    symlink(folder.path().join("outside"), folder.path().join("inside/out")).unwrap();
    symlink(folder.path().join("inside"), folder.path().join("outside/in")).unwrap();
    assert_eq!(text(&files, &place(&folder, "inside/a")).await.unwrap(), "some text");
    assert_eq!(text(&files, &place(&folder, "outside/in/a")).await.unwrap(), "some text");
    for refused in ["outside/a", "inside/out/a", "inside/../outside/a", "outside/nothing", "inside/out/nothing"] {
        let error = files.open(&place(&folder, refused)).await.unwrap_err();
        assert!(matches!(error, FileError::NotAllowed { .. }), "{refused}: {error}");
        let error = files.create(&place(&folder, refused)).await.err().unwrap();
        assert!(matches!(error, FileError::NotAllowed { .. }), "{refused}: {error}");
    }
    assert!(matches!(files.open("inside/a").await.unwrap_err(), FileError::Relative { .. }));
    assert!(matches!(files.open(&place(&folder, "inside")).await.unwrap_err(), FileError::IsFolder { .. }));
    let missing = files.open(&place(&folder, "inside/nothing")).await.unwrap_err();
    assert!(missing.to_string().ends_with("No such file or directory"), "{missing}");
}

#[tokio::test]
async fn a_file_is_there_when_it_is_finished_and_not_before() {
    let (folder, files) = bed();
    let target = place(&folder, "inside/new");
    std::fs::write(&target, "old").unwrap();
    let mut sink = files.create(&target).await.unwrap();
    sink.write(Bytes::from_static(b"given ")).await.unwrap();
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "old");
    sink.abort().await;
    assert_eq!(std::fs::read_dir(folder.path().join("inside")).unwrap().count(), 1, "nothing is left of it");
    let mut sink = files.create(&target).await.unwrap();
    for part in ["new ", "text"] {
        sink.write(Bytes::from(part)).await.unwrap();
    }
    assert_eq!(sink.finish().await.unwrap(), 8);
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "new text");
}

/// Puts a link to `outside` where something of `inside` was.
fn swap_for_link(folder: &tempfile::TempDir, inside: &str, outside: &str) {
    std::fs::rename(folder.path().join(inside), folder.path().join("moved")).unwrap();
    symlink(folder.path().join(outside), folder.path().join(inside)).unwrap();
}

fn located(folder: &tempfile::TempDir, files: &Files, name: &str) -> Located {
    let place = place(folder, name);
    Located::existing(&files.allowed, &place, place.as_ref()).unwrap()
}

#[tokio::test]
async fn a_link_that_is_put_there_after_the_check_leads_nowhere() {
    let (folder, files) = bed();
    for name in ["inside/sub", "outside"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("a"), name).unwrap();
    }
    let file = located(&folder, &files, "inside/sub/a");
    swap_for_link(&folder, "inside/sub", "outside");
    assert!(file.open_parent("").is_err(), "a folder on the way");
    std::fs::remove_file(folder.path().join("inside/sub")).unwrap();
    std::fs::rename(folder.path().join("moved"), folder.path().join("inside/sub")).unwrap();
    let (parent, name) = file.open_parent("").unwrap();
    swap_for_link(&folder, "inside/sub/a", "outside/a");
    let refused = Source::file("", &parent, &name).unwrap_err();
    assert!(matches!(refused, FileError::NotAllowed { .. }), "the file itself: {refused}");
}

#[tokio::test]
async fn a_file_is_finished_in_the_folder_where_it_was_begun() {
    let (folder, files) = bed();
    std::fs::create_dir(folder.path().join("inside/sub")).unwrap();
    let mut sink = files.create(&place(&folder, "inside/sub/a")).await.unwrap();
    swap_for_link(&folder, "inside/sub", "outside");
    sink.write(Bytes::from_static(b"text")).await.unwrap();
    sink.finish().await.unwrap();
    assert_eq!(std::fs::read_dir(folder.path().join("outside")).unwrap().count(), 0);
    assert_eq!(std::fs::read_to_string(folder.path().join("moved/a")).unwrap(), "text");
}

#[tokio::test]
async fn a_link_to_a_file_leads_to_it_both_ways() {
    let (folder, files) = bed();
    std::fs::create_dir(folder.path().join("inside/sub")).unwrap();
    std::fs::write(folder.path().join("inside/sub/a"), "old").unwrap();
    symlink(folder.path().join("inside/sub/a"), folder.path().join("inside/link")).unwrap();
    symlink(folder.path().join("outside/nothing"), folder.path().join("inside/dangling")).unwrap();
    let mut sink = files.create(&place(&folder, "inside/link")).await.unwrap();
    sink.write(Bytes::from_static(b"new")).await.unwrap();
    sink.finish().await.unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("inside/sub/a")).unwrap(), "new");
    assert!(folder.path().join("inside/link").is_symlink());
    // Whether there is something outside is told of neither.
    for name in ["inside/dangling", "inside/dangling/x"] {
        let (read, written) = (files.open(&place(&folder, name)).await, files.create(&place(&folder, name)).await);
        assert!(matches!(read.unwrap_err(), FileError::NotAllowed { .. }));
        assert!(matches!(written.err().unwrap(), FileError::NotAllowed { .. }));
    }
}

#[tokio::test]
async fn only_regular_files_are_read_and_replaced() {
    let (folder, files) = bed();
    let pipe = folder.path().join("inside/pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("inside/socket")).unwrap();
    for name in ["inside/pipe", "inside/socket"] {
        let name = place(&folder, name);
        assert!(matches!(files.open(&name).await.unwrap_err(), FileError::NotRegular { .. }));
        assert!(matches!(files.create(&name).await.err().unwrap(), FileError::NotRegular { .. }));
    }
    std::fs::create_dir(folder.path().join("inside/sub")).unwrap();
    for name in ["inside/sub", "inside/sub/", "inside/new/", "inside/new/."] {
        let refused = files.create(&place(&folder, name)).await.err().unwrap();
        assert!(matches!(refused, FileError::IsFolder { .. }), "{name}: {refused}");
    }
    // What was nothing when the file was begun.
    let sink = files.create(&place(&folder, "inside/late")).await.unwrap();
    std::fs::rename(&pipe, folder.path().join("inside/late")).unwrap();
    assert!(matches!(sink.finish().await.unwrap_err(), FileError::NotRegular { .. }));
    assert_eq!(std::fs::read_dir(folder.path().join("inside")).unwrap().count(), 3, "the part of the file is gone");
}

#[tokio::test]
async fn a_file_that_is_replaced_keeps_its_mode() {
    let (folder, files) = bed();
    let target = place(&folder, "inside/a");
    let mode = || std::fs::metadata(&target).unwrap().permissions().mode() & 0o7777;
    files.create(&target).await.unwrap().finish().await.unwrap();
    assert_eq!(mode() & !0o044, 0o600, "the umask takes nothing but reading by others");
    for kept in [0o640, 0o600, 0o664] {
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(kept)).unwrap();
        files.create(&target).await.unwrap().finish().await.unwrap();
        assert_eq!(mode(), kept);
    }
}

#[tokio::test]
async fn what_a_killed_server_left_is_removed_and_nothing_else() {
    let (folder, files) = bed();
    let target = place(&folder, "inside/a");
    let names = || {
        let entries = std::fs::read_dir(folder.path().join("inside")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let left = folder.path().join("inside/.a.peristyle-0.part");
    std::fs::write(&left, "half").unwrap();
    let first = files.create(&target).await.unwrap();
    let second = files.create(&target).await.unwrap();
    assert_eq!(names(), [".a.peristyle-0.part", ".a.peristyle-1.part"]);
    assert_eq!(std::fs::read_to_string(&left).unwrap(), "", "it was made anew");
    first.finish().await.unwrap();
    // Of the name that the first had.
    let third = files.create(&target).await.unwrap();
    assert_eq!(names(), [".a.peristyle-0.part", ".a.peristyle-1.part", "a"]);
    second.abort().await;
    drop(third);
    assert_eq!(names(), ["a"]);
    let long = format!("inside/{}", "ä".repeat(120));
    files.create(&place(&folder, &long)).await.unwrap().finish().await.unwrap();
    let too_long = files.create(&place(&folder, &"x".repeat(300).replacen("x", "inside/", 1))).await.err().unwrap();
    assert!(too_long.to_string().ends_with("File name too long"), "{too_long}");
}

#[tokio::test]
async fn a_file_that_lost_its_end_while_it_is_read_is_told() {
    let (folder, files) = bed();
    let path = place(&folder, "inside/a");
    std::fs::write(&path, "some text").unwrap();
    let source = files.open(&path).await.unwrap();
    for beyond in [0..u64::MAX, 8..10] {
        assert!(source.range(beyond).await.is_err());
    }
    std::fs::write(&path, "some").unwrap();
    let error = source.pieces(3).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(error, FileError::Io { verb: "read", .. }), "{error}");
}

#[test]
fn prefixes_are_compared_by_whole_parts() {
    let allowed = Allowed::parse("s3://bucket/some/prefix/").unwrap();
    let has = |key: &str| allowed.has_object("bucket", &object_store::path::Path::parse(key).unwrap());
    assert!(has("some/prefix/file") && has("some/prefix/deep/file"));
    assert!(!has("some/prefixed/file") && !has("some/prefixother") && !has("some/file"));
    assert!(!has("some/prefix"), "the prefix is no object's name");
    assert!(!allowed.has_object("other", &object_store::path::Path::parse("some/prefix/file").unwrap()));
    assert_eq!(Allowed::parse("s3://bucket").unwrap().text(), "s3://bucket/");
    assert!(Allowed::parse("relative").is_err() && Allowed::parse("/a/../b").is_err());
    for refused in ["b", "b/", "/b", "b/../x", "b/x/", "b//x", "b/x//y", "b/./x"] {
        assert!(bucket::parse(refused, refused).is_err(), "{refused}");
    }
    assert!(bucket::parse("b/x/y", "b/x/y").is_ok());
}

async fn rows_of(files: &Files, place: &str) -> (Vec<PgType>, RecordBatch) {
    let file = ParquetFile::open(files.open(place).await.unwrap()).await.unwrap();
    let all: Vec<usize> = (0..file.schema().fields().len()).collect();
    let (batches, _) = file.next_group(&all).await.unwrap().unwrap();
    let batches: Vec<RecordBatch> = batches.try_collect().await.unwrap();
    assert!(file.next_group(&all).await.is_none());
    let types = file.schema().fields().iter().map(|field| pg_type(field)).collect();
    (types, batches[0].clone())
}

#[tokio::test]
async fn parquet_written_here_keeps_its_types() {
    let (folder, files) = bed();
    let types = [PgType::INT2, PgType::JSONB, PgType::TEXT, PgType::INTERVAL, PgType::UUID];
    let columns: Vec<_> = types
        .iter()
        .enumerate()
        .map(|(at, ty)| pg_field(&format!("c{at}"), *ty, arrow_type(*ty, None), true))
        .collect();
    let arrays = columns.iter().map(|field| arrow::array::new_null_array(field.data_type(), 2)).collect();
    let rows = RecordBatch::try_new(Arc::new(Schema::new(columns.clone())), arrays).unwrap();
    let mut encoder = ParquetEncoder::new(&columns, &WriteOptions::new(folder.path().to_owned())).unwrap();
    let mut sink = files.create(&place(&folder, "inside/p")).await.unwrap();
    sink.write(encoder.write(&rows).unwrap()).await.unwrap();
    sink.write(encoder.finish().unwrap()).await.unwrap();
    sink.finish().await.unwrap();
    let (found, read) = rows_of(&files, &place(&folder, "inside/p")).await;
    assert_eq!(found, types);
    assert_eq!(read.columns(), rows.columns());
}

#[tokio::test]
async fn foreign_parquet_gets_the_nearest_types() {
    let (folder, files) = bed();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("tiny", Arc::new(Int8Array::from(vec![1, -1]))),
        ("huge", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
        ("at", Arc::new(TimestampNanosecondArray::from(vec![1_000_999, 0]))),
        ("word", Arc::new(StringArray::from(vec!["a", "b"]))),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let path = place(&folder, "inside/foreign");
    let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    let (types, read) = rows_of(&files, &path).await;
    assert_eq!(types, [PgType::INT2, PgType::NUMERIC, PgType::TIMESTAMP, PgType::TEXT]);
    assert_eq!(read.column(0).as_primitive::<Int16Type>().values(), &[1, -1]);
    let nested =
        Schema::new(vec![Field::new("m", DataType::Struct(vec![Field::new("x", DataType::Int32, true)].into()), true)]);
    let group = arrow::array::StructArray::from(vec![(
        Arc::new(Field::new("x", DataType::Int32, true)),
        Arc::new(Int32Array::from(vec![1])) as ArrayRef,
    )]);
    let rows = RecordBatch::try_new(Arc::new(nested), vec![Arc::new(group)]).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    let refused = ParquetFile::open(files.open(&path).await.unwrap()).await.unwrap_err();
    assert!(matches!(refused, FileError::Unsupported(_)), "{refused}");
    std::fs::write(&path, "not parquet at all").unwrap();
    let refused = ParquetFile::open(files.open(&path).await.unwrap()).await.unwrap_err();
    assert!(matches!(refused, FileError::Format { .. }), "{refused}");
}
