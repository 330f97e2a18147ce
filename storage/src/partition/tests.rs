#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::*;
use arrow::compute::concat_batches;
use arrow::datatypes::{FieldRef, Int64Type, Schema, TimestampMicrosecondType};
use futures::TryStreamExt;
use peristyle_catalog::model::*;

use super::*;
use crate::objects::Store;
use crate::objects::faults::{Fault, FaultyStore};
use crate::settings::StoreSettings;
use crate::testing::*;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

fn columns_of(columns: &[(ColumnId, FieldRef)]) -> Arc<[ReadColumn]> {
    columns.iter().map(|(id, field)| ReadColumn { id: *id, field: field.clone(), missing: None }).collect()
}

fn read_spec(columns: Arc<[ReadColumn]>) -> ReadSpec {
    ReadSpec {
        columns,
        as_of: Seq(100),
        batch_rows: 1000,
        row_groups: None,
        first_position: 0,
        metrics: Arc::default(),
    }
}

async fn read_all(store: &Arc<Store>, partition: &Arc<Partition>, spec: ReadSpec) -> RecordBatch {
    let schema = spec.schema();
    let batches: Vec<_> = read_partition(store, partition, spec).await.unwrap().try_collect().await.unwrap();
    concat_batches(&schema, &batches).unwrap()
}

async fn write(store: &Arc<Store>, spec: WriteSpec, batches: Vec<RecordBatch>) -> Vec<NewPartition> {
    let writer = RollingWriter::new(store.clone(), spec).unwrap();
    for batch in batches {
        writer.write(batch).await.unwrap();
    }
    writer.finish().await.unwrap()
}

fn batch_of_fields(columns: &[(ColumnId, FieldRef)], arrays: Vec<ArrayRef>) -> RecordBatch {
    let schema = Schema::new(columns.iter().map(|(_, field)| field.clone()).collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), arrays).unwrap()
}

fn events() -> Vec<(ColumnId, FieldRef)> {
    vec![(ColumnId(1), field("time", PgType::TIMESTAMPTZ)), (ColumnId(2), field("n", PgType::INT8))]
}

fn event_batch(times: Vec<Option<i64>>, first: i64) -> RecordBatch {
    let numbers = Int64Array::from_iter_values(first..first + times.len() as i64);
    let times = TimestampMicrosecondArray::from(times).with_timezone("UTC");
    batch_of_fields(&events(), vec![Arc::new(times), Arc::new(numbers)])
}

/// Something that no encoding makes small.
fn mix(n: i64) -> i64 {
    let n = n.wrapping_mul(0x7F4A_7C15_9E37_79B9);
    (n ^ (n >> 29)).wrapping_mul(0x3C79_AC49_2BA7_B653) >> 2
}

fn by_hour() -> PartitionKey {
    PartitionKey::Time { unit: TimeUnit::Hour, column: ColumnId(1) }
}

fn times(batch: &RecordBatch) -> &TimestampMicrosecondArray {
    batch.column(0).as_primitive::<TimestampMicrosecondType>()
}

#[tokio::test]
async fn every_type_comes_back() {
    let (folder, store) = store();
    let (columns, batch) = every_type();
    let written = write(&store, spec(&columns, options(&folder)), vec![batch.clone()]).await;
    assert_eq!((written.len(), written[0].rows), (1, 3));
    assert_eq!(
        written[0].columns.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        columns.iter().map(|c| c.0).collect::<Vec<_>>()
    );
    let partition = committed(&written[0], Seq(5));
    for is_cached in [true, false] {
        if !is_cached {
            store.footers().remove(partition.id);
        }
        let read = read_all(&store, &partition, read_spec(columns_of(&columns))).await;
        for (at, (_, field)) in columns.iter().enumerate() {
            assert_eq!(read.column(at), batch.column(at), "{field:?}");
        }
    }
}

