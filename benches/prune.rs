//! Planning over many partitions, and opening a catalog that has them. The partitions are rows of the catalog alone:
//! planning opens no object, so none is needed.

mod support;

use std::cell::LazyCell;
use std::sync::Arc;

use bytes::BytesMut;
use criterion::{BatchSize, Bencher, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use peristyle_catalog::Catalog;
use peristyle_catalog::model::{
    Bound, BoundValue, Change, ChangeSet, ColumnId, ColumnStatistics, KeyRange, NewPartition, Oid, PartitionId, PgType,
    Requirement,
};
use peristyle_sql::values::write_timestamptz;
use support::{Place, TestBed, size};

/// Partitions of the table, each an hour.
const PARTITIONS: [usize; 3] = [10_000, 100_000, 1_000_000];
const CHECK_PARTITIONS: [usize; 3] = [240, 480, 720];
/// Up to here all statistics of a column fit in memory in the default settings.
const STATISTICS_PARTITIONS_MAX: usize = 100_000;
/// Partitions of the catalog that is opened.
const OPENED_PARTITIONS: usize = 100_000;
const CHECK_OPENED_PARTITIONS: usize = 1_000;
const PARTITIONS_PER_COMMIT: usize = 5_000;
const HOURS_PER_DAY: usize = 24;
const MICROS_PER_HOUR: i64 = 3_600_000_000;
const ROWS_PER_PARTITION: i64 = 1_000_000;
const OBJECT_BYTES: u64 = 32 << 20;

fn plan(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("prune");
    for (full, check) in PARTITIONS.into_iter().zip(CHECK_PARTITIONS) {
        let partitions = size(full, check);
        // Filled only if the command line asks for a case that needs it.
        let bed = LazyCell::new(|| filled(Place::new(), partitions));
        group.bench_function(BenchmarkId::new("one day by key", partitions), |bencher| {
            let query = one_day(partitions / HOURS_PER_DAY / 2);
            plan_again(bencher, &bed, &query, partitions, HOURS_PER_DAY);
        });
        if full > STATISTICS_PARTITIONS_MAX {
            continue;
        }
        group.bench_function(BenchmarkId::new("one id by statistics", partitions), |bencher| {
            let query = format!("explain select value from readings where id = {}", first_id(partitions / 2));
            plan_again(bencher, &bed, &query, partitions, 1);
        });
    }
    group.finish();
}

fn open(criterion: &mut Criterion) {
    let partitions = size(OPENED_PARTITIONS, CHECK_OPENED_PARTITIONS);
    let runtime = tokio::runtime::Runtime::new().expect("threads can be made");
    let closed = LazyCell::new(|| {
        let bed = filled(Place::new(), partitions);
        (bed.table("readings").oid, bed.close())
    });
    let mut group = criterion.benchmark_group("open");
    group.sample_size(10);
    group.throughput(Throughput::Elements(partitions as u64));
    group.bench_function(BenchmarkId::new("index kept", partitions), |bencher| {
        let (table, place) = &*closed;
        let open = |()| assert_opens(place, *table, partitions);
        bencher.to_async(&runtime).iter_batched(|| (), open, BatchSize::PerIteration);
    });
    group.bench_function(BenchmarkId::new("index rebuilt", partitions), |bencher| {
        let (table, place) = &*closed;
        let lose_index = || std::fs::remove_dir_all(place.index_folder()).expect("there was an index");
        let open = |()| assert_opens(place, *table, partitions);
        bencher.to_async(&runtime).iter_batched(lose_index, open, BatchSize::PerIteration);
    });
    group.finish();
}

/// Opens a catalog; it is returned so that its end is not measured.
async fn assert_opens(place: &Place, table: Oid, partitions: usize) -> Arc<Catalog> {
    let (_, catalog) = place.open_catalog().await;
    let count = catalog.snapshot().contents(table).map_or(0, |contents| contents.partition_count());
    assert_eq!(count, partitions);
    catalog
}

/// Measures the planning of a query, which must leave `read` of `total` partitions.
fn plan_again(bencher: &mut Bencher<'_>, bed: &TestBed, explain: &str, total: usize, read: usize) {
    let mut client = bed.connect();
    let statement = client.parse(explain);
    let wanted = format!("partitions total={total} pruned={} read={read}", total - read);
    bencher.iter(|| {
        let lines = bed.runtime.block_on(client.lines(&statement));
        assert!(lines.iter().any(|line| line.contains(&wanted)), "{wanted}: {lines:?}");
    });
}

fn one_day(day: usize) -> String {
    let midnight = |day: usize| {
        let mut text = BytesMut::new();
        write_timestamptz((day * HOURS_PER_DAY) as i64 * MICROS_PER_HOUR, 0, &mut text);
        format!("timestamptz '{}'", String::from_utf8_lossy(&text))
    };
    format!("explain select id, value from readings where ts >= {} and ts < {}", midnight(day), midnight(day + 1))
}

/// A table of so many hours from 1970 on.
fn filled(place: Place, partitions: usize) -> TestBed {
    let bed = TestBed::open(place);
    bed.run("create table readings (ts timestamptz, id bigint, value float8) with (partition_by = 'hour(ts)')");
    let relation = bed.table("readings");
    let table = relation.as_table().expect("readings is a table");
    let columns: Vec<(ColumnId, PgType)> = table.columns.iter().map(|column| (column.id, column.ty)).collect();
    let hours: Vec<usize> = (0..partitions).collect();
    for hours in hours.chunks(PARTITIONS_PER_COMMIT) {
        let partitions = hours.iter().map(|hour| partition(*hour, &columns, PartitionId(bed.uuid()))).collect();
        bed.runtime.block_on(bed.catalog.commit(append(relation.oid, partitions))).expect("partitions are appended");
    }
    bed
}

fn append(table: Oid, partitions: Vec<NewPartition>) -> ChangeSet {
    ChangeSet {
        requires: vec![Requirement::RelationLive(table)],
        changes: vec![Change::Append { table, partitions, chunks: Vec::new() }],
        ingest_id: None,
    }
}

/// What a load of one hour would have said of its object.
fn partition(hour: usize, columns: &[(ColumnId, PgType)], id: PartitionId) -> NewPartition {
    let from = hour as i64 * MICROS_PER_HOUR;
    let to = from + MICROS_PER_HOUR - 1;
    let ids = first_id(hour);
    let bounds = [
        (BoundValue::Int(from), BoundValue::Int(to)),
        (BoundValue::Int(ids), BoundValue::Int(ids + ROWS_PER_PARTITION - 1)),
        (BoundValue::Float(0.0), BoundValue::Float(100.0)),
    ];
    let exact = |value| Some(Bound { value, exact: true });
    let statistics = columns.iter().zip(bounds).map(|((column, _), (min, max))| ColumnStatistics {
        column: *column,
        nulls: 0,
        min: exact(min),
        max: exact(max),
    });
    NewPartition {
        id,
        columns: columns.to_vec(),
        rows: ROWS_PER_PARTITION as u64,
        bytes: OBJECT_BYTES,
        checksum: None,
        row_seqs: None,
        key: KeyRange { time: Some((from, to)), bucket: None, nulls: false },
        level: 0,
        statistics: statistics.collect(),
        shared: None,
    }
}

/// The least id of an hour's rows.
fn first_id(hour: usize) -> i64 {
    hour as i64 * ROWS_PER_PARTITION
}

criterion_group!(benches, plan, open);
criterion_main!(benches);
