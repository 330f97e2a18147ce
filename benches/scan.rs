//! Queries over partitions through SQL: parse, plan, prune, read, and every batch of the result taken.

mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use support::{LINE_ITEM_COLUMNS, LineItem, Place, TestBed, csv, line_items, size};

const ROWS: usize = 1_000_000;
/// Still more than a COPY may put into the log as a chunk.
const CHECK_ROWS: usize = 20_000;
/// Small enough that the rows make some dozens of partitions.
const PARTITION_MIN_BYTES: usize = 256 * 1024;
/// 1994-01-01 and 1995-01-01 in days since 1970.
const YEAR: std::ops::Range<i32> = 8_766..9_131;

/// A query and the rows that it must give.
struct Query {
    name: &'static str,
    sql: &'static str,
    rows: u64,
}

fn scan(criterion: &mut Criterion) {
    let rows = size(ROWS, CHECK_ROWS);
    let bed = loaded(rows);
    let mut group = criterion.benchmark_group("scan");
    group.sample_size(20);
    group.throughput(Throughput::Elements(rows as u64));
    for query in queries(rows) {
        let mut client = bed.connect();
        let statement = client.parse(query.sql);
        group.bench_function(query.name, |bencher| {
            bencher.iter(|| assert_eq!(bed.runtime.block_on(client.execute(&statement)), query.rows));
        });
    }
    group.finish();
}

fn loaded(rows: usize) -> TestBed {
    let mut place = Place::new();
    place.config.storage.write.partition_min_bytes = PARTITION_MIN_BYTES;
    let bed = TestBed::open(place);
    let options = "with (partition_by = 'month(l_shipdate)', order_by = 'l_shipdate')";
    bed.run(&format!("create table lineitem ({LINE_ITEM_COLUMNS}) {options}"));
    let copied = bed.runtime.block_on(bed.connect().copy_in("copy lineitem from stdin with (format csv)", &csv(rows)));
    assert_eq!(copied, rows as u64);
    let contents = bed.contents(bed.table("lineitem").oid).expect("the table holds rows");
    assert_eq!(contents.chunk_count(), 0, "all rows are in partitions");
    println!("scan: {rows} rows in {} partitions, {} bytes\n", contents.partition_count(), contents.bytes());
    bed
}

/// Throughput is counted in rows of the table for all of them, so that a filter's gain shows.
fn queries(rows: usize) -> Vec<Query> {
    let count = |wanted: fn(&LineItem) -> bool| line_items(rows).filter(wanted).count() as u64;
    vec![
        Query { name: "full, all columns", sql: "select * from lineitem", rows: rows as u64 },
        Query { name: "full, two columns", sql: "select l_orderkey, l_extendedprice from lineitem", rows: rows as u64 },
        Query {
            name: "full, grouped",
            sql: "select l_shipmode, sum(l_quantity), avg(l_extendedprice) from lineitem group by l_shipmode",
            rows: 7,
        },
        Query {
            name: "filtered by key, one year of seven",
            sql: "select l_orderkey, l_extendedprice from lineitem \
                  where l_shipdate >= date '1994-01-01' and l_shipdate < date '1995-01-01' and l_quantity < 24",
            rows: count(|row| YEAR.contains(&row.ship_date) && row.quantity < 2_400),
        },
        Query {
            name: "filtered beside the key",
            sql: "select l_orderkey, l_extendedprice from lineitem where l_partkey < 2000",
            rows: count(|row| row.part_key < 2_000),
        },
    ]
}

criterion_group!(benches, scan);
criterion_main!(benches);