#[tokio::test]
async fn the_object_has_the_size_that_is_recorded_and_statistics_say_the_truth() {
    let (folder, store) = store();
    let (columns, batch) = every_type();
    let written = write(&store, spec(&columns, options(&folder)), vec![batch]).await;
    let object = store.get(&crate::objects::partition_path(TABLE, written[0].id)).await.unwrap();
    assert_eq!(object.len() as u64, written[0].bytes);
    let of = |name: usize| &written[0].statistics[name];
    assert!(written[0].statistics[..24].iter().all(|s| s.nulls == 1) && of(24).nulls == 3);
    assert_eq!(of(1).min, Some(Bound { value: BoundValue::Int(i16::MIN.into()), exact: true }));
    assert_eq!(of(6).max, None, "a NaN was written");
    assert_eq!(of(18).max, None, "intervals are not ordered as they are stored");
}

#[tokio::test]
async fn thirty_interleaved_days_of_hours_make_thirty_objects() {
    for memory in [256 * 1024 * 1024, 300_000] {
        let (folder, store) = store();
        let mut options = options(&folder);
        options.sort_memory_bytes = memory;
        options.sort_fan_in_max = 3;
        let spec = WriteSpec { partition_key: by_hour(), ..spec(&events(), options) };
        let hours = 30 * 24;
        let batches = (0..40).map(|round| {
            let times = (0..hours).map(|hour| Some((hour * 7 % hours) * HOUR + round)).collect();
            event_batch(times, round * hours)
        });
        let written = write(&store, spec, batches.collect()).await;
        assert_eq!(written.len(), 30, "with {memory} bytes");
        assert_eq!(written.iter().map(|p| p.rows).sum::<u64>(), 40 * hours as u64);
        let mut numbers = Vec::new();
        for partition in &written {
            let (from, to) = partition.key.time.unwrap();
            assert_eq!(from.div_euclid(DAY), to.div_euclid(DAY), "a partition crosses a day");
            let rows = read_all(&store, &committed(partition, Seq(1)), read_spec(columns_of(&events()))).await;
            assert!(times(&rows).values().is_sorted());
            assert_eq!((times(&rows).value(0), times(&rows).value(rows.num_rows() - 1)), (from, to));
            numbers.extend(rows.column(1).as_primitive::<Int64Type>().values().iter().copied());
        }
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..40 * hours), "rows were lost or doubled");
        assert_eq!(std::fs::read_dir(folder.path().join("spill")).map_or(0, Iterator::count), 0);
    }
}

#[tokio::test]
async fn large_hours_get_partitions_of_their_own() {
    let (folder, store) = store();
    let options = WriteOptions { partition_min_bytes: 1, ..options(&folder) };
    let spec = WriteSpec { partition_key: by_hour(), ..spec(&events(), options) };
    let rows = event_batch((0..50).map(|n| Some(n % 5 * HOUR)).chain([None]).collect(), 0);
    let written = write(&store, spec, vec![rows]).await;
    let mut keys: Vec<_> = written.iter().map(|p| (p.key.nulls, p.key.time.map(|t| t.0 / HOUR), p.rows)).collect();
    keys.sort_unstable();
    let hours = (0..5).map(|hour| (false, Some(hour), 10));
    assert!(keys.iter().copied().eq(hours.chain([(true, None, 1)])), "{keys:?}");
}

#[tokio::test]
async fn hash_buckets_lie_apart() {
    let (folder, store) = store();
    let key = PartitionKey::Bucket { buckets: 4, column: ColumnId(2) };
    let spec = WriteSpec { partition_key: key, ..spec(&events(), options(&folder)) };
    let written = write(&store, spec, vec![event_batch(vec![Some(0); 1000], 0)]).await;
    let mut found: Vec<u32> = written.iter().map(|p| p.key.bucket.unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, [0, 1, 2, 3]);
    for partition in &written {
        let rows = read_all(&store, &committed(partition, Seq(1)), read_spec(columns_of(&events()))).await;
        let buckets = bucket::buckets_of(rows.column(1), 4).unwrap();
        assert!(buckets.iter().all(|bucket| Some(*bucket) == partition.key.bucket));
    }
}

#[tokio::test]
async fn rows_are_sorted_by_the_order_key_within_a_partition() {
    let (folder, store) = store();
    let order = |column, descending| OrderColumn { column: ColumnId(column), descending, nulls_first: descending };
    let spec = WriteSpec { order_key: vec![order(2, true)], ..spec(&events(), options(&folder)) };
    let written = write(&store, spec, vec![event_batch(vec![None; 10], 0), event_batch(vec![Some(1); 10], 10)]).await;
    assert_eq!(written.len(), 1);
    let rows = read_all(&store, &committed(&written[0], Seq(1)), read_spec(columns_of(&events()))).await;
    assert!(rows.column(1).as_primitive::<Int64Type>().values().iter().copied().eq((0..20).rev()));
}

