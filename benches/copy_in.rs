//! `COPY … FROM STDIN` of csv: decoded on all cores, written as partitions, committed. Without the wire.

mod support;

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use support::{LINE_ITEM_COLUMNS, TestBed, csv, size};

const ROWS: usize = 200_000;
/// Still more than a COPY may put into the log as a chunk.
const CHECK_ROWS: usize = 20_000;

fn copy_in(criterion: &mut Criterion) {
    let rows = size(ROWS, CHECK_ROWS);
    let data = csv(rows);
    let mut group = criterion.benchmark_group("copy_in");
    group.sample_size(10);
    group.throughput(Throughput::ElementsAndBytes { elements: rows as u64, bytes: data.len() as u64 });
    for (name, options) in [
        ("no key", ""),
        ("by month, sorted", "with (partition_by = 'month(l_shipdate)', order_by = 'l_shipdate, l_orderkey')"),
    ] {
        let bed = TestBed::new();
        bed.run(&format!("create table lineitem ({LINE_ITEM_COLUMNS}) {options}"));
        group.bench_function(BenchmarkId::new("csv", name), |bencher| {
            bencher.iter_batched(|| bed.truncate("lineitem"), |()| load(&bed, &data, rows), BatchSize::PerIteration);
            assert_is_loaded(&bed, rows);
        });
    }
    group.finish();
}

fn load(bed: &TestBed, data: &Bytes, rows: usize) {
    let mut client = bed.connect();
    let copy = client.copy_in("copy lineitem from stdin with (format csv)", data);
    assert_eq!(bed.runtime.block_on(copy), rows as u64);
}

fn assert_is_loaded(bed: &TestBed, rows: usize) {
    let contents = bed.contents(bed.table("lineitem").oid).expect("the table holds rows");
    assert_eq!((contents.rows(), contents.chunk_count()), (rows as u64, 0), "all rows are in partitions");
}

criterion_group!(benches, copy_in);
criterion_main!(benches);
