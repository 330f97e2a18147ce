#![allow(clippy::unwrap_used)]

use std::os::unix::fs::symlink;
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
use crate::testing::sources;
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
        let error = files.create(&place(&folder, refused), &sources()).await.err().unwrap();
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
    let mut sink = files.create(&target, &sources()).await.unwrap();
    sink.write(Bytes::from_static(b"given ")).await.unwrap();
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "old");
    sink.abort().await;
    assert_eq!(std::fs::read_dir(folder.path().join("inside")).unwrap().count(), 1, "nothing is left of it");
    let mut sink = files.create(&target, &sources()).await.unwrap();
    for part in ["new ", "text"] {
        sink.write(Bytes::from(part)).await.unwrap();
    }
    assert_eq!(sink.finish().await.unwrap(), 8);
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "new text");
}

#[test]
fn prefixes_are_compared_by_whole_parts() {
    let allowed = Allowed::parse("s3://bucket/some/prefix/").unwrap();
    let has = |key: &str| allowed.has_object("bucket", &object_store::path::Path::parse(key).unwrap());
    assert!(has("some/prefix/file") && has("some/prefix/deep/file"));
    assert!(!has("some/prefixed/file") && !has("some/file"));
    assert!(!allowed.has_object("other", &object_store::path::Path::parse("some/prefix/file").unwrap()));
    assert_eq!(Allowed::parse("s3://bucket").unwrap().text(), "s3://bucket/");
    assert!(Allowed::parse("relative").is_err() && Allowed::parse("/a/../b").is_err());
    assert!(bucket::parse("s3://b", "b").is_err() && bucket::parse("s3://b/../x", "b/../x").is_err());
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
    let mut sink = files.create(&place(&folder, "inside/p"), &sources()).await.unwrap();
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