#[tokio::test]
async fn large_loads_roll_over_and_several_tasks_may_write() {
    let (folder, store) = store();
    let options = WriteOptions { partition_target_bytes: 200_000, row_group_rows_max: 4096, ..options(&folder) };
    let writer = Arc::new(RollingWriter::new(store.clone(), spec(&events(), options)).unwrap());
    let tasks = (0..4_i64).map(|task| {
        let writer = writer.clone();
        tokio::spawn(async move {
            for round in 0..10 {
                let noise = (0..5000_i64).map(|n| Some(mix(n * 100 + round * 10 + task)));
                writer.write(event_batch(noise.collect(), (task * 10 + round) * 5000)).await.unwrap();
            }
        })
    });
    futures::future::join_all(tasks).await.into_iter().for_each(|task| task.unwrap());
    let written = writer.finish().await.unwrap();
    assert!(written.len() > 2, "{} objects", written.len());
    assert_eq!(written.iter().map(|p| p.rows).sum::<u64>(), 200_000);
    let partition = committed(&written[0], Seq(1));
    let metrics = Arc::default();
    let footer = open_footer(&store, &partition, &metrics).await.unwrap();
    assert!(footer.row_groups() > 1);
    assert_eq!(metrics.values().requests, 0, "the footer was cached as it was written");
    let one = ReadSpec { row_groups: Some(vec![1]), ..read_spec(columns_of(&events())) };
    assert_eq!(read_all(&store, &partition, one).await.num_rows(), 4096);
    let position =
        ReadColumn { id: ColumnId::ROW_POSITION, field: crate::schema::row_position_field("position"), missing: None };
    let mut columns = columns_of(&events()[1..]).to_vec();
    columns.push(position.clone());
    let whole = read_all(&store, &partition, read_spec(columns.clone().into())).await;
    let third = ReadSpec { row_groups: Some(vec![0, 2]), first_position: 1000, ..read_spec(columns.into()) };
    let some = read_all(&store, &partition, third).await;
    let positions = |rows: &RecordBatch| rows.column(1).as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(positions(&whole), (0..whole.num_rows() as i64).collect::<Vec<_>>());
    assert_eq!(positions(&some), (1000..5096).chain(9192..13288).collect::<Vec<_>>());
    assert_eq!(some.column(0).slice(4096, 4096).as_ref(), whole.column(0).slice(8192, 4096).as_ref());
    let alone = ReadSpec { first_position: 7, ..read_spec(Arc::new([position])) };
    assert_eq!(read_all(&store, &partition, alone).await.num_rows(), whole.num_rows(), "without reading the file");
}

#[tokio::test]
async fn columns_are_found_by_id_widened_or_filled_in() {
    let (folder, store) = store();
    let written_columns = vec![(ColumnId(1), field("a", PgType::INT2)), (ColumnId(9), field("b", PgType::FLOAT8))];
    let arrays: Vec<ArrayRef> =
        vec![Arc::new(Int16Array::from(vec![1, 2])), Arc::new(Float64Array::from(vec![0.5, 1e20]))];
    let written =
        write(&store, spec(&written_columns, options(&folder)), vec![batch_of_fields(&written_columns, arrays)]).await;
    let mut partition = Arc::unwrap_or_clone(committed(&written[0], Seq(3)));
    partition.remap = vec![ColumnRemap { in_file: ColumnId(9), in_table: ColumnId(2) }];
    let column = |id, ty, missing| ReadColumn { id: ColumnId(id), field: field("renamed", ty), missing };
    let seven: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    let wanted: Arc<[ReadColumn]> = Arc::new([
        column(2, PgType::TEXT, None),
        column(1, PgType::INT8, None),
        column(3, PgType::INT8, Some(seven)),
        column(9, PgType::FLOAT8, None),
        column(ColumnId::ROW_SEQ.0, PgType::INT8, None),
    ]);
    let rows = read_all(&store, &Arc::new(partition), read_spec(wanted)).await;
    assert_eq!(rows.column(0).as_string_view().iter().flatten().collect::<Vec<_>>(), ["0.5", "1e+20"]);
    assert_eq!(rows.column(1).as_primitive::<Int64Type>().values().as_ref(), [1, 2]);
    assert_eq!(rows.column(2).as_primitive::<Int64Type>().values().as_ref(), [7, 7]);
    assert_eq!(rows.column(3).null_count(), 2, "the id in the file means nothing in the table");
    assert_eq!(rows.column(4).as_primitive::<Int64Type>().values().as_ref(), [3, 3]);
}

#[tokio::test]
async fn rows_of_later_commits_are_left_out() {
    let (folder, store) = store();
    let spec = WriteSpec { has_row_seqs: true, ..spec(&events(), options(&folder)) };
    let rows = event_batch(vec![Some(0); 6], 0);
    let mut arrays = rows.columns().to_vec();
    arrays.push(Arc::new(Int64Array::from(vec![3, 9, 4, 9, 5, 9])));
    let fields: Vec<FieldRef> =
        rows.schema().fields().iter().cloned().chain([crate::schema::row_seq_field()]).collect();
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    let written = write(&store, spec, vec![rows]).await;
    assert_eq!(written[0].row_seqs, Some((Seq(3), Seq(9))));
    assert_eq!(written[0].columns.len(), 2, "the hidden column is not the table's");
    let partition = committed(&written[0], Seq(9));
    for (as_of, expected) in [(9, vec![0, 1, 2, 3, 4, 5]), (5, vec![0, 2, 4]), (3, vec![0]), (2, vec![])] {
        let spec = ReadSpec { as_of: Seq(as_of), ..read_spec(columns_of(&events()[1..])) };
        let read = read_all(&store, &partition, spec).await;
        assert_eq!(read.column(0).as_primitive::<Int64Type>().values().as_ref(), expected, "as of {as_of}");
        let nothing = ReadSpec { as_of: Seq(as_of), ..read_spec(Arc::new([])) };
        let stream = read_partition(&store, &partition, nothing).await.unwrap();
        let counted: usize = stream.try_fold(0, |sum, b| async move { Ok(sum + b.num_rows()) }).await.unwrap();
        assert_eq!(counted, expected.len(), "without columns, as of {as_of}");
    }
}

#[tokio::test]
async fn counting_rows_opens_nothing() {
    let (folder, store) = store();
    let written = write(&store, spec(&events(), options(&folder)), vec![event_batch(vec![Some(1); 2500], 0)]).await;
    store.footers().remove(written[0].id);
    let spec = read_spec(Arc::new([]));
    let metrics = spec.metrics.clone();
    let stream = read_partition(&store, &committed(&written[0], Seq(1)), spec).await.unwrap();
    let sizes: Vec<usize> = stream.map_ok(|batch| batch.num_rows()).try_collect().await.unwrap();
    assert_eq!(sizes, [1000, 1000, 500]);
    assert_eq!(metrics.values(), ScanValues::default());
}

#[tokio::test]
async fn row_groups_say_their_bounds_in_the_plans_types() {
    let (folder, store) = store();
    let columns = vec![(ColumnId(1), field("i", PgType::INT4)), (ColumnId(2), field("f", PgType::FLOAT8))];
    let ints: ArrayRef = Arc::new(Int32Array::from_iter((0..2000).map(|n| (n % 10 != 3).then_some(n))));
    let floats: ArrayRef =
        Arc::new(Float64Array::from_iter_values((0..2000).map(|n| if n == 5 { f64::NAN } else { 1.0 })));
    let options = WriteOptions { row_group_rows_max: 1000, ..options(&folder) };
    let written = write(&store, spec(&columns, options), vec![batch_of_fields(&columns, vec![ints, floats])]).await;
    let partition = committed(&written[0], Seq(1));
    store.footers().remove(partition.id);
    let footer = open_footer(&store, &partition, &Arc::default()).await.unwrap();
    let groups = RowGroups::new(partition, footer);
    let column = |id, ty| ReadColumn { id: ColumnId(id), field: field("c", ty), missing: None };
    let wide = column(1, PgType::INT8);
    assert_eq!(groups.min(&wide).unwrap().as_primitive::<Int64Type>().values().as_ref(), [0, 1000]);
    assert_eq!(groups.max(&wide).unwrap().as_primitive::<Int64Type>().values().as_ref(), [999, 1999]);
    assert_eq!(groups.null_counts(&wide).unwrap().values().as_ref(), [100, 100]);
    assert_eq!(groups.row_counts().values().as_ref(), [1000, 1000]);
    assert_eq!(groups.min(&column(1, PgType::TEXT)).unwrap().null_count(), 2, "text is ordered otherwise");
    assert_eq!(groups.max(&column(2, PgType::FLOAT8)).unwrap().null_count(), 2, "a NaN is above every bound");
    assert_eq!(groups.max(&column(7, PgType::INT8)).unwrap().null_count(), 2);
    assert_eq!(groups.null_counts(&column(7, PgType::INT8)).unwrap().values().as_ref(), [1000, 1000]);
}

#[tokio::test]
async fn integers_are_delta_encoded_and_small_decimals_are_integers() {
    let (folder, store) = store();
    let (columns, batch) = every_type();
    let written = write(&store, spec(&columns, options(&folder)), vec![batch]).await;
    let footer = open_footer(&store, &committed(&written[0], Seq(1)), &Arc::default()).await.unwrap();
    let group = footer.reader.metadata().row_group(0);
    for column in group.columns() {
        use parquet::basic::{Compression, Encoding, Type};
        assert_eq!(column.compression(), Compression::LZ4_RAW);
        let is_integer = matches!(column.column_type(), Type::INT32 | Type::INT64);
        let is_delta = column.encodings().any(|encoding| encoding == Encoding::DELTA_BINARY_PACKED);
        assert_eq!(is_integer, is_delta, "{}", column.column_path());
    }
    assert_eq!(group.column(7).column_type(), parquet::basic::Type::INT32, "numeric(9,2)");
    assert_eq!(group.column(8).column_type(), parquet::basic::Type::INT64, "numeric(18,4)");
}

#[tokio::test]
async fn aborting_leaves_no_object() {
    let (folder, store) = store();
    let options = WriteOptions { partition_target_bytes: 1000, ..options(&folder) };
    let writer = RollingWriter::new(store.clone(), spec(&events(), options)).unwrap();
    for round in 0..3 {
        writer.write(event_batch((0..3000).map(|n| Some(n * n)).collect(), round)).await.unwrap();
    }
    assert!(store.list_data().try_collect::<Vec<_>>().await.unwrap().len() == 3, "each batch filled a partition");
    writer.abort().await;
    assert_eq!(store.list_data().try_collect::<Vec<_>>().await.unwrap(), []);
    assert!(writer.write(event_batch(vec![None], 0)).await.is_err(), "rows were lost, so no more are taken");
    assert!(writer.finish().await.is_err());
}

#[tokio::test]
async fn rows_of_another_type_are_refused() {
    let (folder, store) = store();
    let writer = RollingWriter::new(store.clone(), spec(&events(), options(&folder))).unwrap();
    let wrong = vec![(ColumnId(1), field("time", PgType::DATE)), (ColumnId(2), field("n", PgType::INT8))];
    let arrays = wrong.iter().map(|(_, field)| new_null_array(field.data_type(), 1)).collect();
    assert!(writer.write(batch_of_fields(&wrong, arrays)).await.is_err());
    assert!(writer.finish().await.is_err());
}

/// Loads until a write fails, the way the fault has it; tells whether the load failed and what it left.
async fn load_with_fault(writes: i64, fault: Fault, key: PartitionKey) -> (bool, usize) {
    let folder = tempfile::tempdir().unwrap();
    let memory: Arc<dyn object_store::ObjectStore> = Arc::new(object_store::memory::InMemory::new());
    let (faulty, faults) = FaultyStore::new(memory, writes, fault);
    let settings = StoreSettings { upload_part_bytes: 8_000, ..StoreSettings::default() };
    let store = Store::over(Arc::new(faulty), settings);
    let options = WriteOptions { partition_target_bytes: 40_000, row_group_rows_max: 1000, ..options(&folder) };
    let spec = WriteSpec { partition_key: key, ..spec(&events(), options) };
    let writer = RollingWriter::new(store.clone(), spec).unwrap();
    let mut failed = false;
    for round in 0..8 {
        let times = (0..2500).map(|n| Some(mix(n + round * 2500).rem_euclid(3 * DAY))).collect();
        failed = writer.write(event_batch(times, mix(round))).await.is_err();
        if failed {
            break;
        }
    }
    if failed {
        writer.abort().await;
    } else {
        failed = writer.finish().await.is_err();
    }
    assert_eq!(failed, faults.has_struck(), "{fault:?} at write {writes}");
    (failed, store.list_data().try_collect::<Vec<_>>().await.unwrap().len())
}

#[tokio::test]
async fn a_load_that_fails_at_any_write_leaves_nothing() {
    for key in [PartitionKey::None, by_hour()] {
        for fault in [Fault::Before, Fault::After] {
            let mut writes = 0;
            loop {
                let (failed, left) = load_with_fault(writes, fault, key.clone()).await;
                if !failed {
                    assert!(writes > 8 && left >= 2, "{writes} writes made {left} objects");
                    break;
                }
                assert_eq!(left, 0, "{fault:?} at write {writes}");
                writes += 1;
            }
        }
    }
}

#[tokio::test]
async fn a_dropped_write_spoils_the_load() {
    let (folder, store) = store();
    let writer = RollingWriter::new(store.clone(), spec(&events(), options(&folder))).unwrap();
    writer.write(event_batch(vec![Some(1)], 0)).await.unwrap();
    // The encoder runs on another thread, which may be done before the first look at it: then there is another try.
    let mut was_dropped = false;
    for _ in 0..100 {
        let mut write = Box::pin(writer.write(event_batch(vec![Some(2); 10_000], 1)));
        was_dropped = futures::poll!(&mut write).is_pending();
        if was_dropped {
            break;
        }
    }
    assert!(was_dropped, "no write took longer than a look");
    assert!(writer.finish().await.is_err(), "rows were lost");
    assert_eq!(store.list_data().try_collect::<Vec<_>>().await.unwrap(), []);
}

#[tokio::test]
async fn a_damaged_object_is_an_error() {
    let (folder, store) = store();
    let written = write(&store, spec(&events(), options(&folder)), vec![event_batch(vec![Some(1); 100], 0)]).await;
    store.footers().remove(written[0].id);
    let path = folder.path().join("store").join(crate::objects::partition_path(TABLE, written[0].id).as_ref());
    let mut bytes = std::fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[end - 20..].fill(0xAA);
    std::fs::write(&path, &bytes).unwrap();
    let partition = committed(&written[0], Seq(1));
    let damaged = read_partition(&store, &partition, read_spec(columns_of(&events()))).await.err().unwrap();
    assert_eq!(damaged.kind(), crate::ErrorKind::Corrupt, "{damaged}");
    std::fs::remove_file(&path).unwrap();
    let gone = read_partition(&store, &partition, read_spec(columns_of(&events()))).await.err().unwrap();
    assert_eq!(gone.kind(), crate::ErrorKind::NotFound, "{gone}");
}

#[tokio::test]
async fn the_footer_cache_keeps_to_its_limit() {
    let (folder, store) = store();
    let batch = || event_batch(vec![Some(1); 10], 0);
    let mut footers = Vec::new();
    for _ in 0..3 {
        let mut one = spec(&events(), options(&folder));
        one.sources = sources();
        one.table = Oid(20_000 + footers.len() as u32);
        let written = write(&store, one, vec![batch()]).await;
        footers.push(store.footers().get(written[0].id).unwrap());
    }
    let cache = FooterCache::new(footers[0].bytes() * 2);
    let id = |n| PartitionId(uuid::Uuid::from_u128(n));
    cache.put(id(0), footers[0].clone());
    cache.put(id(1), footers[1].clone());
    assert!(cache.get(id(0)).is_some());
    cache.put(id(2), footers[2].clone());
    assert!(cache.get(id(1)).is_none(), "the least recently used went");
    assert!(cache.get(id(0)).is_some() && cache.get(id(2)).is_some());
    assert_eq!(cache.bytes(), footers[0].bytes() * 2);
    cache.remove(id(0));
    cache.remove(id(2));
    assert_eq!(cache.bytes(), 0);
}
